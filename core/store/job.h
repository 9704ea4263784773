/* Jobs in the database: what the fleet is to carry out, each with its log.  They are
 * taken and ended by core/fleet; these are their changes. */
#ifndef SQ_STORE_JOB_H
#define SQ_STORE_JOB_H

#include "core/model/entity.h"
#include "core/store/changes.h"
#include "core/store/db.h"
#include "lib/arena.h"

enum { SQ_JOB_LOG_MAX = 1000000 /* characters; what comes later is left out */ };

/* A new job; `args` is a JSON object.  `log` begins its log.  *ret_id may be NULL. */
int sq_job_create(struct sq_tx *tx, const struct sq_job *job, int64_t *ret_id,
                  struct sq_err *err);
/* Pending and running ones, oldest first, at most 1000, without their logs. */
int sq_jobs_open(struct sq_db *db, struct sq_arena *arena, struct sq_job **ret,
                 size_t *ret_n, struct sq_err *err);
/* At the start of a server: what ran when the last one ended is to be done again. */
int sq_jobs_reset(struct sq_tx *tx, struct sq_err *err);
/* progression: SQ_NULL leaves it. */
int sq_job_set(struct sq_tx *tx, int64_t job_id, enum sq_job_status status,
               int64_t retry, int64_t progression, struct sq_err *err);
/* Add whole lines. */
int sq_job_log(struct sq_tx *tx, int64_t job_id, const char *lines, int64_t progression,
               struct sq_err *err);
/* SQ_ENOENT; SQ_EEXIST while it runs. */
int sq_job_delete(struct sq_tx *tx, int64_t job_id, struct sq_job *ret,
                  struct sq_err *err);
int sq_jobs_delete_ended(struct sq_tx *tx, struct sq_err *err);
/* One that failed is pending again, with `retry` tries more.  SQ_EEXIST: it has not. */
int sq_job_restart(struct sq_tx *tx, int64_t job_id, int64_t retry, struct sq_job *ret,
                   struct sq_err *err);
/* Is there one of this kind for this target that has not ended? */
bool sq_job_under_way(struct sq_tx *tx, const char *target, const char *action);

#endif
