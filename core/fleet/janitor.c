/* The janitor's thread, asleep but for two things: the round over all providers every
 * `janitor_s`, and workers that fell silent.  The provider of such a one is asked at
 * once, then after growing pauses, whether its machine still runs: if not, its tasks
 * need not wait. */
#include "core/fleet/janitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/store/machines.h"
#include "lib/call.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { SECOND_US = 1000000, PAUSE_US = 15000000, PAUSE_MAX_US = 600000000 };

static int is_canceled(const struct sq_call *call)
{
    return ((const struct sq_janitor *)call)->stopping;
}

/* ---- workers that fell silent */

static int write_lost(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_silent_worker *w = arg;
    return sq_worker_machine_lost(tx, w->worker_id, err);
}

static int write_gone(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_silent_worker *w = arg;
    return sq_worker_machine_gone(tx, w->worker_id, err);
}

/* In two transactions: between them EVICTION_ACTION is applied. */
static int give_up(struct sq_janitor *j, struct sq_silent_worker *w, bool gone,
                   struct sq_err *err)
{
    sq_log(SQ_LOG_WARNING, "janitor",
           "%s is silent, and %s says that its machine %s: its tasks are given to "
           "others",
           w->name, w->provider, gone ? "is gone" : "does not run");
    int rc = sq_writer_change(j->fleet->setup.writer, write_lost, w, &j->arena, err);
    if (rc == 0 && gone)
        rc = sq_writer_change(j->fleet->setup.writer, write_gone, w, &j->arena, err);
    return rc;
}

static int ask(struct sq_janitor *j, struct sq_silent_worker *w, struct sq_err *err)
{
    struct sq_session s;
    struct sq_machine m;
    int rc = sq_session_open(j->fleet, NULL, w->provider, &s, err);
    if (rc)
        return rc;
    rc = sq_session_told(&s, s.ops->find(s.p, w->token, &j->call, &m, err), err);
    sq_session_close(&s);
    bool gone = rc == SQ_ENOENT || (rc == 0 && m.state == SQ_MACHINE_REMAINS);
    if (gone || (rc == 0 && m.state == SQ_MACHINE_STOPPED && !w->evicted))
        return give_up(j, w, gone, err);
    return rc;
}

static int read_silent(struct sq_janitor *j, struct sq_silent_worker **ret,
                       size_t *ret_n, struct sq_err *err)
{
    struct sq_db *db;
    int rc = sq_pool_get(j->fleet->setup.pool, &db, err);
    if (rc)
        return rc;
    rc = sq_silent_workers(db, &j->arena, ret, ret_n, err);
    sq_pool_put(j->fleet->setup.pool, db);
    return rc;
}

/* One that has just said goodbye may be about to come back. */
static bool is_fresh(const struct sq_janitor *j, const struct sq_silent_worker *w)
{
    int64_t since = sq_now() - w->last_contact;
    return w->last_contact != SQ_NULL && since >= 0 &&
           since < sq_tuning(j->fleet->setup.tuned)->offline_us / 2;
}

static void look(struct sq_janitor *j)
{
    struct sq_silent_worker *all = NULL;
    struct sq_err err;
    size_t n = 0;
    int rc = read_silent(j, &all, &n, &err);
    if (rc)
        sq_log(SQ_LOG_WARNING, "janitor", "%s", err.text);
    for (size_t i = 0; i < n && !j->stopping; i++) {
        if (!is_fresh(j, &all[i]))
            rc = ask(j, &all[i], &err);
        if (rc && rc != SQ_ECANCELED)
            sq_log(SQ_LOG_DEBUG, "janitor", "%s: %s", all[i].name, err.text);
    }
    sq_arena_reset(&j->arena);
    j->pause_us = j->pause_us > PAUSE_MAX_US / 2 ? PAUSE_MAX_US : 2 * j->pause_us;
    j->next_look = n || rc ? sq_monotonic() + j->pause_us : INT64_MAX;
}

/* ---- the thread */

/* With another period the next round is so long after the last; one that had no rounds
 * begins at once. */
static void set_period(struct sq_janitor *j, int64_t period_s)
{
    if (period_s == 0)
        j->next_round = INT64_MAX;
    else if (j->period_s == 0)
        j->next_round = 0;
    else
        j->next_round += (period_s - j->period_s) * SECOND_US;
    j->period_s = period_s;
}

/* False: the end. */
static bool wait_until_due(struct sq_janitor *j)
{
    pthread_mutex_lock(&j->lock);
    for (;;) {
        int64_t until = j->next_round < j->next_look ? j->next_round : j->next_look;
        if (j->stopping || j->silence || j->retuned || sq_monotonic() >= until)
            break;
        struct timespec at = {until / 1000000, until % 1000000 * 1000};
        if (until == INT64_MAX)
            pthread_cond_wait(&j->wake, &j->lock);
        else
            pthread_cond_timedwait(&j->wake, &j->lock, &at);
    }
    if (j->silence) {
        j->next_look = 0;
        j->pause_us = PAUSE_US / 2;
    }
    if (j->retuned)
        set_period(j, sq_tuning(j->fleet->setup.tuned)->janitor_s);
    j->silence = j->retuned = false;
    pthread_mutex_unlock(&j->lock);
    return !j->stopping;
}

static void *work(void *arg)
{
    struct sq_janitor *j = arg;
    while (wait_until_due(j)) {
        if (sq_monotonic() >= j->next_look)
            look(j);
        if (sq_monotonic() >= j->next_round) {
            sq_janitor_round(j);
            j->next_round = sq_monotonic() + j->period_s * SECOND_US;
        }
    }
    return NULL;
}

/* ---- its life */

void sq_janitor_free(struct sq_janitor *j)
{
    if (!j)
        return;
    if (j->call.cancel_fd >= 0)
        close(j->call.cancel_fd);
    sq_arena_fini(&j->arena);
    pthread_cond_destroy(&j->wake);
    pthread_mutex_destroy(&j->lock);
    free(j->failing);
    free(j);
}

static void init(struct sq_janitor *j, struct sq_fleet *f)
{
    pthread_condattr_t attr;
    j->fleet = f;
    j->call = (struct sq_call){.canceled = is_canceled,
                               .cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                               .progress = sq_call_no_progress};
    sq_arena_init(&j->arena, SQ_FLEET_ARENA);
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->wake, &attr);
    pthread_condattr_destroy(&attr);
    j->failing = calloc(sq_plugins_count(f->setup.plugins) + 1, sizeof *j->failing);
    j->next_round = INT64_MAX;
    j->retuned = true;
    j->silence = true; /* workers that an earlier server saw fall silent */
}

int sq_janitor_start(struct sq_fleet *f, struct sq_janitor **ret, struct sq_err *err)
{
    struct sq_janitor *j = calloc(1, sizeof *j);
    if (!j)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the janitor");
    init(j, f);
    if (j->failing && j->call.cancel_fd >= 0 &&
        pthread_create(&j->thread, NULL, work, j) == 0) {
        *ret = j;
        return 0;
    }
    sq_janitor_free(j);
    return sq_fail(err, SQ_ENOMEM, "cannot start the janitor's thread");
}

void sq_janitor_stop(struct sq_janitor *j)
{
    uint64_t one = 1;
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    atomic_store(&j->stopping, true);
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->lock);
    if (write(j->call.cancel_fd, &one, sizeof one) < 0)
        sq_log(SQ_LOG_ERROR, "janitor", "cannot be stopped: %s", strerror(errno));
    pthread_join(j->thread, NULL);
}

void sq_janitor_tuned(struct sq_janitor *j)
{
    pthread_mutex_lock(&j->lock);
    j->retuned = true;
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->lock);
}

void sq_janitor_wake(struct sq_janitor *j)
{
    pthread_mutex_lock(&j->lock);
    j->silence = true;
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->lock);
}
