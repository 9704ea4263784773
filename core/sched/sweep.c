/* The timer thread, and the sweep it submits every few seconds.
 *
 * The sweep is the safety net: contacts are written, silent workers go offline, lost
 * ones lose their tasks, time limits and dependencies are looked at again, and the
 * scheduler forgets what it remembers, so that whatever was changed directly in SQL
 * takes effect.  In between the thread wakes only for the earliest time limit, or to
 * go on with an assignment too long for one transaction. */
#include "core/sched/impl.h"

#include "core/sched/recruit.h"
#include "core/store/task.h"
#include "core/store/worker.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { ORPHANS_US = 20000000 };
enum task { SWEEP, DUE, AGAIN, STOP };

struct timer_op {
    struct sq_op op;
    struct sq_sched *s;
};

/* Only people make them, and all live executions are read for it. */
static int end_orphans(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err)
{
    int64_t now = sq_monotonic();
    if (now < s->next_orphans)
        return 0;
    s->next_orphans = now + ORPHANS_US;
    return sq_worker_end_orphans(tx, err);
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Workers wait for their answers for as long as they were told to be patient: where the
 * delay has become shorter, the one before counts until they all have heard of it. */
static struct sq_delays delays_of(struct sq_sched *s, const struct sq_tuning *t)
{
    int64_t now = sq_monotonic();
    if (t->offline_us != s->offline_us) {
        s->patience_us = longer(s->offline_us, t->offline_us);
        s->patient_until = now + s->patience_us;
        s->offline_us = t->offline_us;
    }
    int64_t least = now < s->patient_until ? s->patience_us : 0;
    return (struct sq_delays){longer(t->offline_us, least),
                              t->lost_us ? longer(t->lost_us, least) : 0};
}

static int sweep(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    struct sq_sched *s = ((struct timer_op *)op)->s;
    const struct sq_tuning *now = sq_tuning(s->conf.tuned);
    const struct sq_delays delays = delays_of(s, now);
    if (s->conf.hears_only)
        return sq_liveness_flush(s->liveness, tx, NULL, err);
    int rc = sq_liveness_flush(s->liveness, tx, &delays, err);
    if (rc == 0)
        rc = sq_task_release_sweep(tx, &s->release_cursor, SQ_SCHED_RELEASE_SLICE, err);
    if (rc == 0)
        rc = end_orphans(s, tx, err);
    if (rc == 0)
        rc = sq_due_scan(s, tx, err);
    if (rc == 0 && now->recruiting.server_name)
        rc = sq_recruit(tx, &now->recruiting, &s->told, err);
    tx->changes->sweep = true;
    return rc;
}

static int due(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    return sq_due_scan(((struct timer_op *)op)->s, tx, err);
}

static void mark_unfinished(void *changes, struct sq_place *place)
{
    if (place->unfinished)
        sq_changes_batch(changes, place->batch);
}

static int again(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    sq_places_each(&((struct timer_op *)op)->s->places, mark_unfinished, tx->changes);
    return 0;
}

/* Sleep until there is something to do, and say what.  Time limits are wall-clock
 * times, as the database has them; sleeping is by the monotonic clock. */
static enum task wait_for_task(struct sq_sched *s, int64_t next_sweep)
{
    enum task task;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        int64_t now = sq_monotonic(), until = next_sweep;
        int64_t ring = s->alarm == SQ_NULL ? INT64_MAX : s->alarm - sq_now();
        task = s->stopping ? STOP : now >= next_sweep ? SWEEP : s->again ? AGAIN : DUE;
        if (task != DUE || ring <= 0)
            break;
        if (ring < until - now)
            until = now + ring;
        struct timespec at = {until / 1000000, until % 1000000 * 1000};
        pthread_cond_timedwait(&s->wake, &s->lock, &at);
    }
    /* What is done now sets them anew. */
    if (task == SWEEP || task == DUE)
        s->alarm = SQ_NULL;
    if (task == AGAIN)
        s->again = false;
    pthread_mutex_unlock(&s->lock);
    return task;
}

uint64_t sq_sched_turns(const struct sq_sched *s)
{
    return atomic_load(&s->turns);
}

void *sq_sched_timer(void *sched)
{
    static int (*const runs[])(struct sq_op *, struct sq_tx *, struct sq_err *) = {
        [SWEEP] = sweep, [DUE] = due, [AGAIN] = again};
    struct sq_sched *s = sched;
    struct sq_arena arena;
    sq_arena_init(&arena, 64 * 1024 * 1024);
    int64_t next_sweep = sq_monotonic();
    bool failing = false;
    enum task task;
    while ((task = wait_for_task(s, next_sweep)) != STOP) {
        struct timer_op t = {.op = {.run = runs[task], .arena = &arena}, .s = s};
        struct sq_err err = {0};
        int rc = sq_writer_call(s->writer, &t.op, &err);
        atomic_fetch_add(&s->turns, 1);
        /* Once, not at every sweep of a long outage. */
        if (rc != 0 && !failing)
            sq_log(SQ_LOG_WARNING, "sched", "%s", err.text);
        failing = rc != 0;
        if (task == SWEEP || rc != 0)
            next_sweep = sq_monotonic() + s->conf.sweep_us;
        sq_arena_reset(&arena);
    }
    sq_arena_fini(&arena);
    return NULL;
}
