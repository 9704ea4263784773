/* When a machine sees, through Azure's metadata service, that it is taken back. */
#include "tests/contract/provider/azure_instance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct watch {
    struct sq_call call;
    struct sq_host *host;
    atomic_bool stop, ended;
    int rc;
    struct sq_err err;
};

static int is_stopped(const struct sq_call *call)
{
    return ((const struct watch *)call)->stop;
}

static void *watch(void *arg)
{
    struct watch *w = arg;
    w->rc = world.ops->watch(w->host, &w->call, &w->err);
    w->ended = true;
    return NULL;
}

static size_t asked(void)
{
    json_t *log = ask("/_mock/log"), *row;
    size_t i, n = 0;
    json_array_foreach(log, i, row)
    {
        n += strstr(json_string_value(json_array_get(row, 1)), "scheduledevents") !=
             NULL;
    }
    json_decref(log);
    return n;
}

static void wait_asked(size_t more)
{
    for (size_t from = asked(); asked() < from + more;)
        usleep(20000);
}

/* A reboot is none; a service that fails in between is asked again; then it comes. */
static void test_watch(void **state)
{
    (void)state;
    struct watch w = {.host = world.host,
                      .call = {.canceled = is_stopped, .cancel_fd = eventfd(0, 0)}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
    wait_asked(1);
    order("/_mock/act", "{\"do\": \"event\", \"type\": \"Reboot\", \"vm\": \"w1\"}");
    wait_asked(2);
    assert_false(w.ended);
    order("/_mock/act", "{\"do\": \"evict\", \"vm\": \"w1\"}");
    pthread_join(thread, NULL);
    OK(w.err, w.rc);
    close(w.call.cancel_fd);
    none_refused();
}

static void test_watch_trouble(void **state)
{
    (void)state;
    uint64_t one = 1;
    struct watch w = {.host = world.host,
                      .call = {.canceled = is_stopped, .cancel_fd = eventfd(0, 0)}};
    pthread_t thread;
    order("/_mock/faults", "[{\"match\": \"scheduledevents\", \"do\": \"status\", "
                           "\"status\": 500, \"times\": -1}]");
    assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
    while (asked() < 1)
        usleep(20000);
    w.stop = true;
    assert_int_equal(write(w.call.cancel_fd, &one, sizeof one), sizeof one);
    pthread_join(thread, NULL);
    assert_int_equal(w.rc, SQ_ECANCELED);
    close(w.call.cancel_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(watch),
        TEST(watch_trouble),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
