/* Sync: applied once whatever is repeated, nothing half done, and the answer. */
#include "tests/contract/domain.h"

#include <string.h>

#include "config.h"
#ifdef HAVE_POSTGRESQL
#include <libpq-fe.h>
#endif

#include "core/store/record.h"
#include "core/store/sync.h"

/* PostgreSQL is waited for once a synchronization of its pipeline; the linker wraps it
 * (see Makefile.inc). */
static int round_trips;
#ifdef HAVE_POSTGRESQL
int __real_PQpipelineSync(PGconn *conn);
int __wrap_PQpipelineSync(PGconn *conn);
int __wrap_PQpipelineSync(PGconn *conn)
{
    round_trips++;
    return __real_PQpipelineSync(conn);
}
#endif

static int64_t registered(struct contract *c, const char *spool)
{
    struct sq_err err = {0};
    int64_t acked;
    struct sq_worker w;
    struct sq_registration r = {.name = "n",
                                .hostname = "n",
                                .spool = spool,
                                .concurrency = 2,
                                .status = SQ_WORKER_RUNNING,
                                .permanent = 1,
                                .silence_us = SQ_NULL};
    contract_begin(c);
    OK(err, sq_worker_register(&c->tx, &r, &w, &acked, &err));
    contract_commit(c);
    return w.worker_id;
}

static int apply(struct contract *c, struct sq_sync *s, struct sq_err *err)
{
    contract_begin(c);
    int code = sq_sync_apply(&c->tx, s, err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

static struct sq_sync_record status(int64_t seq, int64_t e, int to)
{
    return (struct sq_sync_record){
        .seq = seq,
        .kind = SQ_SYNC_STATUS,
        .status = {.execution_id = e, .to = to, .return_code = SQ_NULL},
        .log_end = {SQ_NULL, SQ_NULL, SQ_NULL}};
}

static struct sq_sync_record output(int64_t seq, int64_t e, int64_t start,
                                    const char *text)
{
    return (struct sq_sync_record){.seq = seq,
                                   .kind = SQ_SYNC_OUTPUT,
                                   .output = {.execution_id = e,
                                              .stream = SQ_STDOUT,
                                              .start = start,
                                              .data = text,
                                              .len = strlen(text)}};
}

static void test_a_call_is_applied_once(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = registered(c, "s"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    struct sq_sync_record r[] = {
        status(42, e, SQ_EXEC_ACCEPTED), status(43, e, SQ_EXEC_RUNNING),
        output(44, e, 0, "hello\n"), output(45, e, 6, "world\n"),
        status(50, e, SQ_EXEC_SUCCEEDED)};
    r[4].log_end[SQ_STDOUT] = 12;
    r[4].log_end[SQ_STDERR] = 0;
    struct sq_sync s = {
        .worker_id = w, .spool = "s", .records = r, .n_records = SQ_LEN(r)};
    OK(err, apply(c, &s, &err));
    assert_int_equal(s.acked, 50);
    TASK_IS(c, t, SQ_TASK_SUCCEEDED);
    assert_string_equal(execution_of(c, e).output, "hello\nworld\n");
    put_status(c, t, SQ_TASK_PENDING);
    c->tx.now += 1000000;
    OK(err, apply(c, &s, &err)); /* a reply that was lost */
    assert_int_equal(s.acked, 50);
    TASK_IS(c, t, SQ_TASK_PENDING);
    assert_int_equal(execution_of(c, e).modification_date, c->tx.now - 1000000);
    assert_int_equal(contract_int(c->db, "select acked from worker"), 50);
}

/* Of records that could be applied again, as of output that could be appended at its
 * place, it is the number that tells the old ones. */
static void test_numbers_tell_what_was_applied(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = registered(c, "s"), e = assign(c, make_task(c, NULL, 0), w);
    struct sq_sync_record r[] = {status(1, e, SQ_EXEC_ACCEPTED), output(2, e, 0, "a")};
    struct sq_sync s = {
        .worker_id = w, .spool = "s", .records = r, .n_records = SQ_LEN(r)};
    OK(err, apply(c, &s, &err));
    assert_int_equal(step(c, e, SQ_EXEC_PENDING), 0);
    contract_sql(c->db, "delete from execution_log");
    OK(err, apply(c, &s, &err));
    assert_int_equal(s.acked, 2);
    EXECUTION_IS(c, e, SQ_EXEC_PENDING);
    assert_int_equal(contract_int(c->db, "select count(*) from execution_log"), 0);
    r[0].seq = r[1].seq; /* out of order: the number before it is over */
    r[1].seq = 3;
    OK(err, apply(c, &s, &err));
    assert_int_equal(s.acked, 3);
    EXECUTION_IS(c, e, SQ_EXEC_PENDING);
    assert_int_equal(contract_int(c->db, "select count(*) from execution_log"), 1);
}

static void test_nothing_is_half_done(void **state)
{
    struct contract *c = *state;
    int64_t w = registered(c, "s"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    struct sq_sync_record gap[] = {status(1, e, SQ_EXEC_RUNNING),
                                   output(2, e, 5, "late")};
    struct sq_sync_record early[] = {output(1, e, 0, "abc"),
                                     status(2, e, SQ_EXEC_SUCCEEDED)};
    early[1].log_end[SQ_STDOUT] = 4;
    const struct {
        const char *spool;
        int64_t worker_id;
        struct sq_sync_record *records;
        int code;
        const char *text;
    } cases[] = {
        {"s", w, gap, SQ_EPROTO,
         "stdout of execution 1 would go on at byte 5, but 0 are stored"},
        {"s", w, early, SQ_EPROTO,
         "the end of execution 1 names 4 bytes of stdout, but 3 are stored"},
        {"other", w, gap, SQ_EEXIST,
         "worker 1 belongs to another process: register again"},
        {"s", 99, gap, SQ_ENOENT, "Worker 99 doesn't exist"},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_err err = {0};
        struct sq_sync s = {.worker_id = cases[i].worker_id,
                            .spool = cases[i].spool,
                            .records = cases[i].records,
                            .n_records = 2};
        assert_int_equal(apply(c, &s, &err), cases[i].code);
        assert_string_equal(err.text, cases[i].text);
        EXECUTION_IS(c, e, SQ_EXEC_PENDING);
        assert_int_equal(contract_int(c->db, "select count(*) from execution_log"), 0);
        assert_int_equal(contract_int(c->db, "select acked from worker"), 0);
    }
}

static void test_refused_records_are_dropped(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = registered(c, "s"), v = make_worker(c, "v");
    int64_t t = make_task(c, NULL, 0), e = assign(c, t, w);
    int64_t theirs = assign(c, make_task(c, NULL, 0), v);
    put_status(c, t, SQ_TASK_PENDING); /* withdrawn */
    struct sq_sync_record r[] = {
        status(1, e, SQ_EXEC_RUNNING), status(2, theirs, SQ_EXEC_RUNNING),
        output(3, theirs, 0, "not mine"), status(4, 999, SQ_EXEC_RUNNING)};
    struct sq_sync s = {
        .worker_id = w, .spool = "s", .records = r, .n_records = SQ_LEN(r)};
    OK(err, apply(c, &s, &err));
    assert_int_equal(s.acked, 4);
    EXECUTION_IS(c, e, SQ_EXEC_REFUSED);
    EXECUTION_IS(c, theirs, SQ_EXEC_PENDING);
    TASK_IS(c, t, SQ_TASK_PENDING);
    assert_int_equal(contract_int(c->db, "select count(*) from execution_log"), 0);
}

static void test_the_answer(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_sync_answer a;
    int64_t w = registered(c, "s"), t[4], e[4];
    OK(err, sq_sync_answer(c->db, w, NULL, 0, &c->arena, &a, &err));
    assert_false(sq_sync_answer_any(&a));
    assert_int_equal(a.worker.concurrency, 2);
    for (int i = 3; i >= 0; i--) {
        t[i] = make_task(c, NULL, 0);
        e[i] = assign(c, t[i], w);
    }
    step(c, e[1], SQ_EXEC_RUNNING);
    step(c, e[2], SQ_EXEC_RUNNING);
    put_status(c, t[2], SQ_TASK_PAUSED);
    int64_t holding[] = {e[2], e[1], 999};
    OK(err, sq_sync_answer(c->db, w, holding, 3, &c->arena, &a, &err));
    assert_true(sq_sync_answer_any(&a));
    assert_int_equal(a.n_executions, 2);
    assert_int_equal(a.executions[0].execution_id, e[3]);
    assert_int_equal(a.executions[0].task.task_id, t[3]);
    assert_string_equal(a.executions[0].task.command, "true");
    assert_int_equal(a.executions[1].execution_id, e[0]);
    assert_int_equal(a.n_withdrawn, 2);
    assert_int_equal(a.withdrawn[0], e[2]);
    assert_int_equal(a.withdrawn[1], 999);
    assert_int_equal(a.n_signals, 1);
    assert_int_equal(a.signals[0].signal, 9);
    int64_t all[] = {e[3], e[1], e[0]}; /* what it holds it knows */
    OK(err, sq_sync_answer(c->db, w, all, 3, &c->arena, &a, &err));
    assert_int_equal(a.n_executions, 0);
    assert_int_equal(a.n_withdrawn, 0);
    int64_t seen[] = {a.signals[0].signal_id};
    struct sq_sync s = {
        .worker_id = w, .spool = "s", .signals_seen = seen, .n_signals_seen = 1};
    OK(err, apply(c, &s, &err));
    OK(err, sq_sync_answer(c->db, w, NULL, 0, &c->arena, &a, &err));
    assert_int_equal(a.n_signals, 0);
    assert_int_equal(sq_sync_answer(c->db, 99, NULL, 0, &c->arena, &a, &err),
                     SQ_ENOENT);
}

/* Applied, committed, and answered or not: how often the database was waited for. */
static int call(struct contract *c, struct sq_sync *s, struct sq_sync_answer *a)
{
    struct sq_err err = {0};
    struct sq_sync_asked asked;
    contract_begin(c);
    round_trips = 0;
    OK(err, sq_sync_apply(&c->tx, s, &err));
    if (a)
        sq_sync_ask(c->db, s->worker_id, &asked);
    contract_commit(c);
    if (a)
        OK(err, sq_sync_take(c->db, &asked, NULL, 0, &c->arena, a, &err));
    return round_trips;
}

static void test_the_answer_comes_with_the_commit(void **state)
{
    struct contract *c = *state;
    struct sq_sync_answer a;
    int64_t w = registered(c, "s"), first = assign(c, make_task(c, NULL, 0), w);
    int64_t next = assign(c, make_task(c, NULL, 0), w);
    int trips[6];
    /* The same change three times, undone in between; answered, answered, and not. */
    for (int i = 0; i < 6; i++) {
        int to = i % 2 == 0 ? SQ_EXEC_ACCEPTED : SQ_EXEC_PENDING;
        struct sq_sync_record r = status(i + 1, first, to);
        struct sq_sync s = {
            .worker_id = w, .spool = "s", .records = &r, .n_records = 1};
        trips[i] = call(c, &s, i < 4 ? &a : NULL);
        EXECUTION_IS(c, first, to);
    }
    assert_int_equal(a.acked, 4);
    assert_int_equal(a.executions[a.n_executions - 1].execution_id, next);
    assert_int_equal(trips[2], trips[4]);
    assert_int_equal(trips[2] > 0, c->engine == SQ_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_is_applied_once),
        cmocka_unit_test(test_numbers_tell_what_was_applied),
        cmocka_unit_test(test_nothing_is_half_done),
        cmocka_unit_test(test_refused_records_are_dropped),
        cmocka_unit_test(test_the_answer),
        cmocka_unit_test(test_the_answer_comes_with_the_commit),
    };
    return contract_main(tests, SQ_LEN(tests));
}
