/* Statuses, and what an execution's change of status does: tables and one pure
 * function (http-api.md A.3 to A.5).  No I/O, no clock, any thread. */
#ifndef SQ_MODEL_STATUS_H
#define SQ_MODEL_STATUS_H

#include <scitq/error.h>
#include "core/model/field.h"

/* The order is the API's: GET /tasks/status answers these numbers. */
enum sq_task_status {
    SQ_TASK_PAUSED,
    SQ_TASK_WAITING,
    SQ_TASK_PENDING,
    SQ_TASK_ASSIGNED,
    SQ_TASK_ACCEPTED,
    SQ_TASK_RUNNING,
    SQ_TASK_FAILED,
    SQ_TASK_SUCCEEDED,
    SQ_TASK_DEBUG
};
enum sq_execution_status {
    SQ_EXEC_PENDING,
    SQ_EXEC_ACCEPTED,
    SQ_EXEC_RUNNING,
    SQ_EXEC_FAILED,
    SQ_EXEC_SUCCEEDED,
    SQ_EXEC_REFUSED
};
enum sq_worker_status {
    SQ_WORKER_PAUSED,
    SQ_WORKER_RUNNING,
    SQ_WORKER_OFFLINE,
    SQ_WORKER_FAILED,
    SQ_WORKER_EVICTED
};
enum sq_job_status { SQ_JOB_PENDING, SQ_JOB_RUNNING, SQ_JOB_SUCCEEDED, SQ_JOB_FAILED };
extern const struct sq_names sq_task_statuses, sq_execution_statuses,
    sq_worker_statuses, sq_job_statuses;

/* Error SQ_ESTATE "Status bogus is not possible (only a b c)". */
int sq_status_parse(const struct sq_names *set, const char *name, int *ret,
                    struct sq_err *err);

/* A live execution holds its task: pending, accepted, running. */
bool sq_execution_live(int status);
/* A task status that an execution holds: assigned, accepted, running. */
bool sq_task_held(int status);

/* What becomes of the task. */
enum sq_task_effect {
    SQ_EFFECT_NONE,
    SQ_EFFECT_ACCEPTED,
    SQ_EFFECT_RUNNING,
    SQ_EFFECT_SUCCEEDED,
    SQ_EFFECT_PENDING,          /* free again, no retry used */
    SQ_EFFECT_FAILED_OR_RETRIED /* failed, or pending using one retry */
};

/* One cell of the table of A.5.  0 and *ret_changes (false: "same"), *ret_effect; or
 * SQ_ESTATE with 1.3's words. */
int sq_execution_step(int from, int to, bool *ret_changes,
                      enum sq_task_effect *ret_effect, struct sq_err *err);

#endif
