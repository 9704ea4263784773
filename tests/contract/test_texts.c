/* Lists of executions with their whole output: right to the character whatever its
 * form, and not a query a row.  The list is the server's (core/http/stream.c), over a
 * pool of connections to the database; only the network is not there. */
#include "tests/contract/domain.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/request.h"
#include "core/http/stream.h"
#include "core/store/log.h"
#include "core/store/record.h"

/* The linker wraps these two (see Makefile.inc). */
struct sq_stmt *__real_sq_db_query(struct sq_db *db, enum sq_query q);
struct sq_stmt *__wrap_sq_db_query(struct sq_db *db, enum sq_query q);
struct sq_stmt *__real_sq_db_sql(struct sq_db *db, const char *sql);
struct sq_stmt *__wrap_sq_db_sql(struct sq_db *db, const char *sql);
static int statements;

struct sq_stmt *__wrap_sq_db_query(struct sq_db *db, enum sq_query q)
{
    statements++;
    return __real_sq_db_query(db, q);
}

struct sq_stmt *__wrap_sq_db_sql(struct sq_db *db, const char *sql)
{
    statements++;
    return __real_sq_db_sql(db, sql);
}

/* n running executions of one task on one worker, numbered from 1. */
static void make_executions(struct contract *c, int n)
{
    char sql[200];
    int64_t t = make_task(c, NULL, 0), w = make_worker(c, "w");
    contract_begin(c);
    for (int i = 0; i < n; i++) {
        snprintf(
            sql, sizeof sql,
            "insert into execution (task_id, worker_id, status, creation_date) values"
            " (%d, %d, 'running', '2026-11-22 00:00:00')",
            (int)t, (int)w);
        contract_sql(c->db, sql);
    }
    contract_commit(c);
}

static void add(struct contract *c, int64_t e, int stream, const char *data, size_t len)
{
    struct sq_err err;
    struct sq_log_chunk chunk = {.execution_id = e,
                                 .stream = stream,
                                 .start = SQ_NULL,
                                 .data = data,
                                 .len = len};
    OK(err, sq_log_append(&c->tx, &chunk, 1, &err));
}

/* The list as the server answers it. */
static json_t *list(struct contract *c, struct sq_stream_conf conf)
{
    struct sq_http_server server = {0};
    struct sq_request r = {.server = &server};
    struct sq_pool *pool;
    struct sq_err err;
    struct sq_buf all;
    static char piece[100000];
    ssize_t n = 0;
    conf.type = &sq_execution_type;
    if (!conf.mask)
        conf.mask = sq_record_visible(&sq_execution_type);
    sq_buf_init(&all, 100 << 20);
    sq_buf_init(&r.out, 1 << 20);
    sq_arena_init(&r.arena, 1 << 20);
    OK(err, sq_pool_open(c->uri, 1, &pool, &err));
    server.conf.pool = pool;
    statements = 0;
    OK(err, sq_stream_answer(&r, &conf, &err));
    if (!r.stream)
        sq_buf_add(&all, r.out.data, r.out.len);
    while (r.stream && (n = sq_stream_read(&r, all.len, piece, sizeof piece)) > 0)
        sq_buf_add(&all, piece, (size_t)n);
    assert_true(!r.stream || n == MHD_CONTENT_READER_END_OF_STREAM);
    sq_stream_free(r.stream);
    sq_pool_close(pool);
    json_error_t why;
    json_t *json = json_loadb(all.data, all.len, JSON_DECODE_ANY, &why);
    if (!json)
        fail_msg("%s at %d of %.200s", why.text, why.position, all.data);
    sq_buf_fini(&all);
    sq_buf_fini(&r.out);
    sq_arena_fini(&r.arena);
    return json;
}

static const struct sq_stream_conf all_rows = {
    .page = {.after = SQ_NULL, .limit = SQ_NULL}, .trunc = SQ_NULL};

static const char *text_of(const json_t *rows, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(rows, i), key));
}

static void test_a_list_costs_no_query_a_row(void **state)
{
    enum { N = 1100 };
    struct contract *c = *state;
    char want[40];
    make_executions(c, N);
    contract_begin(c);
    for (int i = 1; i <= N; i++) {
        int n = snprintf(want, sizeof want, "output of %d\n", i);
        add(c, i, SQ_STDOUT, want, (size_t)n);
        if (i % 3 == 0)
            add(c, i, SQ_STDERR, "e", 1);
    }
    contract_commit(c);
    json_t *rows = list(c, all_rows);
    assert_int_equal(json_array_size(rows), N);
    for (int i = 1; i <= N; i++) {
        snprintf(want, sizeof want, "output of %d\n", i);
        assert_string_equal(text_of(rows, (size_t)i - 1, "output"), want);
        assert_int_equal(text_of(rows, (size_t)i - 1, "error") != NULL, i % 3 == 0);
    }
    json_decref(rows);
    assert_in_range(statements, 1, 20); /* three pages */
}

/* What large texts cost follows their bytes. */
static void test_larger_texts_are_read_by_the_window(void **state)
{
    enum { N = 200, BYTES = 50000 }; /* 10 MB: some twenty in 1 MiB */
    struct contract *c = *state;
    char *data = malloc(BYTES);
    memset(data, 'x', BYTES);
    make_executions(c, N);
    contract_begin(c);
    for (int i = 1; i <= N; i++)
        add(c, i, SQ_STDERR, data, BYTES);
    contract_commit(c);
    free(data);
    json_t *rows = list(c, all_rows);
    for (size_t i = 0; i < N; i++) {
        assert_null(text_of(rows, i, "output"));
        assert_int_equal(strlen(text_of(rows, i, "error")), BYTES);
    }
    json_decref(rows);
    assert_in_range(statements, 10, 30);
}

/* As the text of one execution is read, which test_log.c holds to the decoder. */
static void check(struct contract *c, const json_t *rows, size_t i, int stream)
{
    struct sq_err err;
    int64_t next, from = 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf want;
    sq_buf_init(&want, 100 << 20);
    do
        OK(err, sq_log_text(c->db, (int64_t)i + 1, stream, from, SIZE_MAX, &want, &next,
                            &err));
    while ((from = next) != SQ_NULL);
    sq_buf_add(&want, "", 0);
    const char *got = text_of(rows, i, stream == SQ_STDOUT ? "output" : "error");
    assert_int_equal(got != NULL, want.len > 0);
    if (got)
        assert_string_equal(got, want.data);
}

static void test_texts_of_any_form(void **state)
{
    enum { N = 8, LARGE = 700000 };
    struct contract *c = *state;
    char *large = malloc(LARGE);
    for (int i = 0; i < LARGE; i++)
        large[i] = "large \xc3\xa9\n"[i % 9];
    make_executions(c, N);
    contract_begin(c);
    add(c, 1, SQ_STDOUT, "cut \xe2\x82", 6);
    add(c, 2, SQ_STDOUT, "bad \x80\xff and cut \xe2\x82", 17);
    add(c, 3, SQ_STDOUT, large, LARGE);
    add(c, 3, SQ_STDERR, "beside it", 9);
    for (int i = 0; i < 3; i++) /* a character in three rows */
        add(c, 4, SQ_STDERR, "\xe2\x82\xac" + i, 1);
    add(c, 5, SQ_STDOUT, large, 300000); /* more than a row */
    add(c, 8, SQ_STDOUT, "of one that is pending", 22);
    contract_commit(c);
    free(large);
    contract_sql(c->db,
                 "update execution set status = 'failed' where execution_id = 2");
    contract_sql(c->db, "update execution set output = 'old \xc3\xa9', error = ''"
                        " where execution_id = 6");
    contract_sql(c->db,
                 "update execution set status = 'pending' where execution_id = 8");
    json_t *rows = list(c, all_rows);
    for (size_t i = 0; i < N - 1; i++) {
        check(c, rows, i, SQ_STDOUT);
        check(c, rows, i, SQ_STDERR);
    }
    assert_string_equal(text_of(rows, 0, "output"), "cut ");
    assert_string_equal(text_of(rows, 3, "error"), "\xe2\x82\xac");
    assert_string_equal(text_of(rows, 5, "output"), "old \xc3\xa9");
    assert_null(text_of(rows, 6, "output"));
    assert_null(text_of(rows, 7, "output"));
    json_decref(rows);
}

static void test_ends_and_parts_of_texts(void **state)
{
    static const struct {
        int64_t trunc;
        const char *output, *error;
    } rows[] = {{0, "", ""},
                {4, "\xc3\xa9llo", "no"},
                {1 << 30, "h\xc3\xa9llo", "no"},
                {INT64_MAX, "h\xc3\xa9llo", "no"}};
    struct contract *c = *state;
    make_executions(c, 2);
    contract_begin(c);
    add(c, 1, SQ_STDOUT, "h\xc3\xa9llo", 6);
    add(c, 1, SQ_STDERR, "no", 2);
    contract_commit(c);
    contract_sql(c->db, "update execution set output = 'h\xc3\xa9llo', error = 'no'"
                        " where execution_id = 2"); /* as 1.3 had them */
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_stream_conf conf = all_rows;
        conf.trunc = rows[i].trunc;
        json_t *got = list(c, conf);
        for (size_t k = 0; k < 2; k++) {
            assert_string_equal(text_of(got, k, "output"), rows[i].output);
            assert_string_equal(text_of(got, k, "error"), rows[i].error);
        }
        json_decref(got);
    }
    struct sq_stream_conf conf = all_rows;
    conf.text_from[0] = 2;
    json_t *got = list(c, conf);
    assert_string_equal(text_of(got, 0, "output"), "llo");
    assert_string_equal(text_of(got, 0, "error"), "no");
    json_decref(got);
    conf = all_rows;
    conf.page.no_output = true;
    got = list(c, conf);
    assert_true(json_is_null(json_object_get(json_array_get(got, 0), "output")));
    json_decref(got);
    assert_int_equal(statements, 1);
    conf = all_rows;
    conf.mask = SQ_BIT(SQ_EXEC_F_ERROR);
    got = list(c, conf);
    assert_string_equal(text_of(got, 1, "error"), "no");
    json_decref(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_costs_no_query_a_row),
        cmocka_unit_test(test_larger_texts_are_read_by_the_window),
        cmocka_unit_test(test_texts_of_any_form),
        cmocka_unit_test(test_ends_and_parts_of_texts),
    };
    return contract_main(tests, SQ_LEN(tests));
}
