/* The JSON writer.  Lists of 10,000 rows and outputs of 50 MB go through it: text is
 * copied in the longest runs that need no change, found eight bytes at a time, and
 * numbers are written without printf.
 *
 * Commas: bit d of `filled` says that a comma is due before the next thing at depth d;
 * a key clears it again for its value.  At depth 0 there never is one. */
#include "lib/jsonio.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/utf8.h"

enum { DEPTH_MAX = 30 };

void sq_jw_init(struct sq_jw *w, struct sq_buf *out)
{
    *w = (struct sq_jw){.out = out};
}

/* Before each key and each value. */
static void separate(struct sq_jw *w)
{
    unsigned bit = 1u << w->depth;
    if (w->filled & bit)
        sq_buf_addc(w->out, ',');
    else if (w->depth)
        w->filled |= bit;
}

void sq_jw_open(struct sq_jw *w, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    assert(w->depth < DEPTH_MAX);
    separate(w);
    sq_buf_addc(w->out, bracket);
    w->depth++;
    w->closer[w->depth] = bracket == '{' ? '}' : ']';
    w->filled &= ~(1u << w->depth);
}

void sq_jw_close(struct sq_jw *w)
{
    assert(w->depth > 0);
    sq_buf_addc(w->out, w->closer[w->depth]);
    w->depth--;
}

static void put(struct sq_jw *w, const char *text, size_t len)
{
    separate(w);
    sq_buf_add(w->out, text, len);
}

void sq_jw_key(struct sq_jw *w, const char *key)
{
    assert(w->depth > 0 && w->closer[w->depth] == '}');
    sq_jw_textn(w, key, strlen(key));
    sq_buf_addc(w->out, ':');
    w->filled &= ~(1u << w->depth);
}

void sq_jw_null(struct sq_jw *w)
{
    put(w, "null", 4);
}

void sq_jw_int(struct sq_jw *w, int64_t v)
{
    if (v == SQ_NULL) {
        sq_jw_null(w);
        return;
    }
    char text[24], *p = text + sizeof text;
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do
        *--p = (char)('0' + rest % 10);
    while (rest /= 10);
    if (v < 0)
        *--p = '-';
    put(w, p, (size_t)(text + sizeof text - p));
}

/* The shortest text that reads back as `v`, always with a point or an exponent, and
 * with a point whatever the locale. */
static size_t format_real(double v, char *text, size_t size)
{
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, size, "%.*g", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    char *comma = strchr(text, ',');
    if (comma)
        *comma = '.';
    if (!strpbrk(text, ".e"))
        memcpy(text + strlen(text), ".0", 3);
    return strlen(text);
}

void sq_jw_real(struct sq_jw *w, double v)
{
    char text[40];
    if (isfinite(v))
        put(w, text, format_real(v, text, sizeof text));
    else
        sq_jw_null(w);
}

void sq_jw_bool(struct sq_jw *w, int v)
{
    if (v < 0)
        sq_jw_null(w);
    else if (v)
        put(w, "true", 4);
    else
        put(w, "false", 5);
}

void sq_jw_textn(struct sq_jw *w, const char *v, size_t len)
{
    put(w, "\"", 1);
    sq_json_escape(v, len, w->out);
    sq_buf_addc(w->out, '"');
}

void sq_jw_text(struct sq_jw *w, const char *v)
{
    if (v)
        sq_jw_textn(w, v, strlen(v));
    else
        sq_jw_null(w);
}

void sq_jw_time(struct sq_jw *w, int64_t time_us)
{
    char text[SQ_TIME_TEXT + 2] = "\"";
    if (time_us == SQ_NULL) {
        sq_jw_null(w);
        return;
    }
    sq_time_format(time_us, 'T', text + 1);
    size_t len = strlen(text);
    text[len++] = '"';
    put(w, text, len);
}

void sq_jw_raw(struct sq_jw *w, const char *json, size_t len)
{
    put(w, json, len);
}

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* High bits set when some byte is a control, a quote, a backslash or not ASCII.
 * x - n borrows from a byte only if it, or a lower one that is special itself, is
 * less than n: so the sum is zero exactly when no byte is special. */
static uint64_t special(uint64_t w)
{
    uint64_t quote = w ^ ONES * '"', backslash = w ^ ONES * '\\';
    uint64_t below = (w - ONES * 0x20) | (quote - ONES) | (backslash - ONES) | w;
    return below & HIGHS;
}

/* Number of leading bytes that are copied as they are. */
static size_t plain_run(const char *p, size_t len)
{
    size_t i = 0;
    for (uint64_t w; len - i >= 8; i += 8) {
        memcpy(&w, p + i, 8);
        if (special(w))
            break;
    }
    for (; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
    }
    return i;
}

/* Valid text that needs no escape, characters beyond ASCII included. */
static size_t copied_run(const char *p, size_t len)
{
    size_t i = 0;
    for (;;) {
        i += plain_run(p + i, len - i);
        if (i == len || (unsigned char)p[i] < 0x80)
            return i;
        while (i < len && (unsigned char)p[i] >= 0x80) {
            int n = sq_utf8_sequence(p + i, len - i);
            if (n <= 0)
                return i;
            i += (size_t)n;
        }
    }
}

static void escape_ascii(char c, struct sq_buf *out)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', c};
    size_t len = 2;
    switch (c) {
    case 0: return;
    case '"':
    case '\\': break;
    case '\b': text[1] = 'b'; break;
    case '\f': text[1] = 'f'; break;
    case '\n': text[1] = 'n'; break;
    case '\r': text[1] = 'r'; break;
    case '\t': text[1] = 't'; break;
    default:
        memcpy(text, "\\u00", 4);
        text[4] = hex[c >> 4];
        text[5] = hex[c & 15];
        len = 6;
    }
    sq_buf_add(out, text, len);
}

void sq_json_escape(const char *text, size_t len, struct sq_buf *out)
{
    for (size_t i = 0; i < len;) {
        size_t n = copied_run(text + i, len - i);
        sq_buf_add(out, text + i, n);
        i += n;
        if (i == len)
            return;
        if ((unsigned char)text[i] < 0x80) {
            escape_ascii(text[i++], out);
            continue;
        }
        int bad = sq_utf8_sequence(text + i, len - i);
        sq_buf_add(out, SQ_UTF8_REPLACEMENT, 3);
        i = bad ? i + (size_t)-bad : len;
    }
}
