/* Machines without workers and workers without machines, over both databases. */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <string.h>

#include "core/store/machines.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens), cmocka_unit_test(test_silent),
        cmocka_unit_test(test_lost_and_gone), cmocka_unit_test(test_unowned)};
    return contract_main(tests, SQ_LEN(tests));
}
