/* What a worker asks for beyond its places, when it needs more at once, and when it
 * gives back what it has no place for. */
#include "tests/test.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "worker/tasks_impl.h"

static int told, urgently;

static void on_tell(void *arg, bool urgent)
{
    told++;
    urgently += urgent;
}

static struct sq_tasks *new_tasks(int64_t concurrency)
{
    static const struct sq_tasks_conf conf = {.tell = on_tell};
    static struct sq_loop loop; /* which never runs: timers end by hand */
    static struct sq_tasks t;
    sq_idmap_fini(&t.by_id);
    loop = (struct sq_loop){.epoll = -1};
    t = (struct sq_tasks){.conf = &conf, .loop = &loop, .concurrency = concurrency};
    TAILQ_INIT(&t.all);
    TAILQ_INIT(&t.dirty);
    TAILQ_INIT(&t.waiting);
    sq_ahead_init(&t);
    return &t;
}

/* So many tasks of this length, one after the other. */
static void run(struct sq_tasks *t, int n, int64_t us, char *output)
{
    for (int i = 0; i < n; i++) {
        struct sq_execution e = {.asked_at = sq_monotonic() - us, .output = output};
        sq_ahead_measure(t, &e);
    }
}

static void test_as_many_as_end_within_a_call(void **state)
{
    static const struct {
        int64_t concurrency, task_us, round_us, least, most;
    } rows[] = {
        {4, 2000, 1000, 6, 8},        /* four times 4 * 1/2 */
        {4, 10000, 2000, 2, 3},       /* four times 4 * 2/10 */
        {4, 1000, 1000000, 16, 16},   /* four for each slot is the most */
        {100, 1000, 1000000, 64, 64}, /* and 64 for a worker */
        {4, 100000, 2000, 0, 0},      /* a tenth of a second is no short task */
        {0, 1000, 1000, 0, 0},        /* no slots, nothing */
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_tasks *t = new_tasks(rows[i].concurrency);
        run(t, 60, rows[i].task_us, NULL);
        int64_t n = sq_tasks_ahead(t, rows[i].round_us);
        if (n < rows[i].least || n > rows[i].most)
            fail_msg("row %zu: %lld", i, (long long)n);
    }
}

static void test_nothing_is_asked_for_before_it_is_known(void **state)
{
    struct sq_tasks *t = new_tasks(4);
    assert_int_equal(sq_tasks_ahead(t, 5000), 0);
    run(t, 60, 1000, (char[]){"s3://b/o"}); /* its upload takes longer than it does */
    assert_int_equal(sq_tasks_ahead(t, 5000), 0);
    run(t, 60, 1000, NULL);
    assert_true(sq_tasks_ahead(t, 5000) > 0);
    run(t, 1, 3600000000, NULL); /* one long task, and it is careful again */
    assert_int_equal(sq_tasks_ahead(t, 5000), 0);
    /* Nor when short ones were followed by some that do not end. */
    t = new_tasks(4);
    run(t, 60, 1000, NULL);
    assert_true(sq_tasks_ahead(t, 5000) > 0);
    for (int i = 0; i < 4; i++)
        t->ahead_timer.fn(t);
    assert_int_equal(sq_tasks_ahead(t, 5000), 0);
    struct sq_execution found = {.asked_at = 0}; /* began under another process */
    t = new_tasks(4);
    sq_ahead_measure(t, &found);
    assert_int_equal(sq_tasks_ahead(t, 5000), 0);
}

static void test_low_when_no_more_than_a_slot_each_wait(void **state)
{
    struct sq_execution e[6] = {0};
    struct sq_tasks *t = new_tasks(4);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(sq_ahead_low(t), i <= 4);
        if (i % 2)
            TAILQ_INSERT_TAIL(&t->waiting, &e[i], queue);
        else
            TAILQ_INSERT_TAIL(&t->ahead, &e[i], queue);
    }
}

/* An end brings the next tasks: it need not go by itself while enough of them are here.
 */
static void test_an_end_waits_while_enough_is_ahead(void **state)
{
    for (int n = 0; n < 7; n++) {
        struct sq_execution others[7] = {0};
        struct sq_tasks *t = new_tasks(4);
        struct sq_execution *e = sq_tasks_new(t, 1, 1);
        assert_non_null(e);
        e->state = SQ_STATE_RUNNING;
        sq_slots_count(t, e, SQ_STATE_ASSIGNED, SQ_STATE_RUNNING);
        for (int i = 0; i < n; i++)
            TAILQ_INSERT_TAIL(&t->ahead, &others[i], queue);
        told = urgently = 0;
        sq_tasks_step(t, e, SQ_EV_EXITED);
        assert_int_equal(e->state, SQ_STATE_REPORTING);
        assert_int_equal(told, 1);
        assert_int_equal(urgently, n <= 4);
        free(e);
    }
}

static void look(struct sq_tasks *t, int times)
{
    while (times-- > 0) {
        assert_true(t->ahead_timer.due > 0);
        sq_timer_stop(t->loop, &t->ahead_timer);
        t->ahead_timer.fn(t);
    }
}

/* However long it takes: a machine that is slow, or was suspended, looks seldom, and
 * gives nothing back while tasks end between its looks. */
static void test_given_back_after_quiet_looks_alone(void **state)
{
    struct sq_tasks *t = new_tasks(4);
    struct sq_execution *e = sq_tasks_new(t, 1, 1);
    assert_non_null(e);
    sq_ahead_put(t, e);
    for (int i = 0; i < 20; i++) {
        look(t, 2);
        assert_false(e->given_back);
        run(t, 1, i % 2 ? 1000 : 3600000000, NULL);
    }
    look(t, 3); /* before the first of them one has ended */
    assert_false(e->given_back);
    look(t, 1);
    assert_true(e->given_back && e->state == SQ_STATE_REPORTING);
    assert_int_equal(t->ahead_timer.due, 0); /* nothing is left to look at */
    free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_as_end_within_a_call),
        cmocka_unit_test(test_nothing_is_asked_for_before_it_is_known),
        cmocka_unit_test(test_low_when_no_more_than_a_slot_each_wait),
        cmocka_unit_test(test_an_end_waits_while_enough_is_ahead),
        cmocka_unit_test(test_given_back_after_quiet_looks_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
