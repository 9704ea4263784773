/* Tasks: creation one by one and in arrays, dependencies, orders by PUT, deletion. */
#include "tests/contract/domain.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/record.h"

#define REQUIRE(...) (const int64_t[]){__VA_ARGS__}, SQ_LEN(((int64_t[]){__VA_ARGS__}))

/* Creation. */

static void test_a_task_gets_the_api_s_defaults(void **state)
{
    struct contract *c = *state;
    struct sq_task t = task_of(c, make_task(c, NULL, 0));
    assert_int_equal(t.status, SQ_TASK_PENDING);
    assert_string_equal(t.command, "true");
    assert_string_equal(t.batch, "Default");
    assert_int_equal(t.retry, 0);
    assert_int_equal(t.use_cache, 0);
    assert_int_equal(t.creation_date, c->tx.now);
    assert_true(t.modification_date == SQ_NULL && t.status_date == SQ_NULL);
    assert_true(t.run_timeout == SQ_NULL && t.waits_on == SQ_NULL);
    assert_null(t.name);
    assert_int_equal(t.required_task_ids.n, 0);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.tasks, t.task_id));
    assert_int_equal(c->changes.n_batches, 1);
    assert_string_equal(c->changes.batches[0], "Default");
}

/* Elements of an array: references, outside ids; 0 ends the list. */
static void fill(struct sq_task *t, uint64_t *mask, int64_t ids[][4], size_t n)
{
    static char command[] = "true";
    for (size_t i = 0; i < n; i++) {
        size_t some = 0;
        while (some < 4 && ids[i][some])
            some++;
        sq_record_clear(&sq_task_type, &t[i]);
        t[i].command = command;
        t[i].required_task_ids = (struct sq_ints){ids[i], some};
        mask[i] = SQ_BIT(SQ_TASK_F_COMMAND) | SQ_BIT(SQ_TASK_F_REQUIRED);
    }
}

static int create(struct contract *c, struct sq_task *t, uint64_t *mask, size_t n,
                  struct sq_err *err)
{
    contract_begin(c);
    int code = sq_task_create_array(&c->tx, t, mask, n, err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

static void test_an_array_refers_to_itself(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t before = make_task(c, NULL, 0);
    /* #0 free; #1 needs #0; #2 needs #1, #3 and a task of before; #3 is free */
    int64_t ids[4][4] = {{0}, {-1}, {-2, -4, before}, {0}};
    struct sq_task t[4];
    uint64_t mask[4];
    fill(t, mask, ids, 4);
    OK(err, create(c, t, mask, 4, &err));
    for (int i = 0; i < 4; i++)
        assert_int_equal(task_of(c, t[i].task_id).status,
                         i == 0 || i == 3 ? SQ_TASK_PENDING : SQ_TASK_WAITING);
    struct sq_task last = task_of(c, t[2].task_id);
    assert_int_equal(last.required_task_ids.n, 3);
    assert_int_equal(last.required_task_ids.v[0], t[1].task_id);
    assert_int_equal(last.required_task_ids.v[1], t[3].task_id);
    assert_int_equal(last.required_task_ids.v[2], before);
    assert_int_equal(last.waits_on, before);
    assert_int_equal(task_of(c, t[1].task_id).waits_on, t[0].task_id);
}

/* They go in the order of their keys: that must be the order of their making. */
static void test_keys_ascend(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t last = 0;
    for (int round = 0; round < 50; round++) {
        struct sq_task t[3];
        uint64_t mask[3];
        fill(t, mask, (int64_t[3][4]){{0}}, 3);
        if (round % 20 == 10) {
            OK(err, create(c, t, mask, 3, &err));
        } else {
            t[2].task_id = make_task(c, NULL, 0);
            t[0].task_id = t[2].task_id;
        }
        assert_true(t[0].task_id > last);
        last = t[2].task_id;
    }
}

static void test_a_bad_array_keeps_nothing(void **state)
{
    struct contract *c = *state;
    static const struct {
        int64_t required;
        int code;
        const char *text;
    } cases[] = {
        {99, SQ_ENOENT, "tasks[1]: Task 99 doesn't exist"},
        {-9, SQ_EINVAL, "tasks[1]: required_task_ids: #8 is not among these 2 tasks"},
        {-2, SQ_EINVAL, "tasks[1]: required_task_ids: #1 requires itself"},
        {INT64_MIN + 1, SQ_EINVAL,
         "tasks[1]: required_task_ids: #9223372036854775806 is not among these 2 "
         "tasks"},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_err err = {0};
        int64_t ids[2][4] = {{0}, {cases[i].required}};
        struct sq_task t[2];
        uint64_t mask[2];
        fill(t, mask, ids, 2);
        assert_int_equal(create(c, t, mask, 2, &err), cases[i].code);
        assert_string_equal(err.text, cases[i].text);
        assert_int_equal(contract_int(c->db, "select count(*) from task"), 0);
    }
}

static void test_fields_are_checked(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_task t;
    uint64_t mask = SQ_BIT(SQ_TASK_F_COMMAND) | SQ_BIT(SQ_TASK_F_BATCH);
    sq_record_clear(&sq_task_type, &t);
    t.command = (char[]){"true"};
    t.batch = (char[]){"a/b"};
    assert_int_equal(create(c, &t, &mask, 1, &err), SQ_EINVAL);
    assert_string_equal(err.text, "tasks[0]: batch must be a name without /");
    contract_begin(c);
    assert_int_equal(sq_task_create(&c->tx, &t, mask, &err), SQ_EINVAL);
    assert_string_equal(err.text, "batch must be a name without /");
    sq_db_rollback(c->db);
    t.batch = (char[]){""};
    assert_int_equal(create(c, &t, &mask, 1, &err), SQ_EINVAL);
    t.batch = NULL;
    t.retry = INT64_C(1) << 40;
    assert_int_equal(create(c, &t, &mask, 1, &err), SQ_EINVAL);
    t.retry = SQ_NULL;
    t.command = NULL;
    assert_int_equal(create(c, &t, &mask, 1, &err), SQ_EINVAL);
    assert_string_equal(err.text, "tasks[0]: command is required");
}

static void test_a_hundred_thousand_tasks(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    enum { N = 100000 };
    struct sq_task *t = calloc(N, sizeof *t);
    uint64_t *mask = calloc(N, sizeof *mask);
    int64_t(*ids)[4] = calloc(N, sizeof *ids);
    for (int i = 1; i < N; i++)
        ids[i][0] = i % 10 ? -i : 0; /* chains of ten */
    fill(t, mask, ids, N);
    OK(err, create(c, t, mask, N, &err));
    assert_int_equal(contract_int(c->db, "select count(*) from task"), N);
    assert_int_equal(contract_int(c->db, "select count(*) from requirement"),
                     N - N / 10);
    assert_int_equal(
        contract_int(c->db, "select count(*) from task where status = 'pending'"),
        N / 10);
    assert_int_equal(
        contract_int(c->db, "select count(*) from task t join requirement r "
                            "on r.task_id = t.task_id and r.other_task_id = t.waits_on "
                            "where t.status = 'waiting'"),
        N - N / 10);
    free(ids);
    free(mask);
    free(t);
}

/* Dependencies. */

static void succeed(struct contract *c, int64_t task, int64_t worker)
{
    int64_t e = assign(c, task, worker);
    assert_int_equal(step(c, e, SQ_EXEC_SUCCEEDED), 0);
    TASK_IS(c, task, SQ_TASK_SUCCEEDED);
}

static void test_a_task_is_pending_when_all_it_requires_succeeded(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w");
    int64_t a = make_task(c, NULL, 0), b = make_task(c, NULL, 0);
    int64_t d = make_task(c, NULL, 0);
    int64_t t = make_task(c, REQUIRE(a, b, d));
    TASK_IS(c, t, SQ_TASK_WAITING);
    succeed(c, b, w);
    succeed(c, a, w);
    TASK_IS(c, t, SQ_TASK_WAITING);
    assert_int_equal(task_of(c, t).waits_on, d);
    succeed(c, d, w);
    TASK_IS(c, t, SQ_TASK_PENDING);
    assert_int_equal(task_of(c, t).status_date, c->tx.now);
}

static void test_all_who_wait_for_a_task_are_released_with_it(void **state)
{
    struct contract *c = *state;
    int64_t a = make_task(c, NULL, 0), t[3];
    for (size_t i = 0; i < SQ_LEN(t); i++)
        t[i] = make_task(c, REQUIRE(a));
    succeed(c, a, make_worker(c, "w"));
    for (size_t i = 0; i < SQ_LEN(t); i++)
        TASK_IS(c, t[i], SQ_TASK_PENDING);
}

static void test_what_succeeded_before_is_not_waited_for(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w"), a = make_task(c, NULL, 0);
    succeed(c, a, w);
    TASK_IS(c, make_task(c, REQUIRE(a)), SQ_TASK_PENDING);
}

static void test_a_relaunched_requirement_is_waited_for_again(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w");
    int64_t a = make_task(c, NULL, 0), b = make_task(c, NULL, 0);
    int64_t t = make_task(c, REQUIRE(a, b));
    succeed(c, a, w); /* passed: t is watched through b */
    put_status(c, a, SQ_TASK_PENDING);
    succeed(c, b, w);
    TASK_IS(c, t, SQ_TASK_WAITING);
    assert_int_equal(task_of(c, t).waits_on, a);
    succeed(c, a, w);
    TASK_IS(c, t, SQ_TASK_PENDING);
}

static void test_a_failed_requirement_leaves_waiting_until_it_heals(void **state)
{
    struct contract *c = *state;
    int64_t w = make_worker(c, "w"), a = make_task(c, NULL, 0);
    int64_t t = make_task(c, REQUIRE(a));
    int64_t e = assign(c, a, w);
    step(c, e, SQ_EXEC_ACCEPTED);
    step(c, e, SQ_EXEC_FAILED);
    TASK_IS(c, a, SQ_TASK_FAILED);
    TASK_IS(c, t, SQ_TASK_WAITING);
    put_status(c, a, SQ_TASK_PENDING);
    succeed(c, a, w);
    TASK_IS(c, t, SQ_TASK_PENDING);
}

static void test_a_deleted_requirement_is_not_waited_for(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t a = make_task(c, NULL, 0);
    int64_t t = make_task(c, REQUIRE(a));
    struct sq_task gone;
    contract_begin(c);
    OK(err, sq_task_delete(&c->tx, a, &gone, &err));
    contract_commit(c);
    assert_int_equal(gone.task_id, a);
    TASK_IS(c, t, SQ_TASK_PENDING);
    assert_int_equal(sq_get(c->db, &sq_task_type, a, &c->arena, &gone, &err),
                     SQ_ENOENT);
    assert_int_equal(contract_int(c->db, "select count(*) from requirement"), 0);
}

static void test_the_sweep_notices_sql(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t a = make_task(c, NULL, 0);
    int64_t t[5], cursor = 0;
    for (int i = 0; i < 5; i++)
        t[i] = make_task(c, REQUIRE(a));
    contract_sql(c->db,
                 "update task set status = 'succeeded' where status = 'pending'");
    contract_sql(c->db, "update task set waits_on = null where task_id % 2 = 0");
    int rounds = 0;
    do {
        contract_begin(c);
        OK(err, sq_task_release_sweep(&c->tx, &cursor, 2, &err));
        contract_commit(c);
        rounds++;
    } while (cursor);
    assert_int_equal(rounds, 3);
    for (int i = 0; i < 5; i++)
        TASK_IS(c, t[i], SQ_TASK_PENDING);
}

static void test_requirements_as_rows(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_requirement r, gone;
    int64_t a = make_task(c, NULL, 0), b = make_task(c, NULL, 0);
    int64_t t = make_task(c, REQUIRE(a));
    contract_begin(c);
    OK(err, sq_requirement_create(&c->tx, t, b, &r, &err));
    assert_int_equal(sq_requirement_create(&c->tx, t, 99, &gone, &err), SQ_ENOENT);
    assert_int_equal(sq_requirement_create(&c->tx, t, t, &gone, &err), SQ_EINVAL);
    contract_commit(c);
    assert_int_equal(task_of(c, t).required_task_ids.n, 2);
    succeed(c, a, make_worker(c, "w"));
    TASK_IS(c, t, SQ_TASK_WAITING);
    contract_begin(c);
    OK(err, sq_requirement_delete(&c->tx, r.requirement_id, &gone, &err));
    contract_commit(c);
    assert_int_equal(gone.other_task_id, b);
    TASK_IS(c, t, SQ_TASK_PENDING);
}

/* Orders. */

static int put(struct contract *c, int64_t task, const struct sq_task *values,
               uint64_t mask, struct sq_task *ret, struct sq_err *err)
{
    contract_begin(c);
    int code = sq_task_update(&c->tx, task, values, mask, ret, err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

static void test_put_changes_what_differs(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t t = make_task(c, NULL, 0);
    struct sq_task ret, values = task_of(c, t);
    c->tx.now += 1000000;
    OK(err, put(c, t, &values, ~UINT64_C(0), &ret, &err));
    assert_true(ret.modification_date == SQ_NULL);
    values.command = (char[]){"false"};
    OK(err, put(c, t, &values, ~UINT64_C(0), &ret, &err));
    assert_string_equal(ret.command, "false");
    assert_int_equal(ret.modification_date, c->tx.now);
    assert_true(ret.status_date == SQ_NULL);
    values.status = SQ_TASK_PAUSED;
    OK(err, put(c, t, &values, SQ_BIT(SQ_TASK_F_STATUS), &ret, &err));
    assert_int_equal(ret.status_date, c->tx.now);
    assert_int_equal(put(c, 99, &values, SQ_BIT(SQ_TASK_F_STATUS), &ret, &err),
                     SQ_ENOENT);
    assert_string_equal(err.text, "Task 99 doesn't exist");
}

static void test_put_on_a_held_task_withdraws_its_execution(void **state)
{
    struct contract *c = *state;
    static const struct {
        int execution, then, signals;
    } cases[] = {
        {SQ_EXEC_PENDING, SQ_EXEC_REFUSED, 0},
        {SQ_EXEC_ACCEPTED, SQ_EXEC_REFUSED, 0},
        {SQ_EXEC_RUNNING, SQ_EXEC_FAILED, 1},
    };
    int64_t w = make_worker(c, "w");
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        int64_t t = make_task(c, NULL, 0), e = assign(c, t, w);
        if (cases[i].execution != SQ_EXEC_PENDING)
            step(c, e, cases[i].execution);
        sq_changes_clear(&c->changes);
        put_status(c, t, SQ_TASK_PENDING);
        TASK_IS(c, t, SQ_TASK_PENDING);
        EXECUTION_IS(c, e, cases[i].then);
        sq_changes_settle(&c->changes);
        assert_true(sq_id_set_has(&c->changes.tell, w));
        assert_true(sq_id_set_has(&c->changes.slots, w));
        assert_int_equal(contract_int(c->db, "select count(*) from signal"),
                         cases[i].signals);
    }
    assert_int_equal(contract_int(c->db, "select signal from signal"), 9);
}

static void test_put_failed_uses_a_retry(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_task ret, values = {.status = SQ_TASK_FAILED, .retry = 1};
    int64_t t = make_task(c, NULL, 0);
    uint64_t status = SQ_BIT(SQ_TASK_F_STATUS);
    OK(err, put(c, t, &values, status | SQ_BIT(SQ_TASK_F_RETRY), &ret, &err));
    assert_int_equal(ret.status, SQ_TASK_PENDING);
    assert_int_equal(ret.retry, 0);
    OK(err, put(c, t, &values, status, &ret, &err));
    assert_int_equal(ret.status, SQ_TASK_FAILED);
}

static void test_put_waiting_looks_at_the_requirements(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t a = make_task(c, NULL, 0), t = make_task(c, NULL, 0);
    put_status(c, t, SQ_TASK_WAITING);
    TASK_IS(c, t, SQ_TASK_PENDING);
    int64_t ids[] = {a};
    struct sq_task ret,
        values = {.status = SQ_TASK_WAITING, .required_task_ids = {ids, 1}};
    uint64_t required = SQ_BIT(SQ_TASK_F_REQUIRED);
    OK(err, put(c, t, &values, required | SQ_BIT(SQ_TASK_F_STATUS), &ret, &err));
    assert_int_equal(ret.status, SQ_TASK_WAITING);
    assert_int_equal(ret.waits_on, a);
    values.required_task_ids.n = 0;
    OK(err, put(c, t, &values, required, &ret, &err));
    assert_int_equal(ret.status, SQ_TASK_PENDING);
    ids[0] = t;
    values.required_task_ids.n = 1;
    assert_int_equal(put(c, t, &values, required, &ret, &err), SQ_EINVAL);
    ids[0] = 99;
    assert_int_equal(put(c, t, &values, required, &ret, &err), SQ_ENOENT);
    assert_string_equal(err.text, "Task 99 doesn't exist");
}

static void test_an_edit_reaches_an_execution_not_taken_up(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    struct sq_task ret, values = {.command = (char[]){"edited"}};
    OK(err, put(c, t, &values, SQ_BIT(SQ_TASK_F_COMMAND), &ret, &err));
    assert_string_equal(execution_of(c, e).command, "edited");
    step(c, e, SQ_EXEC_RUNNING);
    values.command = (char[]){"too late"};
    OK(err, put(c, t, &values, SQ_BIT(SQ_TASK_F_COMMAND), &ret, &err));
    assert_string_equal(execution_of(c, e).command, "edited");
    contract_begin(c);
    OK(err, sq_task_freeze(&c->tx, t, e, &ret, &err));
    assert_int_equal(sq_task_freeze(&c->tx, t, e + 1, &ret, &err), SQ_ENOENT);
    assert_int_equal(sq_task_freeze(&c->tx, t + 1, e, &ret, &err), SQ_ENOENT);
    contract_commit(c);
    assert_string_equal(execution_of(c, e).command, "too late");
}

static void test_deleting_takes_all_with_it(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    struct sq_task gone;
    step(c, e, SQ_EXEC_RUNNING);
    sq_changes_clear(&c->changes);
    contract_begin(c);
    OK(err, sq_task_delete(&c->tx, t, &gone, &err));
    contract_commit(c);
    assert_int_equal(contract_int(c->db, "select count(*) from execution"), 0);
    /* The worker is told to stop what it runs, though the execution is gone. */
    assert_int_equal(contract_int(c->db, "select execution_id from signal "
                                         "where signal = 9"),
                     e);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.tell, w));
}

static void test_statuses_in_the_order_asked(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t a = make_task(c, NULL, 0), b = make_task(c, NULL, 0);
    put_status(c, b, SQ_TASK_DEBUG);
    int64_t ids[] = {b, a, b, b};
    int got[4];
    OK(err, sq_task_get_statuses(c->db, ids, 4, got, &err));
    assert_int_equal(got[0], SQ_TASK_DEBUG);
    assert_int_equal(got[1], SQ_TASK_PENDING);
    assert_int_equal(got[3], SQ_TASK_DEBUG);
    ids[2] = 77;
    assert_int_equal(sq_task_get_statuses(c->db, ids, 4, got, &err), SQ_ENOENT);
    assert_string_equal(err.text, "Task 77 doesn't exist");
    OK(err, sq_task_get_statuses(c->db, ids, 0, got, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_gets_the_api_s_defaults),
        cmocka_unit_test(test_an_array_refers_to_itself),
        cmocka_unit_test(test_keys_ascend),
        cmocka_unit_test(test_a_bad_array_keeps_nothing),
        cmocka_unit_test(test_fields_are_checked),
        cmocka_unit_test(test_a_hundred_thousand_tasks),
        cmocka_unit_test(test_a_task_is_pending_when_all_it_requires_succeeded),
        cmocka_unit_test(test_all_who_wait_for_a_task_are_released_with_it),
        cmocka_unit_test(test_what_succeeded_before_is_not_waited_for),
        cmocka_unit_test(test_a_relaunched_requirement_is_waited_for_again),
        cmocka_unit_test(test_a_failed_requirement_leaves_waiting_until_it_heals),
        cmocka_unit_test(test_a_deleted_requirement_is_not_waited_for),
        cmocka_unit_test(test_the_sweep_notices_sql),
        cmocka_unit_test(test_requirements_as_rows),
        cmocka_unit_test(test_put_changes_what_differs),
        cmocka_unit_test(test_put_on_a_held_task_withdraws_its_execution),
        cmocka_unit_test(test_put_failed_uses_a_retry),
        cmocka_unit_test(test_put_waiting_looks_at_the_requirements),
        cmocka_unit_test(test_an_edit_reaches_an_execution_not_taken_up),
        cmocka_unit_test(test_deleting_takes_all_with_it),
        cmocka_unit_test(test_statuses_in_the_order_asked),
    };
    return contract_main(tests, SQ_LEN(tests));
}
