/* Executions: giving tasks to workers, changing one, and the short form that workers
 * read.  What a worker reports is in transition.c, taking back in withdraw.c.
 *
 * The invariant kept here: a task has at most one live execution, and it is the latest.
 * So a new one supersedes whatever was there. */
#include "core/store/execution.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/cache.h"
#include "core/store/changes.h"
#include "core/store/list.h"
#include "core/store/log.h"
#include "core/store/record.h"
#include "core/store/rows.h"

/* Giving. */

/* A task that was still pending and is assigned now. */
struct taken {
    int64_t task_id, execution_id;
    bool again;  /* it had executions before */
    bool looked; /* its earlier result was looked for */
};

static int by_task(const void *a, const void *b)
{
    const struct taken *x = a, *y = b;
    return (x->task_id > y->task_id) - (x->task_id < y->task_id);
}

/* SQLite knows no ids in advance. */
static int number(struct sq_tx *tx, struct taken *v, size_t n, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) int64_t *ids = calloc(n + 1, sizeof *ids);
    if (!ids)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu executions", n);
    int code = sq_record_reserve(tx, &sq_execution_type, n, ids, err);
    for (size_t i = 0; i < n && !code; i++)
        v[i].execution_id = ids[i];
    return code;
}

/* Ascending.  Each with the id of its new execution: PostgreSQL gives them with the
 * tasks, since every round trip counts. */
static int take_tasks(struct sq_tx *tx, const struct sq_assignment *a, size_t n,
                      struct taken *ret, size_t *ret_n, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    for (size_t i = 0; i < n; i++)
        sq_set_int(&ids, a[i].task_id);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_ASSIGN);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_bind_time(st, 2, tx->now);
    size_t taken = 0;
    while (taken < n && sq_row(st))
        ret[taken++] = (struct taken){.task_id = sq_col_int(st, 0),
                                      .again = sq_col_bool(st, 1) != 0,
                                      .execution_id = sq_col_int(st, 2),
                                      .looked = sq_col_bool(st, 3) == 1};
    sq_stmt_end(st);
    qsort(ret, taken, sizeof *ret, by_task);
    *ret_n = taken;
    return sq_db_engine(tx->db) == SQ_SQLITE ? number(tx, ret, taken, err)
                                             : sq_db_error(tx->db, err);
}

/* Earlier executions of these tasks; one still alive ends here. */
static void supersede(struct sq_tx *tx, const int64_t *task_ids, size_t n)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    sq_set_ints(&ids, task_ids, n);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_SUPERSEDE);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_bind_time(st, 2, tx->now);
    while (sq_row(st)) {
        sq_changes_execution(tx->changes, sq_col_int(st, 0));
        if (sq_col_bool(st, 2) == 1)
            sq_changes_tell(tx->changes, sq_col_int(st, 1));
    }
}

static void insert_executions(struct sq_tx *tx, const struct sq_assignment *a, size_t n,
                              int status)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_EXECUTION_INSERT);
    for (size_t i = 0; i < n; i++) {
        if (a[i].execution_id == SQ_NULL)
            continue;
        sq_rows_int(&r, a[i].execution_id);
        sq_rows_int(&r, a[i].worker_id);
        sq_rows_int(&r, a[i].task_id);
        sq_rows_text(&r, sq_name(&sq_execution_statuses, status));
        sq_rows_time(&r, tx->now);
        sq_rows_next(&r);
        sq_changes_execution(tx->changes, a[i].execution_id);
        sq_changes_task(tx->changes, a[i].task_id);
        sq_changes_tell(tx->changes, a[i].worker_id);
    }
}

/* What was found about these tasks has gone into their executions: the next one is to
 * be looked for anew. */
static void forget_cache(struct sq_tx *tx, const int64_t *task_ids, size_t n)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    sq_set_ints(&ids, task_ids, n);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_CACHE_FORGET);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_run(st);
}

/* Each task taken gets its execution at its first mention; other mentions, and tasks
 * that were not taken, none. */
static void share_ids(struct sq_assignment *a, size_t n, struct taken *taken,
                      size_t n_taken)
{
    for (size_t i = 0; i < n; i++) {
        const struct taken key = {.task_id = a[i].task_id};
        struct taken *t = bsearch(&key, taken, n_taken, sizeof *taken, by_task);
        a[i].execution_id = t ? t->execution_id : SQ_NULL;
        if (t)
            t->execution_id = SQ_NULL;
    }
}

int sq_execution_assign(struct sq_tx *tx, struct sq_assignment *a, size_t n,
                        struct sq_err *err)
{
    if (n == 0)
        return 0;
    SQ_CLEANUP(sq_freep) struct taken *taken = calloc(n, sizeof *taken);
    SQ_CLEANUP(sq_freep) int64_t *again = calloc(n, sizeof *again);
    SQ_CLEANUP(sq_freep) int64_t *looked = calloc(n, sizeof *looked);
    if (!taken || !again || !looked)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu assignments", n);
    size_t n_taken = 0, n_again = 0, n_looked = 0;
    int code = take_tasks(tx, a, n, taken, &n_taken, err);
    if (code)
        return code;
    for (size_t i = 0; i < n_taken; i++) {
        if (taken[i].again)
            again[n_again++] = taken[i].task_id;
        if (taken[i].looked)
            looked[n_looked++] = taken[i].task_id;
    }
    if (n_again)
        supersede(tx, again, n_again);
    share_ids(a, n, taken, n_taken);
    if (n_taken)
        insert_executions(tx, a, n, SQ_EXEC_PENDING);
    if (n_looked)
        forget_cache(tx, looked, n_looked);
    return sq_db_error_so_far(tx->db, err);
}

static void set_task_status(struct sq_tx *tx, const struct sq_task *t, int status)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_TASK_SET_STATUS);
    sq_rows_int(&r, t->task_id);
    sq_rows_text(&r, sq_name(&sq_task_statuses, status));
    sq_rows_int(&r, t->retry);
    sq_rows_time(&r, tx->now);
    sq_rows_next(&r);
}

int sq_execution_create(struct sq_tx *tx, int64_t worker_id, int64_t task_id,
                        int status, struct sq_execution *ret, struct sq_err *err)
{
    struct sq_worker worker;
    struct sq_task task;
    if (status != SQ_EXEC_PENDING && status != SQ_EXEC_RUNNING)
        return sq_fail(err, SQ_ESTATE,
                       "A new execution cannot be created with a status %s",
                       sq_name(&sq_execution_statuses, status));
    int code = sq_get(tx->db, &sq_worker_type, worker_id, tx->arena, &worker, err);
    if (!code)
        code = sq_get(tx->db, &sq_task_type, task_id, tx->arena, &task, err);
    if (code)
        return code;
    if (task.status != SQ_TASK_PENDING && task.status != SQ_TASK_PAUSED)
        return sq_fail(err, SQ_ESTATE, "A new execution for task %lld is not possible",
                       (long long)task_id);
    struct sq_assignment a = {.task_id = task_id, .worker_id = worker_id};
    code = sq_record_reserve(tx, &sq_execution_type, 1, &a.execution_id, err);
    if (code)
        return code;
    set_task_status(tx, &task,
                    status == SQ_EXEC_RUNNING ? SQ_TASK_RUNNING : SQ_TASK_ASSIGNED);
    tx->changes->due |= task.run_timeout != SQ_NULL || task.download_timeout != SQ_NULL;
    supersede(tx, &task_id, 1);
    insert_executions(tx, &a, 1, status);
    if (task.use_cache == 1)
        forget_cache(tx, &task_id, 1);
    code = sq_db_error(tx->db, err);
    return code ? code
                : sq_get(tx->db, &sq_execution_type, a.execution_id, tx->arena, ret,
                         err);
}

/* Changing one. */

/* What a client may set directly; the rest goes through the transition. */
#define PLAIN_FIELDS                                                                   \
    (SQ_BIT(SQ_EXEC_F_RETURN_CODE) | SQ_BIT(SQ_EXEC_F_PID) |                           \
     SQ_BIT(SQ_EXEC_F_OUTPUT) | SQ_BIT(SQ_EXEC_F_ERROR) |                              \
     SQ_BIT(SQ_EXEC_F_OUTPUT_FILES) | SQ_BIT(SQ_EXEC_F_COMMAND))

static void drop_log(struct sq_tx *tx, int64_t execution_id, int stream)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_LOG_DROP);
    sq_bind_int(st, 1, execution_id);
    sq_bind_int(st, 2, stream);
    sq_run(st);
}

static int update_fields(struct sq_tx *tx, int64_t id,
                         const struct sq_execution *values, uint64_t mask,
                         struct sq_err *err)
{
    struct sq_execution now;
    int code = sq_get(tx->db, &sq_execution_type, id, tx->arena, &now, err);
    if (code)
        return code;
    if ((mask & SQ_BIT(SQ_EXEC_F_RETURN_CODE)) && values->return_code != SQ_NULL &&
        (values->return_code < INT32_MIN || values->return_code > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "return_code does not fit in 32 bits");
    if (mask & SQ_BIT(SQ_EXEC_F_OUTPUT))
        drop_log(tx, id, SQ_STDOUT);
    if (mask & SQ_BIT(SQ_EXEC_F_ERROR))
        drop_log(tx, id, SQ_STDERR);
    uint64_t diff =
        sq_record_diff(&sq_execution_type, &now, values, mask & PLAIN_FIELDS);
    if (!diff)
        return 0;
    sq_record_merge(&sq_execution_type, &now, values, diff);
    now.modification_date = tx->now;
    sq_changes_execution(tx->changes, id);
    return sq_record_update(tx, &sq_execution_type, id, &now,
                            diff | SQ_BIT(SQ_EXEC_F_MODIFICATION), err);
}

int sq_execution_update(struct sq_tx *tx, int64_t execution_id,
                        const struct sq_execution *values, uint64_t mask,
                        struct sq_execution *ret, struct sq_err *err)
{
    int code = update_fields(tx, execution_id, values, mask, err);
    if (code)
        return code;
    if (mask & SQ_BIT(SQ_EXEC_F_STATUS)) {
        struct sq_transition t = {.execution_id = execution_id,
                                  .to = values->status,
                                  .worker_id = SQ_NULL,
                                  .return_code = SQ_NULL};
        code = sq_execution_transition(tx, &t, 1, NULL, err);
        if (code)
            return code;
        if (t.result)
            return sq_fail(err, t.result, "%s", t.why);
        if (values->status == SQ_EXEC_SUCCEEDED && values->freeze != 1)
            sq_cache_leave(tx, execution_id);
    }
    code = sq_get(tx->db, &sq_execution_type, execution_id, tx->arena, ret, err);
    if (!code && (mask & SQ_BIT(SQ_EXEC_F_STATUS)))
        sq_changes_tell(tx->changes, ret->worker_id);
    return code;
}

int sq_execution_set_output_files(struct sq_tx *tx, int64_t execution_id,
                                  const char *text, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_SET_OUTPUT_FILES);
    sq_bind_int(st, 1, execution_id);
    sq_bind_text(st, 2, text);
    sq_bind_time(st, 3, tx->now);
    if (sq_run(st) == 0)
        return sq_fail(err, SQ_ENOENT, "Execution %lld doesn't exist",
                       (long long)execution_id);
    sq_changes_execution(tx->changes, execution_id);
    return sq_db_error(tx->db, err);
}

int sq_execution_delete(struct sq_tx *tx, int64_t execution_id, bool *ret_existed,
                        struct sq_err *err)
{
    struct sq_execution e;
    int code = sq_get(tx->db, &sq_execution_type, execution_id, tx->arena, &e, err);
    if (code == SQ_ENOENT)
        *ret_existed = false;
    if (code)
        return code == SQ_ENOENT ? 0 : code;
    struct sq_transition t = {.execution_id = execution_id,
                              .to = e.status == SQ_EXEC_RUNNING ? SQ_EXEC_FAILED
                                                                : SQ_EXEC_REFUSED,
                              .worker_id = SQ_NULL,
                              .return_code = SQ_NULL};
    if (sq_execution_live(e.status))
        code = sq_execution_transition(tx, &t, 1, NULL, err);
    if (code)
        return code;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_DELETE);
    sq_bind_int(st, 1, execution_id);
    sq_run(st);
    sq_changes_execution(tx->changes, execution_id);
    sq_changes_tell(tx->changes, e.worker_id);
    *ret_existed = true;
    return sq_db_error(tx->db, err);
}

/* Short forms. */

static char *copy(struct sq_stmt *st, int i, struct sq_arena *arena, bool *ok)
{
    size_t len;
    const char *text = sq_col_text(st, i, &len);
    char *got = text ? sq_arena_memdup(arena, text, len) : NULL;
    *ok = *ok && (!text || got);
    return got;
}

static bool read_short(struct sq_stmt *st, struct sq_arena *arena,
                       struct sq_worker_execution *e)
{
    bool ok = true;
    *e = (struct sq_worker_execution){
        .execution_id = sq_col_int(st, 0),
        .command = copy(st, 1, arena, &ok),
        .status = sq_name_find(&sq_execution_statuses, sq_col_text(st, 2, NULL)),
        .task_id = sq_col_int(st, 3),
        .creation_date = sq_col_time(st, 4),
        .modification_date = sq_col_time(st, 5),
        .pid = copy(st, 6, arena, &ok),
        .output_files = copy(st, 7, arena, &ok),
        .latest = sq_col_bool(st, 8),
        .batch = copy(st, 9, arena, &ok),
        .taskstatus = sq_name_find(&sq_task_statuses, sq_col_text(st, 10, NULL)),
    };
    return ok;
}

/* The rows of a status, or among others of it, as partial indexes have them. */
static enum sq_query short_forms(int status)
{
    if (status < 0)
        return SQ_Q_WORKER_EXECUTIONS_TAKEN;
    return sq_execution_live(status) ? SQ_Q_WORKER_EXECUTIONS_LIVE
                                     : SQ_Q_WORKER_EXECUTIONS_ENDED;
}

int sq_executions_of_worker(struct sq_db *db, int64_t worker_id, int status,
                            struct sq_arena *arena, struct sq_worker_execution **ret,
                            size_t *ret_n, struct sq_err *err)
{
    enum sq_query q = short_forms(status);
    struct sq_stmt *st = sq_db_query(db, q);
    sq_bind_int(st, 1, worker_id);
    if (q == SQ_Q_WORKER_EXECUTIONS_ENDED)
        sq_bind_text(st, 2, sq_name(&sq_execution_statuses, status));
    struct sq_worker_execution *v = NULL;
    size_t n = 0, cap = 0;
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v || !read_short(st, arena, &v[n])) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ETOOBIG, "too many executions for one answer");
        }
        n += status < 0 || v[n].status == status;
    }
    int code = sq_db_error(db, err);
    if (code)
        return code;
    *ret = v;
    *ret_n = n;
    return 0;
}
