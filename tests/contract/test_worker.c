/* Workers: their rows, registration, removal, eviction, signals. */
#include "tests/contract/domain.h"

#include <math.h>

#include "core/store/record.h"
#include "lib/clock.h"

#define SECOND INT64_C(1000000)

#define SECOND INT64_C(1000000)

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
    assert_int_equal(put_worker(c, w, &values, ~UINT64_C(0), &ret), 0);
    assert_true(ret.modification_date == SQ_NULL);
    values.concurrency = 9;
    values.memory = 31.5;
    sq_changes_clear(&c->changes);
    assert_int_equal(put_worker(c, w, &values, ~UINT64_C(0), &ret), 0);
    assert_int_equal(ret.concurrency, 9);
    assert_true(ret.memory == 31.5);
    assert_int_equal(ret.modification_date, c->tx.now);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.slots, w));
    assert_int_equal(put_worker(c, 99, &values, 1, &ret), SQ_ENOENT);
}

/* Removal, eviction, loss. */

static void test_deleting_a_permanent_worker(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_worker gone;
    int64_t w = make_worker(c, "w");
    struct three h = hold_three(c, w);
    contract_begin(c);
    OK(err, sq_worker_delete(&c->tx, w, &gone, &err));
    assert_int_equal(sq_worker_delete(&c->tx, w, &gone, &err), SQ_ENOENT);
    contract_commit(c);
    assert_three_ended(c, &h, SQ_TASK_FAILED);
    assert_true(execution_of(c, h.e[2]).worker_id == SQ_NULL);
}

static int64_t recruit(struct contract *c, const char *name)
{
    int64_t w = make_worker(c, name);
    struct sq_worker ret, values = {.permanent = 0, .provider = (char[]){"ovh"}};
    assert_int_equal(
        put_worker(c, w, &values,
                   SQ_BIT(SQ_WORKER_F_PERMANENT) | SQ_BIT(SQ_WORKER_F_PROVIDER), &ret),
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

/* Whoever makes it permanent or says that it is another's loses no machine by that. */
static void test_a_recruited_worker_keeps_its_machine(void **state)
{
    static const uint64_t fixed[] = {SQ_BIT(SQ_WORKER_F_NAME),
                                     SQ_BIT(SQ_WORKER_F_PROVIDER),
                                     SQ_BIT(SQ_WORKER_F_REGION)};
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = recruit(c, "node1");
    struct sq_worker gone, ret,
        values = {.name = (char[]){"x"}, .permanent = 1, .concurrency = 7};
    contract_sql(c->db, "update worker set token = 'w1-1', region = 'r';");
    for (size_t i = 0; i < SQ_LEN(fixed); i++)
        assert_int_equal(put_worker(c, w, &values, fixed[i], &ret), SQ_EEXIST);
    assert_int_equal(
        put_worker(c, w, &values,
                   SQ_BIT(SQ_WORKER_F_PERMANENT) | SQ_BIT(SQ_WORKER_F_CONCURRENCY),
                   &ret),
        0);
    assert_string_equal(ret.name, "node1");
    assert_string_equal(ret.provider, "ovh");
    contract_begin(c);
    OK(err, sq_worker_delete(&c->tx, w, &gone, &err));
    contract_commit(c);
    assert_int_equal(contract_int(c->db, "select count(*) from job where status = "
                                         "'pending' and action = 'worker_destroy'"),
                     1);
    assert_int_equal(worker_of(c, w).status, SQ_WORKER_PAUSED);
}

static void test_an_evicted_worker_frees_its_tasks(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w");
    struct three h = hold_three(c, w);
    put_worker_status(c, w, SQ_WORKER_EVICTED);
    assert_three_ended(c, &h, SQ_TASK_PENDING);
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
    struct three h = hold_three(c, w);
    put_worker_status(c, w, SQ_WORKER_OFFLINE);
    int64_t e = assign(c, make_task(c, NULL, 0), v);
    contract_begin(c);
    OK(err, sq_worker_lost(&c->tx, "[2]", &err)); /* it is not offline */
    contract_commit(c);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    contract_begin(c);
    OK(err, sq_worker_lost(&c->tx, "[1,2]", &err));
    contract_commit(c);
    assert_three_ended(c, &h, SQ_TASK_PENDING);
    EXECUTION_IS(c, e, SQ_EXEC_PENDING);
}

/* Registration. */

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
    struct three h = hold_three(c, first.worker_id);
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
    assert_three_ended(c, &h, SQ_TASK_FAILED);
}

/* A recruited row's machine, of which `name` is what its worker calls itself. */
static int arrives(struct contract *c, const char *token, const char *name,
                   const char *spool, struct sq_worker *ret)
{
    struct sq_err err = {0};
    int64_t acked;
    const struct sq_registration r = {.name = name,
                                      .hostname = name,
                                      .batch = "B",
                                      .spool = spool,
                                      .token = token,
                                      .concurrency = 1,
                                      .status = -1,
                                      .permanent = 0,
                                      .silence_us = SQ_NULL,
                                      .live_us = 15000000};
    contract_begin(c);
    int code = sq_worker_register(&c->tx, &r, ret, &acked, &err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

/* What outlived its machine is refused, even where its name is another machine's now.
 */
static void test_a_deployed_one_has_its_machines_row_or_none(void **state)
{
    struct contract *c = *state;
    struct sq_worker w;
    int64_t first = recruit(c, "node1");
    contract_sql(c->db, "update worker set token = 't1'");
    assert_int_equal(arrives(c, "t1", "node1", "s1", &w), 0);
    assert_int_equal(w.worker_id, first);
    assert_string_equal(w.hostname, "node1");
    assert_int_equal(arrives(c, "t1", "renamed", "s1", &w), 0);
    assert_int_equal(w.worker_id, first);
    contract_sql(c->db, "delete from worker");
    assert_int_equal(arrives(c, "t1", "node1", "s1", &w), SQ_ENOENT);
    assert_int_equal(contract_int(c->db, "select count(*) from worker"), 0);
    int64_t second = recruit(c, "node1");
    contract_sql(c->db, "update worker set token = 't2'");
    assert_int_equal(arrives(c, "t1", "node1", "s1", &w), SQ_ENOENT);
    assert_int_equal(arrives(c, "t2", "node1", "s2", &w), 0);
    assert_int_equal(w.worker_id, second);
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

/* Signals, counts. */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_put_changes_what_differs),
        cmocka_unit_test(test_deleting_a_permanent_worker),
        cmocka_unit_test(test_deleting_a_recruited_worker_makes_a_job),
        cmocka_unit_test(test_a_recruited_worker_keeps_its_machine),
        cmocka_unit_test(test_an_evicted_worker_frees_its_tasks),
        cmocka_unit_test(test_a_lost_worker_frees_its_tasks),
        cmocka_unit_test(test_registering_takes_the_row_back),
        cmocka_unit_test(test_a_deployed_one_has_its_machines_row_or_none),
        cmocka_unit_test(test_the_idle_callback),
        cmocka_unit_test(test_signals_are_removed_by_being_read),
        cmocka_unit_test(test_counts),
    };
    return contract_main(tests, SQ_LEN(tests));
}
