/* Batches: listed with their counts, stopped and resumed, deleted. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <string.h>

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
    struct three h = hold_three(c, w);
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
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_stop_and_go),
        cmocka_unit_test(test_deleting_a_batch),
        cmocka_unit_test(test_batches_are_counted_from_indexes),
    };
    return contract_main(tests, SQ_LEN(tests));
}
