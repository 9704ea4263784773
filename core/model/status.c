/* Statuses in the API's order, and the table of http-api.md A.5 as rows: what an
 * execution's change of status does to its task.  A change without a row is an error;
 * a change to the same status is nothing. */
#include "core/model/status.h"

#include <stdio.h>

static const char *const task_words[] = {"paused",   "waiting", "pending", "assigned",
                                         "accepted", "running", "failed",  "succeeded",
                                         "debug",    NULL};
static const char *const execution_words[] = {
    "pending", "accepted", "running", "failed", "succeeded", "refused", NULL};
static const char *const worker_words[] = {"paused", "running", "offline",
                                           "failed", "evicted", NULL};

static const char *const job_words[] = {"pending", "running", "succeeded", "failed",
                                        NULL};
const struct sq_names sq_job_statuses = {job_words};
const struct sq_names sq_task_statuses = {task_words};
const struct sq_names sq_execution_statuses = {execution_words};
const struct sq_names sq_worker_statuses = {worker_words};

int sq_status_parse(const struct sq_names *set, const char *name, int *ret,
                    struct sq_err *err)
{
    int found = sq_name_find(set, name);
    if (found >= 0) {
        *ret = found;
        return 0;
    }
    char words[200] = "";
    int at = 0;
    for (int i = 0; set->names[i]; i++)
        at += snprintf(words + at, sizeof words - (size_t)at, "%s%s", i ? " " : "",
                       set->names[i]);
    return sq_fail(err, SQ_ESTATE, "Status %.100s is not possible (only %s)",
                   name ? name : "null", words);
}

bool sq_execution_live(int status)
{
    return status == SQ_EXEC_PENDING || status == SQ_EXEC_ACCEPTED ||
           status == SQ_EXEC_RUNNING;
}

bool sq_task_held(int status)
{
    return status == SQ_TASK_ASSIGNED || status == SQ_TASK_ACCEPTED ||
           status == SQ_TASK_RUNNING;
}

static const struct step {
    enum sq_execution_status from, to;
    enum sq_task_effect effect;
} steps[] = {
    {SQ_EXEC_PENDING, SQ_EXEC_ACCEPTED, SQ_EFFECT_ACCEPTED},
    {SQ_EXEC_PENDING, SQ_EXEC_RUNNING, SQ_EFFECT_RUNNING},
    {SQ_EXEC_PENDING, SQ_EXEC_FAILED, SQ_EFFECT_PENDING},
    {SQ_EXEC_PENDING, SQ_EXEC_SUCCEEDED, SQ_EFFECT_SUCCEEDED},
    {SQ_EXEC_PENDING, SQ_EXEC_REFUSED, SQ_EFFECT_PENDING},

    {SQ_EXEC_ACCEPTED, SQ_EXEC_RUNNING, SQ_EFFECT_RUNNING},
    {SQ_EXEC_ACCEPTED, SQ_EXEC_FAILED, SQ_EFFECT_FAILED_OR_RETRIED},
    {SQ_EXEC_ACCEPTED, SQ_EXEC_SUCCEEDED, SQ_EFFECT_SUCCEEDED},
    {SQ_EXEC_ACCEPTED, SQ_EXEC_REFUSED, SQ_EFFECT_PENDING},
    {SQ_EXEC_ACCEPTED, SQ_EXEC_PENDING, SQ_EFFECT_PENDING},

    {SQ_EXEC_RUNNING, SQ_EXEC_FAILED, SQ_EFFECT_FAILED_OR_RETRIED},
    {SQ_EXEC_RUNNING, SQ_EXEC_SUCCEEDED, SQ_EFFECT_SUCCEEDED},
};

static const struct step *step_find(int from, int to)
{
    for (size_t i = 0; i < SQ_LEN(steps); i++)
        if ((int)steps[i].from == from && (int)steps[i].to == to)
            return &steps[i];
    return NULL;
}

int sq_execution_step(int from, int to, bool *ret_changes,
                      enum sq_task_effect *ret_effect, struct sq_err *err)
{
    const struct step *step = step_find(from, to);
    if (step || from == to) {
        *ret_changes = step != NULL;
        *ret_effect = step ? step->effect : SQ_EFFECT_NONE;
        return 0;
    }
    if (!sq_execution_live(from))
        return sq_fail(err, SQ_ESTATE,
                       "An execution cannot change status from %s (only from pending, "
                       "running or accepted)",
                       execution_words[from]);
    return sq_fail(err, SQ_ESTATE, "An execution cannot change status from %s to %s",
                   execution_words[from], execution_words[to]);
}
