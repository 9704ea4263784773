/* Tasks beyond our places.
 *
 * A slot whose task has ended stands empty until the server has heard of it and has
 * given another: a round trip, longer than a task of milliseconds.  So where tasks are
 * that short the link tells the server how many will have ended when the answer comes,
 * by Little's law; it may give as many more.  They are not taken on, not told as
 * accepted and have nothing on the disk until a place is free: to the server they are
 * on their way to us.  When the guess was wrong, long tasks came, they are given back,
 * since another worker may have a place for them: after QUIET_LOOKS looks at which no
 * task had ended since the one before.  Looks, not time: a machine that was suspended
 * or has too much to do is no reason. */
#include "worker/tasks_impl.h"

#include "lib/clock.h"
#include "lib/log.h"

enum {
    TASK_US_MAX = 1000000, /* also: not known */
    LOOK_US = 1000000,
    QUIET_LOOKS = 3,
    LUMPS = 4, /* tasks end and answers come in lumps: so many times the average */
    AHEAD_MAX = 64
};

/* Data that moves takes a time that says nothing of the next one. */
void sq_ahead_measure(struct sq_tasks *t, const struct sq_execution *e)
{
    int64_t us = e->asked_at ? sq_monotonic() - e->asked_at : TASK_US_MAX;
    if (e->input || e->resource || e->output || us > TASK_US_MAX)
        us = TASK_US_MAX;
    t->task_us = (3 * t->task_us + us) / 4;
    t->quiet = -1;
}

int64_t sq_ahead_most(const struct sq_tasks *t)
{
    int64_t n = LUMPS * t->concurrency;
    return n < AHEAD_MAX ? n : AHEAD_MAX;
}

int64_t sq_tasks_ahead(const struct sq_tasks *t, int64_t round_us)
{
    int64_t n = LUMPS * t->concurrency * round_us / (t->task_us + 1);
    int64_t most = sq_ahead_most(t);
    return n < most ? n : most;
}

void sq_ahead_put(struct sq_tasks *t, struct sq_execution *e)
{
    TAILQ_INSERT_TAIL(&t->ahead, e, queue);
    e->ahead = true;
    if (t->ahead_timer.due)
        return;
    t->quiet = 0;
    sq_timer_set(t->loop, &t->ahead_timer, LOOK_US);
}

void sq_ahead_remove(struct sq_tasks *t, struct sq_execution *e)
{
    TAILQ_REMOVE(&t->ahead, e, queue);
    e->ahead = false;
}

void sq_ahead_take(struct sq_tasks *t)
{
    struct sq_execution *e;
    if (t->accepting || t->closed)
        return;
    t->accepting = true;
    while (sq_slots_place(t) && (e = TAILQ_FIRST(&t->ahead))) {
        sq_ahead_remove(t, e);
        sq_tasks_accept(t, e);
    }
    t->accepting = false;
}

bool sq_ahead_low(const struct sq_tasks *t)
{
    const struct sq_execution *e;
    int64_t room = t->concurrency;
    TAILQ_FOREACH(e, &t->waiting, queue)
    if (room-- == 0)
        return false;
    TAILQ_FOREACH(e, &t->ahead, queue)
    if (room-- == 0)
        return false;
    return true;
}

static void give_back(struct sq_tasks *t)
{
    struct sq_execution *e;
    while ((e = TAILQ_FIRST(&t->ahead))) {
        sq_log(SQ_LOG_DEBUG, "worker", "execution %lld: there is no place for it",
               (long long)e->id);
        e->given_back = true;
        sq_tasks_step(t, e, SQ_EV_GIVE_BACK);
    }
}

void sq_tasks_close(struct sq_tasks *t)
{
    t->closed = true;
    give_back(t);
}

static void look(void *arg)
{
    struct sq_tasks *t = arg;
    if (++t->quiet >= QUIET_LOOKS) {
        /* What runs is long: else they would be asked for again as they go back. */
        t->task_us = TASK_US_MAX;
        give_back(t);
    }
    if (!TAILQ_EMPTY(&t->ahead))
        sq_timer_set(t->loop, &t->ahead_timer, LOOK_US);
}

void sq_ahead_init(struct sq_tasks *t)
{
    TAILQ_INIT(&t->ahead);
    t->task_us = TASK_US_MAX;
    t->ahead_timer = (struct sq_timer){.fn = look, .arg = t};
}
