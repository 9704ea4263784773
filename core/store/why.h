/* Why a task is not running: in fields and in a sentence (GET /tasks/<id>/why). */
#ifndef SQ_STORE_WHY_H
#define SQ_STORE_WHY_H

#include "core/model/entity.h"
#include "core/store/db.h"
#include "lib/arena.h"

struct sq_why {
    int64_t task_id;
    int status;
    const char *reason; /* a stable word: waiting_requirements, requirement_failed,
        no_worker, recruiter, workers_deploying, workers_failed, workers_paused,
        workers_offline, workers_full, paused, debug, cache, assigned, running,
        succeeded, failed */
    char *sentence;
    struct sq_ints requirements; /* unsatisfied ones, at most 100 */
    int64_t workers, workers_running, slots, active, pending_before;
};

int sq_task_why(struct sq_db *db, int64_t task_id, struct sq_arena *arena,
                struct sq_why *ret, struct sq_err *err);

/* Of a pending task whose batch has no worker that runs or is paused: what is done to
 * give it one, or hinders it.  False where nobody recruits for it.  For why.c. */
bool sq_why_recruiting(struct sq_db *db, const char *batch, int64_t failed_workers,
                       struct sq_arena *arena, struct sq_why *w);

#endif
