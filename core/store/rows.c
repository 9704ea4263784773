/* One statement, many rows: see rows.h. */
#include "core/store/rows.h"

/* Rows, and bytes of JSON, in one statement: enough to make the round trip cheap. */
enum { ROWS_MAX = 1000, BYTES_MAX = 4 * 1024 * 1024 };

void sq_rows_begin(struct sq_rows *r, struct sq_db *db, enum sq_query query)
{
    r->db = db;
    r->query = query;
    r->st = NULL;
    r->column = 0;
    r->sets = sq_db_engine(db) == SQ_POSTGRES;
    sq_set_init(&r->set);
}

/* The next column; its number from 1. */
static int advance(struct sq_rows *r)
{
    if (r->column == 0 && r->sets)
        sq_set_open(&r->set);
    else if (r->column == 0)
        r->st = sq_db_query(r->db, r->query);
    return ++r->column;
}

void sq_rows_int(struct sq_rows *r, int64_t v)
{
    int i = advance(r);
    if (r->sets)
        sq_jw_int(&r->set.w, v);
    else
        sq_bind_int(r->st, i, v);
}

void sq_rows_text(struct sq_rows *r, const char *v)
{
    int i = advance(r);
    if (r->sets)
        sq_jw_text(&r->set.w, v);
    else
        sq_bind_text(r->st, i, v);
}

void sq_rows_time(struct sq_rows *r, int64_t v)
{
    int i = advance(r);
    if (r->sets)
        sq_set_time(&r->set, v);
    else
        sq_bind_time(r->st, i, v);
}

static void flush(struct sq_rows *r)
{
    if (!r->set.n)
        return;
    struct sq_stmt *st = sq_db_query(r->db, r->query);
    sq_bind_text(st, 1, sq_set_text(&r->set));
    sq_send(st);
    sq_set_clear(&r->set);
}

void sq_rows_next(struct sq_rows *r)
{
    r->column = 0;
    if (!r->sets) {
        sq_run(r->st);
        return;
    }
    sq_set_close(&r->set);
    if (r->set.n >= ROWS_MAX || r->set.text.len >= BYTES_MAX)
        flush(r);
}

void sq_rows_end(struct sq_rows *r)
{
    flush(r);
    sq_set_fini(&r->set);
}
