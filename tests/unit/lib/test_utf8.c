/* The UTF-8 decoder, against a table and against a slow reference: one that decodes by
 * trying, and finds maximal subparts by trying every way to complete them. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"
#include "tests/unit/lib/rng.h"

#define FFFD "\xEF\xBF\xBD"

static void decode(const char *in, size_t len, struct sq_buf *out)
{
    struct sq_utf8 u = {0};
    sq_utf8_feed(&u, in, len, out, NULL);
    sq_utf8_finish(&u, out, NULL);
}

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } rows[] = {
        {"", 0, ""},
        {"plain", 5, "plain"},
        {"a\0b\0", 4, "ab"},
        {"h\xC3\xA9", 3, "h\xC3\xA9"},
        {"\xE2\x82\xAC\xF0\x9F\x98\x80", 7, "\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\xFF", 1, FFFD},
        {"\x80\xBF", 2, FFFD FFFD},
        {"\xC0\x80", 2, FFFD FFFD},
        {"\xC1\xBF", 2, FFFD FFFD},
        {"\xE0\x80\x80", 3, FFFD FFFD FFFD},
        {"\xED\xA0\x80", 3, FFFD FFFD FFFD},
        {"\xF4\x90\x80\x80", 4, FFFD FFFD FFFD FFFD},
        {"\xF5\x80", 2, FFFD FFFD},
        {"\xE2\x82", 2, FFFD},
        {"\xF0\x9F\x98", 3, FFFD},
        {"\xE2\x82"
         "A",
         3, FFFD "A"},
        {"\xE2\x82\0", 3, FFFD},
        {"\xC3\xC3\xA9", 3, FFFD "\xC3\xA9"},
        /* Unicode 15, table 3-8. */
        {"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", 13,
         "a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d"},
        /* Table 3-11: truncated sequences. */
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", 9, FFFD FFFD FFFD FFFD "A"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf out;
        sq_buf_init(&out, 100);
        sq_buf_adds(&out, "");
        decode(rows[i].in, rows[i].len, &out);
        if (strcmp(out.data, rows[i].out) != 0)
            fail_msg("row %zu", i);
    }
}

/* The code point of exactly len bytes, or -1. */
static long slow_code(const unsigned char *p, int len)
{
    static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07},
                               lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    long code = p[0] & mask[len];
    if ((p[0] & (unsigned char)~mask[len]) != lead[len])
        return -1;
    for (int i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return -1;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return -1;
    return code;
}

/* Could these bytes begin a valid sequence of `total` bytes? */
static bool slow_completes(const unsigned char *p, int have, int total)
{
    static const unsigned char ends[] = {0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf};
    unsigned char s[4] = {0};
    memcpy(s, p, (size_t)have);
    if (have == total)
        return slow_code(s, total) >= 0;
    for (size_t i = 0; i < sizeof ends; i++) {
        s[have] = ends[i];
        if (slow_completes(s, have + 1, total))
            return true;
    }
    return false;
}

/* Bytes of the valid sequence at p (*ret_valid), or of the maximal subpart. */
static size_t slow_step(const unsigned char *p, size_t len, bool *ret_valid)
{
    size_t best = 1;
    for (int n = 1; n <= 4 && (size_t)n <= len; n++)
        if (slow_code(p, n) >= 0) {
            *ret_valid = true;
            return (size_t)n;
        }
    *ret_valid = false;
    for (int have = 2; have <= 3 && (size_t)have <= len; have++)
        for (int total = have + 1; total <= 4; total++)
            if (slow_completes(p, have, total))
                best = (size_t)have;
    return best;
}

static void slow_decode(const unsigned char *p, size_t len, struct sq_buf *out,
                        int64_t *chars, int64_t skip)
{
    *chars = 0;
    for (size_t i = 0; i < len;) {
        bool valid;
        size_t n = slow_step(p + i, len - i, &valid);
        bool dropped = valid && p[i] == 0;
        if (!dropped && ++*chars > skip)
            sq_buf_add(out, valid ? (const char *)p + i : FFFD, valid ? n : 3);
        i += n;
    }
}

/* Bytes that meet the decoder's limits more often than chance would. */
static size_t random_bytes(struct rng *r, unsigned char *p, size_t max)
{
    static const unsigned char odd[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                        0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                        0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    size_t len = rng_below(r, max), i = 0;
    while (i < len) {
        size_t run = rng_below(r, rng_below(r, 4) ? 4 : 60);
        size_t kind = rng_below(r, 3);
        for (; run && i < len; run--, i++)
            p[i] = kind == 0   ? (unsigned char)('a' + rng_below(r, 26))
                   : kind == 1 ? odd[rng_below(r, sizeof odd)]
                               : (unsigned char)rng_below(r, 256);
    }
    return len;
}

/* In chunks of any sizes, with any skip, the same as the reference. */
static void test_random_bytes_agree_with_reference(void **state)
{
    (void)state;
    struct rng r = {1};
    unsigned char in[400];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf fast, slow;
    sq_buf_init(&fast, 4000);
    sq_buf_init(&slow, 4000);
    for (int round = 0; round < 30000; round++) {
        size_t len = random_bytes(&r, in, sizeof in);
        int64_t chars, skip = rng_below(&r, 2) ? (int64_t)rng_below(&r, 200) : 0;
        int64_t left = skip;
        sq_buf_clear(&fast);
        sq_buf_clear(&slow);
        slow_decode(in, len, &slow, &chars, skip);
        struct sq_utf8 u = {0};
        size_t piece = 1 + rng_below(&r, rng_below(&r, 2) ? 5 : 400);
        for (size_t i = 0; i < len; i += piece)
            sq_utf8_feed(&u, in + i, len - i < piece ? len - i : piece, &fast, &left);
        sq_utf8_finish(&u, &fast, &left);
        assert_int_equal(u.chars, chars);
        assert_int_equal(left, skip > chars ? skip - chars : 0);
        assert_int_equal(fast.len, slow.len);
        if (fast.len)
            assert_memory_equal(fast.data, slow.data, fast.len);
    }
}

/* Only counting (no buffer) counts the same; valid, count and bytes agree with it. */
static void test_random_counts(void **state)
{
    (void)state;
    struct rng r = {2};
    unsigned char in[300];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text, again;
    sq_buf_init(&text, 4000);
    sq_buf_init(&again, 4000);
    for (int round = 0; round < 20000; round++) {
        size_t len = random_bytes(&r, in, sizeof in);
        int64_t chars;
        sq_buf_clear(&text);
        sq_buf_clear(&again);
        sq_buf_adds(&text, "");
        slow_decode(in, len, &text, &chars, 0);
        struct sq_utf8 u = {0};
        sq_utf8_feed(&u, in, len, NULL, NULL);
        sq_utf8_finish(&u, NULL, NULL);
        assert_int_equal(u.chars, chars);
        bool same = text.len == len && memcmp(text.data, in, len) == 0;
        assert_int_equal(sq_utf8_valid((char *)in, len), same);
        assert_true(sq_utf8_valid(text.data, text.len));
        assert_int_equal(sq_utf8_count(text.data, text.len), chars);
        size_t n = rng_below(&r, (size_t)chars + 10);
        size_t bytes = sq_utf8_bytes(text.data, text.len, n);
        size_t most = (size_t)chars;
        assert_int_equal(sq_utf8_count(text.data, bytes), n < most ? n : most);
        decode(text.data, text.len, &again);
        assert_int_equal(again.len, text.len);
    }
}

/* Every sequence of three bytes among those that matter, alone. */
static void test_all_short_sequences(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 1 << 24; v += v % 256 < 0x70 ? 0x70 : 1) {
        unsigned char p[3] = {(unsigned char)(v >> 16), (unsigned char)(v >> 8),
                              (unsigned char)v};
        bool valid = false;
        int n = sq_utf8_sequence(p, 3);
        if (p[0] < 0xf0) {
            size_t slow = slow_step(p, 3, &valid);
            if (n != (valid ? (int)slow : -(int)slow))
                fail_msg("%06x: %d, not %zu", v, n, slow);
        } else if (n > 0) {
            fail_msg("%06x is no whole sequence", v);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_random_bytes_agree_with_reference),
        cmocka_unit_test(test_random_counts),
        cmocka_unit_test(test_all_short_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
