/* Lists: filters of every kind, pages, order, what executions leave out; and that every
 * named query is understood by both engines. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <string.h>

#include "core/store/listing.h"

static const struct sq_page whole = {.after = SQ_NULL, .limit = 1000};

static int list(struct contract *c, const struct sq_type *type,
                const struct sq_page *page, void **rows, size_t *n, struct sq_err *err)
{
    *rows = NULL;
    *n = 0;
    return sq_list_page(c->db, type, page, &c->arena, rows, n, err);
}

/* Ten tasks: names n1…n10, batches A and B in turn, runs limited from 5 on. */
static void make_ten(struct contract *c)
{
    for (int i = 1; i <= 10; i++)
        make_task(c, NULL, 0);
    contract_sql(c->db, "update task set name = 'n' || task_id, batch = case when "
                        "task_id % 2 = 1 then 'A' else 'B' end");
    contract_sql(c->db, "update task set run_timeout = 10 * task_id, use_cache = true "
                        "where task_id >= 5");
    contract_sql(c->db, "update task set name = null, status = 'failed' "
                        "where task_id = 10");
}

#define V(...)                                                                         \
    {                                                                                  \
        __VA_ARGS__                                                                    \
    }
static const struct {
    const char *field;
    const char *values[4];
    size_t n;
    const char *ids; /* expected */
} filters[] = {
    {"task_id", V("3"), 1, "3"},
    {"task_id", V("7", "3", "3", "99"), 4, "3 7"},
    {"task_id", V("99999999999999999"), 1, ""},
    {"name", V("n2"), 1, "2"},
    {"name", V("n2", NULL), 2, "2 10"},
    {"name", V("n9", "n'\"; drop table task", "n1"), 3, "1 9"},
    {"name", V(NULL), 1, "10"},
    {"batch", V("A"), 1, "1 3 5 7 9"},
    {"batch", V("A", "B"), 2, "1 2 3 4 5 6 7 8 9 10"},
    {"batch", V(""), 0, ""},
    {"status", V("failed"), 1, "10"},
    {"status", V("failed", "pending"), 2, "1 2 3 4 5 6 7 8 9 10"},
    {"status", V("bogus"), 1, ""},
    {"status", V("bogus", "failed"), 2, "10"},
    {"run_timeout", V("60", "70"), 2, "6 7"},
    {"run_timeout", V(NULL), 1, "1 2 3 4"},
    {"run_timeout", V(NULL, "50"), 2, "1 2 3 4 5"},
    {"use_cache", V("true"), 1, "5 6 7 8 9 10"},
    {"use_cache", V("0"), 1, "1 2 3 4"},
    {"creation_date", V("2026-11-22T00:00:00"), 1, "1 2 3 4 5 6 7 8 9 10"},
    {"creation_date", V("2026-11-22T00:00:00.5", "2020-01-01"), 1, ""},
    {"modification_date", V("2026-11-22T00:00:00", NULL), 2, "1 2 3 4 5 6 7 8 9 10"},
};

static void ids_of(const struct sq_task *t, size_t n, char *text, size_t size)
{
    int at = 0;
    text[0] = 0;
    for (size_t i = 0; i < n; i++)
        at += snprintf(text + at, size - (size_t)at, "%s%lld", i ? " " : "",
                       (long long)t[i].task_id);
}

static void test_filters(void **state)
{
    struct contract *c = *state;
    make_ten(c);
    for (size_t i = 0; i < SQ_LEN(filters); i++) {
        struct sq_err err = {0};
        struct sq_filter f = {sq_field_find(&sq_task_type, filters[i].field),
                              (char **)filters[i].values, filters[i].n};
        struct sq_page page = whole;
        page.filters = &f;
        page.n_filters = 1;
        void *rows;
        size_t n;
        char got[100];
        OK(err, list(c, &sq_task_type, &page, &rows, &n, &err));
        ids_of(rows, n, got, sizeof got);
        if (strcmp(got, filters[i].ids) != 0)
            fail_msg("filter %zu on %s: got \"%s\", not \"%s\"", i, filters[i].field,
                     got, filters[i].ids);
    }
}

static void test_bad_values_name_the_field(void **state)
{
    struct contract *c = *state;
    static const struct {
        const char *field, *value, *text;
    } cases[] = {
        {"task_id", "x", "task_id must be an integer, not x"},
        {"task_id", "99999999999999999999",
         "task_id must be an integer, not 99999999999999999999"},
        {"retry", "1.5", "retry must be an integer, not 1.5"},
        {"use_cache", "perhaps", "use_cache must be a boolean, not perhaps"},
        {"creation_date", "yesterday", "creation_date must be a date, not yesterday"},
        {"required_task_ids", "1", "A Task cannot be filtered by required_task_ids"},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_err err = {0};
        char *value = (char *)cases[i].value;
        struct sq_filter f = {sq_field_find(&sq_task_type, cases[i].field), &value, 1};
        struct sq_page page = whole;
        page.filters = &f;
        page.n_filters = 1;
        void *rows;
        size_t n;
        assert_int_equal(list(c, &sq_task_type, &page, &rows, &n, &err), SQ_EINVAL);
        assert_string_equal(err.text, cases[i].text);
    }
}

static void test_pages(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_ten(c);
    char all[200] = "";
    for (int reverse = 0; reverse < 2; reverse++) {
        struct sq_page page = {.after = SQ_NULL, .limit = 4, .reverse = reverse};
        void *rows;
        size_t n;
        do {
            char got[100];
            OK(err, list(c, &sq_task_type, &page, &rows, &n, &err));
            ids_of(rows, n, got, sizeof got);
            strcat(strcat(all, got), "|");
            if (n)
                page.after = ((struct sq_task *)rows)[n - 1].task_id;
        } while (n);
    }
    assert_string_equal(all, "1 2 3 4|5 6 7 8|9 10||10 9 8 7|6 5 4 3|2 1||");
}

static void test_tasks_by_a_part_of_their_name(void **state)
{
    static const struct {
        const char *values[2];
        size_t n;
        const char *ids;
    } cases[] = {{{"1"}, 1, "1"},       {{"n"}, 1, "1 2 3 4 5 6 7 8 9"},
                 {{"N"}, 1, ""},        {{"n2", "n7"}, 2, "2 7"},
                 {{"%"}, 1, ""},        {{"'"}, 1, ""},
                 {{""}, 0, ""},         {{NULL}, 1, ""},
                 {{NULL, "n3"}, 2, "3"}};
    struct contract *c = *state;
    struct sq_err err = {0};
    make_ten(c);
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_filter f = {SQ_FILTER_NAME_HAS, (char **)cases[i].values, cases[i].n};
        struct sq_page page = whole;
        page.filters = &f;
        page.n_filters = 1;
        void *rows;
        size_t n;
        char got[100];
        OK(err, list(c, &sq_task_type, &page, &rows, &n, &err));
        ids_of(rows, n, got, sizeof got);
        assert_string_equal(got, cases[i].ids);
    }
}

/* By that of their latest execution: task 2 has gone from the first to the second. */
static void test_tasks_by_their_worker(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    char first[24], second[24], got[100];
    int64_t a = make_worker(c, "a"), b = make_worker(c, "b");
    make_ten(c);
    assign(c, 1, a);
    assign(c, 2, a);
    contract_sql(c->db, "update execution set status = 'failed' where task_id = 2");
    contract_sql(c->db, "update task set status = 'pending' where task_id = 2");
    assign(c, 2, b);
    assign(c, 3, b);
    snprintf(first, sizeof first, "%lld", (long long)a);
    snprintf(second, sizeof second, "%lld", (long long)b);
    char *values[] = {first, second, (char[]){"one"}};
    const char *ids[] = {"1", "2 3"};
    struct sq_page page = whole;
    void *rows;
    size_t n;
    page.n_filters = 1;
    for (int i = 0; i < 2; i++) {
        page.filters = &(struct sq_filter){SQ_FILTER_WORKER, &values[i], 1};
        OK(err, list(c, &sq_task_type, &page, &rows, &n, &err));
        ids_of(rows, n, got, sizeof got);
        assert_string_equal(got, ids[i]);
    }
    page.filters = &(struct sq_filter){SQ_FILTER_WORKER, &values[2], 1};
    assert_int_equal(list(c, &sq_task_type, &page, &rows, &n, &err), SQ_EINVAL);
    assert_string_equal(err.text, "worker_id must be an integer, not one");
}

static void test_several_filters_are_all_meant(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_ten(c);
    char *batch[] = {(char[]){"A"}}, *timeouts[] = {(char[]){"50"}, (char[]){"60"}};
    struct sq_filter f[] = {{SQ_TASK_F_BATCH, batch, 1},
                            {SQ_TASK_F_RUN_TIMEOUT, timeouts, 2}};
    struct sq_page page = whole;
    page.filters = f;
    page.n_filters = 2;
    page.after = 2;
    void *rows;
    size_t n;
    char got[100];
    OK(err, list(c, &sq_task_type, &page, &rows, &n, &err));
    ids_of(rows, n, got, sizeof got);
    assert_string_equal(got, "5");
}

static void test_tasks_come_with_their_requirements(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t a = make_task(c, NULL, 0), b = make_task(c, NULL, 0);
    make_task(c, (int64_t[]){b, a, b}, 3);
    for (int reverse = 0; reverse < 2; reverse++) {
        struct sq_page page = whole;
        page.reverse = reverse;
        void *rows;
        size_t n;
        OK(err, list(c, &sq_task_type, &page, &rows, &n, &err));
        assert_int_equal(n, 3);
        struct sq_task *t = rows, *last = &t[reverse ? 0 : 2];
        assert_int_equal(t[1].required_task_ids.n, 0);
        assert_int_equal(last->required_task_ids.n, 3);
        assert_int_equal(last->required_task_ids.v[0], b);
        assert_int_equal(last->required_task_ids.v[1], a);
        assert_int_equal(last->required_task_ids.v[2], b);
    }
}

static void test_executions_by_task_and_without_output(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    int64_t w = make_worker(c, "w");
    make_ten(c);
    for (int64_t t = 1; t <= 4; t++)
        assign(c, t, w);
    contract_sql(c->db, "update execution set output = 'h\xc3\xa9llo', error = 'no'");
    char *name[] = {(char[]){"n3"}}, *batch[] = {(char[]){"B"}, NULL};
    struct sq_filter by_name = {SQ_FILTER_TASK_NAME, name, 1};
    struct sq_filter by_batch = {SQ_FILTER_TASK_BATCH, batch, 2};
    struct sq_page page = whole;
    void *rows;
    size_t n;
    page.filters = &by_name;
    page.n_filters = 1;
    OK(err, list(c, &sq_execution_type, &page, &rows, &n, &err));
    struct sq_execution *e = rows;
    assert_int_equal(n, 1);
    assert_int_equal(e->task_id, 3);
    assert_string_equal(e->output, "h\xc3\xa9llo");
    page.filters = &by_batch;
    page.no_output = true;
    OK(err, list(c, &sq_execution_type, &page, &rows, &n, &err));
    assert_null(((struct sq_execution *)rows)->output);
    assert_null(((struct sq_execution *)rows)->error);
}

static void test_numbers_kept_as_text(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    make_worker(c, "w");
    contract_sql(c->db, "update worker set memory = '31.5'");
    char *value[] = {(char[]){"31.50"}};
    struct sq_filter f = {SQ_WORKER_F_MEMORY, value, 1};
    struct sq_page page = whole;
    page.filters = &f;
    page.n_filters = 1;
    void *rows;
    size_t n;
    OK(err, list(c, &sq_worker_type, &page, &rows, &n, &err));
    assert_int_equal(n, 1);
    assert_true(((struct sq_worker *)rows)->memory == 31.5);
}

static void test_get_says_what_is_absent(void **state)
{
    struct contract *c = *state;
    static const struct {
        const struct sq_type *type;
        const char *text;
    } cases[] = {
        {&sq_task_type, "Task 99999 doesn't exist"},
        {&sq_worker_type, "Worker 99999 doesn't exist"},
        {&sq_execution_type, "Execution 99999 doesn't exist"},
        {&sq_requirement_type, "Requirement 99999 doesn't exist"},
        {&sq_signal_type, "Signal 99999 doesn't exist"},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_err err = {0};
        char row[1000];
        assert_int_equal(sq_get(c->db, cases[i].type, 99999, &c->arena, row, &err),
                         SQ_ENOENT);
        assert_string_equal(err.text, cases[i].text);
    }
}

/* Names are asked for among a million tasks: one, several, or of whose executions. */
static void test_names_are_found_by_their_index(void **state)
{
    struct contract *c = *state;
    bool sqlite = c->engine == SQ_SQLITE;
    contract_sql(c->db,
                 "insert into task (name, command, status, creation_date, batch, "
                 "retry) select 'n' || i, 'x', 'succeeded', "
                 "'2026-11-22 00:00:00.000000', 'b', 0 from (with recursive n(i) "
                 "as (select 1 union all select i + 1 from n where i < 2000) "
                 "select i from n) numbers");
    contract_sql(c->db,
                 "insert into execution (task_id, status, creation_date, latest) "
                 "select task_id, status, creation_date, true from task");
    contract_sql(c->db, "analyze");
    for (int i = 0; i < 4; i++) {
        char *values[] = {(char *)"n7", (char *)"n8"};
        const struct sq_type *type = i < 2 ? &sq_task_type : &sq_execution_type;
        const struct sq_filter f = {.field = i < 2 ? sq_field_find(type, "name")
                                                   : SQ_FILTER_TASK_NAME,
                                    .values = values,
                                    .n = (size_t)(i % 2 + 1)};
        SQ_CLEANUP(sq_listing_fini) struct sq_listing q;
        bool used = false;
        sq_listing_init(&q, c->db);
        sq_buf_addf(&q.sql, "explain %sselect * from %s where true",
                    sqlite ? "query plan " : "", type->table);
        sq_filter_where(&q, type, &f);
        sq_buf_addf(&q.sql, " order by %s limit 100", type->fields[0].name);
        struct sq_stmt *st = sq_listing_start(&q);
        while (sq_row(st))
            used = used || strstr(sq_col_text(st, sqlite ? 3 : 0, NULL),
                                  sqlite ? "INDEX ix_task_name (name=?"
                                         : "using ix_task_name") != NULL;
        assert_int_equal(sq_db_error(c->db, NULL), 0);
        if (!used)
            fail_msg("%s", q.sql.data);
    }
}

/* Run with nulls: only a constraint may refuse that. */
static void test_every_query_is_understood(void **state)
{
    struct contract *c = *state;
    for (int q = 0; q < SQ_Q_COUNT; q++) {
        struct sq_err err = {0};
        contract_begin(c);
        sq_run(sq_db_query(c->db, (enum sq_query)q));
        int code = sq_db_error(c->db, &err);
        if (code != 0 && code != SQ_EINVAL && code != SQ_EEXIST)
            fail_msg("%s: %s", sq_queries[q].name, err.text);
        sq_db_rollback(c->db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_bad_values_name_the_field),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_tasks_by_a_part_of_their_name),
        cmocka_unit_test(test_tasks_by_their_worker),
        cmocka_unit_test(test_several_filters_are_all_meant),
        cmocka_unit_test(test_tasks_come_with_their_requirements),
        cmocka_unit_test(test_executions_by_task_and_without_output),
        cmocka_unit_test(test_numbers_kept_as_text),
        cmocka_unit_test(test_get_says_what_is_absent),
        cmocka_unit_test(test_names_are_found_by_their_index),
        cmocka_unit_test(test_every_query_is_understood),
    };
    return contract_main(tests, SQ_LEN(tests));
}
