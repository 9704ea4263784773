/* Buffers: growth, the maximum, and the failure that sticks. */
#include "tests/test.h"

#include <string.h>

#include "lib/buf.h"

static void test_appends(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 1000);
    assert_null(b.data);
    sq_buf_add(&b, NULL, 0);
    assert_string_equal(b.data, "");
    sq_buf_adds(&b, "ab");
    sq_buf_addc(&b, 'c');
    sq_buf_addf(&b, "-%d-%s", 42, "x");
    sq_buf_add(&b, "\0z", 2);
    assert_true(sq_buf_ok(&b));
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.data, "abc-42-x\0z", 11);
}

static void test_long_formats_grow(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 100000);
    sq_buf_addf(&b, "%s%5000d%s", "<", 1, ">");
    assert_int_equal(b.len, 5002);
    assert_int_equal(b.data[5001], '>');
    assert_int_equal(strlen(b.data), 5002);
}

static void test_maximum_is_exact_and_sticks(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 5);
    sq_buf_adds(&b, "12345");
    assert_true(sq_buf_ok(&b));
    sq_buf_addc(&b, '6');
    assert_false(sq_buf_ok(&b));
    sq_buf_add(&b, "", 0);
    sq_buf_addf(&b, "x");
    assert_null(sq_buf_room(&b, 0));
    assert_string_equal(b.data, "12345");
    sq_buf_clear(&b);
    assert_true(sq_buf_ok(&b));
    sq_buf_addf(&b, "%s", "123456");
    assert_false(sq_buf_ok(&b));
    assert_string_equal(b.data, "");
}

static void test_huge_lengths_fail(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, SIZE_MAX);
    sq_buf_adds(&b, "x");
    assert_null(sq_buf_room(&b, SIZE_MAX - 1));
    assert_false(sq_buf_ok(&b));
    assert_string_equal(b.data, "x");
}

static void test_room(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 100);
    char *p = sq_buf_room(&b, 100);
    assert_non_null(p);
    memset(p, 'r', 100);
    b.len += 100;
    assert_int_equal(strlen(b.data), 100);
    assert_null(sq_buf_room(&b, 1));
}

static void test_consume(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 100);
    sq_buf_consume(&b, 3);
    assert_int_equal(b.len, 0);
    sq_buf_adds(&b, "abcdef");
    sq_buf_consume(&b, 2);
    assert_string_equal(b.data, "cdef");
    sq_buf_consume(&b, 99);
    assert_string_equal(b.data, "");
}

static void test_copied_by_and_by(void **state)
{
    (void)state;
    struct sq_buf b;
    char got[4] = "";
    size_t at = 0;
    sq_buf_init(&b, 100);
    assert_int_equal(sq_buf_copy(&b, &at, got, 3), 0);
    sq_buf_adds(&b, "abcde");
    assert_int_equal(sq_buf_copy(&b, &at, got, 3), 3);
    assert_string_equal(got, "abc");
    assert_int_equal(sq_buf_copy(&b, &at, got, 3), 2);
    assert_string_equal(got, "dec");
    assert_int_equal(sq_buf_copy(&b, &at, got, 3), 0);
    assert_int_equal(at, 5);
    sq_buf_fini(&b);
}

static void test_reused_after_fini(void **state)
{
    (void)state;
    struct sq_buf b;
    sq_buf_init(&b, 100);
    sq_buf_adds(&b, "x");
    sq_buf_fini(&b);
    sq_buf_fini(&b);
    sq_buf_init(&b, 100);
    sq_buf_adds(&b, "y");
    assert_string_equal(b.data, "y");
    sq_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_long_formats_grow),
        cmocka_unit_test(test_maximum_is_exact_and_sticks),
        cmocka_unit_test(test_huge_lengths_fail),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_copied_by_and_by),
        cmocka_unit_test(test_reused_after_fini),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
