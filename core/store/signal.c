/* Signals: rows that wait until their worker reads them. */
#include "core/store/worker.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/list.h"
#include "core/store/rows.h"

int sq_signal_create(struct sq_tx *tx, int64_t worker_id, int64_t execution_id,
                     int64_t signal, struct sq_err *err)
{
    struct sq_worker w;
    struct sq_execution e;
    int code = sq_get(tx->db, &sq_worker_type, worker_id, tx->arena, &w, err);
    if (!code && execution_id != SQ_NULL)
        code = sq_get(tx->db, &sq_execution_type, execution_id, tx->arena, &e, err);
    if (code)
        return code;
    if (execution_id != SQ_NULL && e.worker_id != worker_id)
        return sq_fail(err, SQ_EINVAL, "Execution %lld is not worker %lld's",
                       (long long)execution_id, (long long)worker_id);
    if (signal < -3 || signal > 64)
        return sq_fail(err, SQ_EINVAL, "signal must be between -3 and 64");
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_SIGNAL_INSERT);
    sq_rows_int(&r, execution_id);
    sq_rows_int(&r, worker_id);
    sq_rows_int(&r, signal);
    sq_rows_next(&r);
    sq_changes_tell(tx->changes, worker_id);
    return sq_db_error(tx->db, err);
}

static int by_id(const void *a, const void *b)
{
    const struct sq_signal *x = a, *y = b;
    return (x->signal_id > y->signal_id) - (x->signal_id < y->signal_id);
}

int sq_signals_read(struct sq_stmt *st, struct sq_arena *arena, struct sq_signal **ret,
                    size_t *ret_n, struct sq_err *err)
{
    struct sq_signal *v = NULL;
    size_t n = 0, cap = 0;
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for signals");
        }
        v[n++] = (struct sq_signal){sq_col_int(st, 0), sq_col_int(st, 1),
                                    sq_col_int(st, 2), sq_col_int(st, 3)};
    }
    if (n)
        qsort(v, n, sizeof *v, by_id);
    *ret = v;
    *ret_n = n;
    return 0;
}

int sq_signal_take(struct sq_tx *tx, int64_t worker_id, struct sq_signal **ret,
                   size_t *ret_n, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SIGNAL_TAKE);
    sq_bind_int(st, 1, worker_id);
    int code = sq_signals_read(st, tx->arena, ret, ret_n, err);
    return code ? code : sq_db_error(tx->db, err);
}
