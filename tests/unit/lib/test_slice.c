/* Slices: asked for, inherited, given back; kernels without them change nothing. */
#include "tests/test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/slice.h"

/* Of the calling thread, in nanoseconds; 0: the kernel has none to tell. */
static uint64_t slice(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } a = {0};
    assert_int_equal(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0), 0);
    return a.runtime_ns;
}

static void *slice_of_thread(void *arg)
{
    *(uint64_t *)arg = slice();
    return NULL;
}

static void test_short_and_back(void **state)
{
    (void)state;
    uint64_t before = slice(), inherited;
    pthread_t thread;
    if (before == 0)
        skip();
    sq_slice_shorten();
    assert_int_equal(slice(), 100000);
    assert_int_equal(pthread_create(&thread, NULL, slice_of_thread, &inherited), 0);
    pthread_join(thread, NULL);
    assert_int_equal(inherited, 100000);
    sq_slice_restore();
    assert_int_equal(slice(), before);
}

static void test_nice_and_policy_are_kept(void **state)
{
    (void)state;
    const struct sched_param none = {0};
    int nice = getpriority(PRIO_PROCESS, 0) + 3;
    if (nice > 19)
        nice = 19; /* there is no more */
    assert_int_equal(setpriority(PRIO_PROCESS, 0, nice), 0);
    sq_slice_shorten();
    assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    sq_slice_shorten();
    assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_and_back),
        cmocka_unit_test(test_nice_and_policy_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
