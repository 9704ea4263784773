/* SHA-1 (FIPS 180-4), with which OVH wants its requests signed; of short texts. */
#include "providers/openstack/openstack.h"

#include <stdio.h>
#include <string.h>

static uint32_t turn(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

/* 6.1.2, one block of 64 bytes. */
static void block(uint32_t h[5], const unsigned char *b)
{
    uint32_t w[80], v[5];
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)b[4 * i] << 24 | (uint32_t)b[4 * i + 1] << 16 |
               (uint32_t)b[4 * i + 2] << 8 | b[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((v[1] & v[2]) | (~v[1] & v[3])) + 0x5a827999
                     : i < 40 ? (v[1] ^ v[2] ^ v[3]) + 0x6ed9eba1
                     : i < 60
                         ? ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])) + 0x8f1bbcdc
                         : (v[1] ^ v[2] ^ v[3]) + 0xca62c1d6;
        uint32_t next = turn(v[0], 5) + f + v[4] + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = turn(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (int i = 0; i < 5; i++)
        h[i] += v[i];
}

void sha1(const char *text, char ret[41])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char last[128] = {0};
    size_t len = strlen(text), whole = len / 64 * 64, rest = len - whole;
    size_t end = rest < 56 ? 64 : 128;
    for (size_t i = 0; i < whole; i += 64)
        block(h, (const unsigned char *)text + i);
    memcpy(last, text + whole, rest);
    last[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        last[end - 1 - (size_t)i] = (unsigned char)((uint64_t)len * 8 >> (8 * i));
    for (size_t i = 0; i < end; i += 64)
        block(h, last + i);
    for (int i = 0; i < 5; i++)
        snprintf(ret + 8 * i, 9, "%08x", (unsigned)h[i]);
}
