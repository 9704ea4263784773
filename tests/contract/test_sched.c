/* The scheduler over both databases: who gets what, that its cost follows what changed
 * (statements are counted, not time), and what becomes due. */
#include "tests/contract/contract.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/sched/impl.h"
#include "core/store/execution.h"
#include "core/store/log.h"
#include "core/store/task.h"
#include "core/store/worker.h"
#include "lib/clock.h"

/* Every statement passes here: the linker wraps these (see Makefile.inc). */
struct sq_stmt *__real_sq_db_query(struct sq_db *db, enum sq_query q);
struct sq_stmt *__wrap_sq_db_query(struct sq_db *db, enum sq_query q);
static int statements;
struct sq_stmt *__wrap_sq_db_query(struct sq_db *db, enum sq_query q)
{
    statements++;
    return __real_sq_db_query(db, q);
}

/* A database, a scheduler, and a transaction by hand: what the writer does. */
struct world {
    struct contract *c;
    struct sq_db *db;
    struct sq_sched *s;
    struct sq_liveness *liveness;
    struct sq_tx tx;
    struct sq_err err;
};

static void world_open(struct world *w, struct contract *c)
{
    static const struct sq_sched_conf conf = {
        .offline_us = 15000000, .lost_us = 60000000, .sweep_us = 2000000};
    *w = (struct world){.c = c, .db = c->db, .tx = c->tx};
    OK(w->err, sq_liveness_new(&w->liveness, &w->err));
    OK(w->err, sq_sched_new(&conf, w->liveness, &w->s, &w->err));
}

static void world_close(struct world *w)
{
    sq_sched_free(w->s);
    sq_liveness_free(w->liveness);
}

#define WORLD(w)                                                                       \
    SQ_CLEANUP(world_close) struct world world_;                                       \
    struct world *w = &world_;                                                         \
    world_open(w, *state)

static void begin(struct world *w)
{
    OK(w->err, sq_db_begin(w->db, true, &w->err));
    w->tx.now = w->c->tx.now;
    statements = 0;
}

static void settle(struct world *w)
{
    sq_changes_settle(w->tx.changes);
    OK(w->err, sq_sched_settle(w->s, &w->tx, &w->err));
}

static void commit(struct world *w)
{
    settle(w);
    OK(w->err, sq_db_commit(w->db, &w->err));
    sq_sched_committed(w->s);
    sq_changes_clear(w->tx.changes);
    sq_arena_reset(w->tx.arena);
}

static void sql(struct world *w, const char *text)
{
    contract_sql(w->db, text);
}

static int64_t ask(struct world *w, const char *text)
{
    return contract_int(w->db, text);
}

static const char *time_text(struct world *w)
{
    return w->c->engine == SQ_SQLITE ? "'2026-11-22 00:00:00.000000'"
                                     : "timestamp '2026-11-22 00:00:00'";
}

/* n rows each: batches b0, b1…; ids follow from the order of insertion. */
static void add_workers(struct world *w, int n, int batches, int concurrency)
{
    char text[700];
    snprintf(text, sizeof text,
             "insert into worker (name, hostname, status, concurrency, prefetch, batch,"
             " permanent, task_properties, creation_date, last_contact_date)"
             " with recursive n(i) as (select 0 union all select i + 1 from n"
             " where i + 1 < %d) select 'w', 'h', 'running', %d, 0,"
             " 'b' || cast(i %% %d as varchar), true, '{}', %s, %s from n",
             n, concurrency, batches, time_text(w), time_text(w));
    sql(w, text);
}

static void add_tasks(struct world *w, int n, int batches)
{
    char text[600];
    snprintf(text, sizeof text,
             "insert into task (command, status, batch, retry, creation_date,"
             " status_date) with recursive n(i) as (select 0 union all select i + 1"
             " from n where i + 1 < %d) select 'true', 'pending',"
             " 'b' || cast(i %% %d as varchar), 0, %s, %s from n",
             n, batches, time_text(w), time_text(w));
    sql(w, text);
}

static int64_t assigned_to(struct world *w, int64_t worker_id)
{
    char text[120];
    snprintf(text, sizeof text, "select count(*) from execution where worker_id = %d",
             (int)worker_id);
    return ask(w, text);
}

static void end_execution(struct world *w, int64_t execution_id, int to)
{
    struct sq_transition t = {.execution_id = execution_id,
                              .to = SQ_EXEC_RUNNING,
                              .worker_id = SQ_NULL,
                              .return_code = SQ_NULL};
    OK(w->err, sq_execution_transition(&w->tx, &t, 1, &w->err));
    if (to == SQ_EXEC_RUNNING)
        return;
    t.to = to;
    OK(w->err, sq_execution_transition(&w->tx, &t, 1, &w->err));
    assert_int_equal(t.result, 0);
}

static void test_submitted_is_assigned_in_the_same_commit(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 2, 1, 4);
    add_tasks(w, 5, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(assigned_to(w, 1), 3);
    assert_int_equal(assigned_to(w, 2), 2);
    assert_int_equal(ask(w, "select count(*) from task where status = 'assigned'"), 5);
    assert_int_equal(ask(w, "select worker_id from execution where task_id = 1"), 1);
    assert_int_equal(ask(w, "select worker_id from execution where task_id = 2"), 2);
}

static void test_lowest_ids_first_and_only_its_batch(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 2, 2, 2);
    add_tasks(w, 20, 2);
    sq_changes_batch(w->tx.changes, "b0");
    sq_changes_batch(w->tx.changes, "nobody's");
    commit(w);
    /* Tasks 1, 3 are of b0; b1 was not spoken of. */
    assert_int_equal(ask(w, "select count(*) from execution"), 2);
    assert_int_equal(ask(w, "select sum(task_id) from execution where worker_id = 1"),
                     4);
}

static void test_only_running_workers(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 4, 1, 1);
    sql(w, "update worker set status = 'paused' where worker_id = 1");
    sql(w, "update worker set status = 'offline' where worker_id = 2");
    sql(w, "update worker set status = 'evicted' where worker_id = 3");
    add_tasks(w, 3, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 1);
    assert_int_equal(assigned_to(w, 4), 1);
}

/* Two of "old" at half weight leave room for three more of four; a pending one would
 * weigh 1. */
static void test_weights(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 1, 1, 4);
    add_tasks(w, 2, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    begin(w);
    end_execution(w, 1, SQ_EXEC_RUNNING);
    end_execution(w, 2, SQ_EXEC_RUNNING);
    sql(w, "update worker set batch = 'new', task_properties = '{\"b0\": [0.5, 1]}'");
    add_tasks(w, 9, 1);
    sql(w, "update task set batch = 'new' where status = 'pending'");
    sq_changes_slots(w->tx.changes, 1);
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution where status = 'pending'"),
                     3);
}

static void test_a_freed_slot_is_filled(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 3, 1, 1);
    add_tasks(w, 5, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 3);
    begin(w);
    end_execution(w, 2, SQ_EXEC_SUCCEEDED);
    commit(w);
    assert_int_equal(assigned_to(w, 2), 2);
    assert_int_equal(ask(w, "select worker_id from execution where task_id = 4"), 2);
}

static void test_a_task_that_changes_its_batch_is_assigned_there(void **state)
{
    WORLD(w);
    struct sq_task ret, values = {.batch = (char[]){"b1"}};
    begin(w);
    add_workers(w, 2, 2, 1);
    sql(w, "update worker set status = 'paused' where worker_id = 1");
    add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 0);
    begin(w);
    OK(w->err,
       sq_task_update(&w->tx, 1, &values, SQ_BIT(SQ_TASK_F_BATCH), &ret, &w->err));
    commit(w);
    assert_int_equal(assigned_to(w, 2), 1);
}

static void test_nothing_is_remembered_of_what_was_not_committed(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 1, 1, 1);
    sq_db_commit(w->db, NULL);
    begin(w);
    add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    settle(w);
    sq_db_rollback(w->db);
    sq_changes_clear(w->tx.changes);
    begin(w);
    add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 1);
}

/* A worker paused in SQL behind the memory's back gets nothing. */
static void test_memory_is_only_a_hint(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 2, 1, 4);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    begin(w);
    sql(w, "update worker set status = 'paused' where worker_id = 1");
    sql(w, "update worker set batch = 'other' where worker_id = 2");
    add_tasks(w, 3, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 0);
}

/* Slots made directly in SQL are noticed by the sweep. */
static void test_sweep_notices_sql(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 1, 1, 1);
    add_tasks(w, 5, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    begin(w);
    sql(w, "update worker set concurrency = 3");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 1);
    begin(w);
    w->tx.changes->sweep = true;
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 3);
    /* And pending tasks likewise. */
    begin(w);
    add_workers(w, 2, 2, 1);
    add_tasks(w, 2, 2);
    w->tx.changes->sweep = true;
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), 5);
}

/* Posting to a batch known to be full asks the database nothing. */
static void test_full_batch_costs_nothing(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 1, 1, 1);
    add_tasks(w, 2, 1);
    sq_changes_batch(w->tx.changes, "b0");
    sq_changes_batch(w->tx.changes, "no workers");
    commit(w);
    begin(w);
    add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    sq_changes_batch(w->tx.changes, "no workers");
    commit(w);
    assert_int_equal(statements, 0);
}

/* How many statements one freed slot, and one new task, cost with this many workers,
 * batches and pending tasks. */
static void costs(struct world *w, int workers, int batches, int tasks, int *ret_slot,
                  int *ret_task)
{
    begin(w);
    add_workers(w, workers, batches, 4);
    add_tasks(w, tasks, batches);
    w->tx.changes->sweep = true;
    commit(w);
    int64_t given = ask(w, "select count(*) from execution");
    assert_int_equal(given, tasks < 4 * workers ? tasks : 4 * workers);
    begin(w);
    end_execution(w, 1, SQ_EXEC_SUCCEEDED);
    int before = statements;
    commit(w);
    *ret_slot = statements - before;
    assert_int_equal(ask(w, "select count(*) from execution"), given + 1);
    begin(w);
    add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    *ret_task = statements;
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
    begin(w);
    add_workers(w, 1, 1, SQ_SCHED_ASSIGN_MAX + 500);
    add_tasks(w, SQ_SCHED_ASSIGN_MAX + 800, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"), SQ_SCHED_ASSIGN_MAX);
    assert_true(w->s->again);
    begin(w);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    assert_int_equal(ask(w, "select count(*) from execution"),
                     SQ_SCHED_ASSIGN_MAX + 500);
}

static void start_limited(struct world *w, const char *limits)
{
    char text[200];
    begin(w);
    add_workers(w, 1, 1, 2);
    add_tasks(w, 1, 1);
    snprintf(text, sizeof text, "update task set %s", limits);
    sql(w, text);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
}

static int64_t signals(struct world *w)
{
    return ask(w, "select count(*) from signal where signal = 9 and execution_id = 1"
                  " and worker_id = 1");
}

static void test_run_limit(void **state)
{
    WORLD(w);
    start_limited(w, "run_timeout = 100, retry = 1");
    begin(w);
    end_execution(w, 1, SQ_EXEC_RUNNING);
    int64_t started = w->tx.now;
    commit(w);
    /* The alarm rings when the limit ends, to the microsecond. */
    assert_int_equal(w->s->alarm, started + 100000000);
    begin(w);
    w->tx.now = started + 99999999;
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 0);
    w->tx.now = started + 100000000;
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 1);
    commit(w);
    /* Its last words come first, then the note; and the retry is used. */
    begin(w);
    struct sq_log_chunk last = {
        .execution_id = 1, .stream = SQ_STDERR, .data = "last words\n", .len = 11};
    OK(w->err, sq_log_append(&w->tx, &last, 1, &w->err));
    end_execution(w, 1, SQ_EXEC_FAILED);
    commit(w);
    struct sq_buf text;
    sq_buf_init(&text, 1000);
    OK(w->err, sq_log_read(w->db, 1, SQ_STDERR, 0, 1000, &text, &w->err));
    assert_string_equal(text.data, "last words\n"
                                   "scitq: killed: run time limit of 100 s exceeded\n");
    sq_buf_fini(&text);
    assert_int_equal(w->s->notes.n, 0);
    assert_int_equal(ask(w, "select count(*) from execution where execution_id = 1 and "
                            "error like '%limit of 100 s%'"),
                     1);
    assert_int_equal(ask(w, "select retry from task"), 0);
    assert_int_equal(ask(w, "select count(*) from execution"), 2);
}

static void test_download_limit(void **state)
{
    WORLD(w);
    start_limited(w, "download_timeout = 5, run_timeout = 1000");
    begin(w);
    struct sq_transition t = {.execution_id = 1,
                              .to = SQ_EXEC_ACCEPTED,
                              .worker_id = SQ_NULL,
                              .return_code = SQ_NULL};
    OK(w->err, sq_execution_transition(&w->tx, &t, 1, &w->err));
    commit(w);
    begin(w);
    w->tx.now += 6000000;
    /* While no place to run is free it may be waiting for one. */
    sql(w, "update worker set concurrency = 0");
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 0);
    sql(w, "update worker set concurrency = 1");
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 1);
    /* It ended well just before the signal came: no note. */
    end_execution(w, 1, SQ_EXEC_SUCCEEDED);
    commit(w);
    int64_t size;
    OK(w->err, sq_log_size(w->db, 1, SQ_STDERR, &size, &w->err));
    assert_int_equal(size, 0);
    assert_int_equal(w->s->notes.n, 0);
}

static void test_lost_worker(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 2, 1, 2);
    add_tasks(w, 4, 1);
    sql(w, "update task set retry = 3");
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    begin(w);
    end_execution(w, 1, SQ_EXEC_RUNNING);
    commit(w);
    begin(w);
    sql(w, "update worker set status = 'offline' where worker_id = 1");
    OK(w->err, sq_worker_lost(&w->tx, w->tx.now - 60000000, &w->err));
    assert_int_equal(ask(w, "select count(*) from task where status = 'pending'"), 0);
    OK(w->err, sq_worker_lost(&w->tx, w->tx.now + 1000000, &w->err));
    commit(w);
    assert_int_equal(ask(w, "select count(*) from task where status = 'pending'"), 2);
    assert_int_equal(ask(w, "select count(*) from task where retry = 3"), 4);
    assert_int_equal(ask(w, "select count(*) from execution where worker_id = 1 and "
                            "status in ('failed', 'refused')"),
                     2);
    assert_int_equal(ask(w, "select count(*) from execution where worker_id = 2 and "
                            "status = 'pending'"),
                     2);
}

/* With its own thread: a limit of 1 s ends though the next sweep is far. */
struct live {
    struct sq_sched *s;
    pthread_mutex_t lock;
    pthread_cond_t told;
    int tells;
};

static int live_settle(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    return sq_sched_settle(((struct live *)arg)->s, tx, err);
}

static void live_committed(void *arg, const struct sq_changes *changes)
{
    struct live *l = arg;
    sq_sched_committed(l->s);
    pthread_mutex_lock(&l->lock);
    l->tells += changes->tell.n > 0;
    pthread_cond_signal(&l->told);
    pthread_mutex_unlock(&l->lock);
}

static int run_task(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    struct sq_transition t = {.execution_id = 1,
                              .to = SQ_EXEC_RUNNING,
                              .worker_id = SQ_NULL,
                              .return_code = SQ_NULL};
    return sq_execution_transition(tx, &t, 1, err);
}

/* A writer and a scheduler as in the server, until a worker is told of something. */
static void live_run(struct world *w, struct sq_op *op)
{
    const struct sq_sched_conf far = {
        .offline_us = 3600000000, .lost_us = 60000000, .sweep_us = 3600000000};
    struct live l = {.lock = PTHREAD_MUTEX_INITIALIZER,
                     .told = PTHREAD_COND_INITIALIZER};
    struct sq_writer *writer;
    const struct sq_writer_conf conf = {.uri = w->c->uri,
                                        .queue_max = 100,
                                        .group_max = 10,
                                        .settle = live_settle,
                                        .committed = live_committed,
                                        .arg = &l};
    OK(w->err, sq_sched_new(&far, w->liveness, &l.s, &w->err));
    OK(w->err, sq_writer_start(&conf, &writer, &w->err));
    OK(w->err, sq_sched_start(l.s, writer, &w->err));
    if (op)
        OK(w->err, sq_writer_call(writer, op, &w->err));
    pthread_mutex_lock(&l.lock);
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 60;
    int rc = 0;
    while (rc == 0 && l.tells == 0)
        rc = pthread_cond_timedwait(&l.told, &l.lock, &end);
    pthread_mutex_unlock(&l.lock);
    sq_sched_stop(l.s);
    sq_writer_stop(writer);
    sq_sched_free(l.s);
    assert_int_equal(rc, 0);
}

static void test_timer(void **state)
{
    WORLD(w);
    start_limited(w, "run_timeout = 1");
    struct sq_op op = {.run = run_task, .arena = w->tx.arena};
    live_run(w, &op);
    assert_int_equal(signals(w), 1);
}

/* Nobody says that anything changed: the sweep at the start finds it. */
static void test_the_timer_sweeps(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 1, 1, 2);
    add_tasks(w, 2, 1);
    sql(w, "insert into requirement (task_id, other_task_id) values (2, 1)");
    sql(w, "update task set status = 'succeeded' where task_id = 1");
    sql(w, "update task set status = 'waiting' where task_id = 2");
    OK(w->err, sq_db_commit(w->db, &w->err));
    live_run(w, NULL);
    assert_int_equal(ask(w, "select worker_id from execution where task_id = 2"), 1);
}

static void test_the_sweep_takes_from_the_lost(void **state)
{
    WORLD(w);
    begin(w);
    add_workers(w, 1, 1, 1);
    add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    commit(w);
    begin(w);
    sql(w, "update worker set status = 'offline'");
    add_workers(w, 1, 1, 1);
    OK(w->err, sq_db_commit(w->db, &w->err));
    live_run(w, NULL);
    assert_int_equal(assigned_to(w, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submitted_is_assigned_in_the_same_commit),
        cmocka_unit_test(test_lowest_ids_first_and_only_its_batch),
        cmocka_unit_test(test_only_running_workers),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_a_freed_slot_is_filled),
        cmocka_unit_test(test_a_task_that_changes_its_batch_is_assigned_there),
        cmocka_unit_test(test_nothing_is_remembered_of_what_was_not_committed),
        cmocka_unit_test(test_memory_is_only_a_hint),
        cmocka_unit_test(test_sweep_notices_sql),
        cmocka_unit_test(test_full_batch_costs_nothing),
        cmocka_unit_test(test_cost_follows_what_changed),
        cmocka_unit_test(test_long_assignments_are_cut),
        cmocka_unit_test(test_run_limit),
        cmocka_unit_test(test_download_limit),
        cmocka_unit_test(test_lost_worker),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_the_timer_sweeps),
        cmocka_unit_test(test_the_sweep_takes_from_the_lost),
    };
    return contract_main(tests, SQ_LEN(tests));
}
