/* Base64 both ways.  Decoding is strict: padding only at the end, unused bits zero, no
 * white space; so each value has exactly one text. */
#include "lib/base64.h"

#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void sq_base64_encode(const void *data, size_t len, struct sq_buf *out)
{
    const unsigned char *p = data;
    if (len > SIZE_MAX / 4 * 3 - 3) {
        out->failed = true;
        return;
    }
    size_t text_len = (len + 2) / 3 * 4;
    char *to = sq_buf_room(out, text_len);
    if (!to)
        return;
    out->len += text_len;
    for (; len >= 3; len -= 3, p += 3, to += 4) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        to[0] = alphabet[v >> 18];
        to[1] = alphabet[v >> 12 & 63];
        to[2] = alphabet[v >> 6 & 63];
        to[3] = alphabet[v & 63];
    }
    if (len == 0)
        return;
    uint32_t v = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);
    to[0] = alphabet[v >> 18];
    to[1] = alphabet[v >> 12 & 63];
    to[2] = len == 2 ? alphabet[v >> 6 & 63] : '=';
    to[3] = '=';
}

/* Value of each character; BAD has a bit that no value has. */
enum { BAD = 0x80 };
#define B BAD
static const unsigned char values[256] = {
    /* clang-format off */
    B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B, B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,
    B,B,B,B,B,B,B,B,B,B,B,62,B,B,B,63, 52,53,54,55,56,57,58,59,60,61,B,B,B,B,B,B,
    B,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14, 15,16,17,18,19,20,21,22,23,24,25,B,B,B,B,B,
    B,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,
    41,42,43,44,45,46,47,48,49,50,51,B,B,B,B,B,
    B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B, B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,
    B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B, B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,
    B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B, B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,
    B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B, B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,B,
    /* clang-format on */
};
#undef B

/* The last four characters: 1 to 3 bytes; -1 when they are not exact. */
static int decode_last(const unsigned char *p, char *to)
{
    int pad = p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;
    unsigned a = values[p[0]], b = values[p[1]];
    unsigned c = pad < 2 ? values[p[2]] : 0, d = pad < 1 ? values[p[3]] : 0;
    if ((a | b | c | d) & BAD)
        return -1;
    uint32_t v = a << 18 | b << 12 | c << 6 | d;
    if (v & ((1u << 8 * pad) - 1))
        return -1;
    for (int i = 0; i < 3 - pad; i++)
        to[i] = (char)(v >> (16 - 8 * i));
    return 3 - pad;
}

bool sq_base64_decode(const char *text, size_t len, struct sq_buf *out)
{
    const unsigned char *p = (const unsigned char *)text;
    if (len % 4 != 0)
        return false;
    sq_buf_add(out, "", 0);
    if (len == 0)
        return sq_buf_ok(out);
    size_t pad = p[len - 1] != '=' ? 0 : p[len - 2] != '=' ? 1 : 2;
    char *to = sq_buf_room(out, len / 4 * 3 - pad), *start = to;
    if (!to)
        return false;
    unsigned bad = 0;
    for (const unsigned char *last = p + len - 4; p < last; p += 4, to += 3) {
        unsigned a = values[p[0]], b = values[p[1]], c = values[p[2]], d = values[p[3]];
        bad |= a | b | c | d;
        to[0] = (char)(a << 2 | b >> 4);
        to[1] = (char)(b << 4 | c >> 2);
        to[2] = (char)(c << 6 | d);
    }
    int n = decode_last(p, to);
    if (n < 0 || bad & BAD)
        return false;
    out->len += (size_t)(to - start) + (size_t)n;
    return true;
}
