/* The option parser: finds rows in the tables, collects their values, checks them.
 *
 * Every value is checked where it is read (whole numbers in range, words among the
 * choices), so that commands only meet good ones.  An option given twice is refused
 * unless its row says that it may repeat: a script that says "-b A … -b B" has a
 * mistake in it that must not be decided by which came last. */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

/* A command line is at most 2 MiB on Linux; its pointers and lists fit in this. */
enum { ARGS_BYTES = 32 * 1024 * 1024 };

struct found {
    const struct sq_opt *opt;
    struct sq_arg *arg;
};

void sq_args_init(struct sq_args *a)
{
    memset(a, 0, sizeof *a);
    sq_arena_init(&a->arena, ARGS_BYTES);
}

void sq_args_fini(struct sq_args *a)
{
    sq_arena_fini(&a->arena);
}

int sq_args_add(struct sq_args *a, const struct sq_opt *table, struct sq_err *err)
{
    assert(a->n_tables < SQ_ARGS_TABLES);
    size_t n = 0;
    while (table[n].name)
        n++;
    struct sq_arg *given = sq_arena_array(&a->arena, n + 1, sizeof *given);
    if (!given)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    a->tables[a->n_tables] = table;
    a->given[a->n_tables++] = given;
    return 0;
}

static struct found at(struct sq_args *a, size_t table, size_t row)
{
    return (struct found){&a->tables[table][row], &a->given[table][row]};
}

static struct found find_letter(struct sq_args *a, char letter)
{
    for (size_t t = a->n_tables; t-- > 0;)
        for (size_t i = 0; a->tables[t][i].name; i++)
            if (a->tables[t][i].letter == letter)
                return at(a, t, i);
    return (struct found){0};
}

/* An exact name, or the only one that begins with it. */
static int find_name(struct sq_args *a, const char *name, size_t len, struct found *ret,
                     struct sq_err *err)
{
    struct found best = {0};
    for (size_t t = a->n_tables; t-- > 0;)
        for (size_t i = 0; a->tables[t][i].name; i++) {
            const char *known = a->tables[t][i].name;
            if (strncmp(known, name, len) != 0)
                continue;
            bool exact = known[len] == 0;
            if (best.opt && !exact)
                return sq_fail(err, SQ_EINVAL, "--%.*s is ambiguous: --%s or --%s?",
                               (int)len, name, best.opt->name, known);
            best = at(a, t, i);
            if (exact) {
                *ret = best;
                return 0;
            }
        }
    if (!best.opt)
        return sq_fail(err, SQ_EINVAL, "unknown option --%.*s", (int)len, name);
    *ret = best;
    return 0;
}

static bool parse_int(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || strchr(" \t\n+", *text))
        return false;
    *ret = v;
    return true;
}

static int check_int(const struct sq_opt *o, const char *text, struct sq_err *err)
{
    int64_t v;
    int64_t max = o->max == 0 && o->min >= 0 ? INT64_MAX : o->max;
    if (!*text && (o->flags & SQ_OPT_EMPTY))
        return 0;
    if (!parse_int(text, &v))
        return sq_fail(err, SQ_EINVAL, "--%s takes a whole number, not '%s'", o->name,
                       text);
    if (v < o->min)
        return sq_fail(err, SQ_EINVAL, "--%s is at least %lld, not %s", o->name,
                       (long long)o->min, text);
    if (v > max)
        return sq_fail(err, SQ_EINVAL, "--%s is at most %lld, not %s", o->name,
                       (long long)max, text);
    return 0;
}

static int check_real(const struct sq_opt *o, const char *text, struct sq_err *err)
{
    size_t whole = strspn(text, "0123456789");
    size_t rest = text[whole] == '.' ? 1 + strspn(text + whole + 1, "0123456789") : 0;
    if (whole == 0 || whole > 15 || rest == 1 || text[whole + rest])
        return sq_fail(err, SQ_EINVAL, "--%s takes a number, not '%s'", o->name, text);
    return 0;
}

bool sq_word_among(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && memcmp(p, word, n) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

static int check_value(const struct sq_opt *o, const char *text, struct sq_err *err)
{
    if (o->choices && !sq_word_among(o->choices, text))
        return sq_fail(err, SQ_EINVAL, "--%s is one of %s, not '%s'", o->name,
                       o->choices, text);
    if (o->kind == SQ_OPT_REAL)
        return check_real(o, text, err);
    return o->kind == SQ_OPT_INT ? check_int(o, text, err) : 0;
}

static int store(struct sq_args *a, struct found f, const char *text,
                 struct sq_err *err)
{
    struct sq_arg *arg = f.arg;
    if (check_value(f.opt, text, err) != 0)
        return err ? err->code : SQ_EINVAL;
    if ((arg->n & (arg->n - 1)) == 0) { /* full at each power of two */
        const char **more =
            sq_arena_array(&a->arena, arg->n ? arg->n * 2 : 1, sizeof *more);
        if (!more)
            return sq_fail(err, SQ_ENOMEM, "too many words after --%s", f.opt->name);
        if (arg->n)
            memcpy(more, arg->texts, arg->n * sizeof *more);
        arg->texts = more;
    }
    arg->texts[arg->n++] = text;
    return 0;
}

/* One option was met.  `value` is what is attached to it (--name=value, -nvalue) or
 * NULL; *argv stands at the next word and moves past the words taken. */
static int take(struct sq_args *a, struct found f, const char *value, char ***argv,
                struct sq_err *err)
{
    const struct sq_opt *o = f.opt;
    if (f.arg->n && !(o->flags & SQ_OPT_MANY))
        return sq_fail(err, SQ_EINVAL, "--%s is given twice", o->name);
    if (o->kind == SQ_OPT_FLAG) {
        if (value)
            return sq_fail(err, SQ_EINVAL, "--%s takes no value", o->name);
        return store(a, f, "", err);
    }
    if (!value) {
        if (!**argv)
            return sq_fail(err, SQ_EINVAL, "--%s needs a value", o->name);
        value = *(*argv)++;
    }
    int rc = store(a, f, value, err);
    if (o->flags & SQ_OPT_GREEDY)
        while (rc == 0 && **argv && (**argv)[0] != '-')
            rc = store(a, f, *(*argv)++, err);
    return rc;
}

static int take_long(struct sq_args *a, const char *text, char ***argv,
                     struct sq_err *err)
{
    size_t len = strcspn(text, "=");
    struct found f;
    int rc = find_name(a, text, len, &f, err);
    if (rc != 0)
        return rc;
    return take(a, f, text[len] ? text + len + 1 : NULL, argv, err);
}

/* "-HL": several flags; "-nNAME": a value attached. */
static int take_letters(struct sq_args *a, const char *text, char ***argv,
                        struct sq_err *err)
{
    for (; *text; text++) {
        struct found f = find_letter(a, *text);
        if (!f.opt)
            return sq_fail(err, SQ_EINVAL, "unknown option -%c", *text);
        if (f.opt->kind != SQ_OPT_FLAG)
            return take(a, f, text[1] ? text + 1 : NULL, argv, err);
        int rc = take(a, f, NULL, argv, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int sq_args_parse(struct sq_args *a, char ***argv, struct sq_err *err)
{
    for (char *word; (word = **argv) != NULL;) {
        if (word[0] != '-' || word[1] == 0)
            return 0;
        ++*argv;
        if (strcmp(word, "--") == 0)
            return 0;
        int rc = word[1] == '-' ? take_long(a, word + 2, argv, err)
                                : take_letters(a, word + 1, argv, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The options of a row's group, as "--id or --name". */
static void name_group(const struct sq_opt *table, int group, struct sq_buf *out)
{
    for (; table->name; table++)
        if (table->group == group)
            sq_buf_addf(out, "%s--%s", out->len ? " or " : "", table->name);
}

static int check_group(const struct sq_opt *table, const struct sq_arg *given,
                       size_t row, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf names;
    size_t n = 0;
    for (size_t i = 0; table[i].name; i++)
        if (table[i].group == table[row].group)
            n += given[i].n > 0;
    bool missing = n == 0 && (table[row].flags & SQ_OPT_REQUIRED);
    sq_buf_init(&names, 400);
    name_group(table, table[row].group, &names);
    if (missing)
        return sq_fail(err, SQ_EINVAL, "%s is required", names.data);
    if (n > 1)
        return sq_fail(err, SQ_EINVAL, "give only one of %s", names.data);
    return 0;
}

static int check_table(const struct sq_opt *table, const struct sq_arg *given,
                       struct sq_err *err)
{
    for (size_t i = 0; table[i].name; i++) {
        int rc = 0;
        if (table[i].group)
            rc = check_group(table, given, i, err);
        else if ((table[i].flags & SQ_OPT_REQUIRED) && !given[i].n)
            rc = sq_fail(err, SQ_EINVAL, "--%s is required", table[i].name);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int sq_args_check(const struct sq_args *a, struct sq_err *err)
{
    int rc = 0;
    for (size_t t = 0; t < a->n_tables && rc == 0; t++)
        rc = check_table(a->tables[t], a->given[t], err);
    return rc;
}

int sq_args_check_utf8(const struct sq_args *a, struct sq_err *err)
{
    for (size_t t = 0; t < a->n_tables; t++)
        for (size_t i = 0; a->tables[t][i].name; i++)
            for (size_t k = 0; k < a->given[t][i].n; k++) {
                const char *text = a->given[t][i].texts[k];
                if (!sq_utf8_valid(text, strlen(text)))
                    return sq_fail(err, SQ_EINVAL, "--%s is not valid UTF-8",
                                   a->tables[t][i].name);
            }
    return 0;
}

static struct found get(struct sq_args *a, const char *name)
{
    for (size_t t = a->n_tables; t-- > 0;)
        for (size_t i = 0; a->tables[t][i].name; i++)
            if (strcmp(a->tables[t][i].name, name) == 0) {
                struct found f = at(a, t, i);
                f.arg->used = true;
                return f;
            }
    assert(!"an option that no table has");
    abort();
}

bool sq_args_has(struct sq_args *a, const char *name)
{
    return get(a, name).arg->n > 0;
}

const char *sq_args_text(struct sq_args *a, const char *name)
{
    struct found f = get(a, name);
    return f.arg->n ? f.arg->texts[f.arg->n - 1] : f.opt->fallback;
}

int64_t sq_args_int(struct sq_args *a, const char *name)
{
    const char *text = sq_args_text(a, name);
    int64_t v = SQ_NULL;
    if (text && *text)
        parse_int(text, &v); /* checked when it was read */
    return v;
}

enum sq_opt_kind sq_args_kind(struct sq_args *a, const char *name)
{
    return get(a, name).opt->kind;
}

size_t sq_args_all(struct sq_args *a, const char *name, const char *const **ret)
{
    struct found f = get(a, name);
    *ret = f.arg->texts;
    return f.arg->n;
}

const char *sq_args_joined(struct sq_args *a, const char *name)
{
    const char *const *texts;
    size_t n = sq_args_all(a, name, &texts);
    const char *joined = n ? texts[0] : NULL;
    for (size_t i = 1; i < n && joined; i++)
        joined = sq_arena_printf(&a->arena, "%s %s", joined, texts[i]);
    return joined;
}

int sq_args_ids(struct sq_args *a, const char *name, int64_t **ret, size_t *ret_n,
                struct sq_err *err)
{
    const char *joined = sq_args_joined(a, name);
    char *list = sq_arena_strdup(&a->arena, joined ? joined : "");
    int64_t *ids =
        list ? sq_arena_array(&a->arena, strlen(list) / 2 + 1, sizeof *ids) : NULL;
    size_t n = 0;
    if (!ids)
        return sq_fail(err, SQ_ENOMEM, "the list of --%s is too long", name);
    char *rest = list;
    for (char *word; (word = strsep(&rest, ", \t\n")) != NULL;) {
        if (!*word)
            continue;
        if (!parse_int(word, &ids[n]) || ids[n] < 1)
            return sq_fail(err, SQ_EINVAL, "--%s takes task ids, not '%s'", name, word);
        n++;
    }
    *ret = ids;
    *ret_n = n;
    return 0;
}
