/* The data of one execution: inputs and resources before it, outputs after it.  That
 * its output can be stored is looked at before, too.
 *
 * Entering DOWNLOADING begins sq_staging_fetch, entering UPLOADING sq_staging_store;
 * each ends, from the loop, with FETCHED, UPLOADED or the execution's failure in words.
 * Until its child is gone and no link is being made (sq_staging_busy), the directory
 * belongs to it, also after the execution is over.
 *
 * transfer.c moves; resources.c shares; what is begun again after a failure that may
 * pass is decided in staging_move.c, after a restart of the worker in staging.c. */
#ifndef SQ_WORKER_STAGING_H
#define SQ_WORKER_STAGING_H

#include "worker/aside.h"
#include "worker/resources.h"
#include "worker/transfer.h"

struct sq_tasks;
struct sq_execution;
struct sq_stage; /* an execution's */

struct sq_staging {
    struct sq_transfers transfers;
    struct sq_aside aside;
    struct sq_resources resources;
    bool ended;
};

int sq_staging_init(struct sq_tasks *t, struct sq_err *err);
/* Kills what runs; afterwards nothing is busy. */
void sq_staging_end(struct sq_tasks *t);
void sq_staging_fini(struct sq_tasks *t);

/* It has something to fetch before it runs; or at least to look at: that its output can
 * be stored. */
bool sq_staging_fetches(const struct sq_execution *e);
bool sq_staging_begins(const struct sq_execution *e);
/* `again`: an earlier process may have begun; what is there is removed first. */
void sq_staging_fetch(struct sq_tasks *t, struct sq_execution *e, bool again);
void sq_staging_store(struct sq_tasks *t, struct sq_execution *e);
/* It has its resources already: they are in use. */
void sq_staging_hold(struct sq_tasks *t, struct sq_execution *e);
/* It is not wanted any more; nothing more is told of it. */
void sq_staging_cancel(struct sq_execution *e);
bool sq_staging_busy(const struct sq_execution *e);
/* Of one that is not busy. */
void sq_staging_free(struct sq_execution *e);

#endif
