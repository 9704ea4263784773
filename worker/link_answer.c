/* What an answer of the server leads to: settings, tasks, signals, withdrawals, and
 * what it has acknowledged. */
#include "worker/link_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

enum { SEEN_MAX = 100000 };

static bool seen_before(const struct sq_link *l, int64_t id)
{
    for (size_t i = 0; i < l->n_seen; i++)
        if (l->seen[i] == id)
            return true;
    return false;
}

static bool see(struct sq_link *l, int64_t id)
{
    if (l->n_seen == l->cap_seen) {
        size_t cap = l->cap_seen ? l->cap_seen * 2 : 16;
        void *grown =
            cap <= SEEN_MAX ? reallocarray(l->seen, cap, sizeof *l->seen) : NULL;
        if (!grown)
            return false; /* told again by the server, taken then */
        l->seen = grown;
        l->cap_seen = cap;
    }
    l->seen[l->n_seen++] = id;
    return true;
}

void sq_link_forget_seen(struct sq_link *l)
{
    l->n_seen -= l->n_seen_sent;
    if (l->n_seen)
        memmove(l->seen, l->seen + l->n_seen_sent, l->n_seen * sizeof *l->seen);
    l->n_seen_sent = 0;
}

static void obey(struct sq_link *l, const struct sq_order *o)
{
    enum { CLEAN = -1, RESTART = -2, RESET_RESOURCES = -3 };
    if (seen_before(l, o->signal_id) || !see(l, o->signal_id))
        return;
    if (o->execution_id != SQ_NULL) {
        sq_log(SQ_LOG_INFO, "worker", "signal %d for execution %lld", (int)o->signal,
               (long long)o->execution_id);
        sq_tasks_signal(l->tasks, o->execution_id, (int)o->signal);
        return;
    }
    switch (o->signal) {
    case CLEAN:
        sq_log(SQ_LOG_INFO, "worker", "removing the directories of failed executions");
        sq_workdirs_clean(&l->tasks->dirs);
        break;
    case RESTART: l->restart = true; break; /* once the server knows that we obeyed */
    case RESET_RESOURCES:
        sq_log(SQ_LOG_INFO, "worker", "removing the resources that no task uses");
        sq_tasks_reset_resources(l->tasks);
        break;
    default:
        sq_log(SQ_LOG_WARNING, "worker", "unknown signal %d for the worker",
               (int)o->signal);
    }
}

static void set_delay(int64_t *to, int64_t value, int64_t min, int64_t max)
{
    if (value != SQ_NULL)
        *to = value < min ? min : value > max ? max : value;
}

void sq_link_watch_idleness(struct sq_link *l)
{
    if (l->permanent || !sq_tasks_idle(l->tasks)) {
        sq_timer_stop(l->loop, &l->idle_timer);
        l->idle_due = false;
        return;
    }
    if (!l->idle_timer.due && !l->idle_due)
        sq_timer_set(l->loop, &l->idle_timer,
                     (l->tasks->worked ? l->idle_delay_s : l->first_task_delay_s) *
                         1000000);
}

static void take_settings(struct sq_link *l, const struct sq_answer *a)
{
    int64_t stats_s = l->stats_s;
    set_delay(&l->idle_delay_s, a->idle_delay_s, 1, 1000000);
    set_delay(&l->first_task_delay_s, a->first_task_delay_s, 1, 1000000);
    set_delay(&l->poll_s, a->poll_s, 1, 60);
    set_delay(&l->stats_s, a->stats_s, 1, 3600);
    if (a->permanent >= 0)
        l->permanent = a->permanent;
    if (a->concurrency != SQ_NULL) {
        sq_tasks_set_weights(l->tasks, a->weights);
        sq_tasks_set_places(l->tasks, a->concurrency, a->prefetch);
    }
    if (l->conf->watch)
        l->conf->watch(l->conf->arg, a->watch);
    l->knows_row = true;
    snprintf(l->row_date, sizeof l->row_date, "%s", a->row_date ? a->row_date : "");
    if (stats_s != l->stats_s || !l->stats_timer.due)
        sq_timer_set(l->loop, &l->stats_timer, l->stats_s * 1000000);
}

void sq_link_take_answer(struct sq_link *l, const struct sq_answer *a, bool ahead)
{
    take_settings(l, a);
    for (size_t i = 0; i < a->n_executions; i++)
        sq_tasks_arrive(l->tasks, &a->executions[i], ahead);
    if (l->leaving)
        sq_tasks_close(l->tasks);
    for (size_t i = 0; i < a->n_signals; i++)
        obey(l, &a->signals[i]);
    for (size_t i = 0; i < a->n_withdrawn; i++)
        sq_tasks_withdraw(l->tasks, a->withdrawn[i]);
    sq_link_watch_idleness(l);
    if (l->n_seen)
        sq_link_tell(l, true);
}

void sq_link_acknowledge(struct sq_link *l, int64_t acked)
{
    for (size_t i = 0; i < l->spool->n && l->spool->records[i].seq <= acked; i++)
        sq_tasks_acknowledged(l->tasks, &l->spool->records[i]);
    sq_spool_acknowledge(l->spool, acked);
    if (!l->spool->n)
        sq_timer_stop(l->loop, &l->sync_timer);
    if (sq_spool_wants_rewrite(l->spool))
        sq_tasks_rewrite_spool(l->tasks);
}
