/* Taking executions back from their workers: of tasks that are changed from the
 * outside, of a worker that is lost or deleted, of a batch that is stopped.
 *
 * A running one fails and its worker gets signal 9, others are refused; what then
 * becomes of the tasks is their caller's business, or they are pending again. */
#include "core/store/execution.h"

#include <stdlib.h>

#include "core/store/changes.h"
#include "core/store/log.h"
#include "core/store/rows.h"

struct live {
    int64_t execution_id, worker_id, task_id;
    int status;
};

/* The rows of a query over live executions, read to the end. */
static int read_live(struct sq_tx *tx, struct sq_stmt *st, struct live **ret,
                     size_t *ret_n, struct sq_err *err)
{
    size_t n = 0, cap = 0;
    struct live *v = NULL;
    while (sq_row(st)) {
        if (n == cap) {
            cap = cap ? cap * 2 : 16;
            struct live *bigger = realloc(v, cap * sizeof *v);
            if (!bigger) {
                free(v);
                sq_stmt_end(st);
                return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
            }
            v = bigger;
        }
        v[n++] = (struct live){
            .execution_id = sq_col_int(st, 0),
            .worker_id = sq_col_int(st, 1),
            .task_id = sq_col_int(st, 2),
            .status = sq_name_find(&sq_execution_statuses, sq_col_text(st, 3, NULL)),
        };
    }
    int code = sq_db_error(tx->db, err);
    if (code) {
        free(v);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return 0;
}

static void end_rows(struct sq_tx *tx, const struct live *v, size_t n)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_EXECUTION_SET_STATUS);
    for (size_t i = 0; i < n; i++) {
        int to = v[i].status == SQ_EXEC_RUNNING ? SQ_EXEC_FAILED : SQ_EXEC_REFUSED;
        sq_rows_int(&r, v[i].execution_id);
        sq_rows_text(&r, sq_name(&sq_execution_statuses, to));
        sq_rows_text(&r, NULL);
        sq_rows_int(&r, SQ_NULL);
        sq_rows_text(&r, NULL);
        sq_rows_time(&r, tx->now);
        sq_rows_next(&r);
    }
}

static void kill_rows(struct sq_tx *tx, const struct live *v, size_t n)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_SIGNAL_INSERT);
    for (size_t i = 0; i < n; i++) {
        if (v[i].status != SQ_EXEC_RUNNING || v[i].worker_id == SQ_NULL)
            continue;
        sq_rows_int(&r, v[i].execution_id);
        sq_rows_int(&r, v[i].worker_id);
        sq_rows_int(&r, 9);
        sq_rows_next(&r);
    }
}

static int withdraw(struct sq_tx *tx, const struct live *v, size_t n,
                    struct sq_err *err)
{
    if (n == 0)
        return 0;
    SQ_CLEANUP(sq_freep) int64_t *ran = calloc(n, sizeof *ran);
    if (!ran)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    size_t n_ran = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i].status == SQ_EXEC_RUNNING)
            ran[n_ran++] = v[i].execution_id;
        sq_changes_execution(tx->changes, v[i].execution_id);
        sq_changes_tell(tx->changes, v[i].worker_id);
        if (v[i].worker_id != SQ_NULL)
            sq_changes_slots(tx->changes, v[i].worker_id);
    }
    end_rows(tx, v, n);
    kill_rows(tx, v, n);
    int code = sq_db_error(tx->db, err);
    return code ? code : sq_log_write_tails(tx, ran, n_ran, err);
}

int sq_execution_withdraw(struct sq_tx *tx, const int64_t *task_ids, size_t n,
                          struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    SQ_CLEANUP(sq_freep) struct live *v = NULL;
    size_t n_live = 0;
    sq_set_init(&ids);
    sq_set_ints(&ids, task_ids, n);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_LIVE_OF_TASKS);
    sq_bind_text(st, 1, sq_set_text(&ids));
    int code = read_live(tx, st, &v, &n_live, err);
    return code ? code : withdraw(tx, v, n_live, err);
}

static int free_tasks(struct sq_tx *tx, const struct live *v, size_t n,
                      struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    for (size_t i = 0; i < n; i++)
        sq_set_int(&ids, v[i].task_id);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_FREE);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_bind_time(st, 2, tx->now);
    while (sq_row(st)) {
        sq_changes_task(tx->changes, sq_col_int(st, 0));
        sq_changes_batch(tx->changes, sq_col_text(st, 1, NULL));
        tx->changes->cache |= sq_col_bool(st, 2) == 1;
    }
    return sq_db_error(tx->db, err);
}

int sq_execution_withdraw_worker(struct sq_tx *tx, int64_t worker_id,
                                 struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) struct live *v = NULL;
    size_t n = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_LIVE_OF_WORKER);
    sq_bind_int(st, 1, worker_id);
    int code = read_live(tx, st, &v, &n, err);
    if (!code)
        code = withdraw(tx, v, n, err);
    return code || !n ? code : free_tasks(tx, v, n, err);
}

int sq_execution_withdraw_batch(struct sq_tx *tx, const char *batch, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) struct live *v = NULL;
    size_t n = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_LIVE_OF_BATCH);
    sq_bind_text(st, 1, batch);
    int code = read_live(tx, st, &v, &n, err);
    if (!code)
        code = withdraw(tx, v, n, err);
    return code || !n ? code : free_tasks(tx, v, n, err);
}
