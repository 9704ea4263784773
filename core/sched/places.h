/* What the scheduler remembers between transactions: of each batch lately at work,
 * the workers that had free slots, and whether it had run out of pending tasks.
 *
 * It is a hint that spares statements, never the truth: a worker is read again before
 * it is given anything, and forgetting everything is always safe.  It may only err by
 * missing a worker, when someone gave it slots directly in SQL: the sweep forgets.
 * Writer thread only. */
#ifndef SQ_SCHED_PLACES_H
#define SQ_SCHED_PLACES_H

#include "core/sched/spread.h"

struct sq_place {
    struct sq_place *next; /* in its bucket */
    struct sq_slot *slots; /* workers with free slots, by worker_id */
    size_t n, cap;
    bool loaded;      /* every worker of the batch with free slots is in slots */
    bool drained;     /* nothing is pending */
    bool unfinished;  /* stopped at the limit of one transaction */
    uint64_t touched; /* turn in which it was listed for assignment */
    char batch[];
};

enum { SQ_PLACE_BUCKETS = 64 };
struct sq_places {
    struct sq_place *buckets[SQ_PLACE_BUCKETS];
    size_t n;
};

void sq_places_forget(struct sq_places *p);
/* Found or added; NULL when out of memory. */
struct sq_place *sq_places_get(struct sq_places *p, const char *batch);
/* Call `fn` for each place. */
void sq_places_each(struct sq_places *p, void (*fn)(void *arg, struct sq_place *place),
                    void *arg);

/* Put, replace, or (without a free slot) remove.  False when out of memory. */
bool sq_place_set(struct sq_place *place, const struct sq_slot *slot);
void sq_place_remove(struct sq_place *place, int64_t worker_id);
/* Drop the slots that are full. */
void sq_place_compact(struct sq_place *place);

#endif
