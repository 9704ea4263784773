/* Workers: their rows, registration, removal, eviction, contacts, signals, batches. */
#include "tests/contract/domain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/store/liveness.h"
#include "core/store/record.h"
#include "lib/clock.h"

#define SECOND INT64_C(1000000)

static int put(struct contract *c, int64_t id, const struct sq_worker *values,
               uint64_t mask, struct sq_worker *ret)
{
    struct sq_err err = {0};
    contract_begin(c);
    int code = sq_worker_update(&c->tx, id, values, mask, ret, &err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

static void put_worker_status(struct contract *c, int64_t id, int status)
{
    struct sq_worker ret, values = {.status = status};
    assert_int_equal(put(c, id, &values, SQ_BIT(SQ_WORKER_F_STATUS), &ret), 0);
}

static void test_defaults(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_worker w, made;
    sq_record_clear(&sq_worker_type, &w);
    w.name = (char[]){"n"};
    w.concurrency = 3;
    contract_begin(c);
    OK(err, sq_worker_create(&c->tx, &w, ~UINT64_C(0), &made, &err));
    w.concurrency = SQ_NULL;
    assert_int_equal(sq_worker_create(&c->tx, &w, ~UINT64_C(0), &made, &err),
                     SQ_EINVAL);
    contract_commit(c);
    assert_int_equal(made.status, SQ_WORKER_PAUSED);
    assert_int_equal(made.prefetch, 0);
    assert_string_equal(made.batch, "Default");
    assert_string_equal(made.task_properties, "{}");
    assert_int_equal(made.permanent, 1);
    assert_int_equal(made.creation_date, c->tx.now);
    assert_true(made.last_contact_date == SQ_NULL && isnan(made.memory));
}

static void test_put_changes_what_differs(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w");
    struct sq_worker ret, values = worker_of(c, w);
    assert_int_equal(put(c, w, &values, ~UINT64_C(0), &ret), 0);
    assert_true(ret.modification_date == SQ_NULL);
    values.concurrency = 9;
    values.memory = 31.5;
    sq_changes_clear(&c->changes);
    assert_int_equal(put(c, w, &values, ~UINT64_C(0), &ret), 0);
    assert_int_equal(ret.concurrency, 9);
    assert_true(ret.memory == 31.5);
    assert_int_equal(ret.modification_date, c->tx.now);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.slots, w));
    assert_int_equal(put(c, 99, &values, 1, &ret), SQ_ENOENT);
}

/* Removal, eviction, loss. */

struct held {
    int64_t pending, accepted, running; /* tasks */
    int64_t e[3];                       /* their executions */
};

static struct held hold_three(struct contract *c, int64_t w)
{
    struct held h = {
        make_task(c, NULL, 0), make_task(c, NULL, 0), make_task(c, NULL, 0), {0}};
    h.e[0] = assign(c, h.pending, w);
    h.e[1] = assign(c, h.accepted, w);
    h.e[2] = assign(c, h.running, w);
    step(c, h.e[1], SQ_EXEC_ACCEPTED);
    step(c, h.e[2], SQ_EXEC_RUNNING);
    return h;
}

static void assert_ended(struct contract *c, const struct held *h, int running_task)
{
    EXECUTION_IS(c, h->e[0], SQ_EXEC_REFUSED);
    EXECUTION_IS(c, h->e[1], SQ_EXEC_REFUSED);
    EXECUTION_IS(c, h->e[2], SQ_EXEC_FAILED);
    TASK_IS(c, h->pending, SQ_TASK_PENDING);
    TASK_IS(c, h->accepted, SQ_TASK_PENDING);
    TASK_IS(c, h->running, running_task);
}

static void test_deleting_a_permanent_worker(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_worker gone;
    int64_t w = make_worker(c, "w");
    struct held h = hold_three(c, w);
    contract_begin(c);
    OK(err, sq_worker_delete(&c->tx, w, &gone, &err));
    assert_int_equal(sq_worker_delete(&c->tx, w, &gone, &err), SQ_ENOENT);
    contract_commit(c);
    assert_ended(c, &h, SQ_TASK_FAILED);
    assert_true(execution_of(c, h.e[2]).worker_id == SQ_NULL);
}

static int64_t recruit(struct contract *c, const char *name)
{
    int64_t w = make_worker(c, name);
    struct sq_worker ret, values = {.permanent = 0, .provider = (char[]){"ovh"}};
    assert_int_equal(put(c, w, &values,
                         SQ_BIT(SQ_WORKER_F_PERMANENT) | SQ_BIT(SQ_WORKER_F_PROVIDER),
                         &ret),
                     0);
    return w;
}

static void test_deleting_a_recruited_worker_makes_a_job(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_worker gone;
    int64_t w = recruit(c, "node1");
    contract_begin(c);
    OK(err, sq_worker_delete(&c->tx, w, &gone, &err));
    OK(err, sq_worker_delete(&c->tx, w, &gone, &err));
    contract_commit(c);
    assert_int_equal(worker_of(c, w).status, SQ_WORKER_PAUSED);
    assert_int_equal(contract_int(c->db, "select count(*) from job where status = "
                                         "'pending' and action = 'worker_destroy' and "
                                         "target = 'node1'"),
                     1);
}

static void test_an_evicted_worker_frees_its_tasks(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w");
    struct held h = hold_three(c, w);
    put_worker_status(c, w, SQ_WORKER_EVICTED);
    assert_ended(c, &h, SQ_TASK_PENDING);
    put_worker_status(c, w, SQ_WORKER_PAUSED);
    assert_int_equal(worker_of(c, w).status, SQ_WORKER_EVICTED);
    put_worker_status(c, w, SQ_WORKER_RUNNING);
    assert_int_equal(worker_of(c, w).status, SQ_WORKER_RUNNING);
}

static void test_a_lost_worker_frees_its_tasks(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), v = make_worker(c, "v");
    struct held h = hold_three(c, w);
    put_worker_status(c, w, SQ_WORKER_OFFLINE);
    int64_t e = assign(c, make_task(c, NULL, 0), v);
    contract_begin(c);
    OK(err, sq_worker_lost(&c->tx, "[2]", &err)); /* it is not offline */
    contract_commit(c);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    contract_begin(c);
    OK(err, sq_worker_lost(&c->tx, "[1,2]", &err));
    contract_commit(c);
    assert_ended(c, &h, SQ_TASK_PENDING);
    EXECUTION_IS(c, e, SQ_EXEC_PENDING);
}

/* Registration. */

static int registers(struct contract *c, const char *spool, int64_t silence_us,
                     struct sq_worker *ret, int64_t *ret_acked)
{
    struct sq_err err = {0};
    struct sq_registration r = {.name = "n1",
                                .hostname = "h1",
                                .batch = "B",
                                .default_flavor = "local",
                                .spool = spool,
                                .concurrency = 5,
                                .status = SQ_WORKER_RUNNING,
                                .permanent = 1,
                                .silence_us = silence_us,
                                .live_us = 15 * SECOND};
    contract_begin(c);
    int code = sq_worker_register(&c->tx, &r, ret, ret_acked, &err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

static void test_registering_takes_the_row_back(void **state)
{
    struct contract *c = *state;
    struct sq_worker first, again;
    int64_t acked = -1;
    assert_int_equal(registers(c, "s1", SQ_NULL, &first, &acked), 0);
    assert_int_equal(acked, 0);
    assert_int_equal(first.concurrency, 5);
    assert_int_equal(first.status, SQ_WORKER_RUNNING);
    assert_string_equal(first.batch, "B");
    assert_string_equal(first.flavor, "local");
    assert_int_equal(first.last_contact_date, c->tx.now);
    contract_sql(c->db, "update worker set acked = 41, concurrency = 8, batch = 'C', "
                        "flavor = 'm1.big', status = 'offline'");
    struct held h = hold_three(c, first.worker_id);
    assert_int_equal(registers(c, "s1", SQ_NULL, &again, &acked), 0);
    assert_int_equal(again.worker_id, first.worker_id);
    assert_int_equal(acked, 41);
    assert_int_equal(again.concurrency, 8);
    assert_string_equal(again.batch, "C");
    assert_string_equal(again.flavor, "m1.big"); /* the default is for new rows */
    assert_int_equal(again.status, SQ_WORKER_RUNNING);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    /* Another spool: while the first is alive it is refused… */
    assert_int_equal(registers(c, "s2", SQ_NULL, &again, &acked), SQ_EEXIST);
    c->tx.now += 20 * SECOND;
    assert_int_equal(registers(c, "s2", SECOND, &again, &acked), SQ_EEXIST);
    /* …later it takes over, and what the first one ran is over. */
    assert_int_equal(registers(c, "s2", SQ_NULL, &again, &acked), 0);
    assert_int_equal(again.worker_id, first.worker_id);
    assert_int_equal(acked, 0);
    assert_ended(c, &h, SQ_TASK_FAILED);
}

/* The idle callback. */

static const char *callback(struct contract *c, int64_t w, const char *message)
{
    struct sq_err err = {0};
    const char *answer = NULL;
    contract_begin(c);
    OK(err, sq_worker_callback(&c->tx, w, message, &answer, &err));
    contract_commit(c);
    return answer;
}

static void test_the_idle_callback(void **state)
{
    struct contract *c = *state;
    int64_t w = recruit(c, "node1"), p = make_worker(c, "p");
    int64_t t = make_task(c, NULL, 0), e = assign(c, t, w);
    assert_string_equal(callback(c, w, "bored"), "nothing to do");
    assert_string_equal(callback(c, w, "idle"), "still have running tasks");
    step(c, e, SQ_EXEC_REFUSED);
    assert_string_equal(callback(c, w, "idle"), "still some work to do, lazy one!");
    put_status(c, t, SQ_TASK_SUCCEEDED);
    assert_string_equal(callback(c, w, "idle"), "ok");
    assert_int_equal(contract_int(c->db, "select count(*) from job"), 1);
    contract_sql(c->db, "update worker set task_properties = '{\"B\":[1,1]}'");
    assert_string_equal(callback(c, p, "idle"), "ok");
    assert_string_equal(worker_of(c, p).task_properties, "{}");
    assert_int_equal(contract_int(c->db, "select count(*) from job"), 1);
}

/* Contacts. */

static int64_t clock_us; /* monotonic */

static int64_t fake_clock(void)
{
    return clock_us;
}

static void sweep(struct contract *c, struct sq_liveness *l)
{
    static const struct sq_delays delays = {15 * SECOND, 200 * SECOND};
    struct sq_err err = {0};
    contract_begin(c);
    OK(err, sq_liveness_flush(l, &c->tx, &delays, &err));
    contract_commit(c);
}

/* The server lives for so long, sweeping every two seconds. */
static void live(struct contract *c, struct sq_liveness *l, int seconds)
{
    for (int i = 0; i < seconds; i += 2) {
        clock_us += 2 * SECOND;
        c->tx.now += 2 * SECOND;
        sweep(c, l);
    }
}

static struct sq_liveness *liveness(void)
{
    struct sq_liveness *l;
    struct sq_err err = {0};
    OK(err, sq_liveness_new(fake_clock, &l, &err));
    return l;
}

static void hear(struct contract *c, struct sq_liveness *l, int64_t worker_id)
{
    sq_liveness_contact(l, worker_id, c->tx.now, NULL, NAN, NULL);
}

#define STATUS_IS(c, w, wanted) assert_int_equal(worker_of(c, w).status, wanted)

static void test_contacts_are_remembered_then_written(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w"), start = sq_now();
    assert_true(sq_liveness_silence(l, w) == SQ_NULL);
    sq_liveness_contact(l, w, start, "1 / 2", 12.25, "{}");
    sq_liveness_contact(l, w, start + 1, NULL, NAN, NULL);
    struct sq_worker seen = worker_of(c, w);
    assert_true(seen.last_contact_date == SQ_NULL);
    sq_liveness_overlay(l, &seen, &c->arena);
    assert_int_equal(seen.last_contact_date, start + 1);
    assert_string_equal(seen.load, "1 / 2");
    assert_true(seen.memory == 12.25);
    c->tx.now = start + 2;
    sweep(c, l);
    seen = worker_of(c, w);
    assert_int_equal(seen.last_contact_date, start + 1);
    assert_string_equal(seen.load, "1 / 2");
    assert_string_equal(seen.stats, "{}");
    assert_true(seen.memory == 12.25);
    assert_true(seen.modification_date == SQ_NULL);
    contract_sql(c->db, "update worker set load = 'edited'");
    sweep(c, l); /* nothing is new: nothing is written */
    assert_string_equal(worker_of(c, w).load, "edited");
    sq_liveness_free(l);
}

static void test_silence_makes_offline_and_contact_running(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w"), v = make_worker(c, "v");
    contract_sql(c->db, "update worker set last_contact_date = '2020-01-01 "
                        "00:00:00.000000'");
    live(c, l, 16); /* the full delay from the first sweep */
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    hear(c, l, v);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    STATUS_IS(c, v, SQ_WORKER_RUNNING);
    live(c, l, 12);
    STATUS_IS(c, v, SQ_WORKER_RUNNING);
    hear(c, l, w);
    sq_changes_clear(&c->changes);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.slots, w));
    live(c, l, 2);
    STATUS_IS(c, v, SQ_WORKER_OFFLINE);
    sq_liveness_free(l);
}

static void test_silence_for_long_loses_the_tasks(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w");
    struct held h = hold_three(c, w);
    live(c, l, 2); /* the first sweep sees it */
    live(c, l, 200);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    live(c, l, 2);
    assert_ended(c, &h, SQ_TASK_PENDING);
    sq_liveness_free(l);
}

/* Wall clock and gaps that are no silence. */
static void test_a_clock_that_jumps_loses_nothing(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w"), day = 86400 * SECOND;
    struct held h = hold_three(c, w);
    hear(c, l, w);
    live(c, l, 2);
    c->tx.now += day; /* set forward, or suspended */
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    clock_us += day; /* stopped, or its database was away: nobody could be heard */
    live(c, l, 4);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    /* Offline already before such a gap: its tasks stay its own too. */
    live(c, l, 30);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    clock_us += day;
    c->tx.now += day;
    live(c, l, 4);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    sq_liveness_free(l);
}

static void test_contacts_in_the_future_keep_nobody_alive(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    struct sq_worker w, again;
    int64_t acked;
    assert_int_equal(registers(c, "s1", SQ_NULL, &w, &acked), 0);
    hear(c, l, w.worker_id);
    sweep(c, l);
    c->tx.now -= 86400 * SECOND; /* set back */
    live(c, l, 16);
    STATUS_IS(c, w.worker_id, SQ_WORKER_OFFLINE);
    /* …nor do they keep its identity, for a server that never heard it. */
    assert_int_equal(registers(c, "s2", SQ_NULL, &again, &acked), 0);
    assert_int_equal(again.worker_id, w.worker_id);
    /* What is heard now is shown, though the row has a later date. */
    contract_sql(c->db, "update worker set last_contact_date = '2027-01-01 "
                        "00:00:00.000000'");
    hear(c, l, w.worker_id);
    struct sq_worker seen = worker_of(c, w.worker_id);
    sq_liveness_overlay(l, &seen, &c->arena);
    assert_int_equal(seen.last_contact_date, c->tx.now);
    sq_liveness_free(l);
}

static void test_who_left_comes_back_when_it_says_so(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w");
    hear(c, l, w);
    assert_int_equal(sq_liveness_silence(l, w), 0);
    sq_liveness_left(l, w);
    assert_true(sq_liveness_silence(l, w) == INT64_MAX);
    put_worker_status(c, w, SQ_WORKER_OFFLINE);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    hear(c, l, w); /* a poll that was still on its way */
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    sq_liveness_returned(l, w);
    hear(c, l, w);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    sq_liveness_free(l);
}

static void test_many_contacts_in_one_flush(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    contract_sql(
        c->db, "with recursive n(i) as (select 1 union all select i + 1 from n "
               "where i < 3000) insert into worker (name, status, concurrency, batch) "
               "select 'w', 'paused', 1, 'Default' from n");
    for (int64_t i = 1; i <= 3000; i++)
        sq_liveness_contact(l, i, c->tx.now, "1", 1.5, NULL);
    sweep(c, l);
    assert_int_equal(contract_int(c->db, "select count(*) from worker where memory = "
                                         "'1.5' and last_contact_date is not null"),
                     3000);
    sq_liveness_free(l);
}

/* Signals, counts, batches. */

static void test_signals_are_removed_by_being_read(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_signal *v = NULL;
    size_t n = 0;
    int64_t w = make_worker(c, "w"), other = make_worker(c, "o");
    int64_t e = assign(c, make_task(c, NULL, 0), w);
    contract_begin(c);
    OK(err, sq_signal_create(&c->tx, w, e, 15, &err));
    OK(err, sq_signal_create(&c->tx, w, SQ_NULL, -2, &err));
    assert_int_equal(sq_signal_create(&c->tx, other, e, 15, &err), SQ_EINVAL);
    assert_int_equal(sq_signal_create(&c->tx, 99, SQ_NULL, 1, &err), SQ_ENOENT);
    assert_int_equal(sq_signal_create(&c->tx, w, SQ_NULL, 999, &err), SQ_EINVAL);
    OK(err, sq_signal_take(&c->tx, w, &v, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].execution_id, e);
    assert_int_equal(v[0].signal, 15);
    assert_true(v[1].execution_id == SQ_NULL);
    assert_int_equal(v[1].worker_id, w);
    OK(err, sq_signal_take(&c->tx, w, &v, &n, &err));
    assert_int_equal(n, 0);
    contract_commit(c);
}

static void test_counts(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_worker_count *v = NULL;
    size_t n = 0;
    int64_t w = make_worker(c, "w");
    hold_three(c, w);
    assign(c, make_task(c, NULL, 0), w);
    OK(err, sq_worker_counts(c->db, &c->arena, &v, &n, &err));
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(v[i].worker_id, w);
        assert_int_equal(v[i].count, v[i].status == SQ_EXEC_PENDING ? 2 : 1);
    }
}

static int64_t make_task_in(struct contract *c, const char *batch, int64_t required)
{
    struct sq_err err = {0};
    struct sq_task ret, values = {.batch = (char *)batch};
    int64_t t = make_task(c, &required, required ? 1 : 0);
    contract_begin(c);
    OK(err, sq_task_update(&c->tx, t, &values, SQ_BIT(SQ_TASK_F_BATCH), &ret, &err));
    contract_commit(c);
    return t;
}

static void test_batches(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_batch *v = NULL;
    size_t n = 0;
    make_worker(c, "w1");
    make_worker(c, "w2");
    make_task_in(c, "B", 0);
    put_status(c, make_task_in(c, "B", 0), SQ_TASK_FAILED);
    make_task(c, NULL, 0);
    OK(err, sq_batch_list(c->db, &c->arena, &v, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].batch, "B");
    assert_int_equal(v[0].pending, 1);
    assert_int_equal(v[0].failed, 1);
    assert_true(v[0].running == SQ_NULL);
    assert_null(v[0].workers);
    assert_string_equal(v[1].batch, "Default");
    assert_string_equal(v[1].workers, "w1,w2");
}

static void test_stop_and_go(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w");
    struct held h = hold_three(c, w);
    int64_t gone = make_worker(c, "gone");
    put_worker_status(c, gone, SQ_WORKER_FAILED);
    contract_begin(c);
    OK(err, sq_batch_run(&c->tx, "Default", false, 20, &err));
    OK(err, sq_batch_run(&c->tx, "unknown", false, 20, &err));
    contract_commit(c);
    assert_int_equal(worker_of(c, w).status, SQ_WORKER_PAUSED);
    assert_int_equal(contract_int(c->db, "select count(*) from signal"), 1);
    assert_int_equal(contract_int(c->db, "select execution_id from signal"), h.e[2]);
    contract_begin(c);
    OK(err, sq_batch_run(&c->tx, "Default", true, 0, &err));
    contract_commit(c);
    assert_int_equal(worker_of(c, w).status, SQ_WORKER_RUNNING);
    assert_int_equal(worker_of(c, gone).status, SQ_WORKER_FAILED);
    assert_int_equal(contract_int(c->db, "select count(*) from signal"), 1);
}

static void test_deleting_a_batch(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w");
    hold_three(c, w);
    int64_t a = make_task(c, NULL, 0);
    int64_t other = make_task_in(c, "Other", a);
    contract_sql(
        c->db, "insert into recruiter (batch, rank, tasks_per_worker, worker_flavor, "
               "worker_concurrency, worker_prefetch) values ('Default', 1, 1, 'f', 1, "
               "0)");
    sq_changes_clear(&c->changes);
    contract_begin(c);
    OK(err, sq_batch_delete(&c->tx, "Default", &err));
    OK(err, sq_batch_delete(&c->tx, "unknown", &err));
    contract_commit(c);
    assert_int_equal(contract_int(c->db, "select count(*) from task"), 1);
    assert_int_equal(contract_int(c->db, "select count(*) from execution"), 0);
    assert_int_equal(contract_int(c->db, "select count(*) from requirement"), 0);
    assert_int_equal(contract_int(c->db, "select count(*) from recruiter"), 0);
    assert_int_equal(contract_int(c->db, "select count(*) from worker"), 1);
    TASK_IS(c, other, SQ_TASK_PENDING);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.tell, w));
}

/* Counting never reads the table: with a million tasks that is ten times slower. */
static void test_batches_are_counted_from_indexes(void **state)
{
    struct contract *c = *state;
    char text[1000];
    bool sqlite = c->engine == SQ_SQLITE;
    const struct sq_query_text *q = &sq_queries[SQ_Q_BATCH_COUNTS];
    snprintf(text, sizeof text, "explain %s%s", sqlite ? "query plan " : "",
             sqlite ? q->sqlite : q->postgres);
    int indexes = 0;
    if (!sqlite) /* or a plan made on an empty table may sort a bitmap's rows */
        contract_sql(c->db, "set enable_bitmapscan to off");
    struct sq_stmt *st = sq_db_sql(c->db, text);
    while (sq_row(st)) {
        const char *line = sq_col_text(st, sqlite ? 3 : 0, NULL);
        assert_null(strstr(line, "Seq Scan"));
        if (strncmp(line, "SCAN", 4) == 0)
            assert_non_null(strstr(line, "COVERING INDEX"));
        indexes += strstr(line, sqlite ? "COVERING INDEX ix_task_"
                                       : "Index Only Scan using ix_task_") != NULL;
    }
    assert_int_equal(sq_db_error(c->db, NULL), 0);
    assert_int_equal(indexes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_put_changes_what_differs),
        cmocka_unit_test(test_deleting_a_permanent_worker),
        cmocka_unit_test(test_deleting_a_recruited_worker_makes_a_job),
        cmocka_unit_test(test_an_evicted_worker_frees_its_tasks),
        cmocka_unit_test(test_a_lost_worker_frees_its_tasks),
        cmocka_unit_test(test_registering_takes_the_row_back),
        cmocka_unit_test(test_the_idle_callback),
        cmocka_unit_test(test_contacts_are_remembered_then_written),
        cmocka_unit_test(test_silence_makes_offline_and_contact_running),
        cmocka_unit_test(test_silence_for_long_loses_the_tasks),
        cmocka_unit_test(test_a_clock_that_jumps_loses_nothing),
        cmocka_unit_test(test_contacts_in_the_future_keep_nobody_alive),
        cmocka_unit_test(test_who_left_comes_back_when_it_says_so),
        cmocka_unit_test(test_many_contacts_in_one_flush),
        cmocka_unit_test(test_signals_are_removed_by_being_read),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_stop_and_go),
        cmocka_unit_test(test_deleting_a_batch),
        cmocka_unit_test(test_batches_are_counted_from_indexes),
    };
    return contract_main(tests, SQ_LEN(tests));
}
