/* The statement of a list: values bound by number, many of them as one set. */
#include "core/store/listing.h"

enum { SQL_MAX = 64 * 1024 };

void sq_listing_init(struct sq_listing *q, struct sq_db *db)
{
    q->db = db;
    q->n_binds = q->n_sets = 0;
    sq_buf_init(&q->sql, SQL_MAX);
}

void sq_listing_fini(struct sq_listing *q)
{
    sq_buf_fini(&q->sql);
    for (int i = 0; i < q->n_sets; i++)
        sq_set_fini(&q->sets[i]);
}

struct sq_bound *sq_listing_bind(struct sq_listing *q, enum sq_kind kind)
{
    if (q->n_binds == SQ_LISTING_BINDS) {
        q->sql.failed = true;
        return &q->binds[0];
    }
    struct sq_bound *b = &q->binds[q->n_binds++];
    b->kind = kind;
    return b;
}

int sq_listing_int(struct sq_listing *q, int64_t v)
{
    sq_listing_bind(q, SQ_K_INT)->number = v;
    return q->n_binds;
}

int sq_listing_text(struct sq_listing *q, const char *text)
{
    sq_listing_bind(q, SQ_K_TEXT)->text = text;
    return q->n_binds;
}

struct sq_stmt *sq_listing_start(struct sq_listing *q)
{
    struct sq_stmt *st = sq_db_sql(q->db, q->sql.data);
    for (int i = 0; i < q->n_binds; i++) {
        const struct sq_bound *b = &q->binds[i];
        switch (b->kind) {
        case SQ_K_INT: sq_bind_int(st, i + 1, b->number); break;
        case SQ_K_TIME: sq_bind_time(st, i + 1, b->number); break;
        case SQ_K_REAL: sq_bind_real(st, i + 1, b->real); break;
        default: sq_bind_text(st, i + 1, b->text); break;
        }
    }
    return st;
}

struct sq_set *sq_listing_set(struct sq_listing *q)
{
    if (q->n_sets == SQ_LISTING_SETS) {
        q->sql.failed = true;
        q->n_sets--;
        sq_set_fini(&q->sets[q->n_sets]);
    }
    struct sq_set *s = &q->sets[q->n_sets++];
    sq_set_init(s);
    return s;
}
