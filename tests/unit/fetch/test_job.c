/* Jobs: retries that help and those that do not, stops and their reasons, crews. */
#include "tests/test.h"

#include <poll.h>
#include <string.h>

#include "cli/fetch/bar.h"
#include "cli/fetch/job.h"
#include "cli/fetch/watch.h"
#include "lib/clock.h"

struct tries {
    struct sq_job *job;
    int code, fail, n; /* fails that often, with that code */
    enum sq_stop stop; /* the first try is stopped so */
};

static int once(void *arg, struct sq_err *err)
{
    struct tries *t = arg;
    t->n++;
    if (t->stop)
        sq_job_stop(t->job, t->stop);
    return t->n > t->fail ? 0 : sq_fail(err, t->code, "try %d", t->n);
}

static void test_retry(void **state)
{
    (void)state;
    static const struct {
        int code, fail;
        enum sq_stop stop;
        int want, tries;
    } rows[] = {
        {SQ_EIO, 0, 0, 0, 1},
        {SQ_EIO, 1, 0, 0, 2},
        {SQ_ENOENT, 9, 0, SQ_ENOENT, 1},
        {SQ_EAUTH, 9, 0, SQ_EAUTH, 1},
        {SQ_ENOSPC, 9, 0, SQ_ENOSPC, 1},
        {SQ_EUNSUPPORTED, 9, 0, SQ_EUNSUPPORTED, 1},
        {SQ_EIO, 9, SQ_STOP_KILLED, SQ_ECANCELED, 1},
        {SQ_EIO, 9, SQ_STOP_LATE, SQ_ETIMEDOUT, 1},
        {SQ_ECANCELED, 9, SQ_STOP_STALLED, SQ_ETIMEDOUT, 1},
    };
    struct sq_err err = {0};
    struct sq_fetch f;
    struct sq_job job;
    OK(err, sq_fetch_init(&f, &err));
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        OK(err, sq_job_open(&f, 1, "it", &job, &err));
        struct tries t = {&job, rows[i].code, rows[i].fail, 0, rows[i].stop};
        assert_int_equal(sq_retry(&job, once, &t, &err), rows[i].want);
        assert_int_equal(t.n, rows[i].tries);
        sq_job_close(&job);
    }
    sq_fetch_fini(&f);
}

/* The first reason stays, the descriptor wakes, those opened later are stopped too. */
static void test_stop(void **state)
{
    (void)state;
    struct sq_err err = {0};
    struct sq_fetch f;
    struct sq_job a, b;
    OK(err, sq_fetch_init(&f, &err));
    OK(err, sq_job_open(&f, 1, "a", &a, &err));
    struct pollfd p = {.fd = a.stop_fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    sq_fetch_stop(&f, SQ_STOP_LATE);
    sq_fetch_stop(&f, SQ_STOP_KILLED);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_int_equal(sq_job_stop_error(&a, &err), SQ_ETIMEDOUT);
    OK(err, sq_job_open(&f, 2, "b", &b, &err));
    assert_true(sq_job_stopped(&b));
    sq_job_close(&a);
    sq_job_close(&b);
    sq_fetch_fini(&f);
}

static int wait_for_stop(void *arg)
{
    struct sq_job *job = arg;
    struct pollfd p = {.fd = job->stop_fd, .events = POLLIN};
    return poll(&p, 1, 60000);
}

/* Ten minutes without a byte end a job, and that one alone. */
static void test_stalled(void **state)
{
    (void)state;
    struct sq_err err = {0};
    struct sq_fetch f;
    struct sq_job idle, moving;
    int signal = 0;
    OK(err, sq_fetch_init(&f, &err));
    OK(err, sq_job_open(&f, 1, "idle", &idle, &err));
    OK(err, sq_job_open(&f, 2, "moving", &moving, &err));
    const struct sq_watch watch = {
        .fetch = &f, .work = wait_for_stop, .arg = &idle, .every_ms = 10};
    atomic_store(&idle.alive_us, sq_monotonic() - INT64_C(601) * 1000000);
    atomic_store(&moving.alive_us, sq_monotonic() - INT64_C(400) * 1000000);
    assert_int_equal(sq_watch_run(&watch, &signal, &err), 1);
    assert_int_equal(sq_job_stop_error(&idle, &err), SQ_ETIMEDOUT);
    assert_non_null(strstr(err.text, "600"));
    assert_false(sq_job_stopped(&moving));
    sq_job_close(&idle);
    sq_job_close(&moving);
    sq_fetch_fini(&f);
}

/* Bytes sent again by a later try are counted once; new ones are a sign of life, the
 * same figure told again is none. */
static void test_progress(void **state)
{
    (void)state;
    struct sq_err err = {0};
    struct sq_fetch f;
    struct sq_job job;
    struct sq_leg leg;
    OK(err, sq_fetch_init(&f, &err));
    OK(err, sq_job_open(&f, 1, "a", &job, &err));
    sq_leg_init(&leg, &job, true);
    atomic_store(&job.alive_us, 0);
    leg.call.progress(&leg.call, 60, 100);
    assert_true(atomic_load(&job.alive_us) > 0);
    atomic_store(&job.alive_us, 0);
    leg.call.progress(&leg.call, 60, 100);
    assert_true(atomic_load(&job.alive_us) == 0);
    leg.call.progress(&leg.call, 10, 100); /* begun anew */
    leg.call.progress(&leg.call, 100, 100);
    assert_int_equal(job.moved_bytes, 100);
    assert_int_equal(job.total_bytes, 100);
    sq_job_close(&job);
    sq_fetch_fini(&f);
}

static _Atomic int ran;

static int one(void *arg, size_t i, struct sq_err *err)
{
    const size_t *bad = arg;
    ran++;
    return i == *bad ? sq_fail(err, SQ_ENOENT, "item %zu", i) : 0;
}

static void test_each(void **state)
{
    (void)state;
    struct sq_err err = {0};
    size_t bad = 1000;
    for (int parallel = 1; parallel <= 64; parallel *= 4) {
        ran = 0;
        OK(err, sq_each(parallel, 100, one, &bad, &err));
        assert_int_equal(ran, 100);
    }
    bad = 0;
    ran = 0;
    assert_int_equal(sq_each(1, 100, one, &bad, &err), SQ_ENOENT);
    assert_int_equal(ran, 1);
    assert_string_equal(err.text, "item 0");
    OK(err, sq_each(4, 0, one, &bad, &err));
}

static void test_bar(void **state)
{
    (void)state;
    char line[200];
    struct sq_job job = {
        .label = (char[]){"s3://lab/reads/a-very-long-name-of-a-file.fq.gz"},
        .moved_bytes = 1250000000,
        .total_bytes = 2500000000,
        .files = 3,
        .total_files = 7};
    sq_bar_line(&job, 10000000, 120, line, sizeof line);
    assert_non_null(strstr(line, " 50% [=="));
    assert_non_null(strstr(line, "3/7 files 1.2 GB/2.5 GB 125 MB/s 0:10"));
    for (int columns = 2; columns < 130; columns++) {
        sq_bar_line(&job, 10000000, columns, line, sizeof line);
        assert_true(strlen(line) < (size_t)columns);
    }
    job.total_bytes = SQ_UNKNOWN;
    sq_bar_line(&job, 0, 80, line, sizeof line);
    assert_null(strchr(line, '%'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry),   cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stalled), cmocka_unit_test(test_progress),
        cmocka_unit_test(test_each),    cmocka_unit_test(test_bar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
