/* Forgetting old outputs. */
#ifndef SQ_STORE_PRUNE_H
#define SQ_STORE_PRUNE_H

#include "core/store/db.h"

struct sq_pruned {
    int64_t executions, bytes;
};

/* Of each execution that ended before `before`, keep the last 64 KiB of both streams,
 * in the columns that 1.3 had; what is beyond is lost.  In short transactions, beside a
 * server that works: *ret says what was done also when it fails half-way. */
int sq_prune(struct sq_db *db, int64_t before, struct sq_pruned *ret,
             struct sq_err *err);

#endif
