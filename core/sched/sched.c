/* The scheduler's life, and its place in every transaction: see sched.h.
 *
 * settle() runs in the writer's thread just before each commit.  What it remembers
 * from one to the next (places.h) is thrown away when a commit did not follow, when
 * it failed itself, and at every sweep. */
#include "core/sched/impl.h"

#include <stdlib.h>
#include <string.h>

enum { SETTLE_ARENA_MAX = 256 * 1024 * 1024 };

int sq_sched_new(const struct sq_sched_conf *conf, struct sq_liveness *liveness,
                 struct sq_sched **ret, struct sq_err *err)
{
    struct sq_sched *s = calloc(1, sizeof *s);
    if (!s)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    s->conf = *conf;
    s->offline_us = sq_tuning(conf->tuned)->offline_us;
    s->liveness = liveness;
    s->alarm = SQ_NULL;
    sq_arena_init(&s->arena, SETTLE_ARENA_MAX);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
    *ret = s;
    return 0;
}

void sq_sched_free(struct sq_sched *s)
{
    if (!s)
        return;
    sq_places_forget(&s->places);
    free(s->notes.v);
    sq_told_fini(&s->told);
    sq_arena_fini(&s->arena);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static int end_evicted(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_id_set *evicted = &tx->changes->evicted;
    int rc = 0;
    const struct sq_recruited_conf *how = &sq_tuning(s->conf.tuned)->recruiting;
    for (size_t i = 0; how->server_name && rc == 0 && i < evicted->n; i++)
        rc = sq_recruited_evicted(tx, how, evicted->ids[i], err);
    return rc;
}

int sq_sched_settle(void *sched, struct sq_tx *tx, struct sq_err *err)
{
    struct sq_sched *s = sched;
    if (s->uncommitted)
        sq_places_forget(&s->places);
    s->uncommitted = true;
    s->turn++;
    struct sq_tx mine = *tx;
    mine.arena = &s->arena;
    int rc = sq_due_write_notes(s, &mine, err);
    if (rc == 0)
        rc = sq_due_changed(s, &mine, err);
    if (rc == 0)
        rc = end_evicted(s, &mine, err);
    if (rc == 0)
        rc = sq_assign(s, &mine, err);
    if (rc != 0)
        sq_places_forget(&s->places);
    sq_arena_reset(&s->arena);
    return rc;
}

void sq_sched_committed(struct sq_sched *s)
{
    s->uncommitted = false;
}

void sq_sched_remind(struct sq_sched *s, int64_t alarm, bool again)
{
    pthread_mutex_lock(&s->lock);
    bool sooner = alarm != SQ_NULL && (s->alarm == SQ_NULL || alarm < s->alarm);
    if (sooner)
        s->alarm = alarm;
    s->again = s->again || again;
    if (sooner || again)
        pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

int sq_sched_start(struct sq_sched *s, struct sq_writer *writer, struct sq_err *err)
{
    s->writer = writer;
    s->stopping = false;
    int rc = pthread_create(&s->thread, NULL, sq_sched_timer, s);
    if (rc == 0)
        return 0;
    s->writer = NULL;
    return sq_fail(err, SQ_ENOMEM, "cannot start the scheduler's thread: %s",
                   strerror(rc));
}

void sq_sched_stop(struct sq_sched *s)
{
    if (!s->writer)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->writer = NULL;
}
