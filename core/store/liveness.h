/* Who was heard of, when: kept in memory, written every few seconds in one statement,
 * so that ten thousand workers do not mean ten thousand updates. */
#ifndef SQ_STORE_LIVENESS_H
#define SQ_STORE_LIVENESS_H

#include "core/store/worker.h"

struct sq_liveness;

int sq_liveness_new(struct sq_liveness **ret, struct sq_err *err);
void sq_liveness_free(struct sq_liveness *l);
/* Any thread.  load and stats may be NULL, memory NAN: only the contact. */
void sq_liveness_contact(struct sq_liveness *l, int64_t worker_id, int64_t time,
                         const char *load, double memory, const char *stats);
/* What is remembered and not yet written, laid over a row just read. */
void sq_liveness_overlay(struct sq_liveness *l, struct sq_worker *w,
                         struct sq_arena *arena);
int64_t sq_liveness_last(struct sq_liveness *l, int64_t worker_id); /* SQ_NULL: never */
/* Writer thread: write what is new, then offline/running by `offline_us`.  Workers not
 * heard since this process started get the full delay from its start. */
int sq_liveness_flush(struct sq_liveness *l, struct sq_tx *tx, int64_t offline_us,
                      struct sq_err *err);

#endif
