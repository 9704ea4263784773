/* A test that hangs in its second case, for test_run.sh. */
#include "tests/test.h"

#include <unistd.h>

static void test_ends(void **state)
{
    (void)state;
}

static void test_hangs(void **state)
{
    (void)state;
    for (;;)
        pause();
}

static void test_skips(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_skips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
