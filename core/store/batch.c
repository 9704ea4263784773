/* Batches: names shared by tasks and workers.  There is no table of them. */
#include "core/store/worker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/execution.h"
#include "core/store/record.h"
#include "core/store/rows.h"
#include "core/store/task.h"
#include "core/store/worker_impl.h"

/* Listing: the counts of each, then the workers' names, both by batch. */

struct batches {
    struct sq_arena *arena;
    struct sq_batch *v;
    size_t n, cap;
    bool full; /* out of memory */
};

static struct sq_batch *batch_at(struct batches *b, const char *name)
{
    if (b->n && strcmp(b->v[b->n - 1].batch, name) == 0)
        return &b->v[b->n - 1];
    struct sq_batch *v = sq_arena_more(b->arena, b->v, b->n, &b->cap, sizeof *v);
    if (!v)
        return NULL;
    b->v = v;
    struct sq_batch *made = &b->v[b->n];
    sq_record_clear(&sq_batch_type, made);
    made->batch = sq_arena_strdup(b->arena, name);
    b->n += made->batch != NULL;
    return made->batch ? made : NULL;
}

static void set_count(struct sq_batch *b, const char *status, int64_t count)
{
    switch (sq_name_find(&sq_task_statuses, status)) {
    case SQ_TASK_PENDING: b->pending = count; break;
    case SQ_TASK_ACCEPTED: b->accepted = count; break;
    case SQ_TASK_RUNNING: b->running = count; break;
    case SQ_TASK_FAILED: b->failed = count; break;
    case SQ_TASK_SUCCEEDED: b->succeeded = count; break;
    default: break;
    }
}

static void read_counts(struct sq_db *db, struct batches *b)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_BATCH_COUNTS);
    while (!b->full && sq_row(st)) {
        struct sq_batch *at = batch_at(b, sq_col_text(st, 0, NULL));
        b->full = !at;
        if (at)
            set_count(at, sq_col_text(st, 1, NULL), sq_col_int(st, 2));
    }
    sq_stmt_end(st);
}

static struct sq_batch *find(struct batches *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->v[i].batch, name) == 0)
            return &b->v[i];
    return NULL;
}

/* `names` is of one batch at a time: the rows come by batch. */
static void read_workers(struct sq_db *db, struct batches *b)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf names;
    sq_buf_init(&names, 16 * 1024 * 1024);
    struct sq_batch *at = NULL;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_BATCH_WORKERS);
    bool more = sq_row(st);
    while (more) {
        const char *batch = sq_col_text(st, 0, NULL);
        if (!at || strcmp(at->batch, batch) != 0) {
            at = find(b, batch);
            sq_buf_clear(&names);
        }
        sq_buf_addf(&names, "%s%s", names.len ? "," : "", sq_col_text(st, 1, NULL));
        struct sq_batch *done = at;
        more = sq_row(st);
        bool ends =
            !more || !done || strcmp(done->batch, sq_col_text(st, 0, NULL)) != 0;
        if (done && ends)
            done->workers = sq_arena_strdup(b->arena, names.data);
        b->full |= (done && ends && !done->workers) || !sq_buf_ok(&names);
    }
}

int sq_batch_list(struct sq_db *db, struct sq_arena *arena, struct sq_batch **ret,
                  size_t *ret_n, struct sq_err *err)
{
    struct batches b = {.arena = arena};
    read_counts(db, &b);
    read_workers(db, &b);
    int code = sq_db_error(db, err);
    if (!code && b.full)
        code = sq_fail(err, SQ_ENOMEM, "out of memory for batches");
    if (code)
        return code;
    *ret = b.v;
    *ret_n = b.n;
    return 0;
}

int sq_batch_durations(struct sq_db *db, const char *batch,
                       struct sq_durations *ret_succeeded,
                       struct sq_durations *ret_failed, struct sq_err *err)
{
    *ret_succeeded = *ret_failed = (struct sq_durations){0, NAN, NAN, NAN};
    struct sq_stmt *st = sq_db_query(db, SQ_Q_BATCH_DURATIONS);
    sq_bind_text(st, 1, batch);
    while (sq_row(st)) {
        const char *status = sq_col_text(st, 0, NULL);
        struct sq_durations *d =
            strcmp(status, "succeeded") == 0 ? ret_succeeded : ret_failed;
        *d = (struct sq_durations){sq_col_int(st, 1), sq_col_real(st, 2),
                                   sq_col_real(st, 3), sq_col_real(st, 4)};
    }
    return sq_db_error(db, err);
}

/* Stopping and going on. */

static void signal_running(struct sq_tx *tx, const char *batch, int64_t signal)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_SIGNAL_INSERT);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_BATCH_RUNNING);
    sq_bind_text(st, 1, batch);
    while (sq_row(st)) {
        sq_rows_int(&r, sq_col_int(st, 0));
        sq_rows_int(&r, sq_col_int(st, 1));
        sq_rows_int(&r, signal);
        sq_rows_next(&r);
        sq_changes_tell(tx->changes, sq_col_int(st, 1));
    }
}

int sq_batch_run(struct sq_tx *tx, const char *batch, bool run, int64_t signal,
                 struct sq_err *err)
{
    struct sq_stmt *st =
        sq_db_query(tx->db, run ? SQ_Q_BATCH_RESUME : SQ_Q_BATCH_PAUSE);
    sq_bind_text(st, 1, batch);
    sq_bind_time(st, 2, tx->now);
    while (sq_row(st))
        sq_worker_changed(tx, sq_col_int(st, 0));
    if (signal)
        signal_running(tx, batch, signal);
    return sq_db_error(tx->db, err);
}

/* Deleting. */

/* Tasks of other batches must not wait for what is gone. */
static int read_watched(struct sq_tx *tx, const char *batch, int64_t **ret,
                        size_t *ret_n, struct sq_err *err)
{
    size_t n = 0, cap = 0;
    int64_t *v = NULL;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_BATCH_WATCHED);
    sq_bind_text(st, 1, batch);
    while (sq_row(st)) {
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            int64_t *bigger = realloc(v, cap * sizeof *v);
            if (!bigger) {
                free(v);
                sq_stmt_end(st);
                return sq_fail(err, SQ_ENOMEM, "out of memory for waiting tasks");
            }
            v = bigger;
        }
        v[n++] = sq_col_int(st, 0);
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(tx->db, err);
}

static void delete_rows(struct sq_tx *tx, enum sq_query q, const char *batch)
{
    struct sq_stmt *st = sq_db_query(tx->db, q);
    sq_bind_text(st, 1, batch);
    sq_run(st);
}

static void delete_tasks(struct sq_tx *tx, const char *batch)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_BATCH_DELETE_TASKS);
    sq_bind_text(st, 1, batch);
    while (sq_row(st))
        sq_changes_task(tx->changes, sq_col_int(st, 0));
}

int sq_batch_delete(struct sq_tx *tx, const char *batch, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) int64_t *watched = NULL;
    size_t n = 0;
    delete_rows(tx, SQ_Q_BATCH_DELETE_SIGNALS, batch);
    int code = sq_execution_withdraw_batch(tx, batch, err);
    if (!code)
        code = read_watched(tx, batch, &watched, &n, err);
    if (code)
        return code;
    delete_tasks(tx, batch);
    delete_rows(tx, SQ_Q_BATCH_DELETE_RECRUITERS, batch);
    return sq_task_release(tx, watched, n, err);
}
