/* Who was heard of, when: kept in memory, written every few seconds in one statement,
 * so that ten thousand workers do not mean ten thousand updates. */
#ifndef SQ_STORE_LIVENESS_H
#define SQ_STORE_LIVENESS_H

#include "core/store/worker.h"

struct sq_liveness;

/* `monotonic` is sq_monotonic, or a test's.  `others`: other processes hear workers
 * too, so that a later contact found in a row was one. */
int sq_liveness_new(int64_t (*monotonic)(void), bool others, struct sq_liveness **ret,
                    struct sq_err *err);
void sq_liveness_free(struct sq_liveness *l);
/* Any thread.  load and stats may be NULL, memory NAN: only the contact, at the wall
 * clock's `time`. */
void sq_liveness_contact(struct sq_liveness *l, int64_t worker_id, int64_t time,
                         const char *load, double memory, const char *stats);
/* What is remembered and not yet written, laid over a row just read. */
void sq_liveness_overlay(struct sq_liveness *l, struct sq_worker *w,
                         struct sq_arena *arena);
/* Any thread.  It said goodbye: it is not alive until it registers or pings. */
void sq_liveness_left(struct sq_liveness *l, int64_t worker_id);
void sq_liveness_returned(struct sq_liveness *l, int64_t worker_id);
/* How long this process has not heard it, microseconds; INT64_MAX when it left, SQ_NULL
 * when it was never heard. */
int64_t sq_liveness_silence(struct sq_liveness *l, int64_t worker_id);

struct sq_delays {
    int64_t offline_us;
    int64_t lost_us; /* 0: never */
};
/* Writer thread, every few seconds: write what is new; then, unless `delays` is NULL,
 * running workers silent for offline_us go offline, offline ones that were heard run
 * again, and offline ones silent for lost_us lose their tasks.  Silence as at the top
 * of liveness.c. */
int sq_liveness_flush(struct sq_liveness *l, struct sq_tx *tx,
                      const struct sq_delays *delays, struct sq_err *err);

#endif
