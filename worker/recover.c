/* Taking up what an earlier process of this worker left: the directories say which
 * executions there are, the spool how far they were told, the supervisor what runs
 * and what has ended.
 *
 * One whose start was asked of a supervisor that is still the same, and which that one
 * does not know, never reached it: it is started now.  If the supervisor is another
 * one, the command died with its predecessor, or with the machine. */
#include "worker/tasks_impl.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "worker/memo.h"

static const struct sq_record *end_in_spool(const struct sq_spool *s, int64_t id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->records[i].execution_id == id &&
            s->records[i].kind == SQ_RECORD_STATUS &&
            sq_record_ends(s->records[i].status))
            return &s->records[i];
    return NULL;
}

static void recall(struct sq_tasks *t, struct sq_execution *e)
{
    const struct sq_position *p = sq_spool_position(t->spool, e->id);
    if (!p)
        return;
    e->accepted_cut = p->accepted;
    t->untold -= p->accepted;
    e->running_cut = e->started = p->running;
    memcpy(e->streams, p->streams, sizeof e->streams);
    if (!p->ended)
        return;
    const struct sq_record *end = end_in_spool(t->spool, e->id);
    e->end_cut = true;
    e->state = SQ_STATE_REPORTING;
    e->succeeded = end && end->status == SQ_TOLD_SUCCEEDED;
}

static bool copy(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return !text || *to;
}

/* The command, and what else was kept of it. */
static bool read_memo(struct sq_tasks *t, struct sq_execution *e, struct sq_workdir *d)
{
    struct sq_err err;
    struct sq_memo m;
    if (sq_memo_read(d->command, &t->arena, &m, &err) != 0)
        return false;
    if (m.command == d->command) { /* plain: as it is */
        e->command = d->command;
        d->command = NULL;
        return true;
    }
    bool ok = copy(&e->command, m.command) && copy(&e->input, m.input) &&
              copy(&e->resource, m.resource) && copy(&e->output, m.output);
    e->container = ok && m.container ? sq_container_recall(t, e, &m) : NULL;
    sq_arena_reset(&t->arena);
    return ok && (e->container || !m.container);
}

static enum sq_exec_state state_of(enum sq_workdir_stage stage)
{
    switch (stage) {
    case SQ_DIR_FETCHING: return SQ_STATE_DOWNLOADING;
    case SQ_DIR_STARTED: return SQ_STATE_STARTING;
    default: return SQ_STATE_WAITING;
    }
}

/* Its data: fetched anew, or held. */
static void stage(struct sq_tasks *t, struct sq_execution *e)
{
    e->fetched = e->state != SQ_STATE_DOWNLOADING && sq_staging_fetches(e);
    if (e->state == SQ_STATE_DOWNLOADING)
        sq_staging_fetch(t, e, true);
    else if (e->state != SQ_STATE_REPORTING)
        sq_staging_hold(t, e);
}

static int recover(struct sq_tasks *t, struct sq_workdir *d)
{
    const struct sq_workdir_header *h = &d->header;
    struct sq_execution *e =
        sq_idmap_get(&t->by_id, h->execution_id) || t->conf->no_spawn
            ? NULL
            : sq_tasks_new(t, h->execution_id, h->task_id);
    if (!e) {
        sq_log(SQ_LOG_WARNING, "worker", "%s is not taken up", d->path);
        sq_workdir_release(&t->dirs, d, true);
        return 0;
    }
    e->dir = d;
    if (!read_memo(t, e, d)) {
        sq_log(SQ_LOG_WARNING, "worker", "%s holds what cannot be read", d->path);
        e->command = d->command; /* which fails, and tells so */
        d->command = NULL;
    }
    e->state = state_of(h->stage);
    recall(t, e);
    sq_slots_count(t, e, SQ_STATE_ASSIGNED, e->state);
    if (e->state == SQ_STATE_WAITING)
        TAILQ_INSERT_TAIL(&t->waiting, e, queue);
    if (!e->end_cut)
        sq_tasks_mark(t, e, false);
    else if (!end_in_spool(t->spool, e->id)) {
        e->succeeded = false; /* it is not known: its directory is kept */
        sq_tasks_step(t, e, SQ_EV_ACKNOWLEDGED);
        return 1;
    }
    stage(t, e);
    return 1;
}

int sq_recover_load(struct sq_tasks *t, struct sq_err *err)
{
    struct sq_workdir *d;
    int n = 0;
    while ((d = TAILQ_FIRST(&t->dirs.found))) {
        TAILQ_REMOVE(&t->dirs.found, d, link);
        n += recover(t, d);
    }
    sq_spool_forget_positions(t->spool);
    t->worked |= n > 0;
    if (n)
        sq_log(SQ_LOG_INFO, "worker", "%d execution%s taken up again", n,
               n == 1 ? "" : "s");
    return 0;
}

void sq_recover_settle(struct sq_tasks *t)
{
    struct sq_execution *e, *next;
    for (e = TAILQ_FIRST(&t->all); e; e = next) {
        next = TAILQ_NEXT(e, all);
        if (e->container && sq_exec_holds_slot(e->state)) {
            sq_container_settle(e->container);
            continue;
        }
        if (e->state != SQ_STATE_STARTING || e->spawned)
            continue;
        if (strcmp(e->dir->header.instance, t->sup_instance) == 0) {
            sq_tasks_step(t, e, SQ_EV_AGAIN);
            continue;
        }
        sq_tasks_refuse(t, e, -SIGKILL, SQ_EV_LOST,
                        "the supervisor or the machine was restarted, and the command "
                        "killed");
    }
}
