/* What was said of recruiters that cannot act, so that a row that somebody wrote by
 * hand is told of once and not at every sweep; again when it has changed, or fails in
 * other words.  A memory only: who forgets says it once more.  Writer thread only. */
#ifndef SQ_SCHED_TOLD_H
#define SQ_SCHED_TOLD_H

#include "core/model/entity.h"

struct sq_told {
    struct sq_told_row *v;
    size_t n, cap;
};

/* Does this have to be said of the row?  Out of memory: yes. */
bool sq_told_new(struct sq_told *t, const struct sq_recruiter *r, const char *why);
/* The row is there: when it is not as it was told of, that is forgotten. */
void sq_told_seen(struct sq_told *t, const struct sq_recruiter *r);
void sq_told_fini(struct sq_told *t);

#endif
