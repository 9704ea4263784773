/* Waits for the end of the stop; past the deadline cuts what is open, again and again,
 * since one change after the other may be held up. */
#include "core/deadline.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "core/store/db.h"
#include "lib/log.h"

enum { STOP_S = 10, AGAIN_S = 1 };

struct sq_deadline {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ended;
};

static void *wait_and_cut(void *arg)
{
    struct sq_deadline *d = arg;
    struct timespec until;
    bool said = false;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_S;
    pthread_mutex_lock(&d->lock);
    while (!d->ended) {
        if (pthread_cond_timedwait(&d->wake, &d->lock, &until) != ETIMEDOUT)
            continue;
        if (!said)
            sq_log(SQ_LOG_WARNING, "server",
                   "the database has not done for %d s what it was asked: its "
                   "connections are cut, changes under way are refused",
                   STOP_S);
        said = true;
        sq_db_cut(true);
        until.tv_sec += AGAIN_S;
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

struct sq_deadline *sq_deadline_start(void)
{
    struct sq_deadline *d = calloc(1, sizeof *d);
    pthread_condattr_t attr;
    if (!d)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&d->lock, NULL);
    if (pthread_create(&d->thread, NULL, wait_and_cut, d) == 0)
        return d;
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
    return NULL;
}

void sq_deadline_end(struct sq_deadline *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->ended = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
