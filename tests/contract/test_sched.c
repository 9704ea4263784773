/* The scheduler over both databases: who gets what, and that its cost follows what
 * changed (statements are counted, not time). */
#include "tests/test.h"

#include <stdio.h>

#include "core/store/task.h"
#include "tests/contract/sched_world.h"

static void test_submitted_is_assigned_in_the_same_commit(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 2, 1, 4);
    world_add_tasks(w, 5, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_assigned_to(w, 1), 3);
    assert_int_equal(world_assigned_to(w, 2), 2);
    assert_int_equal(
        world_ask(w, "select count(*) from task where status = 'assigned'"), 5);
    assert_int_equal(world_ask(w, "select worker_id from execution where task_id = 1"),
                     1);
    assert_int_equal(world_ask(w, "select worker_id from execution where task_id = 2"),
                     2);
}

static void test_lowest_ids_first_and_only_its_batch(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 2, 2, 2);
    world_add_tasks(w, 20, 2);
    sq_changes_batch(w->tx.changes, "b0");
    sq_changes_batch(w->tx.changes, "nobody's");
    world_commit(w);
    /* Tasks 1, 3 are of b0; b1 was not spoken of. */
    assert_int_equal(world_ask(w, "select count(*) from execution"), 2);
    assert_int_equal(
        world_ask(w, "select sum(task_id) from execution where worker_id = 1"), 4);
}

static void test_only_running_workers(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 4, 1, 1);
    world_sql(w, "update worker set status = 'paused' where worker_id = 1");
    world_sql(w, "update worker set status = 'offline' where worker_id = 2");
    world_sql(w, "update worker set status = 'evicted' where worker_id = 3");
    world_add_tasks(w, 3, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 1);
    assert_int_equal(world_assigned_to(w, 4), 1);
}

/* Two of "old" at half weight leave room for three more of four; a pending one would
 * weigh 1. */
static void test_weights(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 1, 1, 4);
    world_add_tasks(w, 2, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    world_begin(w);
    world_end_execution(w, 1, SQ_EXEC_RUNNING);
    world_end_execution(w, 2, SQ_EXEC_RUNNING);
    world_sql(
        w, "update worker set batch = 'new', task_properties = '{\"b0\": [0.5, 1]}'");
    world_add_tasks(w, 9, 1);
    world_sql(w, "update task set batch = 'new' where status = 'pending'");
    sq_changes_slots(w->tx.changes, 1);
    world_commit(w);
    assert_int_equal(
        world_ask(w, "select count(*) from execution where status = 'pending'"), 3);
}

static void test_a_freed_slot_is_filled(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 3, 1, 1);
    world_add_tasks(w, 5, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 3);
    world_begin(w);
    world_end_execution(w, 2, SQ_EXEC_SUCCEEDED);
    world_commit(w);
    assert_int_equal(world_assigned_to(w, 2), 2);
    assert_int_equal(world_ask(w, "select worker_id from execution where task_id = 4"),
                     2);
}

/* With the end of one, four may be given ahead: five in all, beyond the one place; in
 * the next transaction none.  Another worker's free places come first. */
static void test_given_ahead_once(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 2, 1, 1);
    world_add_tasks(w, 20, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_assigned_to(w, 1), 1);
    world_begin(w);
    world_end_execution(w, 1, SQ_EXEC_SUCCEEDED);
    world_end_execution(w, 2, SQ_EXEC_SUCCEEDED);
    sq_changes_ahead(w->tx.changes, 1, 2);
    sq_changes_ahead(w->tx.changes, 1, 4);
    world_commit(w);
    assert_int_equal(world_assigned_to(w, 1), 1 + 5);
    assert_int_equal(world_assigned_to(w, 2), 1 + 1);
    world_begin(w);
    world_end_execution(w, 3, SQ_EXEC_SUCCEEDED);
    world_end_execution(w, 4, SQ_EXEC_SUCCEEDED);
    world_commit(w);
    assert_int_equal(world_assigned_to(w, 1) + world_assigned_to(w, 2), 8 + 1);
    assert_int_equal(world_ask(w,
                               "select count(*) from execution where worker_id = 2 and "
                               "status = 'pending'"),
                     1);
}

static void test_a_task_that_changes_its_batch_is_assigned_there(void **state)
{
    WORLD(w);
    struct sq_task ret, values = {.batch = (char[]){"b1"}};
    world_begin(w);
    world_add_workers(w, 2, 2, 1);
    world_sql(w, "update worker set status = 'paused' where worker_id = 1");
    world_add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 0);
    world_begin(w);
    OK(w->err,
       sq_task_update(&w->tx, 1, &values, SQ_BIT(SQ_TASK_F_BATCH), &ret, &w->err));
    world_commit(w);
    assert_int_equal(world_assigned_to(w, 2), 1);
}

static void test_nothing_is_remembered_of_what_was_not_committed(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 1, 1, 1);
    sq_db_commit(w->db, NULL);
    world_begin(w);
    world_add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_settle(w);
    sq_db_rollback(w->db);
    sq_changes_clear(w->tx.changes);
    world_begin(w);
    world_add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 1);
}

/* A worker paused in SQL behind the memory's back gets nothing. */
static void test_memory_is_only_a_hint(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 2, 1, 4);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    world_begin(w);
    world_sql(w, "update worker set status = 'paused' where worker_id = 1");
    world_sql(w, "update worker set batch = 'other' where worker_id = 2");
    world_add_tasks(w, 3, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 0);
}

/* Slots made directly in SQL are noticed by the sweep. */
static void test_sweep_notices_sql(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 1, 1, 1);
    world_add_tasks(w, 5, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    world_begin(w);
    world_sql(w, "update worker set concurrency = 3");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 1);
    world_begin(w);
    w->tx.changes->sweep = true;
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 3);
    /* And pending tasks likewise. */
    world_begin(w);
    world_add_workers(w, 2, 2, 1);
    world_add_tasks(w, 2, 2);
    w->tx.changes->sweep = true;
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 5);
}

/* Posting to a batch known to be full asks the database nothing. */
static void test_full_batch_costs_nothing(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 1, 1, 1);
    world_add_tasks(w, 2, 1);
    sq_changes_batch(w->tx.changes, "b0");
    sq_changes_batch(w->tx.changes, "no workers");
    world_commit(w);
    world_begin(w);
    world_add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    sq_changes_batch(w->tx.changes, "no workers");
    world_commit(w);
    assert_int_equal(world_statements, 0);
}

/* How many statements one freed slot, and one new task, cost with this many
 * workers, batches and pending tasks. */
static void costs(struct world *w, int workers, int batches, int tasks, int *ret_slot,
                  int *ret_task)
{
    world_begin(w);
    world_add_workers(w, workers, batches, 4);
    world_add_tasks(w, tasks, batches);
    w->tx.changes->sweep = true;
    world_commit(w);
    int64_t given = world_ask(w, "select count(*) from execution");
    assert_int_equal(given, tasks < 4 * workers ? tasks : 4 * workers);
    world_begin(w);
    world_end_execution(w, 1, SQ_EXEC_SUCCEEDED);
    int before = world_statements;
    world_commit(w);
    *ret_slot = world_statements - before;
    assert_int_equal(world_ask(w, "select count(*) from execution"), given + 1);
    world_begin(w);
    world_add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    *ret_task = world_statements;
}

static void test_cost_follows_what_changed(void **state)
{
    WORLD(w);
    int slot[2], task[2];
    costs(w, 10, 2, 1000, &slot[0], &task[0]);
    char uri[400];
    struct world large;
    world_open(&large, *state);
    OK(w->err, sq_db_open(contract_empty(w->c, uri), 0, &large.db, &w->err));
    OK(w->err, sq_schema_ensure(large.db, &w->err));
    large.tx.db = large.db;
    costs(&large, 1000, 100, 20000, &slot[1], &task[1]);
    sq_db_close(large.db);
    world_close(&large);
    print_message("# statements for a freed slot: %d small, %d large\n", slot[0],
                  slot[1]);
    assert_int_equal(slot[0], slot[1]);
    assert_true(slot[1] <= 10);
    assert_int_equal(task[0], 0);
    assert_int_equal(task[1], 0);
}

/* More than one transaction should hold is gone on with at once. */
static void test_long_assignments_are_cut(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 1, 1, SQ_SCHED_ASSIGN_MAX + 500);
    world_add_tasks(w, SQ_SCHED_ASSIGN_MAX + 800, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"),
                     SQ_SCHED_ASSIGN_MAX);
    assert_true(w->s->again);
    world_begin(w);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from execution"),
                     SQ_SCHED_ASSIGN_MAX + 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submitted_is_assigned_in_the_same_commit),
        cmocka_unit_test(test_lowest_ids_first_and_only_its_batch),
        cmocka_unit_test(test_only_running_workers),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_a_freed_slot_is_filled),
        cmocka_unit_test(test_given_ahead_once),
        cmocka_unit_test(test_a_task_that_changes_its_batch_is_assigned_there),
        cmocka_unit_test(test_nothing_is_remembered_of_what_was_not_committed),
        cmocka_unit_test(test_memory_is_only_a_hint),
        cmocka_unit_test(test_sweep_notices_sql),
        cmocka_unit_test(test_full_batch_costs_nothing),
        cmocka_unit_test(test_cost_follows_what_changed),
        cmocka_unit_test(test_long_assignments_are_cut),
    };
    return contract_main(tests, SQ_LEN(tests));
}
