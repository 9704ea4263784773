/* What is heard of workers, or not: contacts, offline and lost ones, executions of
 * those that have no row.  For many at once, in a few statements. */
#include "core/store/worker.h"

#include <math.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/execution.h"
#include "core/store/record.h"
#include "core/store/rows.h"
#include "core/store/worker_impl.h"
#include "lib/log.h"

int sq_worker_contacts(struct sq_tx *tx, const struct sq_contact *c, size_t n,
                       struct sq_err *err)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_WORKER_CONTACT);
    for (size_t i = 0; i < n; i++) {
        char memory[32];
        sq_rows_int(&r, c[i].worker_id);
        sq_rows_time(&r, c[i].time);
        sq_rows_text(&r, c[i].load);
        sq_rows_text(&r, isnan(c[i].memory) ? NULL : sq_real_text(c[i].memory, memory));
        sq_rows_text(&r, c[i].stats);
        sq_rows_next(&r);
        sq_changes_worker(tx->changes, c[i].worker_id);
    }
    return sq_db_error(tx->db, err);
}

int sq_worker_lives(struct sq_tx *tx, struct sq_worker_life **ret, size_t *ret_n,
                    struct sq_err *err)
{
    struct sq_worker_life *v = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_LIVES);
    while (sq_row(st)) {
        v = sq_arena_more(tx->arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for workers");
        }
        v[n++] = (struct sq_worker_life){sq_col_int(st, 0), sq_col_bool(st, 1) == 1,
                                         sq_col_time(st, 2)};
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(tx->db, err);
}

int sq_worker_set_offline(struct sq_tx *tx, const char *ids, bool offline,
                          struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_SET_LIFE);
    sq_bind_text(st, 1, ids);
    sq_bind_text(st, 2, offline ? "running" : "offline");
    sq_bind_text(st, 3, offline ? "offline" : "running");
    sq_bind_time(st, 4, tx->now);
    while (sq_row(st)) {
        sq_worker_changed(tx, sq_col_int(st, 0));
        if (offline)
            sq_changes_silent(tx->changes, sq_col_int(st, 0));
    }
    return sq_db_error(tx->db, err);
}

int sq_worker_lost(struct sq_tx *tx, const char *ids, struct sq_err *err)
{
    enum { AT_ONCE = 100 }; /* the sweep comes back for the rest */
    int64_t lost[AT_ONCE];
    int n = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_LOST);
    sq_bind_text(st, 1, ids);
    while (n < AT_ONCE && sq_row(st))
        lost[n++] = sq_col_int(st, 0);
    sq_stmt_end(st);
    int code = sq_db_error(tx->db, err);
    for (int i = 0; i < n && !code; i++)
        code = sq_execution_withdraw_worker(tx, lost[i], err);
    return code;
}

int sq_worker_end_orphans(struct sq_tx *tx, struct sq_err *err)
{
    enum { AT_ONCE = 1000 }; /* of the query: the next sweep comes back for the rest */
    struct sq_transition *t = NULL;
    size_t n = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_ORPHANS);
    while (sq_row(st)) {
        if (!t && !(t = sq_arena_array(tx->arena, AT_ONCE, sizeof *t))) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
        }
        bool running = strcmp(sq_col_text(st, 1, NULL), "running") == 0;
        t[n++] = (struct sq_transition){
            .execution_id = sq_col_int(st, 0),
            .to = running ? SQ_EXEC_FAILED : SQ_EXEC_REFUSED,
            .worker_id = SQ_NULL,
            .return_code = SQ_NULL,
        };
    }
    int code = sq_db_error(tx->db, err);
    if (code || !n)
        return code;
    sq_log(SQ_LOG_WARNING, "store",
           "%zu executions belong to workers that have no row any more: ended", n);
    return sq_execution_transition(tx, t, n, NULL, err);
}

int sq_worker_counts(struct sq_db *db, struct sq_arena *arena,
                     struct sq_worker_count **ret, size_t *ret_n, struct sq_err *err)
{
    struct sq_worker_count *v = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WORKER_COUNTS);
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for workers");
        }
        v[n++] = (struct sq_worker_count){
            .worker_id = sq_col_int(st, 0),
            .status = sq_name_find(&sq_execution_statuses, sq_col_text(st, 1, NULL)),
            .count = sq_col_int(st, 2),
        };
    }
    int code = sq_db_error(db, err);
    if (code)
        return code;
    *ret = v;
    *ret_n = n;
    return 0;
}
