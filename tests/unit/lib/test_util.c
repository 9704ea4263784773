/* Scope cleanup: what is released, and that errno survives it. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/util.h"

static void test_close_at_scope_end(void **state)
{
    (void)state;
    int kept;
    {
        SQ_CLEANUP(sq_closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        kept = fd;
    }
    assert_int_equal(fcntl(kept, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
}

static void test_errno_survives(void **state)
{
    (void)state;
    int bad = 999999, none = -1;
    char *p = malloc(10), *null = NULL;
    errno = ENOSPC;
    sq_closep(&bad);
    sq_closep(&none);
    sq_freep(&p);
    sq_freep(&null);
    assert_int_equal(errno, ENOSPC);
}

static void test_len(void **state)
{
    (void)state;
    int three[3];
    assert_int_equal(SQ_LEN(three), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_at_scope_end),
        cmocka_unit_test(test_errno_survives),
        cmocka_unit_test(test_len),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
