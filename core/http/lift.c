/* Outside of strings a document has no quotes, so strings are found by jumping from
 * quote to quote; a value belongs to `key` when that is the string before it, with
 * nothing but a colon between them.  A mark is "@N"; the value of a member that could
 * be taken for one cannot come from outside, because it would have been lifted. */
#include "core/http/lift.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

/* The quote that closes the string begun before `at`; NULL when none does. */
static const char *string_end(const char *at, const char *end)
{
    for (const char *start = at; at < end; at++) {
        at = memchr(at, '"', (size_t)(end - at));
        if (!at)
            return NULL;
        size_t escapes = 0;
        while (at - escapes > start && at[-1 - (ptrdiff_t)escapes] == '\\')
            escapes++;
        if (escapes % 2 == 0)
            return at;
    }
    return NULL;
}

static bool only_colon(const char *at, const char *end)
{
    int colons = 0;
    for (; at < end; at++) {
        if (*at == ':')
            colons++;
        else if (!isspace((unsigned char)*at))
            return false;
    }
    return colons == 1;
}

static int keep(struct sq_lifted *l, const char *text, size_t len,
                struct sq_arena *arena, struct sq_err *err)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : FIRST_CAP;
        struct sq_lifted_text *texts = sq_arena_array(arena, cap, sizeof *texts);
        if (!texts)
            return sq_fail(err, SQ_ENOMEM, "no memory for the records");
        if (l->n)
            memcpy(texts, l->texts, l->n * sizeof *texts);
        l->texts = texts;
        l->cap = cap;
    }
    l->texts[l->n++] = (struct sq_lifted_text){text, len};
    return 0;
}

int sq_lift(const char *key, const char *json, size_t len, struct sq_arena *arena,
            struct sq_buf *out, struct sq_lifted *ret, struct sq_err *err)
{
    const char *end = json + len, *copied = json, *at = json;
    const char *before = json, *before_end = json; /* the string before, inside */
    size_t key_len = strlen(key);
    *ret = (struct sq_lifted){0};
    while ((at = memchr(at, '"', (size_t)(end - at)))) {
        const char *text = at + 1, *quote = string_end(text, end);
        if (!quote)
            break;
        bool ours = (size_t)(before_end - before) == key_len &&
                    memcmp(before, key, key_len) == 0 &&
                    only_colon(before_end + 1, at) &&
                    !memchr(text, '\\', (size_t)(quote - text));
        if (ours) {
            sq_buf_add(out, copied, (size_t)(at - copied));
            sq_buf_addf(out, "\"@%zu\"", ret->n);
            copied = quote + 1;
            int code = keep(ret, text, (size_t)(quote - text), arena, err);
            if (code != 0)
                return code;
        }
        before = text;
        before_end = quote;
        at = quote + 1;
    }
    sq_buf_add(out, copied, (size_t)(end - copied));
    return sq_buf_ok(out) ? 0 : sq_fail(err, SQ_ENOMEM, "no memory for the body");
}

struct sq_lifted_text sq_lifted_get(const struct sq_lifted *l, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text && text[0] == '@') {
        size_t i = strtoul(text + 1, NULL, 10);
        if (i < l->n)
            return l->texts[i];
    }
    return (struct sq_lifted_text){text, text ? json_string_length(value) : 0};
}
