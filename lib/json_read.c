/* Reading JSON: one document into jansson's tree, then its values, kind by kind, into
 * plain C.  What a client may send too much of (depth, numbers out of range) is refused
 * here, in words that name the field. */
#include "lib/jsonio.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/utf8.h"

/* Deep nesting serves nobody and costs stack: jansson parses by recursion. */
enum { NESTING_MAX = 100 };

/* Byte at which the nesting goes over the maximum; `len` when it does not. */
static size_t too_deep_at(const char *text, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '"')
            in_string = !in_string;
        else if (in_string)
            i += c == '\\';
        else if ((c == '[' || c == '{') && ++depth > NESTING_MAX)
            return i;
        else if (c == ']' || c == '}')
            depth--;
    }
    return len;
}

/* Jansson names its own flags for some. */
static const char *words(const json_error_t *why)
{
    switch (json_error_code(why)) {
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "the character NUL (\\u0000) has no place in a text";
    default: return why->text;
    }
}

int sq_json_parse(const char *text, size_t len, json_t **ret, struct sq_err *err)
{
    size_t deep = too_deep_at(text, len);
    if (deep < len)
        return sq_fail(err, SQ_EINVAL,
                       "malformed JSON at byte %zu: nested more than %d deep", deep + 1,
                       NESTING_MAX);
    json_error_t why;
    json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!v && json_error_code(&why) == json_error_out_of_memory)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (!v)
        return sq_fail(err, SQ_EINVAL, "malformed JSON at line %d, column %d: %s",
                       why.line, why.column, words(&why));
    *ret = v;
    return 0;
}

/* The four hexadecimal digits of a \\u at `p`, or -1. */
static int unit_at(const char *p, const char *end)
{
    static const char hex[] = "0123456789abcdef";
    int unit = 0;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *digit = strchr(hex, tolower((unsigned char)p[i]));
        if (!digit || !p[i])
            return -1;
        unit = 16 * unit + (int)(digit - hex);
    }
    return unit;
}

/* One escape at `p`, to `to` unless it is NUL: bytes read, and *ret bytes written. */
static size_t mend_escape(const char *p, const char *end, char *to, size_t *ret)
{
    int unit = unit_at(p, end), next = unit < 0 ? -1 : unit_at(p + 6, end);
    size_t len = unit >= 0 ? 6 : end - p < 2 ? 1 : 2;
    bool pair = (unit & ~0x3ff) == 0xd800 && next >= 0 && (next & ~0x3ff) == 0xdc00;
    if (pair)
        len = 12;
    *ret = unit == 0 ? 0 : len;
    if (unit >= 0 && !pair && (unit & ~0x7ff) == 0xd800)
        p = "\\ufffd";
    memmove(to, p, *ret);
    return len;
}

void sq_json_mend(const char *text, size_t len, struct sq_buf *out)
{
    struct sq_utf8 u = {0};
    sq_utf8_feed(&u, text, len, out, NULL);
    sq_utf8_finish(&u, out, NULL);
    if (!sq_buf_ok(out))
        return;
    char *to = out->data;
    const char *end = out->data + out->len;
    for (const char *p = out->data; p < end;) {
        size_t written = 1;
        if (*p == '\\')
            p += mend_escape(p, end, to, &written);
        else
            *to = *p++;
        to += written;
    }
    out->len = (size_t)(to - out->data);
}

static const char *kind_name(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    default: return "null";
    }
}

/* "retry must be an integer, not an array", or with the string that it is. */
static int fail_kind(const json_t *v, const char *what, const char *wanted,
                     struct sq_err *err)
{
    if (json_is_string(v))
        return sq_fail(err, SQ_EINVAL, "%s must be %s, not \"%.60s\"", what, wanted,
                       json_string_value(v));
    return sq_fail(err, SQ_EINVAL, "%s must be %s, not %s", what, wanted, kind_name(v));
}

/* A whole string in C's number syntax, less white space, hexadecimal, nan and inf. */
static bool is_number_text(const char *s)
{
    return *s && s[strspn(s, "+-.0123456789eE")] == 0;
}

static bool parse_int(const char *s, int64_t *ret)
{
    char *end;
    errno = 0;
    long long n = strtoll(s, &end, 10);
    if (!is_number_text(s) || end == s || *end || errno)
        return false;
    *ret = n;
    return true;
}

int sq_json_to_int(const json_t *v, const char *what, int64_t *ret, struct sq_err *err)
{
    int64_t n = SQ_NULL;
    if (!v || json_is_null(v)) {
        *ret = SQ_NULL;
        return 0;
    }
    if (json_is_integer(v))
        n = json_integer_value(v);
    else if (!json_is_string(v) || !parse_int(json_string_value(v), &n))
        return fail_kind(v, what, "an integer", err);
    if (n == SQ_NULL)
        return sq_fail(err, SQ_EINVAL, "%s is out of range", what);
    *ret = n;
    return 0;
}

int sq_json_to_real(const json_t *v, const char *what, double *ret, struct sq_err *err)
{
    if (!v || json_is_null(v)) {
        *ret = NAN;
        return 0;
    }
    if (json_is_number(v)) {
        *ret = json_number_value(v);
        return 0;
    }
    const char *s = json_string_value(v);
    char *end = NULL;
    double d = s && is_number_text(s) ? strtod(s, &end) : NAN;
    if (!end || end == s || *end || !isfinite(d))
        return fail_kind(v, what, "a number", err);
    *ret = d;
    return 0;
}

int sq_json_to_bool(const json_t *v, const char *what, int *ret, struct sq_err *err)
{
    static const struct {
        const char *text;
        int value;
    } words[] = {{"true", 1},  {"True", 1},  {"1", 1},
                 {"false", 0}, {"False", 0}, {"0", 0}};
    if (!v || json_is_null(v)) {
        *ret = -1;
        return 0;
    }
    if (json_is_boolean(v)) {
        *ret = json_is_true(v);
        return 0;
    }
    const char *s = json_string_value(v);
    for (size_t i = 0; s && i < SQ_LEN(words); i++)
        if (strcmp(s, words[i].text) == 0) {
            *ret = words[i].value;
            return 0;
        }
    return fail_kind(v, what, "true or false", err);
}

int sq_json_to_text(const json_t *v, const char *what, struct sq_arena *arena,
                    char **ret, struct sq_err *err)
{
    char *text = NULL;
    if (!v || json_is_null(v)) {
        *ret = NULL;
        return 0;
    }
    if (json_is_string(v))
        text = sq_arena_memdup(arena, json_string_value(v), json_string_length(v));
    else if (json_is_integer(v))
        text = sq_arena_printf(arena, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        text = sq_arena_printf(arena, "%.15g", json_real_value(v));
    else
        return fail_kind(v, what, "a string", err);
    if (!text)
        return sq_fail(err, SQ_ETOOBIG, "%s is too large, with what comes beside it",
                       what);
    *ret = text;
    return 0;
}

int sq_json_to_time(const json_t *v, const char *what, int64_t *ret, struct sq_err *err)
{
    if (!v || json_is_null(v)) {
        *ret = SQ_NULL;
        return 0;
    }
    const char *s = json_string_value(v);
    if (!s || !sq_time_parse(s, ret))
        return fail_kind(v, what, "a time like 2026-11-22T00:39:58", err);
    return 0;
}
