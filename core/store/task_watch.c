/* Dependencies, without counters.
 *
 * A waiting task is watched through one requirement that has not succeeded, waits_on,
 * as SAT solvers watch literals.  While that one has not succeeded nothing else about
 * the task's requirements matters; when it does, the walk goes on from there, in the
 * order of the required ids, to the next that has not; past the last it looks at all of
 * them once more, since one that was passed may have been relaunched meanwhile.  None
 * left: pending.  There is no number to drift, each requirement is passed once, and
 * what people do in SQL is noticed by the sweep. */
#include "core/store/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/store/changes.h"
#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/rows.h"

enum { STRETCH = 1000 /* tasks looked at in one statement */ };

static void set_pending(struct sq_tx *tx, struct sq_set *ids)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_SET_PENDING);
    sq_bind_text(st, 1, sq_set_text(ids));
    sq_bind_time(st, 2, tx->now);
    sq_run(st);
}

static void look_again(struct sq_tx *tx, const int64_t *task_ids, size_t n)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids, free_ids;
    sq_set_init(&ids);
    sq_set_init(&free_ids);
    sq_set_ints(&ids, task_ids, n);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_WATCH_NEXT);
    sq_bind_text(st, 1, sq_set_text(&ids));
    while (sq_row(st)) {
        if (!sq_col_null(st, 1))
            continue;
        sq_set_int(&free_ids, sq_col_int(st, 0));
        sq_changes_task(tx->changes, sq_col_int(st, 0));
        sq_changes_batch(tx->changes, sq_col_text(st, 2, NULL));
        tx->changes->cache |= sq_col_bool(st, 3) == 1;
    }
    if (free_ids.n)
        set_pending(tx, &free_ids);
}

int sq_task_look_again(struct sq_tx *tx, const int64_t *task_ids, size_t n,
                       struct sq_err *err)
{
    for (size_t at = 0; at < n; at += STRETCH)
        look_again(tx, task_ids + at, n - at < STRETCH ? n - at : STRETCH);
    return sq_db_error(tx->db, err);
}

/* Grows by doubling; false when out of memory. */
static bool push(int64_t **v, size_t *n, size_t *cap, int64_t id)
{
    if (*n == *cap) {
        size_t bigger = *cap ? *cap * 2 : 64;
        int64_t *moved = realloc(*v, bigger * sizeof **v);
        if (!moved)
            return false;
        *v = moved;
        *cap = bigger;
    }
    (*v)[(*n)++] = id;
    return true;
}

int sq_task_release(struct sq_tx *tx, const int64_t *succeeded, size_t n,
                    struct sq_err *err)
{
    if (n == 0)
        return 0;
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    SQ_CLEANUP(sq_freep) int64_t *watchers = NULL;
    size_t found = 0, cap = 0;
    sq_set_init(&ids);
    sq_set_ints(&ids, succeeded, n);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_WATCHERS);
    sq_bind_text(st, 1, sq_set_text(&ids));
    while (sq_row(st))
        if (!push(&watchers, &found, &cap, sq_col_int(st, 0))) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for waiting tasks");
        }
    return sq_task_look_again(tx, watchers, found, err);
}

int sq_task_release_sweep(struct sq_tx *tx, int64_t *cursor, int64_t limit,
                          struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) int64_t *loose = NULL;
    size_t found = 0, cap = 0;
    int64_t seen = 0, last = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_TASK_WAITING_PAGE);
    sq_bind_int(st, 1, *cursor);
    sq_bind_int(st, 2, limit);
    while (sq_row(st)) {
        seen++;
        last = sq_col_int(st, 0);
        if (sq_col_bool(st, 1) == 1 && !push(&loose, &found, &cap, last)) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for waiting tasks");
        }
    }
    int code = sq_db_error(tx->db, err);
    if (code)
        return code;
    *cursor = seen < limit ? 0 : last;
    return sq_task_look_again(tx, loose, found, err);
}

int sq_requirement_create(struct sq_tx *tx, int64_t task_id, int64_t other_task_id,
                          struct sq_requirement *ret, struct sq_err *err)
{
    struct sq_task task, other;
    if (task_id == other_task_id)
        return sq_fail(err, SQ_EINVAL, "Task %lld cannot require itself",
                       (long long)task_id);
    int code = sq_get(tx->db, &sq_task_type, task_id, tx->arena, &task, err);
    if (!code)
        code = sq_get(tx->db, &sq_task_type, other_task_id, tx->arena, &other, err);
    if (code)
        return code;
    struct sq_requirement r = {SQ_NULL, task_id, other_task_id};
    code = sq_record_insert(tx, &sq_requirement_type, &r, err);
    if (code)
        return code;
    *ret = r;
    sq_changes_task(tx->changes, task_id);
    return task.status == SQ_TASK_WAITING && task.waits_on == SQ_NULL
               ? sq_task_look_again(tx, &task_id, 1, err)
               : 0;
}

int sq_requirement_delete(struct sq_tx *tx, int64_t requirement_id,
                          struct sq_requirement *ret, struct sq_err *err)
{
    struct sq_requirement r;
    int code = sq_get(tx->db, &sq_requirement_type, requirement_id, tx->arena, &r, err);
    if (code)
        return code;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_REQUIREMENT_DELETE);
    sq_bind_int(st, 1, requirement_id);
    sq_run(st);
    sq_changes_task(tx->changes, r.task_id);
    code = sq_task_look_again(tx, &r.task_id, 1, err);
    if (!code)
        *ret = r;
    return code;
}
