/* Base64: RFC 4648's vectors, what is not exact, and a bit-by-bit reference. */
#include "tests/test.h"

#include <string.h>

#include "lib/base64.h"
#include "tests/unit/lib/rng.h"

static void test_rfc_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *data, *text;
    } rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79"},
        {"\xfb\xef", "++8="},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        sq_buf_init(&b, 100);
        sq_base64_encode(rows[i].data, strlen(rows[i].data), &b);
        assert_string_equal(b.data, rows[i].text);
        sq_buf_clear(&b);
        assert_true(sq_base64_decode(rows[i].text, strlen(rows[i].text), &b));
        assert_string_equal(b.data, rows[i].data);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "Z",        "Zg",   "Zg=",      "====", "Z===", "Zh==", "Zm9=",   "Zg==Zg==",
        "Zm9v\nZg", "Zm 9", "Zm9v====", "Z=g=", "=Zg=", "Zm-_", "Zg==\n", "\xc3\xa9Zg",
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        sq_buf_init(&b, 100);
        if (sq_base64_decode(rows[i], strlen(rows[i]), &b))
            fail_msg("\"%s\" was accepted", rows[i]);
    }
}

static void test_limits(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 8);
    sq_base64_encode("123456", 6, &b);
    assert_true(sq_buf_ok(&b));
    sq_base64_encode("1", 1, &b);
    assert_false(sq_buf_ok(&b));
    sq_buf_clear(&b);
    sq_base64_encode("", SIZE_MAX, &b);
    assert_false(sq_buf_ok(&b));
    sq_buf_clear(&b);
    assert_false(sq_base64_decode("MTIzNDU2Nzg5", 12, &b));
    sq_buf_clear(&b);
    assert_true(sq_base64_decode("MTIzNDU2Nzg=", 12, &b));
    assert_string_equal(b.data, "12345678");
}

/* Six bits at a time, one bit at a time. */
static void slow_encode(const unsigned char *p, size_t len, struct sq_buf *out)
{
    static const char set[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned v = 0;
        for (size_t k = bit; k < bit + 6; k++)
            v = v << 1 | (k < len * 8 ? p[k / 8] >> (7 - k % 8) & 1u : 0u);
        sq_buf_addc(out, set[v]);
    }
    while (out->len % 4)
        sq_buf_addc(out, '=');
}

static void test_random_data(void **state)
{
    (void)state;
    struct rng r = {3};
    unsigned char data[200];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf fast, slow, back;
    sq_buf_init(&fast, 1000);
    sq_buf_init(&slow, 1000);
    sq_buf_init(&back, 1000);
    for (int round = 0; round < 20000; round++) {
        size_t len = rng_below(&r, sizeof data);
        for (size_t i = 0; i < len; i++)
            data[i] = (unsigned char)rng_below(&r, 256);
        sq_buf_clear(&fast);
        sq_buf_clear(&slow);
        sq_buf_clear(&back);
        sq_base64_encode(data, len, &fast);
        sq_buf_adds(&slow, "");
        slow_encode(data, len, &slow);
        assert_string_equal(fast.data, slow.data);
        assert_true(sq_base64_decode(fast.data, fast.len, &back));
        assert_int_equal(back.len, len);
        assert_memory_equal(back.data, data, len);
    }
}

/* Whatever is accepted is the one text of what it decodes to. */
static void test_random_texts(void **state)
{
    (void)state;
    static const char set[] = "AQgwZm9v+/=AQgw4=";
    struct rng r = {4};
    int accepted = 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf data, again;
    sq_buf_init(&data, 100);
    sq_buf_init(&again, 100);
    for (int round = 0; round < 100000; round++) {
        char text[13];
        size_t len = rng_below(&r, sizeof text);
        for (size_t i = 0; i < len; i++)
            text[i] = set[rng_below(&r, sizeof set - 1)];
        text[len] = 0;
        sq_buf_clear(&data);
        sq_buf_clear(&again);
        if (!sq_base64_decode(text, len, &data))
            continue;
        accepted++;
        sq_base64_encode(data.data, data.len, &again);
        assert_string_equal(again.data, text);
    }
    assert_true(accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_vectors),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_random_data),
        cmocka_unit_test(test_random_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
