/* What becomes due, over both databases: time limits, workers that are lost, and the
 * timer that sees to both. */
#include "tests/test.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "core/store/execution.h"
#include "core/store/log.h"
#include "core/store/sync.h"
#include "core/store/worker.h"
#include "tests/contract/sched_world.h"

static void start_limited(struct world *w, const char *limits)
{
    char text[200];
    world_begin(w);
    world_add_workers(w, 1, 1, 2);
    world_add_tasks(w, 1, 1);
    snprintf(text, sizeof text, "update task set %s", limits);
    world_sql(w, text);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
}

/* Its worker takes the execution. */
static void accept(struct world *w)
{
    world_begin(w);
    struct sq_transition t = {.execution_id = 1,
                              .to = SQ_EXEC_ACCEPTED,
                              .worker_id = SQ_NULL,
                              .return_code = SQ_NULL};
    OK(w->err, sq_execution_transition(&w->tx, &t, 1, NULL, &w->err));
    world_commit(w);
}

static int64_t signals(struct world *w)
{
    return world_ask(w,
                     "select count(*) from signal where signal = 9 and execution_id = 1"
                     " and worker_id = 1");
}

static void test_run_limit(void **state)
{
    WORLD(w);
    start_limited(w, "run_timeout = 100, retry = 1");
    world_begin(w);
    world_end_execution(w, 1, SQ_EXEC_RUNNING);
    int64_t started = w->tx.now;
    world_commit(w);
    /* The alarm rings when the limit ends, to the microsecond. */
    assert_int_equal(w->s->alarm, started + 100000000);
    world_begin(w);
    w->tx.now = started + 99999999;
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 0);
    w->tx.now = started + 100000000;
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 1);
    world_commit(w);
    /* Its last words come first, then the note; and the retry is used. */
    world_begin(w);
    struct sq_log_chunk last = {
        .execution_id = 1, .stream = SQ_STDERR, .data = "last words\n", .len = 11};
    OK(w->err, sq_log_append(&w->tx, &last, 1, &w->err));
    world_end_execution(w, 1, SQ_EXEC_FAILED);
    world_commit(w);
    struct sq_buf text;
    sq_buf_init(&text, 1000);
    OK(w->err, sq_log_read(w->db, 1, SQ_STDERR, 0, 1000, &text, &w->err));
    assert_string_equal(text.data, "last words\n"
                                   "scitq: killed: run time limit of 100 s exceeded\n");
    sq_buf_fini(&text);
    assert_int_equal(w->s->notes.n, 0);
    assert_int_equal(
        world_ask(w, "select count(*) from execution where execution_id = 1 and "
                     "error like '%limit of 100 s%'"),
        1);
    assert_int_equal(world_ask(w, "select retry from task"), 0);
    assert_int_equal(world_ask(w, "select count(*) from execution"), 2);
}

static void test_download_limit(void **state)
{
    WORLD(w);
    start_limited(w, "download_timeout = 5, run_timeout = 1000, input = 's3://a/b'");
    accept(w);
    world_begin(w);
    w->tx.now += 6000000;
    /* While no place to run is free it may be waiting for one. */
    world_sql(w, "update worker set concurrency = 0");
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 0);
    world_sql(w, "update worker set concurrency = 1");
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 1);
    /* It ended well just before the signal came: no note. */
    world_end_execution(w, 1, SQ_EXEC_SUCCEEDED);
    world_commit(w);
    int64_t size;
    OK(w->err, sq_log_size(w->db, 1, SQ_STDERR, &size, &w->err));
    assert_int_equal(size, 0);
    assert_int_equal(w->s->notes.n, 0);
}

/* Of a worker of ours, which says when a download is over: until then it is one, be a
 * place free or not, and afterwards it is none. */
static void test_downloaded(void **state)
{
    WORLD(w);
    start_limited(w, "download_timeout = 5, input = 's3://a/b'");
    world_begin(w);
    world_sql(w, "update worker set concurrency = 0, spool = 's'");
    struct sq_sync_record records[] = {
        {.seq = 1, .kind = SQ_SYNC_STATUS},
        {.seq = 2, .kind = SQ_SYNC_STATUS, .downloaded = true},
    };
    for (size_t i = 0; i < SQ_LEN(records); i++)
        records[i].status = (struct sq_transition){
            .execution_id = 1, .to = SQ_EXEC_ACCEPTED, .return_code = SQ_NULL};
    struct sq_sync call = {.worker_id = world_ask(w, "select worker_id from worker"),
                           .spool = "s",
                           .records = records,
                           .n_records = 1};
    OK(w->err, sq_sync_apply(&w->tx, &call, &w->err));
    world_commit(w);
    world_begin(w);
    w->tx.now += 6000000;
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 1);
    world_sql(w, "delete from signal");
    call.n_records = 2;
    OK(w->err, sq_sync_apply(&w->tx, &call, &w->err));
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 0);
    world_commit(w);
}

/* Accepted with nothing to fetch, it waits for a place, be one free or not. */
static void test_no_download_no_limit(void **state)
{
    WORLD(w);
    start_limited(w, "download_timeout = 5, input = ''");
    accept(w);
    assert_true(w->s->alarm == SQ_NULL);
    world_begin(w);
    w->tx.now += 6000000;
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 0);
    world_sql(w, "update task set resource = 's3://r'");
    OK(w->err, sq_due_scan(w->s, &w->tx, &w->err));
    assert_int_equal(signals(w), 1);
    world_commit(w);
}

static void test_lost_worker(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 2, 1, 2);
    world_add_tasks(w, 4, 1);
    world_sql(w, "update task set retry = 3");
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    world_begin(w);
    world_end_execution(w, 1, SQ_EXEC_RUNNING);
    world_commit(w);
    world_begin(w);
    world_sql(w, "update worker set status = 'offline' where worker_id = 1");
    OK(w->err, sq_worker_lost(&w->tx, "[1,2]", &w->err));
    world_commit(w);
    assert_int_equal(world_ask(w, "select count(*) from task where status = 'pending'"),
                     2);
    assert_int_equal(world_ask(w, "select count(*) from task where retry = 3"), 4);
    assert_int_equal(world_ask(w,
                               "select count(*) from execution where worker_id = 1 and "
                               "status in ('failed', 'refused')"),
                     2);
    assert_int_equal(world_ask(w,
                               "select count(*) from execution where worker_id = 2 and "
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
    return sq_execution_transition(tx, &t, 1, NULL, err);
}

static const struct sq_tuning patient = {.offline_us = 3600000000, .lost_us = 3000000};

/* A writer and a scheduler as in the server, until a worker is told of something; made
 * with patient delays, which are these when it starts. */
static void live_run_with(struct world *w, struct sq_op *op,
                          const struct sq_tuning *tuning)
{
    struct sq_tuned tuned = {&patient};
    const struct sq_sched_conf far = {.tuned = &tuned, .sweep_us = 3600000000};
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
    atomic_store(&tuned.now, tuning);
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

static void live_run(struct world *w, struct sq_op *op)
{
    live_run_with(w, op, &patient);
}

static void test_timer(void **state)
{
    WORLD(w);
    start_limited(w, "run_timeout = 1");
    struct sq_op op = {.run = run_task, .arena = w->tx.arena};
    live_run(w, &op);
    assert_int_equal(signals(w), 1);
}

/* A worker that was told to be patient is: the delay that a reload made shorter counts
 * when it has had the time to hear of it. */
static void test_a_shorter_delay(void **state)
{
    WORLD(w);
    const struct sq_delays delays = {3600000000, 3600000000};
    const struct sq_tuning hasty = {.offline_us = 1, .lost_us = 1};
    start_limited(w, "run_timeout = 1");
    struct sq_op op = {.run = run_task, .arena = w->tx.arena};
    world_begin(w);
    OK(w->err, sq_liveness_flush(w->liveness, &w->tx, &delays, &w->err));
    OK(w->err, sq_db_commit(w->db, &w->err));
    world_clock_us += 3000000;
    live_run_with(w, &op, &hasty);
    assert_int_equal(
        world_ask(w, "select count(*) from worker where status = 'running'"), 1);
}

/* Nobody says that anything changed: the sweep at the start finds it. */
static void test_the_timer_sweeps(void **state)
{
    WORLD(w);
    world_begin(w);
    world_add_workers(w, 1, 1, 2);
    world_add_tasks(w, 2, 1);
    world_sql(w, "insert into requirement (task_id, other_task_id) values (2, 1)");
    world_sql(w, "update task set status = 'succeeded' where task_id = 1");
    world_sql(w, "update task set status = 'waiting' where task_id = 2");
    OK(w->err, sq_db_commit(w->db, &w->err));
    live_run(w, NULL);
    assert_int_equal(world_ask(w, "select worker_id from execution where task_id = 2"),
                     1);
}

static void test_the_sweep_takes_from_the_lost(void **state)
{
    WORLD(w);
    const struct sq_delays delays = {3600000000, 3000000};
    world_begin(w);
    world_add_workers(w, 1, 1, 1);
    world_add_tasks(w, 1, 1);
    sq_changes_batch(w->tx.changes, "b0");
    world_commit(w);
    world_begin(w);
    world_sql(w, "update worker set status = 'offline'");
    world_add_workers(w, 1, 1, 1);
    OK(w->err, sq_liveness_flush(w->liveness, &w->tx, &delays, &w->err));
    OK(w->err, sq_db_commit(w->db, &w->err));
    assert_int_equal(world_assigned_to(w, 2), 0);
    world_clock_us += 4000000;
    live_run(w, NULL);
    assert_int_equal(world_assigned_to(w, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_limit),
        cmocka_unit_test(test_download_limit),
        cmocka_unit_test(test_downloaded),
        cmocka_unit_test(test_no_download_no_limit),
        cmocka_unit_test(test_lost_worker),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_a_shorter_delay),
        cmocka_unit_test(test_the_timer_sweeps),
        cmocka_unit_test(test_the_sweep_takes_from_the_lost),
    };
    return contract_main(tests, SQ_LEN(tests));
}
