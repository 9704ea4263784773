/* Executions: attempts of a task on a worker (http-api.md A.5). */
#ifndef SQ_STORE_EXECUTION_H
#define SQ_STORE_EXECUTION_H

#include "core/model/entity.h"
#include "core/store/db.h"
#include "lib/arena.h"

struct sq_assignment {
    int64_t task_id, worker_id;
    int64_t execution_id; /* filled in */
};

/* Give tasks to workers: a pending execution each, earlier ones no longer latest, the
 * tasks assigned.  A few statements whatever n is.  The caller (the scheduler) has
 * just read that the tasks are pending; those that are not any more are skipped
 * (execution_id = SQ_NULL). */
int sq_execution_assign(struct sq_tx *tx, struct sq_assignment *a, size_t n,
                        struct sq_err *err);

/* POST /executions/ with its checks and 1.3's messages. */
int sq_execution_create(struct sq_tx *tx, int64_t worker_id, int64_t task_id,
                        int status, struct sq_execution *ret, struct sq_err *err);

/* One change of status, as a worker reports it. */
struct sq_transition {
    int64_t execution_id;
    int to;            /* enum sq_execution_status */
    int64_t worker_id; /* must be the execution's, SQ_NULL: anybody */
    const char *pid;   /* NULL: unchanged, here and below */
    const char *output_files;
    int64_t return_code; /* SQ_NULL: unchanged */
    int result;          /* 0, or why it was not applied (SQ_ESTATE, SQ_ENOENT) */
    char why[160];       /* 1.3's words for it */
};

/* THE function that changes an execution's status, its task's with it (only when it is
 * the task's latest), retries, dependents, the text tails at the end, and slots.  In
 * order; several for one execution are folded.  A refused transition touches nothing
 * and is not an error of the call. */
int sq_execution_transition(struct sq_tx *tx, struct sq_transition *t, size_t n,
                            struct sq_stmt *asked, struct sq_err *err);
/* What a transition must know, asked for earlier for the sake of a round trip: given to
 * it as `asked` (else NULL) with nothing changed in between. */
struct sq_stmt *sq_execution_ask(struct sq_tx *tx, const struct sq_transition *t,
                                 size_t n);

/* PUT /executions/<id>: fields of `mask`; a status goes through transition().  A
 * success without `freeze` is somebody's word, and its result not to be reused
 * (cache.h). */
int sq_execution_update(struct sq_tx *tx, int64_t execution_id,
                        const struct sq_execution *values, uint64_t mask,
                        struct sq_execution *ret, struct sq_err *err);

int sq_execution_set_output_files(struct sq_tx *tx, int64_t execution_id,
                                  const char *text, struct sq_err *err);
/* *ret_existed tells whether there was one; a live one frees its task first. */
int sq_execution_delete(struct sq_tx *tx, int64_t execution_id, bool *ret_existed,
                        struct sq_err *err);

/* Take live executions back from their workers: running ones fail and get signal 9,
 * others are refused; workers are told and have free slots.  Their tasks are the
 * caller's business.  */
int sq_execution_withdraw(struct sq_tx *tx, const int64_t *task_ids, size_t n,
                          struct sq_err *err);
/* All of a worker, or of a batch; their tasks are pending again, no retry used. */
int sq_execution_withdraw_worker(struct sq_tx *tx, int64_t worker_id,
                                 struct sq_err *err);
int sq_execution_withdraw_batch(struct sq_tx *tx, const char *batch,
                                struct sq_err *err);

/* Short form: status -1 gives those neither failed, succeeded, refused nor pending. */
int sq_executions_of_worker(struct sq_db *db, int64_t worker_id, int status,
                            struct sq_arena *arena, struct sq_worker_execution **ret,
                            size_t *ret_n, struct sq_err *err);

#endif
