/* The cache's rows: who is to be looked at, what is written of it, what is found. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <string.h>

#include "core/store/cache.h"
#include "core/store/log.h"
#include "core/store/record.h"

/* A pending task of use_cache. */
static int64_t cached_task(struct contract *c, const char *command, const char *output)
{
    struct sq_err err = {0};
    struct sq_task t;
    uint64_t mask = SQ_BIT(SQ_TASK_F_COMMAND) | SQ_BIT(SQ_TASK_F_OUTPUT) |
                    SQ_BIT(SQ_TASK_F_USE_CACHE);
    sq_record_clear(&sq_task_type, &t);
    t.command = (char *)command;
    t.output = (char *)output;
    t.use_cache = 1;
    contract_begin(c);
    c->changes.cache = false;
    OK(err, sq_task_create(&c->tx, &t, mask, &err));
    contract_commit(c);
    assert_true(c->changes.cache);
    return t.task_id;
}

/* Those to be looked at, but for `skip`. */
static size_t to_look(struct contract *c, int64_t skip, struct sq_cache_work **ret)
{
    struct sq_err err = {0};
    size_t n = 0;
    OK(err, sq_cache_tasks(c->db, &skip, skip ? 1 : 0, 10, &c->arena, ret, &n, &err));
    return n;
}

static size_t to_record(struct contract *c, struct sq_cache_work **ret)
{
    struct sq_err err = {0};
    size_t n = 0;
    OK(err, sq_cache_executions(c->db, NULL, 0, 10, &c->arena, ret, &n, &err));
    return n;
}

/* What the scheduler may give to a worker. */
static int assignable(struct contract *c)
{
    struct sq_stmt *st = sq_db_query(c->db, SQ_Q_SCHED_PENDING);
    int n = 0;
    sq_bind_text(st, 1, "Default");
    sq_bind_int(st, 2, 10);
    while (sq_row(st))
        n++;
    return n;
}

static void run_on(struct contract *c, const struct sq_cache_work *work,
                   const char *key, const char *state)
{
    struct sq_err err = {0};
    const struct sq_cache_key k = {work, key, state};
    contract_begin(c);
    OK(err, sq_cache_run(&c->tx, &k, 1, &err));
    contract_commit(c);
}

static void record(struct contract *c, int64_t execution, const char *key,
                   const char *output_hash)
{
    struct sq_err err = {0};
    contract_begin(c);
    OK(err, sq_cache_record(&c->tx, execution, key, output_hash, &err));
    contract_commit(c);
}

/* A task that ran on `key` and is recorded; its execution. */
static int64_t result(struct contract *c, int64_t worker, const char *key,
                      const char *output, const char *output_hash)
{
    struct sq_cache_work *works;
    int64_t t = cached_task(c, "x", output);
    assert_int_equal(to_look(c, 0, &works), 1);
    run_on(c, &works[0], key, "state");
    int64_t e = assign(c, t, worker);
    step(c, e, SQ_EXEC_SUCCEEDED);
    record(c, e, key, output_hash);
    return e;
}

static size_t find(struct contract *c, const char *key, const char *output,
                   struct sq_cache_result **ret)
{
    struct sq_err err = {0};
    size_t n = 0;
    OK(err, sq_cache_find(c->db, key, output, &c->arena, ret, &n, &err));
    return n;
}

static int64_t count(struct contract *c, const char *what)
{
    char sql[300];
    snprintf(sql, sizeof sql, "select count(*) from %s", what);
    return contract_int(c->db, sql);
}

static void test_looked_at_before_it_is_given(void **state)
{
    struct contract *c = *state;
    struct sq_cache_work *works;
    int64_t w = make_worker(c, "w"), t = cached_task(c, "x", "s3://b/o/");
    int64_t other = cached_task(c, "y", NULL);
    assert_int_equal(assignable(c), 0);
    assert_int_equal(to_look(c, t, &works), 1);
    assert_int_equal(works[0].id, other);
    assert_int_equal(to_look(c, 0, &works), 2);
    assert_string_equal(works[0].command, "x");
    assert_string_equal(works[0].output, "s3://b/o/");
    assert_string_equal(works[0].batch, "Default");
    assert_null(works[0].input);
    sq_changes_clear(&c->changes);
    run_on(c, &works[0], "key", "state");
    assert_int_equal(c->changes.n_batches, 1); /* the scheduler hears of it */
    run_on(c, &works[1], "", NULL);
    assert_int_equal(assignable(c), 2);
    assert_int_equal(to_look(c, 0, &works), 0);
    int64_t e = assign(c, t, w);
    assign(c, other, w);
    assert_int_equal(count(c, "task where cache_key is not null"), 0);
    assert_int_equal(to_record(c, &works), 0); /* not while it runs */
    step(c, e, SQ_EXEC_RUNNING);
    c->changes.cache = false;
    step(c, e, SQ_EXEC_SUCCEEDED);
    assert_true(c->changes.cache);
    assert_int_equal(to_record(c, &works), 1);
    assert_int_equal(works[0].id, e);
    assert_string_equal(works[0].state, "state");
    assert_string_equal(works[0].hostname, "w");
}

static void test_a_task_changed_meanwhile_stays_to_be_looked_at(void **state)
{
    struct contract *c = *state;
    struct sq_cache_work *works, *again;
    cached_task(c, "x", "s3://b/o/");
    to_look(c, 0, &works);
    static const char *const edits[] = {
        "update task set command = 'y'",           "update task set container = 'i'",
        "update task set container_options = 'o'", "update task set input = 'i'",
        "update task set resource = 'r'",          "update task set output = 'p'",
        "update task set use_cache = false",       "update task set status = 'paused'"};
    for (size_t i = 0; i < SQ_LEN(edits); i++) {
        contract_sql(c->db, edits[i]);
        run_on(c, &works[0], "key", "state");
        assert_int_equal(count(c, "task where cache_key is not null"), 0);
        contract_sql(c->db, "update task set command = 'x', container = null, "
                            "container_options = null, input = null, resource = null, "
                            "output = 's3://b/o/', use_cache = true, "
                            "status = 'pending'");
    }
    assert_int_equal(to_look(c, 0, &again), 1);
}

static void put(struct contract *c, int64_t t, struct sq_task *values, uint64_t mask)
{
    struct sq_err err = {0};
    struct sq_task ret;
    contract_begin(c);
    OK(err, sq_task_update(&c->tx, t, values, mask, &ret, &err));
    contract_commit(c);
}

static void test_an_edit_is_looked_at_again(void **state)
{
    struct contract *c = *state;
    struct sq_cache_work *works;
    int64_t t = cached_task(c, "x", "s3://b/o/");
    struct sq_task values = {.command = (char[]){"y"}, .name = (char[]){"n"}};
    to_look(c, 0, &works);
    run_on(c, &works[0], "key", "state");
    put(c, t, &values, SQ_BIT(SQ_TASK_F_NAME));
    assert_int_equal(to_look(c, 0, &works), 0);
    put(c, t, &values, SQ_BIT(SQ_TASK_F_COMMAND));
    assert_int_equal(to_look(c, 0, &works), 1);
    values.use_cache = 0;
    sq_changes_clear(&c->changes);
    put(c, t, &values, SQ_BIT(SQ_TASK_F_USE_CACHE));
    assert_int_equal(assignable(c), 1);
    assert_int_equal(c->changes.n_batches, 1);
}

/* What the execution ran was not what was looked at. */
static void test_an_edit_after_it_was_given_is_not_recorded(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_cache_work *works;
    struct sq_task values = {.command = (char[]){"y"}}, ret;
    int64_t w = make_worker(c, "w");
    for (int i = 0; i < 4; i++) {
        int64_t t = cached_task(c, "x", "s3://b/o/");
        to_look(c, 0, &works);
        run_on(c, &works[0], "key", "state");
        int64_t e = assign(c, t, w);
        if (i == 1)
            put(c, t, &values, SQ_BIT(SQ_TASK_F_COMMAND));
        if (i == 2) {
            step(c, e, SQ_EXEC_ACCEPTED);
            put(c, t, &values, SQ_BIT(SQ_TASK_F_COMMAND));
        }
        contract_begin(c);
        OK(err, sq_task_freeze(&c->tx, t, e, &ret, &err));
        contract_commit(c);
        struct sq_execution got, end = {.status = SQ_EXEC_SUCCEEDED, .freeze = i != 3};
        contract_begin(c);
        OK(err,
           sq_execution_update(&c->tx, e, &end, SQ_BIT(SQ_EXEC_F_STATUS), &got, &err));
        contract_commit(c);
        assert_int_equal(to_record(c, &works), i == 0 ? 1 : 0);
        contract_sql(c->db, "delete from task");
    }
}

static void test_recorded_and_found(void **state)
{
    struct contract *c = *state;
    struct sq_cache_result *found;
    struct sq_cache_work *works;
    int64_t w = make_worker(c, "w");
    int64_t a = result(c, w, "key", "s3://b/a/", "sum"),
            b = result(c, w, "key", "s3://b/b/", "sum"),
            b2 = result(c, w, "key", "s3://b/b/", "sum");
    result(c, w, "other", "s3://b/a/", "sum");
    assert_int_equal(to_record(c, &works), 0);
    assert_int_equal(find(c, "key", "s3://b/a/", &found), 2);
    assert_int_equal(found[0].execution_id, a);  /* that of its own folder first */
    assert_int_equal(found[1].execution_id, b2); /* the last of its folder */
    assert_string_equal(found[1].output, "s3://b/b/");
    assert_string_equal(found[1].output_hash, "sum");
    assert_int_equal(find(c, "key", "s3://b/c/", &found), 2);
    assert_int_equal(found[0].execution_id, b2); /* the latest first */
    assert_int_equal(find(c, "none", "s3://b/a/", &found), 0);
    contract_sql(c->db, "update task set status = 'failed' where output = 's3://b/a/'");
    assert_int_equal(find(c, "key", "s3://b/a/", &found), 1);
    contract_sql(c->db, "update execution set status = 'failed' "
                        "where output_folder = 's3://b/b/'");
    assert_int_equal(find(c, "key", "s3://b/b/", &found), 0);
    assert_true(b < b2);
}

static void test_what_is_not_to_be_reused(void **state)
{
    struct contract *c = *state;
    struct sq_cache_result *found;
    struct sq_cache_work *works;
    int64_t w = make_worker(c, "w"), e = result(c, w, "key", "s3://b/a/", "sum");
    contract_begin(c);
    sq_cache_leave(&c->tx, e);
    contract_commit(c);
    assert_int_equal(find(c, "key", "s3://b/a/", &found), 0);
    assert_int_equal(to_record(c, &works), 0);
    /* One that failed is never recorded. */
    int64_t t = cached_task(c, "x", "s3://b/a/");
    to_look(c, 0, &works);
    run_on(c, &works[0], "key", "state");
    e = assign(c, t, w);
    step(c, e, SQ_EXEC_RUNNING);
    step(c, e, SQ_EXEC_FAILED);
    assert_int_equal(to_record(c, &works), 0);
    record(c, e, "key", "sum");
    assert_int_equal(find(c, "key", "s3://b/a/", &found), 0);
}

static void test_those_of_the_same_key_are_looked_at_again(void **state)
{
    struct contract *c = *state;
    struct sq_cache_work *works;
    int64_t w = make_worker(c, "w"), first = cached_task(c, "x", "s3://b/a/");
    cached_task(c, "x", "s3://b/b/");
    cached_task(c, "y", "s3://b/c/");
    to_look(c, 0, &works);
    run_on(c, &works[0], "key", "state");
    run_on(c, &works[1], "key", "state");
    run_on(c, &works[2], "other", "state");
    int64_t e = assign(c, first, w);
    step(c, e, SQ_EXEC_SUCCEEDED);
    c->changes.cache = false;
    record(c, e, "key", "sum");
    assert_true(c->changes.cache);
    assert_int_equal(to_look(c, 0, &works), 1);
    assert_string_equal(works[0].output, "s3://b/b/");
    assert_int_equal(assignable(c), 1);
}

static bool reuse(struct contract *c, const struct sq_cache_work *work,
                  const struct sq_cache_result *r)
{
    struct sq_err err = {0};
    bool done = true;
    contract_begin(c);
    OK(err, sq_cache_reuse(&c->tx, work, "key", r, &done, &err));
    contract_commit(c);
    return done;
}

static void test_reused(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_cache_result *found;
    struct sq_cache_work *works;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    int64_t w = make_worker(c, "w"), e = result(c, w, "key", "s3://b/a/", "sum");
    contract_sql(c->db, "update execution set output_files = 'r d/a%20b'");
    int64_t t = cached_task(c, "x", "s3://b/b/");
    int64_t waiting = make_task(c, &t, 1);
    find(c, "key", "s3://b/b/", &found);
    to_look(c, 0, &works);
    assert_true(reuse(c, &works[0], &found[0]));
    TASK_IS(c, t, SQ_TASK_SUCCEEDED);
    TASK_IS(c, waiting, SQ_TASK_PENDING);
    assert_int_equal(find(c, "key", "s3://b/b/", &found), 2);
    struct sq_execution got = execution_of(c, found[0].execution_id);
    assert_int_equal(got.task_id, t);
    assert_int_equal(got.worker_id, SQ_NULL);
    assert_int_equal(got.status, SQ_EXEC_SUCCEEDED);
    assert_int_equal(got.return_code, 0);
    assert_int_equal(got.latest, 1);
    assert_string_equal(got.command, "x");
    assert_string_equal(got.output_files, "r d/a%20b");
    assert_string_equal(found[0].output, "s3://b/b/");
    sq_buf_init(&text, 10000);
    OK(err, sq_log_read(c->db, got.execution_id, SQ_STDERR, 0, 9999, &text, &err));
    char wanted[200];
    snprintf(
        wanted, sizeof wanted,
        "scitq: nothing was run: the result of execution %lld of task 1 is reused, "
        "copied from s3://b/a/\n",
        (long long)e);
    assert_string_equal(text.data, wanted);
    assert_int_equal(to_record(c, &works), 0);
}

static void test_nothing_is_reused_of_what_changed_meanwhile(void **state)
{
    struct contract *c = *state;
    struct sq_cache_result *found;
    struct sq_cache_work *works;
    int64_t w = make_worker(c, "w"), e = result(c, w, "key", "s3://b/a/", "sum");
    int64_t t = cached_task(c, "x", "s3://b/b/");
    assert_int_equal(t, 2);
    find(c, "key", "s3://b/b/", &found);
    to_look(c, 0, &works);
    static const char *const edits[][2] = {
        {"update task set command = 'y' where task_id = 2",
         "update task set command = 'x'"},
        {"update task set status = 'paused' where task_id = 2",
         "update task set status = 'pending' where status = 'paused'"},
        {"update task set output = 's3://b/c/' where task_id = 2",
         "update task set output = 's3://b/b/' where output = 's3://b/c/'"},
        {"update task set use_cache = false where task_id = 2",
         "update task set use_cache = true"},
        {"update execution set output_hash = 'mus'",
         "update execution set output_hash = 'sum'"},
        {"update execution set input_hash = null",
         "update execution set input_hash = 'key'"},
    };
    for (size_t i = 0; i < SQ_LEN(edits); i++) {
        contract_sql(c->db, edits[i][0]);
        assert_false(reuse(c, &works[0], &found[0]));
        contract_sql(c->db, edits[i][1]);
    }
    assert_int_equal(count(c, "execution"), 1);
    contract_sql(c->db, "delete from task where task_id <> 2");
    assert_false(reuse(c, &works[0], &found[0])); /* the earlier one deleted */
    contract_sql(c->db, "delete from task");
    assert_false(reuse(c, &works[0], &found[0])); /* itself */
    assert_true(e > 0);
}

static void test_workers_elsewhere(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    bool elsewhere = true;
    OK(err, sq_cache_elsewhere(c->db, "Default", "here", &elsewhere, &err));
    assert_false(elsewhere);
    make_worker(c, "here");
    OK(err, sq_cache_elsewhere(c->db, "Default", "here", &elsewhere, &err));
    assert_false(elsewhere);
    make_worker(c, "there");
    OK(err, sq_cache_elsewhere(c->db, "Default", "here", &elsewhere, &err));
    assert_true(elsewhere);
    OK(err, sq_cache_elsewhere(c->db, "another", "here", &elsewhere, &err));
    assert_false(elsewhere);
}

/* Whoever makes a task of use_cache pending says so. */
static void test_pending_again_is_told(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_cache_work *works;
    int64_t w = make_worker(c, "w"), t = cached_task(c, "x", "s3://b/a/");
    struct sq_task values = {.status = SQ_TASK_PENDING, .retry = 1};
    put(c, t, &values, SQ_BIT(SQ_TASK_F_RETRY));
    int64_t e = assign(c, t, w);
    step(c, e, SQ_EXEC_RUNNING);
    c->changes.cache = false;
    step(c, e, SQ_EXEC_FAILED); /* retried */
    assert_true(c->changes.cache);
    assert_int_equal(to_look(c, 0, &works), 1);
    assign(c, t, w);
    c->changes.cache = false;
    contract_begin(c);
    OK(err, sq_execution_withdraw_worker(&c->tx, w, &err));
    contract_commit(c);
    assert_true(c->changes.cache);
    int64_t before = make_task(c, NULL, 0);
    contract_begin(c);
    struct sq_requirement r;
    contract_sql(c->db, "update task set status = 'waiting' where use_cache = true");
    OK(err, sq_requirement_create(&c->tx, t, before, &r, &err));
    contract_commit(c);
    assert_int_equal(to_look(c, 0, &works), 0);
    c->changes.cache = false;
    put_status(c, before, SQ_TASK_SUCCEEDED);
    assert_true(c->changes.cache);
    assert_int_equal(to_look(c, 0, &works), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looked_at_before_it_is_given),
        cmocka_unit_test(test_a_task_changed_meanwhile_stays_to_be_looked_at),
        cmocka_unit_test(test_an_edit_is_looked_at_again),
        cmocka_unit_test(test_an_edit_after_it_was_given_is_not_recorded),
        cmocka_unit_test(test_recorded_and_found),
        cmocka_unit_test(test_what_is_not_to_be_reused),
        cmocka_unit_test(test_those_of_the_same_key_are_looked_at_again),
        cmocka_unit_test(test_reused),
        cmocka_unit_test(test_nothing_is_reused_of_what_changed_meanwhile),
        cmocka_unit_test(test_workers_elsewhere),
        cmocka_unit_test(test_pending_again_is_told),
    };
    return contract_main(tests, SQ_LEN(tests));
}
