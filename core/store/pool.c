/* Connections for reading.  They are opened when first wanted, so that an idle server
 * holds few, and opened again when they were lost. */
#include "core/store/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POOL_MAX = 64, WAIT_S = 10 };

struct sq_pool {
    char *uri;
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    int size;   /* slots in use at most */
    int given;  /* of which given out */
    int n_idle; /* the last one put is the first given: it is warm */
    struct sq_db *idle[POOL_MAX];
};

int sq_pool_open(const char *uri, int size, struct sq_pool **ret, struct sq_err *err)
{
    struct sq_pool *p = calloc(1, sizeof *p);
    char *copy = strdup(uri);
    struct sq_db *db = NULL;
    int rc = 0;
    if (!p || !copy)
        rc = sq_fail(err, SQ_ENOMEM, "out of memory for database connections");
    else
        rc = sq_db_open(uri, SQ_DB_READONLY, &db, err); /* says now what is wrong */
    if (rc) {
        free(p);
        free(copy);
        return rc;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->freed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&p->mutex, NULL);
    p->uri = copy;
    p->size = size < 1 ? 1 : size > POOL_MAX ? POOL_MAX : size;
    p->idle[p->n_idle++] = db;
    *ret = p;
    return 0;
}

void sq_pool_close(struct sq_pool *p)
{
    if (!p)
        return;
    assert(p->given == 0);
    for (int i = 0; i < p->n_idle; i++)
        sq_db_close(p->idle[i]);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->mutex);
    free(p->uri);
    free(p);
}

/* Take a slot, and the connection that may be in it (else NULL). */
static int take_slot(struct sq_pool *p, struct sq_db **ret, struct sq_err *err)
{
    struct timespec until;
    int waited = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&p->mutex);
    while (p->given == p->size && waited == 0)
        waited = pthread_cond_timedwait(&p->freed, &p->mutex, &until);
    bool free_slot = p->given < p->size;
    if (free_slot) {
        p->given++;
        *ret = p->n_idle ? p->idle[--p->n_idle] : NULL;
    }
    pthread_mutex_unlock(&p->mutex);
    if (free_slot)
        return 0;
    return sq_fail(err, SQ_EBUSY,
                   "all %d database connections have been in use for %d s", p->size,
                   WAIT_S);
}

static void give_slot(struct sq_pool *p, struct sq_db *db)
{
    pthread_mutex_lock(&p->mutex);
    p->given--;
    if (db)
        p->idle[p->n_idle++] = db;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->mutex);
}

int sq_pool_get(struct sq_pool *p, struct sq_db **ret, struct sq_err *err)
{
    struct sq_db *db = NULL;
    int rc = take_slot(p, &db, err);
    if (rc)
        return rc;
    if (db && !sq_db_alive(db)) {
        sq_db_close(db);
        db = NULL;
    }
    if (!db) {
        rc = sq_db_open(p->uri, SQ_DB_READONLY, &db, err);
        if (rc) {
            give_slot(p, NULL);
            return rc;
        }
    }
    *ret = db;
    return 0;
}

void sq_pool_put(struct sq_pool *p, struct sq_db *db)
{
    sq_db_rollback(db); /* ends what was left open, forgets its error */
    if (!sq_db_alive(db)) {
        sq_db_close(db);
        db = NULL;
    }
    give_slot(p, db);
}
