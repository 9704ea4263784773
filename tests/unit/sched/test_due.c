/* When a time limit ends. */
#include "tests/test.h"

#include "core/model/status.h"
#include "core/sched/impl.h"

static void test_end(void **state)
{
    (void)state;
    static const int64_t t = 1795000000000000;
    static const struct {
        int status;
        int64_t date, run_s, download_s, end;
    } rows[] = {
        {SQ_TASK_RUNNING, t, 2, SQ_NULL, t + 2000000},
        {SQ_TASK_RUNNING, t, 2, 1, t + 2000000},
        {SQ_TASK_RUNNING, t, SQ_NULL, 1, SQ_NULL},
        {SQ_TASK_ACCEPTED, t, 2, 1, t + 1000000},
        {SQ_TASK_ACCEPTED, t, 2, SQ_NULL, SQ_NULL},
        {SQ_TASK_ASSIGNED, t, 2, 1, SQ_NULL},
        {SQ_TASK_FAILED, t, 2, 1, SQ_NULL},
        {SQ_TASK_RUNNING, SQ_NULL, 2, 1, SQ_NULL},
        {SQ_TASK_RUNNING, t, 0, 1, SQ_NULL},
        {SQ_TASK_RUNNING, t, -5, 1, SQ_NULL},
        {SQ_TASK_RUNNING, t, INT64_MAX / 2, 1, SQ_NULL},
        {SQ_TASK_RUNNING, t, INT64_MAX / 1000000, 1, SQ_NULL},
        {-1, t, 2, 1, SQ_NULL},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        if (sq_due_end(rows[i].status, rows[i].date, rows[i].run_s,
                       rows[i].download_s) != rows[i].end)
            fail_msg("row %zu", i);
}

/* The alarm only ever comes nearer, until it rings. */
static void test_alarm(void **state)
{
    (void)state;
    struct sq_err err = {0};
    struct sq_sched *s;
    static const struct sq_tuning tuning = {.offline_us = 1000000};
    static struct sq_tuned tuned = {&tuning};
    const struct sq_sched_conf conf = {.tuned = &tuned, .sweep_us = 1000000};
    OK(err, sq_sched_new(&conf, NULL, &s, &err));
    assert_true(s->alarm == SQ_NULL);
    sq_sched_remind(s, SQ_NULL, false);
    assert_true(s->alarm == SQ_NULL);
    sq_sched_remind(s, 500, false);
    sq_sched_remind(s, 900, false);
    assert_int_equal(s->alarm, 500);
    sq_sched_remind(s, 200, true);
    assert_int_equal(s->alarm, 200);
    assert_true(s->again);
    sq_sched_stop(s); /* never started */
    sq_sched_free(s);
    sq_sched_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_alarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
