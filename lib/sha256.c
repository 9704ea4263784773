/* SHA-256 as FIPS 180-4 gives it: 64 steps over blocks of 64 bytes.  What is hashed
 * here is short, so that the last blocks, with their padding, are made on the stack. */
#include "lib/sha256.h"

#include <string.h>

enum { BLOCK = 64 };

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes,
 * FIPS 180-4 section 4.2.2. */
static const uint32_t roots[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void expand(const unsigned char *block, uint32_t w[64])
{
    for (unsigned i = 0; i < 16; i++, block += 4)
        w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
               (uint32_t)block[2] << 8 | block[3];
    for (unsigned i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
}

static void take_block(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[64], s[8];
    expand(block, w);
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t a = s[0], e = s[4];
        uint32_t one = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                       ((e & s[5]) ^ (~e & s[6])) + roots[i] + w[i];
        uint32_t two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                       ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += s[i];
}

/* `state` has taken `before` bytes, whole blocks. */
static void finish(uint32_t state[8], const unsigned char *rest, size_t len,
                   uint64_t before, unsigned char *ret)
{
    unsigned char last[2 * BLOCK] = {0};
    uint64_t bits = (before + len) * 8;
    for (; len >= BLOCK; rest += BLOCK, len -= BLOCK)
        take_block(state, rest);
    memcpy(last, rest, len);
    last[len] = 0x80;
    size_t end = len < BLOCK - 8 ? BLOCK : sizeof last;
    for (unsigned i = 0; i < 8; i++)
        last[end - 1 - i] = (unsigned char)(bits >> 8 * i);
    for (size_t at = 0; at < end; at += BLOCK)
        take_block(state, last + at);
    for (unsigned i = 0; i < SQ_SHA256_BYTES; i++)
        ret[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
    explicit_bzero(last, sizeof last);
}

/* The first 32 bits of the fractional parts of the square roots of the first 8 primes.
 */
static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void sq_sha256(const void *data, size_t len, unsigned char ret[SQ_SHA256_BYTES])
{
    uint32_t state[8];
    memcpy(state, start, sizeof state);
    finish(state, data, len, 0, ret);
}

/* Hash `data` after a block of the key, each byte of which is mixed with `pad`. */
static void keyed(const unsigned char key[BLOCK], unsigned char pad, const void *data,
                  size_t len, unsigned char *ret)
{
    unsigned char block[BLOCK];
    uint32_t state[8];
    memcpy(state, start, sizeof state);
    for (unsigned i = 0; i < BLOCK; i++)
        block[i] = key[i] ^ pad;
    take_block(state, block);
    finish(state, data, len, BLOCK, ret);
    explicit_bzero(block, sizeof block);
}

void sq_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    unsigned char ret[SQ_SHA256_BYTES])
{
    unsigned char padded[BLOCK] = {0}, inner[SQ_SHA256_BYTES];
    if (key_len > BLOCK)
        sq_sha256(key, key_len, padded);
    else
        memcpy(padded, key, key_len);
    keyed(padded, 0x36, data, len, inner);
    keyed(padded, 0x5c, inner, sizeof inner, ret);
    explicit_bzero(padded, sizeof padded);
}

bool sq_same_bytes(const void *a, const void *b, size_t len)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char differ = 0;
    for (size_t i = 0; i < len; i++)
        differ |= x[i] ^ y[i];
    return differ == 0;
}
