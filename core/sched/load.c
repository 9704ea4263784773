/* Reading workers' free slots: see impl.h.
 *
 * One query gives the workers with the count of their live executions.  Only for the
 * few that weigh running tasks (weights.h) a second one tells of which batches these
 * are. */
#include "core/sched/impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/weights.h"

static int no_memory(struct sq_err *err)
{
    return sq_fail(err, SQ_ENOMEM, "the scheduler is out of memory");
}

void *sq_sched_grow(struct sq_arena *arena, void *v, size_t n, size_t *cap, size_t need,
                    size_t size)
{
    if (need <= *cap)
        return v;
    size_t more_cap = *cap ? 2 * *cap : 32;
    if (more_cap < need)
        more_cap = need;
    void *more = sq_arena_array(arena, more_cap, size);
    if (!more)
        return NULL;
    if (n)
        memcpy(more, v, n * size);
    *cap = more_cap;
    return more;
}

char *sq_sched_ids(struct sq_arena *arena, const int64_t *ids, size_t n)
{
    char *text = sq_arena_alloc(arena, 3 + n * 21);
    if (!text)
        return NULL;
    char *p = text;
    *p++ = '[';
    for (size_t i = 0; i < n; i++)
        p += sprintf(p, i ? ",%" PRId64 : "%" PRId64, ids[i]);
    *p++ = ']';
    *p = 0;
    return text;
}

static int64_t count(int64_t v)
{
    return v == SQ_NULL || v < 0 ? 0 : v;
}

static int read_rows(struct sq_sched *s, struct sq_tx *tx, struct sq_stmt *st,
                     struct sq_worker_rows *rows, struct sq_err *err)
{
    while (sq_row(st)) {
        struct sq_worker_row *v = sq_sched_grow(tx->arena, rows->v, rows->n, &rows->cap,
                                                rows->n + 1, sizeof *v);
        char *batch = sq_arena_strdup(tx->arena, sq_col_text(st, 1, NULL));
        if (!v || !batch)
            return no_memory(err);
        rows->v = v;
        v[rows->n++] = (struct sq_worker_row){
            .slot = {.worker_id = sq_col_int(st, 0),
                     .concurrency = count(sq_col_int(st, 2)),
                     .prefetch = count(sq_col_int(st, 3)),
                     .active = (double)sq_col_int(st, 5),
                     .seen = s->turn},
            .batch = batch,
            .weights = sq_weights_parse(sq_col_text(st, 4, NULL)),
        };
    }
    return sq_db_error(tx->db, err);
}

static struct sq_worker_row *row_of(struct sq_worker_rows *rows, int64_t worker_id)
{
    for (size_t i = 0; i < rows->n; i++)
        if (rows->v[i].slot.worker_id == worker_id)
            return &rows->v[i];
    return NULL;
}

/* Running executions count by their weight on the few workers that have weights. */
static int apply_weights(struct sq_tx *tx, struct sq_worker_rows *rows,
                         struct sq_err *err)
{
    int64_t *ids = sq_arena_array(tx->arena, rows->n + 1, sizeof *ids);
    if (!ids)
        return no_memory(err);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++)
        if (rows->v[i].weights)
            ids[n++] = rows->v[i].slot.worker_id;
    if (n == 0)
        return 0;
    char *json = sq_sched_ids(tx->arena, ids, n);
    if (!json)
        return no_memory(err);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SCHED_RUNNING_BY_BATCH);
    sq_bind_text(st, 1, json);
    while (sq_row(st)) {
        struct sq_worker_row *w = row_of(rows, sq_col_int(st, 0));
        if (w)
            w->slot.active += (double)sq_col_int(st, 2) *
                              (sq_weight(w->weights, sq_col_text(st, 1, NULL)) - 1);
    }
    return sq_db_error(tx->db, err);
}

int sq_sched_load(struct sq_sched *s, struct sq_tx *tx, enum sq_query query,
                  const char *value, struct sq_worker_rows *ret, struct sq_err *err)
{
    *ret = (struct sq_worker_rows){0};
    if (!value)
        return no_memory(err);
    struct sq_stmt *st = sq_db_query(tx->db, query);
    sq_bind_text(st, 1, value);
    int rc = read_rows(s, tx, st, ret, err);
    sq_stmt_end(st);
    if (rc == 0)
        rc = apply_weights(tx, ret, err);
    for (size_t i = 0; i < ret->n; i++) {
        json_decref(ret->v[i].weights);
        ret->v[i].weights = NULL;
    }
    return rc;
}
