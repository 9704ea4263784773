/* How many there are of each kind: what a person, or a monitor, looks at. */
#ifndef SQ_STORE_COUNTS_H
#define SQ_STORE_COUNTS_H

#include "core/store/db.h"

struct sq_count {
    const char *what;  /* tasks, workers, executions (live ones), jobs */
    const char *batch; /* NULL: of no batch */
    const char *status;
    int64_t n;
};

/* Call `each` for every one that is not 0, sorted by what, batch and status; texts are
 * the call's. */
int sq_counts_read(struct sq_db *db, void (*each)(void *arg, const struct sq_count *c),
                   void *arg, struct sq_err *err);

#endif
