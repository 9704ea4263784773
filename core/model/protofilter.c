/* A rule is an item, a comparator and a value without spaces; rules are separated by
 * colons, which values cannot hold. */
#include "core/model/protofilter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

#define TEXT_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_%-"
#define COMPARATOR_CHARS "=!<>~#"

static const char *const items[SQ_PROTO_ITEMS] = {
    [SQ_PROTO_CPU] = "cpu",           [SQ_PROTO_RAM] = "ram",
    [SQ_PROTO_DISK] = "disk",         [SQ_PROTO_GPUMEM] = "gpumem",
    [SQ_PROTO_EVICTION] = "eviction", [SQ_PROTO_COST] = "cost",
    [SQ_PROTO_TAGS] = "tags",         [SQ_PROTO_REGION] = "region",
    [SQ_PROTO_PROVIDER] = "provider",
};

/* Which items a comparator is for. */
enum kinds { NUMBERS = 1, TEXTS = 2, TAGS = 4 };

static const struct comparator {
    const char *name;
    enum sq_proto_test test;
    unsigned kinds;
} comparators[] = {
    {"==", SQ_PROTO_EQ, NUMBERS | TEXTS},
    {"!=", SQ_PROTO_NE, NUMBERS | TEXTS},
    {">=", SQ_PROTO_GE, NUMBERS},
    {">", SQ_PROTO_GT, NUMBERS},
    {"<=", SQ_PROTO_LE, NUMBERS},
    {"<", SQ_PROTO_LT, NUMBERS},
    {"~", SQ_PROTO_LIKE, TEXTS},
    {"!~", SQ_PROTO_UNLIKE, TEXTS},
    {"#", SQ_PROTO_HAS, TAGS},
    {"!#", SQ_PROTO_LACKS, TAGS},
};

static unsigned kinds_of(enum sq_proto_item item)
{
    return item < SQ_PROTO_TAGS ? NUMBERS
                                : (TEXTS | (item == SQ_PROTO_TAGS ? TAGS : 0));
}

bool sq_is_protofilter(const char *flavor)
{
    return strncmp(flavor, "auto", 4) == 0 && (flavor[4] == ':' || !flavor[4]);
}

static int parse_number(const char *rule, const char *value, double *ret,
                        struct sq_err *err)
{
    if (!*value)
        return sq_fail(err, SQ_EINVAL, "protofilter %s: a number is missing", rule);
    char *end;
    errno = 0;
    *ret = strtod(value, &end);
    if (value[strspn(value, "0123456789.")] || *end || errno || !isfinite(*ret))
        return sq_fail(err, SQ_EINVAL, "protofilter %s: %s is not a number", rule,
                       value);
    return 0;
}

static int parse_text(const char *rule, const char *value, char *ret,
                      struct sq_err *err)
{
    if (!*value || value[strspn(value, TEXT_CHARS)])
        return sq_fail(err, SQ_EINVAL,
                       "protofilter %s: its value may hold letters, digits, _, %% and "
                       "- only",
                       rule);
    if (strlen(value) > SQ_PROTO_VALUE)
        return sq_fail(err, SQ_EINVAL,
                       "protofilter %.40s…: its value is longer than %d", rule,
                       SQ_PROTO_VALUE);
    snprintf(ret, SQ_PROTO_VALUE + 1, "%s", value);
    return 0;
}

static int find_item(const char *rule, size_t len, enum sq_proto_item *ret,
                     struct sq_err *err)
{
    for (int i = 0; i < SQ_PROTO_ITEMS; i++)
        if (strlen(items[i]) == len && strncmp(items[i], rule, len) == 0) {
            *ret = (enum sq_proto_item)i;
            return 0;
        }
    if (!*rule)
        return sq_fail(err, SQ_EINVAL,
                       "protofilter: an empty rule: one colon goes before each, none "
                       "after the last");
    return sq_fail(
        err, SQ_EINVAL,
        "protofilter %s: one can ask about cpu, ram, disk, gpumem, eviction, "
        "cost, tags, region and provider%s",
        rule, strchr(rule, ' ') ? ", without spaces" : "");
}

static int find_comparator(const char *rule, const char *at, size_t len,
                           enum sq_proto_item item, enum sq_proto_test *ret,
                           struct sq_err *err)
{
    for (size_t i = 0; i < SQ_LEN(comparators); i++) {
        const struct comparator *c = &comparators[i];
        if (strlen(c->name) != len || strncmp(c->name, at, len) != 0)
            continue;
        if (!(c->kinds & kinds_of(item)))
            return sq_fail(err, SQ_EINVAL,
                           "protofilter %s: %s cannot be compared by %s", rule,
                           items[item], c->name);
        *ret = c->test;
        return 0;
    }
    return sq_fail(err, SQ_EINVAL,
                   "protofilter %s: a comparator is one of == != >= > < <= ~ # !~ !#",
                   rule);
}

static int parse_rule(const char *rule, struct sq_proto_rule *ret, struct sq_err *err)
{
    size_t name_len = strcspn(rule, COMPARATOR_CHARS);
    const char *at = rule + name_len;
    size_t len = strspn(at, COMPARATOR_CHARS);
    int code = find_item(rule, name_len, &ret->item, err);
    if (!code)
        code = find_comparator(rule, at, len, ret->item, &ret->test, err);
    if (code)
        return code;
    return ret->item < SQ_PROTO_TAGS ? parse_number(rule, at + len, &ret->number, err)
                                     : parse_text(rule, at + len, ret->text, err);
}

static bool asks_about(const struct sq_protofilter *f, enum sq_proto_item item)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->rules[i].item == item)
            return true;
    return false;
}

/* Without a rule on tags no metal, without one on eviction at most 5%. */
static void add_defaults(struct sq_protofilter *f)
{
    if (!asks_about(f, SQ_PROTO_TAGS))
        f->rules[f->n++] = (struct sq_proto_rule){
            .item = SQ_PROTO_TAGS, .test = SQ_PROTO_LACKS, .text = "M"};
    if (!asks_about(f, SQ_PROTO_EVICTION))
        f->rules[f->n++] = (struct sq_proto_rule){
            .item = SQ_PROTO_EVICTION, .test = SQ_PROTO_LE, .number = 5};
}

int sq_protofilter_parse(const char *text, struct sq_protofilter *ret,
                         struct sq_err *err)
{
    struct sq_protofilter f = {0};
    if (!sq_is_protofilter(text))
        return sq_fail(err, SQ_EINVAL, "a protofilter begins with auto: %.60s", text);
    SQ_CLEANUP(sq_freep) char *copy = strdup(text + 4);
    if (!copy)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a protofilter");
    char *rest = *copy ? copy + 1 : NULL;
    for (char *rule; (rule = strsep(&rest, ":"));) {
        if (f.n == SQ_PROTO_RULES)
            return sq_fail(err, SQ_EINVAL, "a protofilter has at most %d rules: %.60s…",
                           SQ_PROTO_RULES, text);
        int code = parse_rule(rule, &f.rules[f.n++], err);
        if (code)
            return code;
    }
    add_defaults(&f);
    *ret = f;
    return 0;
}

/* % is any text; the rest is itself.  As long as there is only one way to go on after
 * the last %, trying later places for it alone is enough. */
static bool is_like(const char *text, const char *pattern)
{
    const char *after = NULL, *tried = NULL;
    while (*text || *pattern) {
        if (*pattern == '%') {
            after = ++pattern;
            tried = text;
        } else if (*text && *pattern == *text) {
            pattern++;
            text++;
        } else if (after && *tried) {
            pattern = after;
            text = ++tried;
        } else {
            return false;
        }
    }
    return true;
}

static bool has_letters(const char *text, const char *letters)
{
    for (; *letters; letters++)
        if (!strchr(text, *letters))
            return false;
    return true;
}

static bool number_holds(const struct sq_proto_rule *r, double x)
{
    switch (r->test) {
    case SQ_PROTO_EQ: return x == r->number;
    case SQ_PROTO_NE: return x != r->number;
    case SQ_PROTO_GE: return x >= r->number;
    case SQ_PROTO_GT: return x > r->number;
    case SQ_PROTO_LE: return x <= r->number;
    case SQ_PROTO_LT: return x < r->number;
    default: return false;
    }
}

static bool text_holds(const struct sq_proto_rule *r, const char *x)
{
    switch (r->test) {
    case SQ_PROTO_EQ: return strcmp(x, r->text) == 0;
    case SQ_PROTO_NE: return strcmp(x, r->text) != 0;
    case SQ_PROTO_LIKE: return is_like(x, r->text);
    case SQ_PROTO_UNLIKE: return !is_like(x, r->text);
    case SQ_PROTO_HAS: return has_letters(x, r->text);
    case SQ_PROTO_LACKS: return !x[strcspn(x, r->text)];
    default: return false;
    }
}

bool sq_protofilter_match(const struct sq_protofilter *f,
                          const struct sq_proto_facts *facts)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct sq_proto_rule *r = &f->rules[i];
        const char *text = r->item < SQ_PROTO_TAGS ? NULL : facts->texts[r->item];
        bool holds = r->item < SQ_PROTO_TAGS ? number_holds(r, facts->numbers[r->item])
                                             : text_holds(r, text ? text : "");
        if (!holds)
            return false;
    }
    return true;
}
