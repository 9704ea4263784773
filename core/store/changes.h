/* What a transaction changed, for those who must hear of it: the scheduler before
 * the commit, long polls and log followers after it.  Not thread-safe: it belongs to
 * the transaction at work. */
#ifndef SQ_STORE_CHANGES_H
#define SQ_STORE_CHANGES_H

#include "lib/arena.h"

struct sq_id_set {
    int64_t *ids; /* ascending, distinct, after sq_changes_settle */
    size_t n, cap;
};

/* A worker that may be given more than it has places (sync.h). */
struct sq_ahead {
    int64_t worker_id, n;
};

struct sq_changes {
    struct sq_id_set slots;      /* workers that may have free slots now */
    struct sq_id_set tell;       /* workers that must be told something */
    struct sq_id_set executions; /* executions whose row changed */
    struct sq_id_set outputs;    /* executions that wrote something */
    struct sq_id_set tasks;      /* tasks whose row changed */
    struct sq_id_set workers;    /* workers whose row changed */
    struct sq_id_set job_rows;   /* jobs whose row changed */
    struct sq_id_set evicted;    /* workers whose machine is taken back */
    struct sq_id_set silent;     /* workers that have just gone offline */
    char **batches;              /* batches that have new pending tasks */
    size_t n_batches, cap_batches;
    struct sq_ahead *ahead; /* in the order of their calls */
    size_t n_ahead, cap_ahead;
    bool sweep;  /* forget every shortcut: look at everything */
    bool due;    /* time limits or delays changed: recompute the next alarm */
    bool jobs;   /* a job was made or ended */
    bool cache;  /* tasks or executions of use_cache that are to be looked at */
    bool failed; /* out of memory: treat as sweep */
};

void sq_changes_init(struct sq_changes *c);
void sq_changes_fini(struct sq_changes *c);
void sq_changes_clear(struct sq_changes *c);
bool sq_changes_any(const struct sq_changes *c);
/* One more id in one of the sets of `c`; SQ_NULL is ignored. */
void sq_changes_add(struct sq_changes *c, struct sq_id_set *set, int64_t id);
void sq_changes_slots(struct sq_changes *c, int64_t worker_id);
void sq_changes_tell(struct sq_changes *c, int64_t worker_id); /* SQ_NULL is ignored */
void sq_changes_execution(struct sq_changes *c, int64_t execution_id);
void sq_changes_output(struct sq_changes *c, int64_t execution_id);
void sq_changes_task(struct sq_changes *c, int64_t task_id);
void sq_changes_worker(struct sq_changes *c, int64_t worker_id);
void sq_changes_job(struct sq_changes *c, int64_t job_id);
void sq_changes_evicted(struct sq_changes *c, int64_t worker_id);
void sq_changes_silent(struct sq_changes *c, int64_t worker_id);
void sq_changes_batch(struct sq_changes *c, const char *batch);
void sq_changes_ahead(struct sq_changes *c, int64_t worker_id, int64_t n);
/* How many more; of several calls the last counts. */
int64_t sq_changes_ahead_of(const struct sq_changes *c, int64_t worker_id);
/* Add what another process committed and the scheduler has to look at: all but whom to
 * wake. */
void sq_changes_take(struct sq_changes *c, const struct sq_changes *heard);
/* Sort and deduplicate every set. */
void sq_changes_settle(struct sq_changes *c);
bool sq_id_set_has(const struct sq_id_set *s, int64_t id); /* after settle */

#endif
