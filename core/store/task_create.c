/* Creating tasks, one or a hundred thousand: check all, reserve the ids, turn "#k" into
 * ids, find what each waits for, then insert tasks and requirements.  A few statements
 * whatever n is; what is kept in memory beside the tasks is one id a task and one entry
 * a distinct outside requirement. */
#include "core/store/task.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/record.h"
#include "core/store/rows.h"
#include "core/store/task_impl.h"

/* The requirements of the call that existed before it. */
struct outside {
    int64_t *ids; /* ascending, distinct */
    int *statuses;
    size_t n;
};

static char default_batch[] = "Default";

static void fill_defaults(struct sq_task *t, uint64_t mask, int64_t now)
{
    t->creation_date = now;
    t->modification_date = t->status_date = t->waits_on = SQ_NULL;
    if (!t->batch)
        t->batch = default_batch;
    if (t->retry == SQ_NULL)
        t->retry = 0;
    if (t->use_cache < 0)
        t->use_cache = 0;
    if (!(mask & SQ_BIT(SQ_TASK_F_STATUS)) || t->status < 0)
        t->status = t->required_task_ids.n ? SQ_TASK_WAITING : SQ_TASK_PENDING;
}

static int reserve_ids(struct sq_tx *tx, struct sq_task *tasks, size_t n,
                       struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) int64_t *ids = calloc(n, sizeof *ids);
    if (!ids)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu tasks", n);
    int code = sq_record_reserve(tx, &sq_task_type, n, ids, err);
    for (size_t i = 0; i < n && !code; i++)
        tasks[i].task_id = ids[i];
    return code;
}

static size_t count_requirements(const struct sq_task *tasks, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += tasks[i].required_task_ids.n;
    return total;
}

/* Every id that is not a reference into the array, sorted, once. */
static size_t collect_outside(const struct sq_task *tasks, size_t n, int64_t *ids)
{
    size_t found = 0, distinct = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < tasks[i].required_task_ids.n; k++)
            if (tasks[i].required_task_ids.v[k] >= 0)
                ids[found++] = tasks[i].required_task_ids.v[k];
    qsort(ids, found, sizeof *ids, sq_by_int64);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || ids[i] != ids[i - 1])
            ids[distinct++] = ids[i];
    return distinct;
}

static int read_outside(struct sq_tx *tx, const struct sq_task *tasks, size_t n,
                        struct outside *ret, struct sq_err *err)
{
    enum { STRETCH = 10000 };
    size_t total = count_requirements(tasks, n);
    if (total == 0)
        return 0;
    ret->ids = calloc(total, sizeof *ret->ids);
    if (ret->ids)
        ret->n = collect_outside(tasks, n, ret->ids);
    ret->statuses = calloc(ret->n + 1, sizeof *ret->statuses);
    if (!ret->ids || !ret->statuses)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu requirements", total);
    int code = 0;
    for (size_t at = 0; at < ret->n && !code; at += STRETCH) {
        size_t some = ret->n - at < STRETCH ? ret->n - at : STRETCH;
        code =
            sq_task_find_statuses(tx->db, ret->ids + at, some, ret->statuses + at, err);
    }
    return code;
}

static void outside_fini(struct outside *o)
{
    free(o->ids);
    free(o->statuses);
}

/* Turn one requirement of element `i` into an id; *ret_status is what it is at. */
static int resolve(const struct sq_task *tasks, size_t n, size_t i, int64_t *required,
                   const struct outside *o, int *ret_status, struct sq_err *err)
{
    if (*required >= 0) {
        const int64_t *at =
            bsearch(required, o->ids, o->n, sizeof *o->ids, sq_by_int64);
        *ret_status = o->statuses[at - o->ids];
        if (*ret_status == SQ_TASK_ABSENT)
            return sq_fail(err, SQ_ENOENT, "Task %lld doesn't exist",
                           (long long)*required);
        return 0;
    }
    uint64_t k = (uint64_t) - (*required + 1);
    if (k >= n)
        return sq_fail(err, SQ_EINVAL,
                       "required_task_ids: #%llu is not among these %zu tasks",
                       (unsigned long long)k, n);
    if (k == i)
        return sq_fail(err, SQ_EINVAL, "required_task_ids: #%zu requires itself", i);
    *required = tasks[k].task_id;
    *ret_status = tasks[k].status;
    return 0;
}

/* What a task waits for: its lowest required id that has not succeeded, so that the
 * walk of task_watch.c passes them all.  None: it does not wait. */
static int link_task(struct sq_task *tasks, size_t n, size_t i, const struct outside *o,
                     struct sq_err *err)
{
    struct sq_task *t = &tasks[i];
    int64_t lowest = SQ_NULL;
    for (size_t k = 0; k < t->required_task_ids.n; k++) {
        int64_t *required = &t->required_task_ids.v[k];
        int status = -1;
        int code = resolve(tasks, n, i, required, o, &status, err);
        if (code)
            return code;
        if (status != SQ_TASK_SUCCEEDED && (lowest == SQ_NULL || *required < lowest))
            lowest = *required;
    }
    if (t->status == SQ_TASK_WAITING && lowest == SQ_NULL)
        t->status = SQ_TASK_PENDING;
    if (t->status == SQ_TASK_WAITING)
        t->waits_on = lowest;
    return 0;
}

static void insert_requirements(struct sq_tx *tx, const struct sq_task *tasks, size_t n)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_REQUIREMENT_INSERT);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < tasks[i].required_task_ids.n; k++) {
            sq_rows_int(&r, tasks[i].task_id);
            sq_rows_int(&r, tasks[i].required_task_ids.v[k]);
            sq_rows_next(&r);
        }
}

static void note_changes(struct sq_tx *tx, const struct sq_task *tasks, size_t n)
{
    const char *last = NULL;
    for (size_t i = 0; i < n; i++) {
        sq_changes_task(tx->changes, tasks[i].task_id);
        if (tasks[i].status != SQ_TASK_PENDING)
            continue;
        if (!last || strcmp(last, tasks[i].batch) != 0)
            sq_changes_batch(tx->changes, tasks[i].batch);
        tx->changes->cache |= tasks[i].use_cache == 1;
        last = tasks[i].batch;
    }
}

static int insert(struct sq_tx *tx, const struct sq_task *tasks, size_t n,
                  struct sq_err *err)
{
    int code = sq_record_insert_many(tx, &sq_task_type, tasks, n, err);
    if (code)
        return code;
    insert_requirements(tx, tasks, n);
    note_changes(tx, tasks, n);
    return sq_db_error(tx->db, err);
}

/* *ret_bad is the task that an error is about, n when it is about none. */
static int create(struct sq_tx *tx, struct sq_task *tasks, const uint64_t *masks,
                  size_t n, size_t *ret_bad, struct sq_err *err)
{
    SQ_CLEANUP(outside_fini) struct outside outside = {0};
    int code = 0;
    for (size_t i = 0; i < n && !code; i++) {
        fill_defaults(&tasks[i], masks[i], tx->now);
        *ret_bad = i;
        code = sq_task_check(&tasks[i], ~UINT64_C(0), err);
    }
    if (code)
        return code;
    *ret_bad = n;
    code = read_outside(tx, tasks, n, &outside, err);
    if (!code)
        code = reserve_ids(tx, tasks, n, err);
    for (size_t i = 0; i < n && !code; i++) {
        code = link_task(tasks, n, i, &outside, err);
        *ret_bad = code ? i : n;
    }
    return code ? code : insert(tx, tasks, n, err);
}

int sq_task_create(struct sq_tx *tx, struct sq_task *task, uint64_t mask,
                   struct sq_err *err)
{
    size_t bad;
    return create(tx, task, &mask, 1, &bad, err);
}

int sq_task_create_array(struct sq_tx *tx, struct sq_task *tasks, const uint64_t *masks,
                         size_t n, struct sq_err *err)
{
    size_t bad = n;
    int code = n ? create(tx, tasks, masks, n, &bad, err) : 0;
    if (code && bad < n && err)
        sq_prefix(err, "tasks[%zu]: ", bad);
    return code;
}
