/* MD5 as RFC 1321 gives it: four rounds of sixteen steps over blocks of 64 bytes.
 * The steps of a round differ by a table, so that each round is a short loop. */
#include <scitq/md5.h>

#include <string.h>

/* floor(2^32 * |sin(i + 1)|), RFC 1321 section 3.4. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
    0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
    0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
    0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
    0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
    0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
    0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
    0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
    0xeb86d391};

/* How far each step rotates: four for each round. */
static const unsigned char turns[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t word(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* Steps `first` to `first` + 15: `mix` is the round's function of b, c, d, and step i
 * takes word (mul * i + add) % 16. */
#define ROUND(round, mix, mul, add)                                                    \
    for (unsigned i = 0; i < 16; i++) {                                                \
        uint32_t sum = a + (mix) + x[(mul * i + add) % 16] + sines[16 * round + i];    \
        a = d;                                                                         \
        d = c;                                                                         \
        c = b;                                                                         \
        b += rotate(sum, turns[round][i % 4]);                                         \
    }

static void take_block(uint32_t state[4], const unsigned char *block)
{
    uint32_t x[16], a = state[0], b = state[1], c = state[2], d = state[3];
    for (unsigned i = 0; i < 16; i++)
        x[i] = word(block + 4 * i);
    ROUND(0, (b & c) | (~b & d), 1, 0)
    ROUND(1, (b & d) | (c & ~d), 5, 1)
    ROUND(2, b ^ c ^ d, 3, 5)
    ROUND(3, c ^ (b | ~d), 7, 0)
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void sq_md5_init(struct sq_md5 *m)
{
    *m = (struct sq_md5){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

void sq_md5_add(struct sq_md5 *m, const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t have = m->total_bytes % 64;
    m->total_bytes += len;
    if (have) {
        size_t n = len < 64 - have ? len : 64 - have;
        memcpy(m->block + have, p, n);
        p += n;
        len -= n;
        if (have + n < 64)
            return;
        take_block(m->state, m->block);
    }
    for (; len >= 64; p += 64, len -= 64)
        take_block(m->state, p);
    if (len)
        memcpy(m->block, p, len);
}

void sq_md5_end(struct sq_md5 *m, char ret[33])
{
    static const unsigned char padding[64] = {0x80};
    static const char digits[] = "0123456789abcdef";
    unsigned char length[8];
    uint64_t bits = m->total_bytes * 8;
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (8 * i));
    size_t have = m->total_bytes % 64;
    sq_md5_add(m, padding, have < 56 ? 56 - have : 120 - have);
    sq_md5_add(m, length, sizeof length);
    for (int i = 0; i < 16; i++) {
        unsigned byte = m->state[i / 4] >> (8 * (i % 4)) & 0xff;
        ret[2 * i] = digits[byte >> 4];
        ret[2 * i + 1] = digits[byte & 15];
    }
    ret[32] = 0;
}
