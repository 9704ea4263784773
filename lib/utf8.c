/* The UTF-8 decoder.  Outputs of 50 MB pass through it, nearly all ASCII: those are
 * looked at 32 bytes a step, in words; only other bytes are looked at one by one.
 *
 * feed() finds the longest stretch of valid text and appends it whole.  Where a NUL or
 * an invalid sequence ends it, more of them are likely (a binary output): the next
 * bytes are decoded one by one into a small block, appended at once.  What the end of
 * the chunk cuts is carried. */
#include "lib/utf8.h"

#include <string.h>

enum { MIXED_MAX = 256 };

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

static uint64_t load(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* High bits set when some byte is NUL or not ASCII: x - 1 borrows only from a NUL. */
static uint64_t not_plain(uint64_t w)
{
    return ((w - ONES) | w) & HIGHS;
}

/* Number of leading bytes in 01..7F. */
static size_t ascii_run(const unsigned char *p, size_t len)
{
    size_t i = 0;
    for (; len - i >= 32; i += 32)
        if (not_plain(load(p + i)) | not_plain(load(p + i + 8)) |
            not_plain(load(p + i + 16)) | not_plain(load(p + i + 24)))
            break;
    for (; len - i >= 8 && !not_plain(load(p + i)); i += 8)
        ;
    while (i < len && p[i] - 1u < 0x7f)
        i++;
    return i;
}

/* Unicode 15, table 3-7, by lead byte: the sequence's length (0: no lead), and the
 * limits of its second byte; those of the third and fourth are always 80..BF. */
static const struct lead {
    unsigned char len, low, high;
} leads[256] = {
    [0x00 ... 0x7f] = {1, 0, 0}, [0xc2 ... 0xdf] = {2, 0x80, 0xbf},
    [0xe0] = {3, 0xa0, 0xbf},    [0xe1 ... 0xec] = {3, 0x80, 0xbf},
    [0xed] = {3, 0x80, 0x9f},    [0xee ... 0xef] = {3, 0x80, 0xbf},
    [0xf0] = {4, 0x90, 0xbf},    [0xf1 ... 0xf3] = {4, 0x80, 0xbf},
    [0xf4] = {4, 0x80, 0x8f},
};

/* As sq_utf8_sequence(), which cannot be inlined. */
static inline int sequence(const unsigned char *p, size_t len)
{
    const struct lead *lead = &leads[p[0]];
    if (lead->len <= 1)
        return lead->len ? 1 : -1;
    if (len < 2)
        return 0;
    if (p[1] < lead->low || p[1] > lead->high)
        return -1;
    for (int i = 2; i < lead->len; i++) {
        if ((size_t)i == len)
            return 0;
        if ((p[i] & 0xc0) != 0x80)
            return -i;
    }
    return lead->len;
}

int sq_utf8_sequence(const void *p, size_t len)
{
    return sequence(p, len);
}

/* Bytes of the longest prefix that is valid text without NUL; counts its characters. */
static size_t valid_run(const unsigned char *p, size_t len, int64_t *chars)
{
    size_t i = 0;
    *chars = 0;
    while (i < len) {
        size_t n = ascii_run(p + i, len - i);
        *chars += (int64_t)n;
        i += n;
        while (i < len && p[i] >= 0x80) {
            int step = sequence(p + i, len - i);
            if (step <= 0)
                return i;
            ++*chars;
            i += (size_t)step;
        }
        if (i < len && p[i] == 0)
            return i;
    }
    return i;
}

/* Produce valid text of `chars` characters. */
static void emit(struct sq_utf8 *u, const void *text, size_t len, int64_t chars,
                 struct sq_buf *out, int64_t *skip)
{
    const char *p = text;
    u->chars += chars;
    if (skip && *skip >= chars) {
        *skip -= chars;
        return;
    }
    if (skip && *skip > 0) {
        size_t n = sq_utf8_bytes(p, len, (size_t)*skip);
        *skip = 0;
        p += n;
        len -= n;
    }
    if (out)
        sq_buf_add(out, p, len);
}

static void emit_replacement(struct sq_utf8 *u, struct sq_buf *out, int64_t *skip)
{
    emit(u, SQ_UTF8_REPLACEMENT, 3, 1, out, skip);
}

/* Decode up to MIXED_MAX bytes one by one; returns how many.  Stops before what the
 * end cuts. */
static size_t decode_mixed(struct sq_utf8 *u, const unsigned char *p, size_t len,
                           struct sq_buf *out, int64_t *skip)
{
    char text[3 * MIXED_MAX + 4], *to = text;
    int64_t chars = 0;
    size_t i = 0;
    for (int step; i < len && i < MIXED_MAX; i += (size_t)step) {
        step = sequence(p + i, len - i);
        if (step == 0)
            break;
        if (p[i] == 0)
            continue;
        chars++;
        if (step > 0) {
            memcpy(to, p + i, (size_t)step);
            to += step;
        } else {
            to = mempcpy(to, SQ_UTF8_REPLACEMENT, 3);
            step = -step;
        }
    }
    emit(u, text, (size_t)(to - text), chars, out, skip);
    return i;
}

/* Go on with the sequence carried from the chunk before; returns the bytes used. */
static size_t complete_carry(struct sq_utf8 *u, const unsigned char *p, size_t len,
                             struct sq_buf *out, int64_t *skip)
{
    size_t used = 0;
    while (u->carry_len && used < len) {
        u->carry[u->carry_len] = p[used];
        int step = sequence(u->carry, u->carry_len + 1);
        if (step < 0) {
            u->carry_len = 0; /* the new byte is not part of it: looked at again */
            emit_replacement(u, out, skip);
            break;
        }
        used++;
        u->carry_len++;
        if (step > 0) {
            emit(u, u->carry, u->carry_len, 1, out, skip);
            u->carry_len = 0;
        }
    }
    return used;
}

void sq_utf8_feed(struct sq_utf8 *u, const void *data, size_t len, struct sq_buf *out,
                  int64_t *skip)
{
    const unsigned char *p = data;
    size_t i = complete_carry(u, p, len, out, skip);
    while (i < len) {
        int64_t chars;
        size_t n = valid_run(p + i, len - i, &chars);
        if (n)
            emit(u, p + i, n, chars, out, skip);
        i += n;
        if (i == len)
            return;
        n = decode_mixed(u, p + i, len - i, out, skip);
        i += n;
        if (n == 0) {
            u->carry_len = (unsigned)(len - i);
            memcpy(u->carry, p + i, len - i);
            return;
        }
    }
}

void sq_utf8_finish(struct sq_utf8 *u, struct sq_buf *out, int64_t *skip)
{
    if (u->carry_len)
        emit_replacement(u, out, skip);
    u->carry_len = 0;
}

bool sq_utf8_valid(const char *text, size_t len)
{
    int64_t chars;
    return valid_run((const unsigned char *)text, len, &chars) == len;
}

static bool starts_char(unsigned char c)
{
    return (c & 0xc0) != 0x80;
}

/* Number of 10xxxxxx bytes in a word. */
static size_t continuations(uint64_t w)
{
    uint64_t low = (w >> 7) & ~(w >> 6) & ONES;
    return (size_t)((low * ONES) >> 56);
}

size_t sq_utf8_count(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0, n = 0;
    for (; len - i >= 8; i += 8)
        n += 8 - continuations(load(p + i));
    for (; i < len; i++)
        n += starts_char(p[i]);
    return n;
}

size_t sq_utf8_bytes(const char *text, size_t len, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    for (; n > 8 && len - i >= 8; i += 8)
        n -= 8 - continuations(load(p + i));
    for (; i < len; i++)
        if (starts_char(p[i]) && n-- == 0)
            break;
    return i;
}
