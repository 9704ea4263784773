/* The cache of results at work (use_cache, product.md section 4; core/store/cache.h is
 * how it is in the database).
 *
 * A few threads take pending tasks of use_cache that nobody has looked at, have their
 * inputs and resources hashed by scitq-fetch, look for an earlier result under the key
 * that comes of it, have its output hashed and if need be copied, and let the task
 * succeed with it; or let it run.  And they take the executions of such tasks that
 * succeeded and record their results, if their inputs are still what they were.
 *
 * They wait for a committed change that concerns them; what was under way when the
 * server died is found again in the database. */
#ifndef SQ_CACHE_CACHE_H
#define SQ_CACHE_CACHE_H

#include "core/store/changes.h"
#include "core/store/pool.h"
#include "core/store/tuning.h"
#include "core/store/writer.h"

struct sq_cache;
struct sq_cache_conf {
    struct sq_writer *writer;
    struct sq_pool *pool;
    /* What scitq-fetch is to read; borrowed. */
    const char *settings; /* the server's own file; NULL: there is none */
    const struct sq_tuned *tuned;
};

int sq_cache_start(const struct sq_cache_conf *conf, struct sq_cache **ret,
                   struct sq_err *err);
/* Ends what is being asked, and the threads: while the writer still runs.  NULL is
 * allowed, twice too. */
void sq_cache_stop(struct sq_cache *c);
/* Once the writer calls no hook any more. */
void sq_cache_free(struct sq_cache *c);
/* From the writer's committed hook. */
void sq_cache_committed(struct sq_cache *c, const struct sq_changes *changes);

#endif
