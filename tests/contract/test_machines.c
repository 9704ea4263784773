/* Machines without workers and workers without machines, over both databases. */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <string.h>

#include "core/store/machines.h"
#include "core/store/recruited.h"
#include "core/store/worker.h"

static int64_t ask(struct contract *c, const char *sql)
{
    return contract_int(c->db, sql);
}

/* What 1 to 9 are is in their names. */
static void add_workers(struct contract *c)
{
    contract_sql(
        c->db,
        "insert into worker (name, status, concurrency, prefetch, batch, permanent, "
        "flavor, provider, region, task_properties, token, spool, last_contact_date) "
        "values "
        "('runs', 'running', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't1', 'x', null), "
        "('offline', 'offline', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't2', 'x', "
        "'2026-11-21 23:59:00.000000'), "
        "('evicted', 'evicted', 1, 0, 'b', false, 's', 'q', 'r', '{}', 't3', 'x', "
        "null), "
        "('paused', 'paused', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't0', 'x', null), "
        "('permanent', 'offline', 1, 0, 'b', true, 's', 'p', 'r', '{}', 't5', 'x', "
        "null), "
        "('to come', 'offline', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't6', null, "
        "null), "
        "('nobodys', 'offline', 1, 0, 'b', false, 's', null, null, '{}', null, 'x', "
        "null), "
        "('goes', 'paused', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't8', 'x', null), "
        "('went', 'paused', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't9', 'x', null);"
        "insert into job (target, action, status) values "
        "('goes', 'worker_destroy', 'pending'), ('went', 'worker_destroy', 'failed');");
}

static void test_tokens(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    struct sq_tokens t;
    OK(err, sq_tokens_read(c->db, &c->arena, &t, &err));
    assert_int_equal(t.n, 0);
    assert_false(sq_tokens_have(&t, "t1"));
    add_workers(c);
    OK(err, sq_tokens_read(c->db, &c->arena, &t, &err));
    assert_int_equal(t.n, 8);
    assert_true(sq_tokens_have(&t, "t0"));
    assert_true(sq_tokens_have(&t, "t9"));
    assert_false(sq_tokens_have(&t, "t"));
    assert_false(sq_tokens_have(&t, "t77"));
}

static void test_silent(void **state)
{
    static const char *const names[] = {"offline", "evicted", "paused", "went"};
    struct contract *c = *state;
    struct sq_err err;
    struct sq_silent_worker *w;
    size_t n;
    add_workers(c);
    OK(err, sq_silent_workers(c->db, &c->arena, &w, &n, &err));
    assert_int_equal(n, SQ_LEN(names));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(w[i].name, names[i]);
        assert_int_equal(w[i].evicted, i == 1);
        assert_int_equal(w[i].last_contact == SQ_NULL, i != 0);
    }
    assert_int_equal(w[0].last_contact, c->tx.now - 60000000);
    assert_string_equal(w[1].provider, "q");
    assert_string_equal(w[1].token, "t3");
}

static void lose(struct contract *c, int64_t id, bool gone)
{
    struct sq_err err;
    contract_begin(c);
    OK(err, sq_worker_machine_lost(&c->tx, id, &err));
    if (gone)
        OK(err, sq_worker_machine_gone(&c->tx, id, &err));
    contract_commit(c);
}

static void test_lost_and_gone(void **state)
{
    struct contract *c = *state;
    add_workers(c);
    lose(c, 1, true); /* it has come back meanwhile */
    assert_int_equal(ask(c, "select count(*) from worker where name = 'runs' and "
                            "status = 'running'"),
                     1);
    lose(c, 2, false);
    assert_int_equal(ask(c, "select count(*) from worker where name = 'offline' and "
                            "status = 'evicted'"),
                     1);
    assert_int_equal(ask(c, "select count(*) from job"), 2);
    lose(c, 2, true);
    lose(c, 2, true);
    lose(c, 100, true); /* deleted meanwhile */
    assert_int_equal(ask(c, "select count(*) from job where target = 'offline' and "
                            "action = 'worker_destroy' and status = 'pending'"),
                     1);
    assert_int_equal(ask(c, "select count(*) from job"), 3);
}

static bool find(struct contract *c, const char *token, bool destroy)
{
    const struct sq_unowned m = {.provider = "p",
                                 .token = token,
                                 .machine = "id \"7\"",
                                 .name = "lab-node7",
                                 .region = "r"};
    struct sq_err err;
    bool said;
    contract_begin(c);
    OK(err, sq_machine_unowned(&c->tx, &m, destroy, &said, &err));
    contract_commit(c);
    return said;
}

static int64_t jobs(struct contract *c, const char *status)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "select count(*) from job where action = 'machine_destroy' and "
             "target = 't7' and status = '%s'",
             status);
    return ask(c, sql);
}

static void test_unowned(void **state)
{
    struct contract *c = *state;
    assert_true(find(c, "t7", false));
    assert_int_equal(jobs(c, "failed"), 1);
    assert_int_equal(ask(c, "select count(*) from job where log like '%lab-node7 in r "
                            "(id \"7\")%restarting this job%'"),
                     1);
    assert_false(find(c, "t7", false));
    assert_int_equal(ask(c, "select count(*) from job"), 1);
    /* Told to destroy it, by the same job; which is under way then. */
    assert_false(find(c, "t7", true));
    assert_int_equal(jobs(c, "pending"), 1);
    assert_false(find(c, "t7", true));
    contract_sql(c->db, "update job set status = 'running';");
    assert_false(find(c, "t7", true));
    assert_int_equal(jobs(c, "running"), 1);
    /* There again after it was destroyed: a new one. */
    contract_sql(c->db, "update job set status = 'succeeded';");
    assert_true(find(c, "t7", true));
    assert_int_equal(jobs(c, "pending"), 1);
    assert_int_equal(ask(c, "select count(*) from job"), 2);
    assert_true(find(c, "t8", true));
}

static void leave(struct contract *c, int64_t worker_id)
{
    struct sq_err err;
    contract_begin(c);
    OK(err, sq_machine_left(&c->tx, worker_id, &err));
    contract_commit(c);
}

/* What a failed deployment left is destroyed by a job that names its worker. */
static void test_left(void **state)
{
    struct contract *c = *state;
    add_workers(c);
    leave(c, 6);
    leave(c, 6);
    leave(c, 7);   /* nobody's */
    leave(c, 100); /* deleted meanwhile */
    assert_int_equal(ask(c, "select count(*) from job where action = "
                            "'machine_destroy'"),
                     1);
    assert_int_equal(
        ask(c, "select count(*) from job where target = 't6' and status = "
               "'pending' and cast(args as varchar) like '%\"worker_id\":6,%' and log "
               "like '%deployment failed: to come in r%'"),
        1);
    contract_sql(c->db, "update job set status = 'failed' where target = 't6';");
    leave(c, 6);
    assert_int_equal(ask(c, "select count(*) from job where target = 't6' and status = "
                            "'pending'"),
                     1);
}

/* Of the names of test_again each job is to be tried again or not. */
static const char failed[] =
    "update worker set status = 'failed' where name in ('to come', 'permanent', "
    "'goes');"
    "delete from job;"
    "insert into worker (name, status, concurrency, prefetch, batch, permanent, token) "
    "values ('came', 'running', 1, 0, 'b', false, 't10');"
    "insert into job (target, action, status, creation_date, modification_date, retry) "
    "values "
    /* It has waited for as long as it was tried; not yet; an hour, and no longer. */
    "('runs', 'worker_destroy', 'failed', '2026-11-21 23:59:00.000000', "
    "'2026-11-21 23:59:30.000000', 1), "
    "('offline', 'worker_destroy', 'failed', '2026-11-21 23:58:59.000000', "
    "'2026-11-21 23:59:30.000000', 2), "
    "('evicted', 'worker_destroy', 'failed', '2026-11-20 00:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 3), "
    "('paused', 'worker_destroy', 'failed', '2026-11-20 00:00:00.000000', "
    "'2026-11-21 23:00:01.000000', 4), "
    /* No such worker; another job of it is under way; a later one was done. */
    "('nobody', 'worker_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 5), "
    "('nobodys', 'worker_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 6), "
    "('nobodys', 'worker_deploy', 'pending', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 7), "
    "('went', 'worker_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 8), "
    "('went', 'worker_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 9), "
    /* Of a worker that failed; of one that did not; of one that is to go wholly; of
     * none; and another kind. */
    "('t6', 'machine_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 10), "
    "('t10', 'machine_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 11), "
    "('t8', 'machine_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 12), "
    "('goes', 'worker_destroy', 'succeeded', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 13), "
    "('t77', 'machine_destroy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 14), "
    "('permanent', 'worker_deploy', 'failed', '2026-11-21 23:00:00.000000', "
    "'2026-11-21 23:00:00.000000', 15);";

/* Their `retry` numbers them, but for those that are tried again: these have 0. */
static void test_again(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    add_workers(c);
    contract_sql(c->db, failed);
    for (int i = 0; i < 2; i++) {
        contract_begin(c);
        OK(err, sq_machines_again(&c->tx, &err));
        contract_commit(c);
        assert_int_equal(ask(c, "select count(*) from job where retry = 0 and status = "
                                "'pending'"),
                         4);
        assert_int_equal(ask(c, "select sum(retry) from job"),
                         2 + 4 + 5 + 6 + 7 + 8 + 11 + 12 + 13 + 14 + 15);
    }
}

/* Deleted before it was made: what was to make it does not, and somebody makes sure
 * that nothing is there. */
static void test_not_made_any_more(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    struct sq_worker ignored;
    contract_sql(
        c->db,
        "insert into worker (name, status, concurrency, prefetch, batch, permanent, "
        "flavor, provider, region, task_properties, token) values "
        "('n1', 'offline', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't1'), "
        "('n2', 'offline', 1, 0, 'b', false, 's', 'p', 'r', '{}', 't2');"
        "insert into job (target, action, status, log) values "
        "('n1', 'worker_deploy', 'pending', 'to be made'), "
        "('n2', 'worker_deploy', 'pending', 'to be made');");
    for (int i = 0; i < 2; i++) {
        contract_begin(c);
        OK(err, sq_worker_delete(&c->tx, 1, &ignored, &err));
        contract_commit(c);
    }
    assert_int_equal(ask(c, "select count(*) from job where target = 'n1' and action = "
                            "'worker_deploy' and status = 'failed' and log like "
                            "'to be made%canceled%'"),
                     1);
    assert_int_equal(ask(c, "select count(*) from job where target = 'n2' and action = "
                            "'worker_deploy' and status = 'pending'"),
                     1);
    assert_int_equal(ask(c, "select count(*) from job where target = 'n1' and action = "
                            "'worker_destroy' and status = 'pending'"),
                     1);
    assert_int_equal(ask(c, "select count(*) from job"), 3);
}

/* What the machine took with it is pending again, but what ran may be no more often
 * than its retries say. */
static void test_forgotten(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    add_workers(c);
    contract_sql(
        c->db,
        "insert into task (command, status, creation_date, batch, retry) values "
        "('x', 'running', '2026-11-22 00:00:00.000000', 'b', 1), "
        "('x', 'running', '2026-11-22 00:00:00.000000', 'b', 0), "
        "('x', 'accepted', '2026-11-22 00:00:00.000000', 'b', 0), "
        "('x', 'assigned', '2026-11-22 00:00:00.000000', 'b', 0), "
        "('x', 'running', '2026-11-22 00:00:00.000000', 'b', 0);"
        "insert into execution (worker_id, task_id, status, creation_date, latest) "
        "values (1, 1, 'running', '2026-11-22 00:00:00.000000', true), "
        "(1, 2, 'running', '2026-11-22 00:00:00.000000', true), "
        "(1, 3, 'accepted', '2026-11-22 00:00:00.000000', true), "
        "(1, 4, 'pending', '2026-11-22 00:00:00.000000', true), "
        "(2, 5, 'running', '2026-11-22 00:00:00.000000', true);");
    contract_begin(c);
    OK(err, sq_worker_forget(&c->tx, 1, &err));
    contract_commit(c);
    assert_int_equal(ask(c, "select count(*) from worker where worker_id = 1"), 0);
    assert_int_equal(ask(c, "select count(*) from execution where worker_id = 1 or "
                            "(task_id < 5 and status in ('pending', 'accepted', "
                            "'running'))"),
                     0);
    assert_int_equal(ask(c, "select count(*) from task where task_id in (1, 3, 4) and "
                            "status = 'pending'"),
                     3);
    assert_int_equal(ask(c, "select count(*) from task where task_id = 2 and "
                            "status = 'failed'"),
                     1);
    assert_int_equal(ask(c, "select count(*) from execution where worker_id = 2 and "
                            "status = 'running'"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens),
                                       cmocka_unit_test(test_silent),
                                       cmocka_unit_test(test_lost_and_gone),
                                       cmocka_unit_test(test_unowned),
                                       cmocka_unit_test(test_left),
                                       cmocka_unit_test(test_again),
                                       cmocka_unit_test(test_not_made_any_more),
                                       cmocka_unit_test(test_forgotten)};
    return contract_main(tests, SQ_LEN(tests));
}
