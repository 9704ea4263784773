/* Errors: codes, sentences, prefixes. */
#include "tests/test.h"

#include <string.h>

static void test_fail_fills_and_returns(void **state)
{
    (void)state;
    struct sq_err err = {0};
    assert_int_equal(sq_fail(&err, SQ_EIO, "cannot read %s: %s", "f", "gone"), SQ_EIO);
    assert_int_equal(err.code, SQ_EIO);
    assert_string_equal(err.text, "cannot read f: gone");
    assert_int_equal(sq_fail(NULL, SQ_EINVAL, "x"), SQ_EINVAL);
}

static void test_fail_may_use_its_own_text(void **state)
{
    (void)state;
    struct sq_err err = {0};
    sq_fail(&err, SQ_EIO, "inner");
    sq_fail(&err, SQ_EINVAL, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
}

static void test_prefix_cuts_but_never_overflows(void **state)
{
    (void)state;
    struct sq_err err = {0};
    char words[600];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = 0;
    sq_fail(&err, SQ_EIO, "%s", words);
    assert_int_equal(sq_prefix(&err, "reading %d: ", 7), SQ_EIO);
    assert_memory_equal(err.text, "reading 7: xxx", 14);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void test_every_code_has_its_row(void **state)
{
    (void)state;
    for (int code = 0; code >= SQ_ECAPACITY; code--)
        assert_string_not_equal(sq_code_name(code), "SQ_E?");
    assert_string_equal(sq_code_name(1), "SQ_E?");
    assert_string_equal(sq_code_name(SQ_ECAPACITY - 1), "SQ_E?");
    assert_int_equal(sq_code_http(SQ_ENOENT), 404);
    assert_int_equal(sq_code_http(-999), 500);
    assert_true(sq_code_retryable(SQ_EBUSY));
    assert_false(sq_code_retryable(SQ_EINVAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills_and_returns),
        cmocka_unit_test(test_fail_may_use_its_own_text),
        cmocka_unit_test(test_prefix_cuts_but_never_overflows),
        cmocka_unit_test(test_every_code_has_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
