/* Pages of rows.  The text of a list is put together from the field table (here) and
 * from conditions (filter.c). */
#include "core/store/list.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/listing.h"
#include "core/store/record.h"

/* As the table has them, but for output and error of executions. */
static void column(struct sq_listing *q, const struct sq_field *f,
                   const struct sq_page *p)
{
    bool output = f->offset == offsetof(struct sq_execution, output) ||
                  f->offset == offsetof(struct sq_execution, error);
    sq_buf_adds(&q->sql, output && p->no_output ? "null" : f->name);
}

static void columns(struct sq_listing *q, const struct sq_type *type,
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

static void build(struct sq_listing *q, const struct sq_type *type,
                  const struct sq_page *p)
{
    const char *key = type->fields[0].name;
    sq_buf_adds(&q->sql, "select ");
    columns(q, type, p);
    sq_buf_addf(&q->sql, " from %s where true", type->table);
    for (size_t i = 0; i < p->n_filters; i++)
        sq_filter_where(q, type, &p->filters[i]);
    if (p->after != SQ_NULL)
        sq_buf_addf(&q->sql, " and %s %s cast($%d as bigint)", key,
                    p->reverse ? "<" : ">", sq_listing_int(q, p->after));
    sq_buf_addf(&q->sql, " order by %s%s limit $%d",
                type == &sq_recruiter_type ? "batch, rank" : key,
                p->reverse ? " desc" : "", sq_listing_int(q, p->limit));
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
    SQ_CLEANUP(sq_listing_fini) struct sq_listing q;
    sq_listing_init(&q, db);
    build(&q, type, page);
    if (!sq_buf_ok(&q.sql))
        return sq_fail(err, SQ_EINVAL, "too many filters");
    struct rows rows = {.arena = arena, .size = type->size};
    int code = read_rows(sq_listing_start(&q), type, &rows, err);
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
