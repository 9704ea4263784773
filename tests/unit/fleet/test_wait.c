/* A job that waits for time to pass is ended at once: whoever deletes a worker whose
 * deployment pauses before another try does not wait for that try. */
#include "tests/test.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/fleet/impl.h"

enum { LONG_MS = 3600000 };

struct waiter {
    struct sq_running r;
    atomic_int tid;
    int result;
    struct sq_err err;
};

static void *wait_long(void *arg)
{
    struct waiter *w = arg;
    w->tid = gettid();
    w->result = sq_fleet_wait(&w->r, LONG_MS, &w->err);
    return NULL;
}

static bool sleeps(int tid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *f = fopen(path, "re");
    bool any = f && fgets(line, sizeof line, f);
    if (f)
        fclose(f);
    return any && strstr(line, ") S ");
}

static void test_end(void **state)
{
    struct sq_fleet f = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct waiter w = {.r = {.fleet = &f, .call = {.cancel_fd = eventfd(0, 0)}}};
    pthread_condattr_t attr;
    pthread_t thread;
    (void)state;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&f.wake, &attr);
    assert_int_equal(pthread_create(&thread, NULL, wait_long, &w), 0);
    while (!w.tid || !sleeps(w.tid))
        sched_yield();
    sq_fleet_end(&w.r, SQ_END_DESTROY);
    sq_fleet_end(&w.r, SQ_END_LATE);
    pthread_join(thread, NULL);
    assert_int_equal(w.result, SQ_ECANCELED);
    assert_int_equal(w.r.end, SQ_END_DESTROY);
    pthread_cond_destroy(&f.wake);
    pthread_condattr_destroy(&attr);
    close(w.r.call.cancel_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_end)};
    return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
