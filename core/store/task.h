/* Tasks: every change of a task is one function here (http-api.md A.3). */
#ifndef SQ_STORE_TASK_H
#define SQ_STORE_TASK_H

#include "core/model/entity.h"
#include "core/store/db.h"
#include "lib/arena.h"

/* Create a task with its requirements.  On entry: fields the client gave, the others at
 * their null; `mask` tells which were given (a task with requirements and no status
 * waits).  Fills in ids, dates, defaults and waits_on.  SQ_EINVAL, SQ_ENOENT ("Task 12
 * doesn't exist", for a requirement). */
int sq_task_create(struct sq_tx *tx, struct sq_task *task, uint64_t mask,
                   struct sq_err *err);
/* The same for n of them, in a few statements whatever n is; a requirement -(k+1) is
 * element k.  Errors begin with the element, "tasks[3]: ". */
int sq_task_create_array(struct sq_tx *tx, struct sq_task *tasks, const uint64_t *masks,
                         size_t n, struct sq_err *err);

/* Apply the fields of `mask`; *ret is the whole row afterwards.  A status given goes
 * through the rules of A.3 (running execution killed, retries used…). */
int sq_task_update(struct sq_tx *tx, int64_t task_id, const struct sq_task *values,
                   uint64_t mask, struct sq_task *ret, struct sq_err *err);

/* Delete with executions, logs, signals, requirements; workers are told to stop. */
int sq_task_delete(struct sq_tx *tx, int64_t task_id, struct sq_task *ret,
                   struct sq_err *err);

/* Copy what will be run into the execution (the 1.3 "freeze"). */
int sq_task_freeze(struct sq_tx *tx, int64_t task_id, int64_t execution_id,
                   struct sq_task *ret, struct sq_err *err);

/* Statuses in the order asked, repeats included.  SQ_ENOENT names an absent id. */
int sq_task_get_statuses(struct sq_db *db, const int64_t *ids, size_t n,
                         int *ret_statuses, struct sq_err *err);

/* Waiting tasks that were watched through one of these succeeded tasks: each becomes
 * pending, or is watched through its next unsatisfied requirement. */
int sq_task_release(struct sq_tx *tx, const int64_t *succeeded, size_t n,
                    struct sq_err *err);
/* The safety net, at most `limit` waiting tasks after *cursor (moved, 0 at the end):
 * those whose watched requirement is gone or satisfied are looked at again. */
int sq_task_release_sweep(struct sq_tx *tx, int64_t *cursor, int64_t limit,
                          struct sq_err *err);

/* Look at these waiting tasks again: each becomes pending, or is watched through its
 * next unsatisfied requirement.  Others are left alone. */
int sq_task_look_again(struct sq_tx *tx, const int64_t *task_ids, size_t n,
                       struct sq_err *err);

/* Requirements as rows of their own (http-api.md A.6). */
int sq_requirement_create(struct sq_tx *tx, int64_t task_id, int64_t other_task_id,
                          struct sq_requirement *ret, struct sq_err *err);
int sq_requirement_delete(struct sq_tx *tx, int64_t requirement_id,
                          struct sq_requirement *ret, struct sq_err *err);

#endif
