/* Recruiting: which workers a batch with pending tasks is given (product.md section 8).
 *
 * Its recruiters act in the order of their ranks.  Each first *recycles*: running
 * workers of batches that have nothing pending are moved, with their new concurrency
 * and prefetch, and what they still run is weighed anew.  Then it *deploys* what is
 * still missing, one choice of a flavor a worker.  Part of the sweep, in the writer's
 * thread. */
#ifndef SQ_SCHED_RECRUIT_H
#define SQ_SCHED_RECRUIT_H

#include "core/sched/told.h"
#include "core/store/db.h"
#include "core/store/recruited.h"

/* `told`: what earlier sweeps said of rows that cannot act. */
int sq_recruit(struct sq_tx *tx, const struct sq_recruited_conf *conf,
               struct sq_told *told, struct sq_err *err);

/* How many workers are missing: never negative. */
int64_t sq_recruit_need(int64_t pending, int64_t workers, int64_t tasks_per_worker,
                        int64_t minimum_tasks, int64_t maximum_workers);

/* What a running task of each batch weighs once a worker of batch `left` is moved:
 * `old` are its task_properties, `live` (a JSON object, batch to anything) the batches
 * of what it still runs.  The new text is in the arena; NULL: out of room. */
char *sq_recruit_weights(const char *old, const char *left, const char *const *live,
                         size_t n_live, int64_t old_concurrency,
                         int64_t new_concurrency, struct sq_arena *arena);

#endif
