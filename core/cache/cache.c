/* The threads: they sleep until something is due, then one takes what it finds and
 * wakes the next, until nothing is left that none of them has in hand. */
#include "core/cache/impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

/* Rows of at most 4 MiB, some tens of them, and what is asked about them. */
enum { ARENA_BYTES = 1 << 30 };

typedef int read_fn(struct sq_db *db, const int64_t *skip, size_t n_skip, size_t max,
                    struct sq_arena *arena, struct sq_cache_work **ret, size_t *ret_n,
                    struct sq_err *err);
typedef int work_fn(struct sq_cache *c, struct sq_cache_work *works, size_t n,
                    struct sq_arena *arena, struct sq_err *err);

static void wake(struct sq_cache *c)
{
    pthread_mutex_lock(&c->lock);
    c->due = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void sq_cache_committed(struct sq_cache *c, const struct sq_changes *changes)
{
    if (changes->cache || changes->sweep || changes->failed)
        wake(c);
}

static bool wait_until_due(struct sq_cache *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->due && !c->stopping)
        pthread_cond_wait(&c->wake, &c->lock);
    c->due = false;
    bool go_on = !c->stopping;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

/* Once, not at every try of a long outage. */
static void complain(struct sq_cache *c, const struct sq_err *err)
{
    pthread_mutex_lock(&c->lock);
    bool say = !c->failing && !c->stopping;
    c->failing = true;
    pthread_mutex_unlock(&c->lock);
    if (say)
        sq_log(SQ_LOG_WARNING, "cache", "%s", err->text);
}

static void end_of_trouble(struct sq_cache *c)
{
    pthread_mutex_lock(&c->lock);
    c->failing = false;
    pthread_mutex_unlock(&c->lock);
}

static int take(struct sq_cache *c, struct sq_cache_claims *claims, read_fn *read,
                struct sq_arena *arena, struct sq_cache_work **ret, size_t *ret_n,
                struct sq_err *err)
{
    struct sq_db *db;
    *ret_n = 0;
    pthread_mutex_lock(&c->taking);
    int rc = sq_pool_get(c->conf.pool, &db, err);
    if (rc == 0) {
        rc = read(db, claims->v, claims->n, SQ_CACHE_TAKEN, arena, ret, ret_n, err);
        sq_pool_put(c->conf.pool, db);
    }
    if (rc)
        *ret_n = 0;
    for (size_t i = 0; i < *ret_n; i++)
        claims->v[claims->n++] = (*ret)[i].id;
    pthread_mutex_unlock(&c->taking);
    return rc;
}

static void give_back(struct sq_cache *c, struct sq_cache_claims *claims,
                      const struct sq_cache_work *works, size_t n)
{
    size_t kept = 0;
    pthread_mutex_lock(&c->taking);
    for (size_t i = 0; i < claims->n; i++) {
        bool mine = false;
        for (size_t k = 0; k < n && !mine; k++)
            mine = works[k].id == claims->v[i];
        if (!mine)
            claims->v[kept++] = claims->v[i];
    }
    claims->n = kept;
    pthread_mutex_unlock(&c->taking);
}

/* Some of one kind; *ret_any: there were. */
static int work_some(struct sq_cache *c, struct sq_cache_claims *claims, read_fn *read,
                     work_fn *work, struct sq_arena *arena, bool *ret_any,
                     struct sq_err *err)
{
    struct sq_cache_work *works = NULL;
    size_t n = 0;
    sq_arena_reset(arena);
    int rc = take(c, claims, read, arena, &works, &n, err);
    if (rc || n == 0)
        return rc;
    *ret_any = true;
    wake(c); /* there may be more */
    rc = work(c, works, n, arena, err);
    give_back(c, claims, works, n);
    return rc;
}

static void *run(void *arg)
{
    struct sq_cache *c = arg;
    struct sq_arena arena;
    sq_arena_init(&arena, ARENA_BYTES);
    while (wait_until_due(c)) {
        struct sq_err err = {0};
        bool any = false;
        int rc = work_some(c, &c->executions, sq_cache_executions, sq_cache_settle,
                           &arena, &any, &err);
        if (rc == 0)
            rc = work_some(c, &c->tasks, sq_cache_tasks, sq_cache_look, &arena, &any,
                           &err);
        if (rc)
            complain(c, &err); /* the next sweep wakes again */
        else if (any)
            wake(c);
    }
    sq_arena_fini(&arena);
    return NULL;
}

int sq_cache_ask(struct sq_cache *c, struct sq_question *questions, size_t n,
                 int limit_s, struct sq_err *err)
{
    struct sq_err why;
    int rc = sq_asker_ask(&c->asker, questions, n, limit_s, &why);
    if (rc == SQ_ECANCELED)
        return sq_fail(err, rc, "%s", why.text);
    if (rc)
        complain(c, &why);
    else
        end_of_trouble(c);
    return 0;
}

int sq_cache_start(const struct sq_cache_conf *conf, struct sq_cache **ret,
                   struct sq_err *err)
{
    struct sq_cache *c = calloc(1, sizeof *c);
    if (!c)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = sq_asker_init(&c->asker, conf->settings, conf->tuned, err);
    if (rc) {
        free(c);
        return rc;
    }
    c->conf = *conf;
    c->due = true;
    gethostname(c->hostname, sizeof c->hostname - 1);
    pthread_mutex_init(&c->taking, NULL);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    for (int e = 0; e == 0 && c->n_threads < SQ_CACHE_THREADS;) {
        e = pthread_create(&c->threads[c->n_threads], NULL, run, c);
        c->n_threads += e == 0;
        if (e)
            rc = sq_fail(err, SQ_ENOMEM, "cannot start a thread: %s", strerror(e));
    }
    if (rc)
        sq_cache_free(c);
    else
        *ret = c;
    return rc;
}

void sq_cache_stop(struct sq_cache *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    sq_asker_stop(&c->asker);
    for (int i = 0; i < c->n_threads; i++)
        pthread_join(c->threads[i], NULL);
    c->n_threads = 0;
}

void sq_cache_free(struct sq_cache *c)
{
    if (!c)
        return;
    sq_cache_stop(c);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->taking);
    sq_asker_fini(&c->asker);
    free(c);
}
