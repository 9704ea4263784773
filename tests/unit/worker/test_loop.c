/* The loop: timers in order, watches that stop each other, signals. */
#include "tests/test.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "worker/loop.h"

static struct sq_loop loop;
static char order[64];

static int make_loop(void **state)
{
    memset(order, 0, sizeof order);
    return sq_loop_init(&loop, NULL);
}

static int end_loop(void **state)
{
    sq_loop_fini(&loop);
    return 0;
}

static void note(void *arg)
{
    strcat(order, arg);
}

static void stop(void *arg)
{
    sq_loop_stop(&loop);
}

static void run(void)
{
    struct sq_err err;
    loop.stopped = false;
    OK(err, sq_loop_run(&loop, &err));
}

static void test_timers_in_order(void **state)
{
    struct sq_timer a = {.fn = note, .arg = (char[]){"a"}},
                    b = {.fn = note, .arg = (char[]){"b"}},
                    c = {.fn = note, .arg = (char[]){"c"}},
                    d = {.fn = note, .arg = (char[]){"d"}}, end = {.fn = stop};
    sq_timer_set(&loop, &b, 2000);
    sq_timer_set(&loop, &a, 1000);
    sq_timer_set(&loop, &c, 1);
    sq_timer_set(&loop, &c, 3000); /* replaces */
    sq_timer_set(&loop, &d, 500);
    sq_timer_stop(&loop, &d);
    sq_timer_stop(&loop, &d);
    sq_timer_set(&loop, &end, 4000);
    run();
    assert_string_equal(order, "abc");
    assert_int_equal(a.due, 0);
}

static void test_hasten_never_delays(void **state)
{
    struct sq_timer a = {.fn = note, .arg = (char[]){"a"}},
                    b = {.fn = note, .arg = (char[]){"b"}}, end = {.fn = stop};
    sq_timer_set(&loop, &a, 1000);
    sq_timer_hasten(&loop, &a, 60000000);
    sq_timer_set(&loop, &b, 60000000);
    sq_timer_hasten(&loop, &b, 2000);
    sq_timer_set(&loop, &end, 3000);
    run();
    assert_string_equal(order, "ab");
}

static struct sq_watch first, second;
static void stop_the_other(void *arg, unsigned events)
{
    strcat(order, "x");
    sq_loop_unwatch(&loop, arg);
    sq_loop_stop(&loop);
}

/* Both are ready in the same batch; whichever comes first stops the other, which must
 * not be called any more. */
static void test_a_stopped_watch_is_not_called(void **state)
{
    int p[2], q[2];
    struct sq_err err;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(pipe(q), 0);
    first = (struct sq_watch){-1, stop_the_other, &second};
    second = (struct sq_watch){-1, stop_the_other, &first};
    OK(err, sq_loop_watch(&loop, &first, p[0], EPOLLIN, &err));
    OK(err, sq_loop_watch(&loop, &second, q[0], EPOLLIN, &err));
    assert_int_equal(write(p[1], "1", 1) + write(q[1], "1", 1), 2);
    run();
    assert_string_equal(order, "x");
    assert_int_equal((first.fd < 0) + (second.fd < 0), 1);
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(q[i]);
    }
}

static void test_a_bad_descriptor(void **state)
{
    struct sq_watch w = {-1, stop_the_other, NULL};
    struct sq_err err;
    assert_int_equal(sq_loop_watch(&loop, &w, 9999, EPOLLIN, &err), SQ_EIO);
    assert_int_equal(w.fd, -1);
}

static void on_signal(void *arg, int signal)
{
    strcat(order, signal == SIGUSR1 ? "u" : "?");
    sq_loop_stop(&loop);
}

static void test_signals_come_from_the_loop(void **state)
{
    sigset_t set;
    struct sq_err err;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(err, sq_loop_signals(&loop, &set, on_signal, NULL, &err));
    raise(SIGUSR1);
    assert_string_equal(order, "");
    run();
    assert_string_equal(order, "u");
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, make_loop, end_loop)
    const struct CMUnitTest tests[] = {
        ONE(test_timers_in_order),
        ONE(test_hasten_never_delays),
        ONE(test_a_stopped_watch_is_not_called),
        ONE(test_a_bad_descriptor),
        ONE(test_signals_come_from_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
