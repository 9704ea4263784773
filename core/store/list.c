/* Pages of rows.  The text of a list is put together from the field table and from
 * placeholders; every value is bound, but words of closed sets, which are written in
 * so that partial indexes apply. */
#include "core/store/list.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/record.h"
#include "core/store/set.h"
#include "lib/clock.h"

enum {
    SQL_MAX = 64 * 1024,
    BINDS_MAX = 200, /* values of times and reals are bound one by one */
    SETS_MAX = 64    /* lists of values bound as one JSON text */
};

/* A statement under construction: its text and, in order, what is to be bound. */
struct query {
    struct sq_db *db;
    struct sq_buf sql;
    struct bind {
        enum sq_kind kind;
        int64_t number; /* SQ_K_INT, SQ_K_TIME */
        double real;
        const char *text;
        char scratch[32];
    } binds[BINDS_MAX];
    int n_binds;
    struct sq_set sets[SETS_MAX];
    int n_sets;
};

static void query_init(struct query *q, struct sq_db *db)
{
    q->db = db;
    q->n_binds = q->n_sets = 0;
    sq_buf_init(&q->sql, SQL_MAX);
}

static void query_fini(struct query *q)
{
    sq_buf_fini(&q->sql);
    for (int i = 0; i < q->n_sets; i++)
        sq_set_fini(&q->sets[i]);
}

/* The placeholder is written by the caller: its number is the new n_binds. */
static struct bind *add_bind(struct query *q, enum sq_kind kind)
{
    if (q->n_binds == BINDS_MAX) {
        q->sql.failed = true;
        return &q->binds[0];
    }
    struct bind *b = &q->binds[q->n_binds++];
    b->kind = kind;
    return b;
}

static int bind_number(struct query *q, int64_t v)
{
    add_bind(q, SQ_K_INT)->number = v;
    return q->n_binds;
}

static int bind_str(struct query *q, const char *text)
{
    add_bind(q, SQ_K_TEXT)->text = text;
    return q->n_binds;
}

static struct sq_stmt *start(struct query *q)
{
    struct sq_stmt *st = sq_db_sql(q->db, q->sql.data);
    for (int i = 0; i < q->n_binds; i++) {
        const struct bind *b = &q->binds[i];
        switch (b->kind) {
        case SQ_K_INT: sq_bind_int(st, i + 1, b->number); break;
        case SQ_K_TIME: sq_bind_time(st, i + 1, b->number); break;
        case SQ_K_REAL: sq_bind_real(st, i + 1, b->real); break;
        default: sq_bind_text(st, i + 1, b->text); break;
        }
    }
    return st;
}

/* Values of filters, as texts. */

static bool parse_int(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end)
        return false;
    *ret = v;
    return true;
}

static bool parse_real(const char *text, double *ret)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end)
        return false;
    *ret = v;
    return true;
}

static int parse_bool(const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 ||
        strcmp(text, "True") == 0)
        return 1;
    if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0 ||
        strcmp(text, "False") == 0)
        return 0;
    return -1;
}

static bool value_fits(const struct sq_field *f, const char *value)
{
    int64_t number;
    double real;
    switch (f->kind) {
    case SQ_K_INT: return parse_int(value, &number);
    case SQ_K_REAL: return parse_real(value, &real);
    case SQ_K_BOOL: return parse_bool(value) >= 0;
    case SQ_K_TIME: return sq_time_parse(value, &number);
    default: return true;
    }
}

static const char *kind_word(enum sq_kind kind)
{
    switch (kind) {
    case SQ_K_INT: return "an integer";
    case SQ_K_REAL: return "a number";
    case SQ_K_BOOL: return "a boolean";
    default: return "a date";
    }
}

int sq_filter_check(const struct sq_type *type, const struct sq_filter *filter,
                    struct sq_err *err)
{
    if (filter->field < 0)
        return 0;
    const struct sq_field *f = &type->fields[filter->field];
    if (!sq_field_stored(f))
        return sq_fail(err, SQ_EINVAL, "A %s cannot be filtered by %s", type->name,
                       f->name);
    if ((f->kind == SQ_K_TIME || f->kind == SQ_K_REAL) && filter->n > 20)
        return sq_fail(err, SQ_EINVAL, "%s: at most 20 values", f->name);
    for (size_t i = 0; i < filter->n; i++)
        if (filter->values[i] && !value_fits(f, filter->values[i]))
            return sq_fail(err, SQ_EINVAL, "%s must be %s, not %.100s", f->name,
                           kind_word(f->kind), filter->values[i]);
    return 0;
}

/* Conditions.  Each `where_…` writes one that is false when nothing can match. */

static size_t count_values(const struct sq_filter *f, bool *ret_null)
{
    size_t n = 0;
    *ret_null = false;
    for (size_t i = 0; i < f->n; i++)
        if (f->values[i])
            n++;
        else
            *ret_null = true;
    return n;
}

static const char *first_value(const struct sq_filter *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->values[i])
            return f->values[i];
    return NULL;
}

static struct sq_set *new_set(struct query *q)
{
    if (q->n_sets == SETS_MAX) {
        q->sql.failed = true;
        q->n_sets--;
        sq_set_fini(&q->sets[q->n_sets]);
    }
    struct sq_set *s = &q->sets[q->n_sets++];
    sq_set_init(s);
    return s;
}

static int64_t int_of(const char *text)
{
    int64_t v = 0;
    parse_int(text, &v);
    return v;
}

/* "column in (the values of one JSON text)" */
static void where_set(struct query *q, const char *column, bool numbers,
                      const struct sq_filter *f)
{
    struct sq_set *s = new_set(q);
    for (size_t i = 0; i < f->n; i++)
        if (f->values[i] && numbers)
            sq_set_int(s, int_of(f->values[i]));
        else if (f->values[i])
            sq_set_str(s, f->values[i]);
    int at = bind_str(q, sq_set_text(s));
    if (sq_db_engine(q->db) == SQ_SQLITE)
        sq_buf_addf(&q->sql, "%s in (select value from json_each($%d))", column, at);
    else
        sq_buf_addf(&q->sql,
                    "%s = any(array(select %s from "
                    "json_array_elements_text(cast($%d as json)) j(value)))",
                    column, numbers ? "cast(value as bigint)" : "value", at);
}

static void where_number(struct query *q, const char *column, const struct sq_filter *f,
                         size_t n)
{
    if (n == 1)
        sq_buf_addf(&q->sql, "%s = cast($%d as bigint)", column,
                    bind_number(q, int_of(first_value(f))));
    else
        where_set(q, column, true, f);
}

static void where_text(struct query *q, const char *column, const struct sq_filter *f,
                       size_t n)
{
    if (n == 1)
        sq_buf_addf(&q->sql, "%s = $%d", column, bind_str(q, first_value(f)));
    else
        where_set(q, column, false, f);
}

static void where_word(struct query *q, const struct sq_field *field,
                       const struct sq_filter *f)
{
    sq_buf_addf(&q->sql, "%s in (''", field->name);
    for (size_t i = 0; i < f->n; i++) {
        int word = sq_name_find(field->names, f->values[i]);
        if (word >= 0)
            sq_buf_addf(&q->sql, ", '%s'", sq_name(field->names, word));
    }
    sq_buf_adds(&q->sql, ")");
}

static void where_each(struct query *q, const struct sq_field *field,
                       const struct sq_filter *f)
{
    const char * or = "";
    sq_buf_addc(&q->sql, '(');
    for (size_t i = 0; i < f->n; i++) {
        if (!f->values[i])
            continue;
        if (field->kind == SQ_K_BOOL) {
            sq_buf_addf(&q->sql, "%s%s = %s", or, field->name,
                        parse_bool(f->values[i]) ? "true" : "false");
        } else {
            bool as_text = field->flags & SQ_F_STORED_TEXT;
            struct bind *b = add_bind(q, as_text ? SQ_K_TEXT : field->kind);
            if (field->kind == SQ_K_TIME)
                sq_time_parse(f->values[i], &b->number);
            else
                parse_real(f->values[i], &b->real);
            if (as_text)
                b->text = sq_real_text(b->real, b->scratch);
            sq_buf_addf(&q->sql, "%s%s = $%d", or, field->name, q->n_binds);
        }
        or = " or ";
    }
    sq_buf_addc(&q->sql, ')');
}

static void where_field(struct query *q, const struct sq_field *field,
                        const struct sq_filter *f)
{
    bool null;
    size_t n = count_values(f, &null);
    sq_buf_adds(&q->sql, " and (");
    if (null)
        sq_buf_addf(&q->sql, "%s is null", field->name);
    if (null && n)
        sq_buf_adds(&q->sql, " or ");
    if (!null && !n)
        sq_buf_adds(&q->sql, "1 = 0");
    else if (n && field->kind == SQ_K_INT)
        where_number(q, field->name, f, n);
    else if (n && field->kind == SQ_K_TEXT)
        where_text(q, field->name, f, n);
    else if (n && field->kind == SQ_K_ENUM)
        where_word(q, field, f);
    else if (n)
        where_each(q, field, f);
    sq_buf_addc(&q->sql, ')');
}

/* Executions by something of their task. */
static void where_task(struct query *q, const struct sq_filter *f)
{
    const char *name = f->field == SQ_FILTER_TASK_NAME ? "name" : "batch";
    const struct sq_field *field =
        &sq_task_type.fields[sq_field_find(&sq_task_type, name)];
    sq_buf_adds(&q->sql, " and task_id in (select task_id from task where true");
    where_field(q, field, f);
    sq_buf_addc(&q->sql, ')');
}

/* Columns: as the table has them, but for output and error of executions. */

static void column(struct query *q, const struct sq_field *f, const struct sq_page *p)
{
    bool output = f->offset == offsetof(struct sq_execution, output) ||
                  f->offset == offsetof(struct sq_execution, error);
    sq_buf_adds(&q->sql, output && p->no_output ? "null" : f->name);
}

static void columns(struct query *q, const struct sq_type *type,
                    const struct sq_page *p)
{
    if (type != &sq_execution_type) {
        sq_record_columns(type, &q->sql);
        return;
    }
    const char *comma = "";
    for (int i = 0; i < type->n_fields; i++) {
        if (!sq_field_stored(&type->fields[i]))
            continue;
        sq_buf_adds(&q->sql, comma);
        column(q, &type->fields[i], p);
        comma = ", ";
    }
}

static void build(struct query *q, const struct sq_type *type, const struct sq_page *p)
{
    const char *key = type->fields[0].name;
    sq_buf_adds(&q->sql, "select ");
    columns(q, type, p);
    sq_buf_addf(&q->sql, " from %s where true", type->table);
    for (size_t i = 0; i < p->n_filters; i++) {
        const struct sq_filter *f = &p->filters[i];
        if (f->field < 0)
            where_task(q, f);
        else
            where_field(q, &type->fields[f->field], f);
    }
    if (p->after != SQ_NULL)
        sq_buf_addf(&q->sql, " and %s %s cast($%d as bigint)", key,
                    p->reverse ? "<" : ">", bind_number(q, p->after));
    sq_buf_addf(&q->sql, " order by %s%s limit $%d", key, p->reverse ? " desc" : "",
                bind_number(q, p->limit));
}

/* Rows: an array in the arena that doubles. */
struct rows {
    struct sq_arena *arena;
    size_t size; /* of one */
    char *v;
    size_t n, cap;
};

static void *rows_add(struct rows *r)
{
    char *v = sq_arena_more(r->arena, r->v, r->n, &r->cap, r->size);
    if (!v)
        return NULL;
    r->v = v;
    return r->v + r->n++ * r->size;
}

static int too_big(const struct sq_type *type, struct sq_err *err)
{
    return sq_fail(err, SQ_ETOOBIG, "a page of %s does not fit in memory", type->table);
}

static int read_rows(struct sq_stmt *st, const struct sq_type *type, struct rows *r,
                     struct sq_err *err)
{
    while (sq_row(st)) {
        void *rec = rows_add(r);
        if (!rec || sq_record_read(st, 0, type, r->arena, rec) < 0) {
            sq_stmt_end(st);
            return too_big(type, err);
        }
    }
    return 0;
}

/* Requirements of a page of tasks, ascending or descending by id: one query, its rows
 * by task in the same order. */

static int task_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = ((const struct sq_task *)b)->task_id;
    return (x > y) - (x < y);
}

static int task_order_reverse(const void *a, const void *b)
{
    return -task_order(a, b);
}

bool sq_ints_add(struct sq_arena *arena, struct sq_ints *list, int64_t v)
{
    /* The capacity is the power of two at or above n. */
    if ((list->n & (list->n - 1)) == 0) {
        int64_t *bigger =
            sq_arena_array(arena, list->n ? list->n * 2 : 1, sizeof *bigger);
        if (!bigger)
            return false;
        if (list->n)
            memcpy(bigger, list->v, list->n * sizeof *bigger);
        list->v = bigger;
    }
    list->v[list->n++] = v;
    return true;
}

static int read_requirements(struct sq_db *db, struct sq_task *tasks, size_t n,
                             bool reverse, struct sq_arena *arena, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    for (size_t i = 0; i < n; i++)
        sq_set_int(&ids, tasks[i].task_id);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_TASK_REQUIREMENTS);
    sq_bind_text(st, 1, sq_set_text(&ids));
    while (sq_row(st)) {
        int64_t id = sq_col_int(st, 0);
        struct sq_task *t = bsearch(&id, tasks, n, sizeof *tasks,
                                    reverse ? task_order_reverse : task_order);
        if (t && !sq_ints_add(arena, &t->required_task_ids, sq_col_int(st, 1))) {
            sq_stmt_end(st);
            return too_big(&sq_task_type, err);
        }
    }
    return sq_db_error(db, err);
}

int sq_list_page(struct sq_db *db, const struct sq_type *type,
                 const struct sq_page *page, struct sq_arena *arena, void **ret_rows,
                 size_t *ret_n, struct sq_err *err)
{
    assert(page->limit >= 0);
    for (size_t i = 0; i < page->n_filters; i++) {
        int code = sq_filter_check(type, &page->filters[i], err);
        if (code)
            return code;
    }
    SQ_CLEANUP(query_fini) struct query q;
    query_init(&q, db);
    build(&q, type, page);
    if (!sq_buf_ok(&q.sql))
        return sq_fail(err, SQ_EINVAL, "too many filters");
    struct rows rows = {.arena = arena, .size = type->size};
    int code = read_rows(start(&q), type, &rows, err);
    if (!code)
        code = sq_db_error(db, err);
    if (!code && type == &sq_task_type && rows.n)
        code = read_requirements(db, (struct sq_task *)(void *)rows.v, rows.n,
                                 page->reverse, arena, err);
    if (code)
        return code;
    *ret_rows = rows.v;
    *ret_n = rows.n;
    return 0;
}

int sq_get(struct sq_db *db, const struct sq_type *type, int64_t id,
           struct sq_arena *arena, void *ret_row, struct sq_err *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)id);
    char *value = text;
    struct sq_filter f = {.field = 0, .values = &value, .n = 1};
    struct sq_page page = {.filters = &f, .n_filters = 1, .after = SQ_NULL, .limit = 1};
    void *rows = NULL;
    size_t n = 0;
    int code = sq_list_page(db, type, &page, arena, &rows, &n, err);
    if (code)
        return code;
    if (n == 0)
        return sq_fail(err, SQ_ENOENT, "%s %lld doesn't exist", type->name,
                       (long long)id);
    memcpy(ret_row, rows, type->size);
    return 0;
}
