/* rclone keeps passwords out of sight, not secret: base64 (RFC 4648, the alphabet for
 * URLs, no padding) of 16 bytes and of the password under AES-256 in counter mode (FIPS
 * 197, NIST SP 800-38A), with a key that is the same everywhere and these 16 bytes as
 * first counter (fs/config/obscure of rclone).  We undo it only to know what to hide,
 * and need a dozen blocks of AES at most: no table but the S-box, which is computed. */
#include "plugins/rclone/reveal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16, KEY = 32, ROUNDS = 14, OBSCURED_MAX = 4096 };

static const uint8_t rclone_key[KEY] = {0x9c, 0x93, 0x5b, 0x48, 0x73, 0x0a, 0x55, 0x4d,
                                        0x6b, 0xfd, 0x7c, 0x63, 0xc8, 0x86, 0xa9, 0x2b,
                                        0xd3, 0x90, 0x19, 0x8e, 0xb8, 0x12, 0x8a, 0xfb,
                                        0xf4, 0xde, 0x16, 0x2b, 0x8b, 0x95, 0xf6, 0x38};

struct aes {
    uint8_t box[256];
    uint8_t keys[(ROUNDS + 1) * BLOCK];
};

static uint8_t twice(uint8_t x)
{
    return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

static uint8_t turned(uint8_t x, int by)
{
    return (uint8_t)(x << by | x >> (8 - by));
}

/* FIPS 197, 5.1.1: the inverse of x in GF(2^8), as a power of 3 and of 3's inverse. */
static void make_box(uint8_t box[256])
{
    uint8_t p = 1, q = 1;
    do {
        p = (uint8_t)(p ^ twice(p)); /* times 3 */
        q = (uint8_t)(q ^ q << 1);   /* divided by 3 */
        q = (uint8_t)(q ^ q << 2);
        q = (uint8_t)(q ^ q << 4);
        if (q & 0x80)
            q ^= 0x09;
        box[p] = (uint8_t)(q ^ turned(q, 1) ^ turned(q, 2) ^ turned(q, 3) ^
                           turned(q, 4) ^ 0x63);
    } while (p != 1);
    box[0] = 0x63;
}

/* FIPS 197, 5.2. */
static void make_keys(struct aes *a)
{
    uint8_t *k = a->keys, round = 1;
    size_t i, j;
    memcpy(k, rclone_key, KEY);
    for (i = KEY; i < sizeof a->keys; i += 4) {
        uint8_t word[4];
        memcpy(word, k + i - 4, 4);
        if (i % KEY == 0) {
            uint8_t first = word[0];
            memmove(word, word + 1, 3);
            word[3] = first;
        }
        for (j = 0; j < 4 && i % BLOCK == 0; j++)
            word[j] = a->box[word[j]];
        if (i % KEY == 0) {
            word[0] ^= round;
            round = twice(round);
        }
        for (j = 0; j < 4; j++)
            k[i + j] = k[i + j - KEY] ^ word[j];
    }
}

static void mix_column(uint8_t c[4])
{
    uint8_t all = c[0] ^ c[1] ^ c[2] ^ c[3], first = c[0];
    int i;
    for (i = 0; i < 4; i++)
        c[i] ^= all ^ twice(c[i] ^ (i < 3 ? c[i + 1] : first));
}

/* FIPS 197, 5.1. */
static void encrypt(const struct aes *a, const uint8_t in[BLOCK], uint8_t out[BLOCK])
{
    uint8_t s[BLOCK], t[BLOCK];
    int round, i;
    for (i = 0; i < BLOCK; i++)
        s[i] = in[i] ^ a->keys[i];
    for (round = 1; round <= ROUNDS; round++) {
        for (i = 0; i < BLOCK; i++)
            t[i] = a->box[s[(i + 4 * (i % 4)) % BLOCK]]; /* and the rows shifted */
        for (i = 0; i < BLOCK && round < ROUNDS; i += 4)
            mix_column(t + i);
        for (i = 0; i < BLOCK; i++)
            s[i] = t[i] ^ a->keys[round * BLOCK + i];
    }
    memcpy(out, s, BLOCK);
}

/* The bytes of base64, or -1. */
static int decode(const char *text, size_t len, uint8_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789-_";
    unsigned bits = 0, n_bits = 0;
    int n = 0;
    size_t i;
    for (i = 0; i < len; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return -1;
        bits = bits << 6 | (unsigned)(digit - digits);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    return n;
}

char *reveal(const char *obscured, size_t len)
{
    uint8_t bytes[OBSCURED_MAX], pad[BLOCK];
    struct aes aes;
    int n, i, j;
    n = len < sizeof bytes ? decode(obscured, len, bytes) : -1;
    if (n <= BLOCK)
        return NULL;
    make_box(aes.box);
    make_keys(&aes);
    for (i = BLOCK; i < n; i++) {
        if (i % BLOCK == 0) {
            encrypt(&aes, bytes, pad);
            for (j = BLOCK - 1; j >= 0 && ++bytes[j] == 0; j--)
                ;
        }
        bytes[i] ^= pad[i % BLOCK];
    }
    return strndup((const char *)bytes + BLOCK, (size_t)(n - BLOCK));
}
