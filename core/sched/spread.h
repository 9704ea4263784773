/* Spreading tasks over workers: arithmetic only, no I/O, any thread.
 *
 * A worker may be given a task while `active < concurrency + prefetch + ahead`.  Free
 * places to run are filled before the others, and among each kind the emptiest worker
 * first, in proportion: of two idle workers with 8 and 2 places, 5 tasks put 4 on the
 * one and 1 on the other. */
#ifndef SQ_SCHED_SPREAD_H
#define SQ_SCHED_SPREAD_H

#include "lib/util.h"

struct sq_slot {
    int64_t worker_id;
    int64_t concurrency, prefetch;
    int64_t ahead; /* places beyond these, in the turn in which this was read */
    double active; /* running executions by weight, other live ones 1 each */
    uint64_t seen; /* the scheduler's: turn in which this was read */
};

/* Tasks that may be given now, as long as there is room before each. */
int64_t sq_slot_free(const struct sq_slot *s);
/* How full: below 1 there is a place to run, below 2 one beyond. */
double sq_slot_load(const struct sq_slot *s);

/* Choose a slot for each of `n_tasks` tasks in turn: ret[i] is an index into `slots`,
 * whose `active` is counted up.  `heap` has room for n indexes.  Returns how many
 * found a place, at most n_tasks. */
size_t sq_spread(struct sq_slot *slots, size_t n, size_t n_tasks, size_t *heap,
                 size_t *ret);

#endif
