/* Changing, deleting and reading one task.  Creation is in task_create.c, dependencies
 * in task_watch.c.
 *
 * A status given by PUT is an order from outside: whatever execution holds the task is
 * withdrawn first, so that a task never has two live ones. */
#include "core/store/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/execution.h"
#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/rows.h"
#include "core/store/task_impl.h"

/* What a pending execution copied from its task; also what use_cache looked at. */
#define FROZEN_FIELDS                                                                  \
    (SQ_BIT(SQ_TASK_F_COMMAND) | SQ_BIT(SQ_TASK_F_CONTAINER) |                         \
     SQ_BIT(SQ_TASK_F_CONTAINER_OPTIONS) | SQ_BIT(SQ_TASK_F_INPUT) |                   \
     SQ_BIT(SQ_TASK_F_OUTPUT) | SQ_BIT(SQ_TASK_F_RESOURCE))
#define CACHE_FIELDS (FROZEN_FIELDS | SQ_BIT(SQ_TASK_F_USE_CACHE))
/* What, beside its status, makes a task one to be looked at again. */
#define SETTLED_FIELDS                                                                 \
    (SQ_BIT(SQ_TASK_F_REQUIRED) | SQ_BIT(SQ_TASK_F_BATCH) | SQ_BIT(SQ_TASK_F_USE_CACHE))
#define SERVER_FIELDS                                                                  \
    (SQ_BIT(SQ_TASK_F_ID) | SQ_BIT(SQ_TASK_F_CREATION) |                               \
     SQ_BIT(SQ_TASK_F_MODIFICATION) | SQ_BIT(SQ_TASK_F_STATUS_DATE) |                  \
     SQ_BIT(SQ_TASK_F_WAITS_ON))

int sq_task_check(const struct sq_task *t, uint64_t mask, struct sq_err *err)
{
    if ((mask & SQ_BIT(SQ_TASK_F_BATCH)) &&
        (!t->batch || !*t->batch || strchr(t->batch, '/')))
        return sq_fail(err, SQ_EINVAL, "batch must be a name without /");
    if ((mask & SQ_BIT(SQ_TASK_F_COMMAND)) && !t->command)
        return sq_fail(err, SQ_EINVAL, "command is required");
    if ((mask & SQ_BIT(SQ_TASK_F_STATUS)) && t->status < 0)
        return sq_fail(err, SQ_EINVAL, "status must be a word");
    if ((mask & SQ_BIT(SQ_TASK_F_RETRY)) && (t->retry < 0 || t->retry > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "retry must be between 0 and %d", INT32_MAX);
    if ((mask & SQ_BIT(SQ_TASK_F_DOWNLOAD_TIMEOUT)) && t->download_timeout != SQ_NULL &&
        (t->download_timeout < 0 || t->download_timeout > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "download_timeout must be between 0 and %d",
                       INT32_MAX);
    if ((mask & SQ_BIT(SQ_TASK_F_RUN_TIMEOUT)) && t->run_timeout != SQ_NULL &&
        (t->run_timeout < 0 || t->run_timeout > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "run_timeout must be between 0 and %d",
                       INT32_MAX);
    return 0;
}

static int get(struct sq_tx *tx, int64_t id, struct sq_task *ret, struct sq_err *err)
{
    return sq_get(tx->db, &sq_task_type, id, tx->arena, ret, err);
}

/* Replace the requirements; they exist, or nothing of the call is kept. */
static int replace_requirements(struct sq_tx *tx, int64_t task_id,
                                const struct sq_ints *required, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_REQUIREMENT_DROP);
    sq_bind_int(st, 1, task_id);
    sq_run(st);
    if (!required->n)
        return sq_db_error(tx->db, err);
    for (size_t i = 0; i < required->n; i++)
        if (required->v[i] == task_id)
            return sq_fail(err, SQ_EINVAL, "Task %lld cannot require itself",
                           (long long)task_id);
    SQ_CLEANUP(sq_freep) int *statuses = calloc(required->n, sizeof *statuses);
    if (!statuses)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu requirements",
                       required->n);
    int code = sq_task_get_statuses(tx->db, required->v, required->n, statuses, err);
    if (code)
        return code;
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_REQUIREMENT_INSERT);
    for (size_t i = 0; i < required->n; i++) {
        sq_rows_int(&r, task_id);
        sq_rows_int(&r, required->v[i]);
        sq_rows_next(&r);
    }
    return 0;
}

/* The status that an order for `status` comes down to. */
static int resolve_status(struct sq_task *t, int status)
{
    if (status != SQ_TASK_FAILED || t->retry <= 0)
        return status;
    t->retry--;
    return SQ_TASK_PENDING;
}

/* After the row is written: what its new status asks for. */
static int settle_status(struct sq_tx *tx, const struct sq_task *t, struct sq_err *err)
{
    switch (t->status) {
    case SQ_TASK_WAITING: return sq_task_look_again(tx, &t->task_id, 1, err);
    case SQ_TASK_PENDING: sq_changes_batch(tx->changes, t->batch); return 0;
    case SQ_TASK_SUCCEEDED: return sq_task_release(tx, &t->task_id, 1, err);
    default: return 0;
    }
}

static int refreeze(struct sq_tx *tx, int64_t task_id, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_REFREEZE);
    sq_bind_int(st, 1, task_id);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

/* Its earlier result is to be looked for again. */
static void forget_cache(struct sq_tx *tx, const struct sq_task *t)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_CACHE_FORGET);
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    sq_set_int(&ids, t->task_id);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_run(st);
    tx->changes->cache = true;
}

/* From `old` to `now`, differing in the fields of `diff`. */
static int write_update(struct sq_tx *tx, const struct sq_task *old,
                        struct sq_task *now, uint64_t diff, struct sq_err *err)
{
    int code = 0;
    bool status = diff & SQ_BIT(SQ_TASK_F_STATUS);
    if (status && sq_task_held(old->status))
        code = sq_execution_withdraw(tx, &now->task_id, 1, err);
    if (!code && (diff & SQ_BIT(SQ_TASK_F_REQUIRED)))
        code = replace_requirements(tx, now->task_id, &now->required_task_ids, err);
    if (code)
        return code;
    now->modification_date = tx->now;
    if (status)
        now->status_date = tx->now;
    now->waits_on = status ? SQ_NULL : old->waits_on;
    code =
        sq_record_update(tx, &sq_task_type, now->task_id, now,
                         diff | SQ_BIT(SQ_TASK_F_MODIFICATION) |
                             SQ_BIT(SQ_TASK_F_STATUS_DATE) | SQ_BIT(SQ_TASK_F_WAITS_ON),
                         err);
    if (!code && now->status == SQ_TASK_ASSIGNED && (diff & FROZEN_FIELDS))
        code = refreeze(tx, now->task_id, err);
    if ((old->use_cache == 1 || now->use_cache == 1) &&
        (status || (diff & CACHE_FIELDS)))
        forget_cache(tx, now);
    bool settle = status || (diff & SETTLED_FIELDS);
    if (!code && settle)
        code = settle_status(tx, now, err);
    return code;
}

int sq_task_update(struct sq_tx *tx, int64_t task_id, const struct sq_task *values,
                   uint64_t mask, struct sq_task *ret, struct sq_err *err)
{
    struct sq_task old, now;
    mask &= ~SERVER_FIELDS;
    int code = sq_task_check(values, mask, err);
    if (!code)
        code = get(tx, task_id, &old, err);
    if (code)
        return code;
    now = old;
    sq_record_merge(&sq_task_type, &now, values, mask);
    if (mask & SQ_BIT(SQ_TASK_F_STATUS))
        now.status = resolve_status(&now, values->status);
    uint64_t diff = sq_record_diff(&sq_task_type, &old, &now, ~UINT64_C(0));
    if (diff) {
        sq_changes_task(tx->changes, task_id);
        tx->changes->due = true;
        code = write_update(tx, &old, &now, diff, err);
    }
    return code ? code : get(tx, task_id, ret, err);
}

static void delete_rows(struct sq_tx *tx, enum sq_query q, int64_t task_id)
{
    struct sq_stmt *st = sq_db_query(tx->db, q);
    sq_bind_int(st, 1, task_id);
    sq_run(st);
}

/* The worker of a running execution is left the signal that kills it, which comes after
 * those that are deleted. */
int sq_task_delete(struct sq_tx *tx, int64_t task_id, struct sq_task *ret,
                   struct sq_err *err)
{
    struct sq_task task;
    int code = get(tx, task_id, &task, err);
    if (code)
        return code;
    delete_rows(tx, SQ_Q_TASK_DELETE_SIGNALS, task_id);
    code = sq_execution_withdraw(tx, &task_id, 1, err);
    if (code)
        return code;
    delete_rows(tx, SQ_Q_TASK_DELETE, task_id);
    sq_changes_task(tx->changes, task_id);
    /* Who waited for it has one requirement less. */
    code = sq_task_release(tx, &task_id, 1, err);
    if (!code)
        *ret = task;
    return code;
}

int sq_task_freeze(struct sq_tx *tx, int64_t task_id, int64_t execution_id,
                   struct sq_task *ret, struct sq_err *err)
{
    struct sq_task task;
    int code = get(tx, task_id, &task, err);
    if (code)
        return code;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_FREEZE);
    sq_bind_int(st, 1, execution_id);
    sq_bind_int(st, 2, task_id);
    if (sq_run(st) == 0)
        return sq_fail(err, SQ_ENOENT, "Execution %lld of task %lld doesn't exist",
                       (long long)execution_id, (long long)task_id);
    sq_changes_execution(tx->changes, execution_id);
    code = sq_db_error(tx->db, err);
    if (!code)
        *ret = task;
    return code;
}

int sq_task_find_statuses(struct sq_db *db, const int64_t *ids, size_t n,
                          int *ret_statuses, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set set;
    sq_set_init(&set);
    sq_set_ints(&set, ids, n);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_TASK_STATUSES);
    sq_bind_text(st, 1, sq_set_text(&set));
    size_t at = 0;
    while (at < n && sq_row(st))
        ret_statuses[at++] =
            sq_col_null(st, 1)
                ? SQ_TASK_ABSENT
                : sq_name_find(&sq_task_statuses, sq_col_text(st, 1, NULL));
    sq_stmt_end(st);
    int code = sq_db_error(db, err);
    assert(code || at == n);
    return code;
}

int sq_task_get_statuses(struct sq_db *db, const int64_t *ids, size_t n,
                         int *ret_statuses, struct sq_err *err)
{
    int code = sq_task_find_statuses(db, ids, n, ret_statuses, err);
    for (size_t i = 0; i < n && !code; i++)
        if (ret_statuses[i] == SQ_TASK_ABSENT)
            code =
                sq_fail(err, SQ_ENOENT, "Task %lld doesn't exist", (long long)ids[i]);
    return code;
}
