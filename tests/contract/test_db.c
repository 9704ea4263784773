/* The connection: values there and back, sticky errors, savepoints, failures. */
#include "tests/contract/contract.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/* A table with one column a kind, made in each test's database. */
static void make_table(struct contract *c)
{
    contract_sql(c->db, c->engine == SQ_SQLITE
                            ? "create table kinds (i bigint, r float, s varchar, "
                              "b boolean, t datetime, x blob)"
                            : "create table kinds (i bigint, r double precision, "
                              "s varchar, b boolean, t timestamp, x bytea)");
}

struct kinds {
    const char *what;
    int64_t i;
    double r;
    const char *s;
    int b;
    int64_t t;
    const void *x;
    size_t x_len;
};

static void insert(struct sq_db *db, const struct kinds *k)
{
    struct sq_stmt *st =
        sq_db_sql(db, "insert into kinds (i, r, s, b, t, x) values ($1, $2, $3, "
                      "$4, $5, $6)");
    sq_bind_int(st, 1, k->i);
    sq_bind_real(st, 2, k->r);
    sq_bind_text(st, 3, k->s);
    sq_bind_bool(st, 4, k->b);
    sq_bind_time(st, 5, k->t);
    sq_bind_blob(st, 6, k->x, k->x_len);
    sq_run(st);
}

static void check(struct sq_stmt *st, const struct kinds *k)
{
    size_t len = 77;
    assert_int_equal(sq_col_int(st, 0), k->i);
    if (isnan(k->r))
        assert_true(isnan(sq_col_real(st, 1)) && sq_col_null(st, 1));
    else
        assert_true(sq_col_real(st, 1) == k->r);
    if (!k->s) {
        assert_null(sq_col_text(st, 2, &len));
        assert_int_equal(len, 0);
    } else {
        assert_string_equal(sq_col_text(st, 2, &len), k->s);
        assert_int_equal(len, strlen(k->s));
    }
    assert_int_equal(sq_col_bool(st, 3), k->b);
    assert_int_equal(sq_col_time(st, 4), k->t);
    const void *x = sq_col_blob(st, 5, &len);
    assert_int_equal(len, k->x_len);
    if (!k->x)
        assert_null(x);
    else {
        assert_non_null(x);
        assert_memory_equal(x, k->x, len);
    }
}

static const struct kinds rows[] = {
    {"nulls", SQ_NULL, NAN, NULL, -1, SQ_NULL, NULL, 0},
    {"zeros", 0, 0, "", 0, 0, "", 0},
    {"largest", INT64_MAX, 1.7976931348623157e308, "x", 1, INT64_C(4102444800000001),
     "\0\0", 2},
    {"smallest", INT64_MIN + 1, -5e-324, "y", 1, INT64_C(-1), "\xff", 1},
    {"a third", 1, 1.0 / 3, "z", 0, INT64_C(1795305600000000), "a", 1},
    {"unicode", 2, 2, "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8b '\"\\ $1 ?1 --", 0,
     INT64_C(1795305600000000), "a\0b\xc3", 4},
    {"microseconds", 3, -0.5, "m", 1, INT64_C(1795305600123456), "\r\n", 2},
    {"milliseconds", 4, 1e-10, "n", 1, INT64_C(1795305600120000), "\\x41", 4},
};

static void test_values_come_back(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_table(c);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        insert(c->db, &rows[i]);
        OK(err, sq_db_error(c->db, &err));
        struct sq_stmt *st = sq_db_sql(c->db, "select i, r, s, b, t, x from kinds");
        assert_true(sq_row(st));
        check(st, &rows[i]);
        assert_false(sq_row(st));
        assert_false(sq_row(st)); /* and stays so */
        contract_sql(c->db, "delete from kinds");
    }
}

static void test_a_large_blob_comes_back(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    size_t len = 3 << 20, got;
    unsigned char *data = malloc(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    make_table(c);
    insert(c->db, &(struct kinds){.what = "large", .x = data, .x_len = len});
    struct sq_stmt *st = sq_db_sql(c->db, "select x from kinds");
    assert_true(sq_row(st));
    const void *x = sq_col_blob(st, 0, &got);
    assert_int_equal(got, len);
    assert_memory_equal(x, data, len);
    sq_stmt_end(st);
    OK(err, sq_db_error(c->db, &err));
    free(data);
}

static void test_times_are_stored_as_1_3_did(void **state)
{
    struct contract *c = *state;
    make_table(c);
    insert(c->db, &(struct kinds){.t = INT64_C(1795305600000000)});
    struct sq_stmt *st = sq_db_sql(
        c->db, c->engine == SQ_SQLITE
                   ? "select t from kinds"
                   : "select to_char(t, 'YYYY-MM-DD HH24:MI:SS.US') from kinds");
    assert_true(sq_row(st));
    assert_string_equal(sq_col_text(st, 0, NULL), "2026-11-22 00:00:00.000000");
    sq_stmt_end(st);
    /* What a person wrote. */
    contract_sql(c->db, "update kinds set t = '2026-11-22 01:02:03'");
    st = sq_db_sql(c->db, "select t from kinds");
    assert_true(sq_row(st));
    assert_int_equal(sq_col_time(st, 0), INT64_C(1795309323000000));
    sq_stmt_end(st);
}

static void test_numbers_kept_as_text_are_read(void **state)
{
    struct contract *c = *state;
    make_table(c);
    contract_sql(c->db, "insert into kinds (i, r, s) values (7, 2.5, '31.5')");
    struct sq_stmt *st = sq_db_sql(c->db, "select s, i, r from kinds");
    assert_true(sq_row(st));
    assert_true(sq_col_real(st, 0) == 31.5);
    assert_int_equal(sq_col_int(st, 0), 31);
    assert_string_equal(sq_col_text(st, 1, NULL), "7");
    assert_true(sq_col_real(st, 1) == 7);
    assert_int_equal(sq_col_int(st, 2), 2);
    sq_stmt_end(st);
}

static void test_parameters_go_by_number(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_table(c);
    struct sq_stmt *st =
        sq_db_sql(c->db, "insert into kinds (s, i) values ($2, $1), ('$2', $1)");
    sq_bind_int(st, 1, 5);
    sq_bind_text(st, 2, "five");
    assert_int_equal(sq_run(st), 2);
    assert_int_equal(contract_int(c->db, "select count(*) from kinds where s = 'five'"),
                     1);
    assert_int_equal(contract_int(c->db, "select count(*) from kinds where s = '$2'"),
                     1);
    /* What is not bound again is null. */
    st = sq_db_sql(c->db, "insert into kinds (s, i) values ($2, $1), ('$2', $1)");
    sq_run(st);
    OK(err, sq_db_error(c->db, &err));
    assert_int_equal(contract_int(c->db, "select count(*) from kinds where i is null"),
                     2);
    /* One that does not exist. */
    st = sq_db_sql(c->db, "delete from kinds where i = $1");
    sq_bind_int(st, 2, 1);
    assert_int_equal(sq_run(st), -1);
    assert_int_not_equal(sq_db_error(c->db, &err), 0);
    sq_db_rollback(c->db);
}

static void test_rows_affected(void **state)
{
    struct contract *c = *state;
    make_table(c);
    contract_sql(c->db, "insert into kinds (i) values (1), (2), (3)");
    assert_int_equal(sq_run(sq_db_sql(c->db, "update kinds set r = 1 where i > 1")), 2);
    assert_int_equal(sq_run(sq_db_sql(c->db, "delete from kinds where i > 5")), 0);
    assert_int_equal(sq_run(sq_db_sql(c->db, "delete from kinds returning i")), 3);
}

static void test_the_first_error_sticks(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_table(c);
    contract_sql(c->db, "create unique index u on kinds (i)");
    contract_begin(c);
    insert(c->db, &(struct kinds){.i = 1});
    insert(c->db, &(struct kinds){.i = 1});
    struct sq_stmt *st = sq_db_sql(c->db, "select 5");
    assert_false(sq_row(st));
    assert_true(sq_col_null(st, 0));
    assert_null(sq_col_text(st, 0, NULL));
    assert_int_equal(sq_run(sq_db_sql(c->db, "this is not SQL")), -1);
    assert_int_equal(sq_db_error(c->db, &err), SQ_EEXIST);
    assert_int_equal(sq_db_commit(c->db, &err), SQ_EEXIST);
    assert_non_null(strstr(err.text, sq_db_describe(c->db) + 7));
    /* The commit rolled back, and cleared it. */
    assert_int_equal(contract_int(c->db, "select count(*) from kinds"), 0);
    assert_true(sq_db_alive(c->db));
}

static void test_errors_have_their_code(void **state)
{
    struct contract *c = *state;
    static const struct {
        const char *sql;
        int code;
    } cases[] = {
        {"insert into requirement (task_id, other_task_id) values (1, 2)", SQ_ENOENT},
        {"insert into task (name) values ('x')", SQ_EINVAL},
        {"insert into region (name, provider) values ('a', 'b'), ('a', 'b')",
         SQ_EEXIST},
        {"select * from no_such_table", SQ_EIO},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_err err = {0};
        sq_run(sq_db_sql(c->db, cases[i].sql));
        assert_int_equal(sq_db_error(c->db, &err), cases[i].code);
        sq_db_rollback(c->db);
        OK(err, sq_db_error(c->db, &err));
    }
}

static int64_t count(struct contract *c)
{
    return contract_int(c->db, "select count(*) from kinds");
}

static void test_savepoints_nest(void **state)
{
    struct contract *c = *state;
    make_table(c);
    contract_begin(c);
    insert(c->db, &rows[1]);
    sq_db_savepoint(c->db);
    insert(c->db, &rows[1]);
    sq_db_savepoint(c->db);
    insert(c->db, &rows[1]);
    assert_int_equal(count(c), 3);
    sq_db_rollback_to(c->db);
    assert_int_equal(count(c), 2);
    sq_db_savepoint(c->db);
    insert(c->db, &rows[1]);
    sq_db_release(c->db);
    sq_db_rollback_to(c->db);
    assert_int_equal(count(c), 1);
    contract_commit(c);
    assert_int_equal(count(c), 1);
}

static void test_going_back_to_a_savepoint_heals(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_table(c);
    contract_begin(c);
    insert(c->db, &rows[1]);
    sq_db_savepoint(c->db);
    sq_run(sq_db_sql(c->db, "insert into nowhere values (1)"));
    /* One asked for after the error does not exist; going back to it heals nothing. */
    sq_db_savepoint(c->db);
    sq_db_rollback_to(c->db);
    assert_int_not_equal(sq_db_error(c->db, &err), 0);
    /* One left open by an error goes with the outer one. */
    sq_db_rollback_to(c->db);
    assert_false(sq_db_doomed(c->db));
    sq_db_savepoint(c->db);
    sq_db_savepoint(c->db);
    sq_run(sq_db_sql(c->db, "insert into nowhere values (1)"));
    sq_db_release(c->db);
    sq_db_rollback_to(c->db);
    insert(c->db, &rows[1]);
    contract_commit(c);
    assert_int_equal(count(c), 2);
}

static void test_what_is_sent_is_done(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_table(c);
    contract_sql(c->db, "create unique index u on kinds (i)");
    contract_begin(c);
    for (int i = 0; i < 1000; i++) { /* more than what may be under way */
        struct sq_stmt *st = sq_db_sql(c->db, "insert into kinds (i) values ($1)");
        sq_bind_int(st, 1, i);
        sq_send(st);
    }
    assert_int_equal(count(c), 1000);
    contract_commit(c);
    /* An error shows when asked for, and only spoils its savepoint. */
    contract_begin(c);
    sq_db_savepoint(c->db);
    struct sq_stmt *st = sq_db_sql(c->db, "insert into kinds (i) values ($1)");
    sq_bind_int(st, 1, 7);
    sq_send(st);
    assert_int_equal(sq_db_error(c->db, &err), SQ_EEXIST);
    sq_db_rollback_to(c->db);
    contract_commit(c);
    /* Or at the commit. */
    contract_begin(c);
    insert(c->db, &(struct kinds){.i = 5000});
    st = sq_db_sql(c->db, "insert into kinds (i) values ($1)");
    sq_bind_int(st, 1, 7);
    sq_send(st);
    assert_int_equal(sq_db_commit(c->db, &err), SQ_EEXIST);
    assert_int_equal(count(c), 1000);
}

static struct sq_stmt *ask_number(struct contract *c, const char *sql, int i)
{
    struct sq_stmt *st = sq_db_sql(c->db, sql);
    sq_bind_int(st, 1, i);
    sq_ask(st);
    return st;
}

static void test_several_are_asked_before_one_is_read(void **state)
{
    static const char below[] = "select i from kinds where i < $1 order by i";
    static const char from[] = "select i from kinds where i >= $1 order by i";
    struct contract *c = *state;
    struct sq_err err = {0};
    make_table(c);
    contract_begin(c);
    for (int i = 0; i < 10; i++)
        insert(c->db, &(struct kinds){.i = i});
    /* Whatever is read first, and though another statement ran meanwhile. */
    struct sq_stmt *a = ask_number(c, below, 2), *b = ask_number(c, from, 8);
    assert_int_equal(count(c), 10);
    assert_true(sq_row(b));
    assert_int_equal(sq_col_int(b, 0), 8);
    for (int i = 0; i < 2; i++) {
        assert_true(sq_row(a));
        assert_int_equal(sq_col_int(a, 0), i);
    }
    assert_false(sq_row(a));
    assert_false(sq_row(a));
    assert_true(sq_row(b));
    assert_false(sq_row(b));
    /* Not read, or started again: only the last use answers. */
    sq_stmt_end(ask_number(c, below, 2));
    ask_number(c, from, 5);
    b = ask_number(c, from, 9);
    assert_true(sq_row(b));
    assert_int_equal(sq_col_int(b, 0), 9);
    assert_false(sq_row(b));
    /* One that fails is the error of all. */
    sq_db_savepoint(c->db);
    a = ask_number(c, "select 1 / (i - i) from kinds where i < $1", 2);
    b = ask_number(c, "select nonsense from kinds where i < $1", 2);
    assert_false(sq_row(b));
    assert_false(sq_row(a) && c->engine == SQ_POSTGRES);
    assert_int_not_equal(sq_db_error(c->db, &err), 0);
    sq_db_rollback_to(c->db);
    assert_int_equal(count(c), 10);
    contract_commit(c);
}

static void test_a_failed_prepare_can_be_tried_again(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    contract_begin(c);
    sq_db_savepoint(c->db);
    sq_send(sq_db_sql(c->db, "insert into later (i) values (1)"));
    sq_run(sq_db_sql(c->db, "select count(*) from task"));
    assert_int_not_equal(sq_db_error(c->db, &err), 0);
    sq_db_rollback_to(c->db);
    assert_int_equal(contract_int(c->db, "select count(*) from task"), 0);
    sq_db_script(c->db, "create table later (i integer)");
    assert_int_equal(sq_run(sq_db_sql(c->db, "insert into later (i) values (1)")), 1);
    contract_commit(c);
}

static void test_many_texts(void **state)
{
    struct contract *c = *state;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 30; i++) {
            char sql[40];
            snprintf(sql, sizeof sql, "select %d", i);
            assert_int_equal(contract_int(c->db, sql), i);
        }
}

static void test_a_row_left_unread_does_not_keep_the_commit(void **state)
{
    struct contract *c = *state;
    make_table(c);
    contract_begin(c);
    struct sq_stmt *st =
        sq_db_sql(c->db, "insert into kinds (i) values (1), (2) returning i");
    assert_true(sq_row(st));
    contract_commit(c);
    assert_int_equal(count(c), 2);
    contract_begin(c);
    st = sq_db_sql(c->db, "select i from kinds");
    assert_true(sq_row(st));
    sq_db_rollback(c->db);
    assert_int_equal(count(c), 2);
}

static void test_a_reader_sees_one_moment_and_writes_nothing(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_table(c);
    struct sq_db *reader = contract_connect(c, SQ_DB_READONLY);
    OK(err, sq_db_begin(reader, false, &err));
    assert_int_equal(contract_int(reader, "select count(*) from kinds"), 0);
    insert(c->db, &rows[1]);
    assert_int_equal(contract_int(reader, "select count(*) from kinds"), 0);
    OK(err, sq_db_commit(reader, &err));
    assert_int_equal(contract_int(reader, "select count(*) from kinds"), 1);
    assert_int_equal(sq_run(sq_db_sql(reader, "delete from kinds")), -1);
    assert_int_not_equal(sq_db_error(reader, &err), 0);
    sq_db_close(reader);
    assert_int_equal(count(c), 1);
}

static void test_deletion_follows_the_references(void **state)
{
    struct contract *c = *state;
    contract_sql(
        c->db,
        "insert into worker (worker_id, name, status, concurrency, batch) "
        "values (1, 'w', 'running', 1, 'Default');"
        "insert into task (task_id, command, status, creation_date, batch, retry)"
        " values (1, 'c', 'running', '2026-01-01 00:00:00.000000', 'b', 0),"
        " (2, 'c', 'waiting', '2026-01-01 00:00:00.000000', 'b', 0);"
        "insert into requirement (task_id, other_task_id) values (2, 1);"
        "insert into execution (execution_id, worker_id, task_id, status, "
        "creation_date) values (1, 1, 1, 'running', "
        "'2026-01-01 00:00:00.000000');"
        "insert into signal (execution_id, worker_id, signal) values (1, 1, 9);"
        "insert into execution_log (execution_id, stream, start, chars, data) "
        "values (1, 1, 0, 0, 'abc');");
    contract_sql(c->db, "delete from worker");
    assert_int_equal(contract_int(c->db, "select count(*) from execution where "
                                         "worker_id is null"),
                     1);
    assert_int_equal(contract_int(c->db, "select count(*) from signal"), 0);
    contract_sql(c->db, "delete from task where task_id = 1");
    static const char *const tables[] = {"execution", "requirement", "execution_log"};
    for (size_t i = 0; i < SQ_LEN(tables); i++) {
        char sql[60];
        snprintf(sql, sizeof sql, "select count(*) from %s", tables[i]);
        assert_int_equal(contract_int(c->db, sql), 0);
    }
    assert_int_equal(contract_int(c->db, "select count(*) from task"), 1);
}

static void test_every_query_can_be_prepared(void **state)
{
    struct contract *c = *state;
    for (int q = 0; q < SQ_Q_COUNT; q++) {
        struct sq_err err = {0};
        contract_begin(c);
        struct sq_stmt *st = sq_db_query(c->db, (enum sq_query)q);
        sq_run(st); /* unbound: all null */
        int rc = sq_db_error(c->db, &err);
        if (rc == SQ_EIO || rc == SQ_EUNSUPPORTED)
            fail_msg("%s: %s", sq_queries[q].name, err.text);
        sq_db_rollback(c->db);
    }
}

/* The plan made for an empty table is kept when it has a million rows. */
static void test_an_empty_table_is_read_by_its_index(void **state)
{
    struct contract *c = *state;
    contract_sql(c->db, "analyze task");
    struct sq_stmt *st = sq_db_sql(
        c->db, c->engine == SQ_SQLITE
                   ? "explain query plan select command from task where task_id = 1"
                   : "explain select command from task where task_id = 1");
    assert_true(sq_row(st));
    const char *plan = sq_col_text(st, c->engine == SQ_SQLITE ? 3 : 0, NULL);
    if (!strstr(plan, "USING INTEGER PRIMARY KEY") && !strstr(plan, "Index Scan"))
        fail_msg("%s", plan);
    sq_stmt_end(st);
}

static void test_a_lost_connection_is_seen(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_db *db = contract_connect(c, 0);
    contract_kill(c, db);
    assert_false(sq_db_alive(db)); /* idle, and noticed */
    sq_db_close(db);
    db = contract_connect(c, 0);
    OK(err, sq_db_begin(db, true, &err));
    sq_db_savepoint(db);
    assert_int_equal(contract_int(db, "select 1"), 1);
    contract_kill(c, db);
    assert_int_equal(sq_run(sq_db_sql(db, "delete from task")), -1);
    assert_int_equal(sq_db_error(db, &err), SQ_EIO);
    sq_db_rollback_to(db);
    assert_true(sq_db_doomed(db));
    assert_int_equal(sq_db_commit(db, &err), SQ_EIO);
    assert_false(sq_db_alive(db));
    sq_db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back),
        cmocka_unit_test(test_a_large_blob_comes_back),
        cmocka_unit_test(test_times_are_stored_as_1_3_did),
        cmocka_unit_test(test_numbers_kept_as_text_are_read),
        cmocka_unit_test(test_parameters_go_by_number),
        cmocka_unit_test(test_rows_affected),
        cmocka_unit_test(test_the_first_error_sticks),
        cmocka_unit_test(test_errors_have_their_code),
        cmocka_unit_test(test_savepoints_nest),
        cmocka_unit_test(test_going_back_to_a_savepoint_heals),
        cmocka_unit_test(test_what_is_sent_is_done),
        cmocka_unit_test(test_several_are_asked_before_one_is_read),
        cmocka_unit_test(test_a_failed_prepare_can_be_tried_again),
        cmocka_unit_test(test_many_texts),
        cmocka_unit_test(test_a_row_left_unread_does_not_keep_the_commit),
        cmocka_unit_test(test_a_reader_sees_one_moment_and_writes_nothing),
        cmocka_unit_test(test_deletion_follows_the_references),
        cmocka_unit_test(test_every_query_can_be_prepared),
        cmocka_unit_test(test_an_empty_table_is_read_by_its_index),
        contract_postgresql_test(test_a_lost_connection_is_seen),
    };
    return contract_main(tests, SQ_LEN(tests));
}
