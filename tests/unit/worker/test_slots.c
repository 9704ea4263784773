/* Slots and places of a worker that was moved: what it still runs of other batches
 * weighs what its row says, and what waits starts as soon as there is room by that. */
#include "tests/test.h"

#include <stdlib.h>

#include "worker/tasks_impl.h"

enum { TASKS = 8 };

static struct sq_tasks *new_tasks(int64_t concurrency, int64_t prefetch)
{
    static struct sq_tasks t;
    free(t.weights);
    t = (struct sq_tasks){.concurrency = concurrency,
                          .prefetch = prefetch,
                          .starting = true /* nothing waits here */};
    TAILQ_INIT(&t.all);
    TAILQ_INIT(&t.waiting);
    return &t;
}

/* One that runs, of this batch; NULL: taken on by an earlier process. */
static void run(struct sq_tasks *t, struct sq_execution *e, const char *batch)
{
    *e = (struct sq_execution){.batch = (char *)batch, .state = SQ_STATE_RUNNING};
    sq_slots_weigh(t, e);
    TAILQ_INSERT_TAIL(&t->all, e, all);
    sq_slots_count(t, e, SQ_STATE_ASSIGNED, SQ_STATE_RUNNING);
}

static void end(struct sq_tasks *t, struct sq_execution *e)
{
    TAILQ_REMOVE(&t->all, e, all);
    e->state = SQ_STATE_DONE;
    sq_slots_count(t, e, SQ_STATE_RUNNING, SQ_STATE_DONE);
}

static void test_room(void **state)
{
    (void)state;
    static const struct {
        const char *weights;
        const char *runs[TASKS];
        int64_t concurrency, prefetch;
        bool slot, place;
    } rows[] = {
        {NULL, {NULL}, 1, 0, true, true},
        {NULL, {"a"}, 1, 0, false, false},
        {NULL, {"a"}, 1, 1, false, true},
        {NULL, {"a"}, 2, 0, true, true},
        {"{}", {"a"}, 1, 0, false, false},
        {"nonsense", {"a"}, 1, 0, false, false},
        {"{\"a\":[0.5,1]}", {"a"}, 1, 0, true, true},
        {"{\"a\":[0.5,1]}", {"a", "a"}, 1, 0, false, false},
        {"{\"a\":[0.5,1]}", {"a", "b"}, 1, 0, false, false},
        {"{\"a\":[0.5,1]}", {"a", "b"}, 1, 1, false, true},
        {"{\"a\":[2.0,1]}", {"a", "b"}, 4, 0, true, true},
        {"{\"a\":[2.0,1]}", {"a", "b", "b"}, 4, 0, false, false},
        {"{\"a\":[0.25,1],\"b\":[0.5,2]}", {"a", "a", "b"}, 1, 0, false, false},
        {"{\"a\":[0.25,1],\"b\":[0.5,2]}", {"a", "b"}, 1, 0, true, true},
        /* Three thirds are one. */
        {"{\"a\":[0.3333333333333333,1]}", {"a", "a", "a"}, 1, 0, false, false},
        {"{\"a\":[0,1]}", {"a", "a", "a"}, 1, 0, true, true},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        for (int late = 0; late < 2; late++) {
            struct sq_execution e[TASKS];
            struct sq_tasks *t = new_tasks(rows[i].concurrency, rows[i].prefetch);
            if (!late)
                sq_tasks_set_weights(t, rows[i].weights);
            for (int k = 0; rows[i].runs[k]; k++)
                run(t, &e[k], rows[i].runs[k]);
            sq_tasks_set_weights(t, rows[i].weights);
            if (sq_slots_any(t) != rows[i].slot || sq_slots_place(t) != rows[i].place)
                fail_msg("row %zu, %s", i, late ? "told later" : "known before");
        }
}

static void test_told_anew(void **state)
{
    (void)state;
    struct sq_execution old, now, unknown;
    struct sq_tasks *t = new_tasks(1, 0);
    run(t, &old, "a");
    assert_false(sq_slots_any(t));
    sq_tasks_set_weights(t, "{\"a\":[0.5,1]}");
    assert_true(sq_slots_any(t));
    run(t, &now, "b");
    assert_false(sq_slots_any(t));
    sq_tasks_set_weights(t, "{\"a\":[0.25,2],\"b\":[0.5,1]}");
    assert_true(sq_slots_any(t));
    end(t, &now);
    sq_tasks_set_weights(t, "{}");
    assert_false(sq_slots_any(t));
    end(t, &old);
    assert_true(t->spared == 0 && sq_slots_any(t));
    run(t, &unknown, NULL);
    sq_tasks_set_weights(t, "{\"a\":[0.5,1]}");
    assert_false(sq_slots_any(t)); /* nobody knows of which batch it is */
}

/* Whatever was added is taken away again. */
static void test_no_rounding_stays(void **state)
{
    (void)state;
    struct sq_execution e[TASKS];
    struct sq_tasks *t = new_tasks(1, 0);
    sq_tasks_set_weights(t, "{\"a\":[0.1,1]}");
    for (int round = 0; round < 1000; round++) {
        for (int k = 0; k < TASKS; k++)
            run(t, &e[k], "a");
        assert_true(sq_slots_any(t));
        for (int k = 0; k < TASKS; k++)
            end(t, &e[k]);
    }
    assert_true(t->spared == 0 && t->slots_used == 0 && t->places_used == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_told_anew),
        cmocka_unit_test(test_no_rounding_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
