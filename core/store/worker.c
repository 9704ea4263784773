/* Workers: creating, changing, removing.  They register in worker_register.c; what is
 * known of many at once is in worker_life.c, signals and batches in signal.c, batch.c.
 *
 * An evicted worker only ever becomes running again: nothing else is believed about a
 * machine that its provider took back. */
#include "core/store/worker.h"

#include <string.h>

#include "core/store/changes.h"
#include "core/store/execution.h"
#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/recruited.h"
#include "core/store/worker_impl.h"

#define SERVER_FIELDS                                                                  \
    (SQ_BIT(SQ_WORKER_F_ID) | SQ_BIT(SQ_WORKER_F_CREATION) |                           \
     SQ_BIT(SQ_WORKER_F_MODIFICATION) | SQ_BIT(SQ_WORKER_F_LAST_CONTACT) |             \
     SQ_BIT(SQ_WORKER_F_FACTS))

static char default_batch[] = "Default", no_properties[] = "{}";

static int get(struct sq_tx *tx, int64_t id, struct sq_worker *ret, struct sq_err *err)
{
    return sq_get(tx->db, &sq_worker_type, id, tx->arena, ret, err);
}

static int check(const struct sq_worker *w, uint64_t mask, struct sq_err *err)
{
    if ((mask & SQ_BIT(SQ_WORKER_F_BATCH)) &&
        (!w->batch || !*w->batch || strchr(w->batch, '/')))
        return sq_fail(err, SQ_EINVAL, "batch must be a name without /");
    if ((mask & SQ_BIT(SQ_WORKER_F_NAME)) && !w->name)
        return sq_fail(err, SQ_EINVAL, "name is required");
    if ((mask & SQ_BIT(SQ_WORKER_F_STATUS)) && w->status < 0)
        return sq_fail(err, SQ_EINVAL, "status must be a word");
    if ((mask & SQ_BIT(SQ_WORKER_F_CONCURRENCY)) &&
        (w->concurrency < 0 || w->concurrency > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "concurrency must be between 0 and %d",
                       INT32_MAX);
    if ((mask & SQ_BIT(SQ_WORKER_F_PREFETCH)) && w->prefetch != SQ_NULL &&
        (w->prefetch < 0 || w->prefetch > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "prefetch must be between 0 and %d", INT32_MAX);
    return 0;
}

void sq_worker_changed(struct sq_tx *tx, int64_t worker_id)
{
    sq_changes_slots(tx->changes, worker_id);
    sq_changes_tell(tx->changes, worker_id);
    sq_changes_worker(tx->changes, worker_id);
}

int sq_worker_create(struct sq_tx *tx, const struct sq_worker *values, uint64_t mask,
                     struct sq_worker *ret, struct sq_err *err)
{
    struct sq_worker w;
    sq_record_clear(&sq_worker_type, &w);
    sq_record_merge(&sq_worker_type, &w, values, mask & ~SERVER_FIELDS);
    w.creation_date = tx->now;
    if (w.status < 0)
        w.status = SQ_WORKER_PAUSED;
    if (w.prefetch == SQ_NULL)
        w.prefetch = 0;
    if (!w.batch)
        w.batch = default_batch;
    if (w.permanent < 0)
        w.permanent = 1;
    if (!w.task_properties)
        w.task_properties = no_properties;
    int code = check(&w, ~UINT64_C(0), err);
    if (!code)
        code = sq_record_insert(tx, &sq_worker_type, &w, err);
    if (code)
        return code;
    sq_worker_changed(tx, w.worker_id);
    return get(tx, w.worker_id, ret, err);
}

/* Did the fleet make its machine?  Whatever else is said of it. */
static int is_recruited(struct sq_tx *tx, int64_t worker_id, bool *ret,
                        struct sq_err *err)
{
    struct sq_recruited_machine m = {0};
    int code = sq_recruited_machine(tx->db, worker_id, tx->arena, &m, err);
    *ret = code == 0 && m.token;
    return code;
}

/* By these its machine is found, at its provider and by Ansible. */
static int check_fixed(struct sq_tx *tx, const struct sq_worker *w, uint64_t diff,
                       struct sq_err *err)
{
    bool recruited = false;
    if (!(diff & (SQ_BIT(SQ_WORKER_F_NAME) | SQ_BIT(SQ_WORKER_F_PROVIDER) |
                  SQ_BIT(SQ_WORKER_F_REGION))))
        return 0;
    int code = is_recruited(tx, w->worker_id, &recruited, err);
    if (code == 0 && recruited)
        code = sq_fail(err, SQ_EEXIST,
                       "%s was recruited: its machine is found by its name, provider "
                       "and region, which cannot be changed",
                       w->name);
    return code;
}

int sq_worker_update(struct sq_tx *tx, int64_t worker_id,
                     const struct sq_worker *values, uint64_t mask,
                     struct sq_worker *ret, struct sq_err *err)
{
    struct sq_worker old, now;
    mask &= ~SERVER_FIELDS;
    int code = check(values, mask, err);
    if (!code)
        code = get(tx, worker_id, &old, err);
    if (code)
        return code;
    if (old.status == SQ_WORKER_EVICTED && values->status != SQ_WORKER_RUNNING)
        mask &= ~SQ_BIT(SQ_WORKER_F_STATUS);
    now = old;
    sq_record_merge(&sq_worker_type, &now, values, mask);
    uint64_t diff = sq_record_diff(&sq_worker_type, &old, &now, mask);
    code = check_fixed(tx, &old, diff, err);
    if (code)
        return code;
    if (diff) {
        now.modification_date = tx->now;
        code = sq_record_update(tx, &sq_worker_type, worker_id, &now,
                                diff | SQ_BIT(SQ_WORKER_F_MODIFICATION), err);
        sq_worker_changed(tx, worker_id);
    }
    if (!code && (diff & SQ_BIT(SQ_WORKER_F_STATUS)) &&
        now.status == SQ_WORKER_EVICTED) {
        sq_changes_evicted(tx->changes, worker_id);
        code = sq_execution_withdraw_worker(tx, worker_id, err);
    }
    return code ? code : get(tx, worker_id, ret, err);
}

/* Removing. */

/* Nothing more is given to it while its job is under way. */
static int pause_worker(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker w = {.status = SQ_WORKER_PAUSED}, ignored;
    return sq_worker_update(tx, worker_id, &w, SQ_BIT(SQ_WORKER_F_STATUS), &ignored,
                            err);
}

int sq_worker_end_executions(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker_execution *live = NULL;
    struct sq_transition *t = NULL;
    size_t n = 0, n_pending = 0;
    struct sq_worker_execution *pending = NULL;
    int code =
        sq_executions_of_worker(tx->db, worker_id, -1, tx->arena, &live, &n, err);
    if (!code)
        code = sq_executions_of_worker(tx->db, worker_id, SQ_EXEC_PENDING, tx->arena,
                                       &pending, &n_pending, err);
    if (code || n + n_pending == 0)
        return code;
    t = sq_arena_array(tx->arena, n + n_pending, sizeof *t);
    if (!t)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    for (size_t i = 0; i < n + n_pending; i++) {
        const struct sq_worker_execution *e = i < n ? &live[i] : &pending[i - n];
        t[i] = (struct sq_transition){
            .execution_id = e->execution_id,
            .to = e->status == SQ_EXEC_RUNNING ? SQ_EXEC_FAILED : SQ_EXEC_REFUSED,
            .worker_id = worker_id,
            .return_code = SQ_NULL,
        };
    }
    return sq_execution_transition(tx, t, n + n_pending, NULL, err);
}

int sq_worker_forget(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    int code = sq_worker_end_executions(tx, worker_id, err);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_DELETE);
    sq_bind_int(st, 1, worker_id);
    sq_run(st);
    sq_changes_tell(tx->changes, worker_id);
    sq_changes_worker(tx->changes, worker_id);
    return code ? code : sq_db_error(tx->db, err);
}

int sq_worker_delete(struct sq_tx *tx, int64_t worker_id, struct sq_worker *ret,
                     struct sq_err *err)
{
    struct sq_worker w;
    bool recruited = false;
    int code = get(tx, worker_id, &w, err);
    if (!code)
        code = is_recruited(tx, worker_id, &recruited, err);
    if (code)
        return code;
    if (w.permanent == 0 || recruited) {
        code = pause_worker(tx, worker_id, err);
        if (!code)
            code = sq_recruited_destroy(tx, &w, err);
    } else {
        code = sq_worker_forget(tx, worker_id, err);
    }
    if (!code)
        *ret = w;
    return code;
}

/* The idle callback. */

static bool one_row(struct sq_tx *tx, struct sq_stmt *st)
{
    bool any = sq_row(st);
    sq_stmt_end(st);
    return any;
}

static bool busy(struct sq_tx *tx, const struct sq_worker *w)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_HAS_LIVE);
    sq_bind_int(st, 1, w->worker_id);
    return one_row(tx, st);
}

static bool due(struct sq_tx *tx, const struct sq_worker *w)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_BATCH_HAS_PENDING);
    sq_bind_text(st, 1, w->batch);
    return one_row(tx, st);
}

static int reset_properties(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker values = {.task_properties = no_properties}, ignored;
    return sq_worker_update(tx, worker_id, &values, SQ_BIT(SQ_WORKER_F_TASK_PROPERTIES),
                            &ignored, err);
}

int sq_worker_callback(struct sq_tx *tx, int64_t worker_id, const char *message,
                       const char **ret_answer, struct sq_err *err)
{
    struct sq_worker w;
    int code = get(tx, worker_id, &w, err);
    if (code)
        return code;
    const char *answer = "ok";
    if (!message || strcmp(message, "idle") != 0) {
        answer = "nothing to do";
    } else if (w.permanent != 0) {
        code = reset_properties(tx, worker_id, err);
    } else if (busy(tx, &w)) {
        answer = "still have running tasks";
    } else if (due(tx, &w)) {
        answer = "still some work to do, lazy one!";
    } else {
        code = sq_worker_delete(tx, worker_id, &w, err);
    }
    if (!code)
        code = sq_db_error(tx->db, err);
    if (!code)
        *ret_answer = answer;
    return code;
}
