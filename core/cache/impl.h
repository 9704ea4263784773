/* Between the files of this room: the threads (cache.c) and what they do with what they
 * took (look.c, record.c). */
#ifndef SQ_CACHE_IMPL_H
#define SQ_CACHE_IMPL_H

#include <pthread.h>

#include "core/cache/cache.h"
#include "core/cache/plan.h"

enum {
    SQ_CACHE_THREADS = 4,
    SQ_CACHE_TAKEN = 32, /* tasks or executions that are asked for together */
    SQ_CACHE_LOOK_S = 600
};

/* The ids that threads have in hand. */
struct sq_cache_claims {
    int64_t v[SQ_CACHE_THREADS * SQ_CACHE_TAKEN];
    size_t n;
};

struct sq_cache {
    struct sq_cache_conf conf;
    struct sq_asker asker;
    char hostname[256];
    pthread_t threads[SQ_CACHE_THREADS];
    int n_threads;

    pthread_mutex_t taking; /* of the claims, held while the database is read */
    struct sq_cache_claims tasks, executions;

    pthread_mutex_t lock; /* of what follows; the writer's thread takes it */
    pthread_cond_t wake;
    bool due, stopping;
    bool failing; /* said once */
};

/* Any of the room's threads; errors are those of the database or of memory, and leave
 * what was taken to be found again. */
int sq_cache_look(struct sq_cache *c, struct sq_cache_work *works, size_t n,
                  struct sq_arena *arena, struct sq_err *err);
int sq_cache_settle(struct sq_cache *c, struct sq_cache_work *works, size_t n,
                    struct sq_arena *arena, struct sq_err *err);

/* Ask; that it could not be asked at all is logged, and then nothing is done. */
int sq_cache_ask(struct sq_cache *c, struct sq_question *questions, size_t n,
                 int limit_s, struct sq_err *err);

#endif
