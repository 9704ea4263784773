/* Executions: assignment, every change of status with what it does to the task, who
 * must hear of it, and the operations of the 1.3 API. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <string.h>

#include "core/store/record.h"

/* Assignment. */

static void test_assigning_makes_pending_executions(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), t[3];
    for (int i = 0; i < 3; i++)
        t[i] = make_task(c, NULL, 0);
    put_status(c, t[1], SQ_TASK_PAUSED);
    sq_changes_clear(&c->changes);
    struct sq_assignment a[] = {{t[2], w, 0}, {t[1], w, 0}, {t[0], w, 0}, {t[2], w, 0}};
    contract_begin(c);
    OK(err, sq_execution_assign(&c->tx, a, 4, &err));
    contract_commit(c);
    assert_true(a[1].execution_id == SQ_NULL); /* was not pending */
    assert_true(a[3].execution_id == SQ_NULL); /* twice */
    assert_true(a[0].execution_id > 0 && a[2].execution_id > 0);
    assert_true(a[0].execution_id != a[2].execution_id);
    TASK_IS(c, t[0], SQ_TASK_ASSIGNED);
    TASK_IS(c, t[1], SQ_TASK_PAUSED);
    struct sq_execution e = execution_of(c, a[0].execution_id);
    assert_int_equal(e.task_id, t[2]);
    assert_int_equal(e.worker_id, w);
    assert_int_equal(e.status, SQ_EXEC_PENDING);
    assert_int_equal(e.latest, 1);
    assert_int_equal(e.creation_date, c->tx.now);
    assert_string_equal(e.command, "true");
    assert_null(e.output);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.tell, w));
    assert_true(sq_id_set_has(&c->changes.executions, a[0].execution_id));
    assert_true(sq_id_set_has(&c->changes.tasks, t[0]));
    assert_int_equal(contract_int(c->db, "select count(*) from execution"), 2);
}

static void test_a_task_never_has_two_live_executions(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w"), v = make_worker(c, "v");
    int64_t t = make_task(c, NULL, 0), first = assign(c, t, w);
    step(c, first, SQ_EXEC_ACCEPTED);
    step(c, first, SQ_EXEC_PENDING); /* the task is pending, its execution too */
    TASK_IS(c, t, SQ_TASK_PENDING);
    sq_changes_clear(&c->changes);
    int64_t second = assign(c, t, v);
    EXECUTION_IS(c, first, SQ_EXEC_REFUSED);
    assert_int_equal(execution_of(c, first).latest, 0);
    assert_int_equal(execution_of(c, second).latest, 1);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.tell, w));
    assert_int_equal(step(c, first, SQ_EXEC_RUNNING), SQ_ESTATE);
    TASK_IS(c, t, SQ_TASK_ASSIGNED);
}

/* The table of A.5, with and without retries. */

static void bring_to(struct contract *c, int64_t execution, int status)
{
    if (status == SQ_EXEC_FAILED || status == SQ_EXEC_SUCCEEDED)
        step(c, execution, SQ_EXEC_RUNNING);
    if (status != SQ_EXEC_PENDING)
        assert_int_equal(step(c, execution, status), 0);
}

static int task_after(enum sq_task_effect effect, int before, int retry)
{
    switch (effect) {
    case SQ_EFFECT_ACCEPTED: return SQ_TASK_ACCEPTED;
    case SQ_EFFECT_RUNNING: return SQ_TASK_RUNNING;
    case SQ_EFFECT_SUCCEEDED: return SQ_TASK_SUCCEEDED;
    case SQ_EFFECT_PENDING: return SQ_TASK_PENDING;
    case SQ_EFFECT_FAILED_OR_RETRIED: return retry ? SQ_TASK_PENDING : SQ_TASK_FAILED;
    default: return before;
    }
}

static void check_change(struct contract *c, int64_t w, int from, int to, int retry)
{
    char sql[100];
    int64_t t = make_task(c, NULL, 0), e = assign(c, t, w);
    bring_to(c, e, from);
    snprintf(sql, sizeof sql, "update task set retry = %d where task_id = %d", retry,
             (int)t);
    contract_sql(c->db, sql);
    int before = task_of(c, t).status;
    bool changes = false;
    enum sq_task_effect effect = SQ_EFFECT_NONE;
    int want = sq_execution_step(from, to, &changes, &effect, NULL);
    assert_int_equal(step(c, e, to), want);
    EXECUTION_IS(c, e, want ? from : to);
    TASK_IS(c, t, want ? before : task_after(effect, before, retry));
    bool used = !want && effect == SQ_EFFECT_FAILED_OR_RETRIED && retry;
    assert_int_equal(task_of(c, t).retry, retry - used);
}

static void test_every_change_of_status(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w");
    for (int from = 0; from <= SQ_EXEC_REFUSED; from++)
        for (int to = 0; to <= SQ_EXEC_REFUSED; to++)
            for (int retry = 0; retry < 2; retry++)
                check_change(c, w, from, to, retry);
}

static void test_a_life_in_one_call(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0),
            u = make_task(c, NULL, 0);
    int64_t waiting = make_task(c, (int64_t[]){t}, 1);
    int64_t e = assign(c, t, w), f = assign(c, u, w);
    sq_changes_clear(&c->changes);
    struct sq_transition life[] = {
        {.execution_id = e, .to = SQ_EXEC_ACCEPTED, .worker_id = w},
        {.execution_id = f, .to = SQ_EXEC_ACCEPTED, .worker_id = w},
        {.execution_id = e, .to = SQ_EXEC_RUNNING, .worker_id = w, .pid = "12"},
        {.execution_id = 99, .to = SQ_EXEC_RUNNING, .worker_id = w},
        {.execution_id = f, .to = SQ_EXEC_RUNNING, .worker_id = w + 7},
        {.execution_id = e,
         .to = SQ_EXEC_SUCCEEDED,
         .worker_id = w,
         .output_files = "a b"},
        {.execution_id = e, .to = SQ_EXEC_RUNNING, .worker_id = w},
    };
    for (size_t i = 0; i < SQ_LEN(life); i++)
        life[i].return_code = i == 5 ? 0 : SQ_NULL;
    contract_begin(c);
    OK(err, sq_execution_transition(&c->tx, life, SQ_LEN(life), NULL, &err));
    contract_commit(c);
    static const int want[] = {0, 0, 0, SQ_ENOENT, SQ_ENOENT, 0, SQ_ESTATE};
    for (size_t i = 0; i < SQ_LEN(life); i++)
        assert_int_equal(life[i].result, want[i]);
    assert_string_equal(life[3].why, "Execution 99 doesn't exist");
    assert_string_equal(life[6].why, "An execution cannot change status from succeeded "
                                     "(only from pending, running or accepted)");
    struct sq_execution done = execution_of(c, e);
    assert_int_equal(done.status, SQ_EXEC_SUCCEEDED);
    assert_string_equal(done.pid, "12");
    assert_string_equal(done.output_files, "a b");
    assert_int_equal(done.return_code, 0);
    TASK_IS(c, t, SQ_TASK_SUCCEEDED);
    TASK_IS(c, u, SQ_TASK_ACCEPTED);
    TASK_IS(c, waiting, SQ_TASK_PENDING);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.slots, w));
    assert_true(sq_id_set_has(&c->changes.tasks, waiting));
    assert_int_equal(c->changes.n_batches, 1);
}

static void test_an_impossible_return_code_spoils_nothing_else(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0),
            u = make_task(c, NULL, 0);
    struct sq_transition ends[] = {{.execution_id = assign(c, t, w),
                                    .to = SQ_EXEC_FAILED,
                                    .worker_id = w,
                                    .return_code = INT64_C(1) << 40},
                                   {.execution_id = assign(c, u, w),
                                    .to = SQ_EXEC_SUCCEEDED,
                                    .worker_id = w,
                                    .return_code = -1001}};
    contract_begin(c);
    OK(err, sq_execution_transition(&c->tx, ends, 2, NULL, &err));
    contract_commit(c);
    assert_int_equal(ends[0].result, SQ_EINVAL);
    assert_int_equal(ends[1].result, 0);
    TASK_IS(c, t, SQ_TASK_ASSIGNED);
    assert_int_equal(execution_of(c, ends[1].execution_id).return_code, -1001);
}

static void test_a_task_given_another_status_is_not_touched(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    step(c, e, SQ_EXEC_RUNNING);
    contract_sql(c->db, "update task set status = 'paused'"); /* in SQL, by a person */
    assert_int_equal(step(c, e, SQ_EXEC_SUCCEEDED), 0);
    TASK_IS(c, t, SQ_TASK_PAUSED);
}

static void test_limits_are_due(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    sq_changes_clear(&c->changes);
    step(c, e, SQ_EXEC_ACCEPTED);
    assert_false(c->changes.due);
    contract_sql(c->db, "update task set run_timeout = 5");
    step(c, e, SQ_EXEC_RUNNING);
    assert_true(c->changes.due);
}

/* POST, PUT, DELETE. */

static int post(struct contract *c, int64_t w, int64_t t, int status,
                struct sq_execution *ret, struct sq_err *err)
{
    contract_begin(c);
    int code = sq_execution_create(&c->tx, w, t, status, ret, err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

static void test_post_as_1_3_did(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_execution e;
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0);
    assert_int_equal(post(c, w, t, SQ_EXEC_ACCEPTED, &e, &err), SQ_ESTATE);
    assert_string_equal(err.text,
                        "A new execution cannot be created with a status accepted");
    assert_int_equal(post(c, 99, t, SQ_EXEC_PENDING, &e, &err), SQ_ENOENT);
    assert_string_equal(err.text, "Worker 99 doesn't exist");
    assert_int_equal(post(c, w, 98, SQ_EXEC_PENDING, &e, &err), SQ_ENOENT);
    OK(err, post(c, w, t, SQ_EXEC_PENDING, &e, &err));
    assert_int_equal(e.status, SQ_EXEC_PENDING);
    TASK_IS(c, t, SQ_TASK_ASSIGNED);
    char want[80];
    snprintf(want, sizeof want, "A new execution for task %d is not possible", (int)t);
    assert_int_equal(post(c, w, t, SQ_EXEC_PENDING, &e, &err), SQ_ESTATE);
    assert_string_equal(err.text, want);
    put_status(c, t, SQ_TASK_PAUSED);
    OK(err, post(c, w, t, SQ_EXEC_RUNNING, &e, &err));
    TASK_IS(c, t, SQ_TASK_RUNNING);
}

static void test_put_goes_through_the_table(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    struct sq_execution ret, values = {.status = SQ_EXEC_RUNNING,
                                       .pid = (char[]){"77"},
                                       .return_code = SQ_NULL};
    uint64_t status = SQ_BIT(SQ_EXEC_F_STATUS);
    contract_begin(c);
    OK(err, sq_execution_update(&c->tx, e, &values, status | SQ_BIT(SQ_EXEC_F_PID),
                                &ret, &err));
    assert_int_equal(ret.status, SQ_EXEC_RUNNING);
    assert_string_equal(ret.pid, "77");
    values.status = SQ_EXEC_ACCEPTED;
    assert_int_equal(sq_execution_update(&c->tx, e, &values, status, &ret, &err),
                     SQ_ESTATE);
    assert_string_equal(err.text,
                        "An execution cannot change status from running to accepted");
    assert_int_equal(sq_execution_update(&c->tx, 99, &values, status, &ret, &err),
                     SQ_ENOENT);
    values.return_code = INT64_C(1) << 40;
    assert_int_equal(sq_execution_update(&c->tx, e, &values,
                                         SQ_BIT(SQ_EXEC_F_RETURN_CODE), &ret, &err),
                     SQ_EINVAL);
    OK(err, sq_execution_set_output_files(&c->tx, e, "x y", &err));
    assert_int_equal(sq_execution_set_output_files(&c->tx, 99, "x", &err), SQ_ENOENT);
    contract_commit(c);
    assert_string_equal(execution_of(c, e).output_files, "x y");
    TASK_IS(c, t, SQ_TASK_RUNNING);
}

static void test_delete_frees_the_task(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    bool existed = true;
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    contract_begin(c);
    OK(err, sq_execution_delete(&c->tx, 99, &existed, &err));
    assert_false(existed);
    OK(err, sq_execution_delete(&c->tx, e, &existed, &err));
    assert_true(existed);
    contract_commit(c);
    TASK_IS(c, t, SQ_TASK_PENDING);
    assert_int_equal(contract_int(c->db, "select count(*) from execution"), 0);
}

static void test_short_forms(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), e[6];
    for (int i = 0; i < 6; i++) {
        e[i] = assign(c, make_task(c, NULL, 0), w);
        bring_to(c, e[i], i);
    }
    for (int status = -1; status < 6; status++) {
        struct sq_worker_execution *v = NULL;
        size_t n = 0;
        OK(err, sq_executions_of_worker(c->db, w, status, &c->arena, &v, &n, &err));
        if (status >= 0) {
            assert_int_equal(n, 1);
            assert_int_equal(v[0].execution_id, e[status]);
            assert_string_equal(v[0].batch, "Default");
            continue;
        }
        assert_int_equal(n, 3);
        assert_int_equal(v[0].execution_id, e[SQ_EXEC_ACCEPTED]);
        assert_int_equal(v[1].execution_id, e[SQ_EXEC_RUNNING]);
        assert_int_equal(v[1].taskstatus, SQ_TASK_RUNNING);
        assert_int_equal(v[2].execution_id, e[SQ_EXEC_REFUSED]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assigning_makes_pending_executions),
        cmocka_unit_test(test_a_task_never_has_two_live_executions),
        cmocka_unit_test(test_every_change_of_status),
        cmocka_unit_test(test_a_life_in_one_call),
        cmocka_unit_test(test_an_impossible_return_code_spoils_nothing_else),
        cmocka_unit_test(test_a_task_given_another_status_is_not_touched),
        cmocka_unit_test(test_limits_are_due),
        cmocka_unit_test(test_post_as_1_3_did),
        cmocka_unit_test(test_put_goes_through_the_table),
        cmocka_unit_test(test_delete_frees_the_task),
        cmocka_unit_test(test_short_forms),
    };
    return contract_main(tests, SQ_LEN(tests));
}
