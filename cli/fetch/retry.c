/* Trying again, and doing several things at once. */
#include "cli/fetch/job.h"

#include <poll.h>
#include <stdlib.h>

#include "lib/log.h"

/* In a row, without a byte further: half a minute in all.  A long transfer over a bad
 * line moves on between its breaks and may have any number of them. */
enum { TRIES = 6, PAUSE_MS = 1000, PAUSE_MAX_MS = 30000 };

/* A full disk does not empty itself in half a minute. */
static bool may_pass(int code)
{
    return sq_code_retryable(code) && code != SQ_ENOSPC && code != SQ_ENOMEM;
}

/* False when the job was stopped meanwhile. */
static bool pause_ms(struct sq_job *job, int ms)
{
    struct pollfd p = {.fd = job->stop_fd, .events = POLLIN};
    poll(&p, 1, ms); /* a signal is the main thread's: EINTR ends the pause early */
    sq_job_alive(job);
    return !sq_job_stopped(job);
}

int sq_retry(struct sq_job *job, sq_try_fn *once, void *arg, struct sq_err *err)
{
    struct sq_err why = {0};
    int64_t furthest = 0;
    int pause = PAUSE_MS;
    for (int tries = 1;; tries++) {
        int64_t before = atomic_load(&job->moved_bytes);
        if (before > furthest)
            furthest = before;
        int rc = sq_job_stopped(job) ? SQ_ECANCELED : once(arg, &why);
        if (rc == 0)
            return 0;
        if (sq_job_stopped(job))
            return sq_job_stop_error(job, err);
        if (atomic_load(&job->moved_bytes) > furthest) {
            tries = 1;
            pause = PAUSE_MS;
        }
        if (!may_pass(rc) || tries >= TRIES)
            return sq_fail(err, rc, "%s", why.text);
        sq_log(SQ_LOG_WARNING, "fetch", "%s; trying again in %d s", why.text,
               pause / 1000);
        if (!pause_ms(job, pause))
            return sq_job_stop_error(job, err);
        pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    }
}

struct crew {
    sq_each_fn *one;
    void *arg;
    size_t n;
    _Atomic size_t next;
    pthread_mutex_t lock; /* of `err` */
    struct sq_err err;
};

static void *work(void *arg)
{
    struct crew *c = arg;
    for (;;) {
        struct sq_err err = {0};
        size_t i = atomic_fetch_add(&c->next, 1);
        if (i >= c->n)
            return NULL;
        if (c->one(c->arg, i, &err) == 0)
            continue;
        pthread_mutex_lock(&c->lock);
        if (!c->err.code)
            c->err = err;
        pthread_mutex_unlock(&c->lock);
        atomic_store(&c->next, c->n);
        return NULL;
    }
}

int sq_each(int parallel, size_t n, sq_each_fn *one, void *arg, struct sq_err *err)
{
    enum { CREW_MAX = 64 };
    pthread_t threads[CREW_MAX];
    struct crew c = {.one = one, .arg = arg, .n = n, .lock = PTHREAD_MUTEX_INITIALIZER};
    size_t wanted = (size_t)parallel < n ? (size_t)parallel : n;
    size_t started = 0;
    /* This thread is one of the crew; that fewer others start only costs time. */
    while (started + 1 < wanted && started < CREW_MAX &&
           pthread_create(&threads[started], NULL, work, &c) == 0)
        started++;
    work(&c);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&c.lock);
    return c.err.code ? sq_fail(err, c.err.code, "%s", c.err.text) : 0;
}
