/* The supervisor, as the loop sees it.  When it dies its commands die with it: their
 * executions fail with that reason, and another one is opened at once. */
#include "worker/tasks_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

enum { RETRY_US = 1000000 };

/* Which supervisor this is: its pid and start time, so that a later worker process
 * can tell it from another one. */
static void identify(struct sq_tasks *t)
{
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    char path[64], stat[1024];
    unsigned long long start = 0;
    getsockopt(sq_sup_fd(t->sup), SOL_SOCKET, SO_PEERCRED, &peer, &len);
    snprintf(path, sizeof path, "/proc/%d/stat", peer.pid);
    int fd SQ_CLEANUP(sq_closep) = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (n > 0) {
        stat[n] = 0;
        const char *after = strrchr(stat, ')'); /* then state is field 3, start 22 */
        if (after)
            sscanf(after + 1,
                   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                   "%*s %*s %*s %llu",
                   &start);
    }
    snprintf(t->sup_instance, sizeof t->sup_instance, "%d.%llu", peer.pid, start);
}

static void exited(struct sq_tasks *t, const struct sq_sup_event *event)
{
    struct sq_err err;
    struct sq_execution *e = sq_idmap_get(&t->by_id, event->id);
    if (!e) { /* reported by an earlier process */
        sq_sup_forget(t->sup, event->id, &err);
        return;
    }
    e->spawned = true;
    if (e->state != SQ_STATE_STARTING && e->state != SQ_STATE_RUNNING &&
        e->state != SQ_STATE_KILLING)
        return;
    e->started = true;
    e->pid = event->pid ? event->pid : e->pid;
    if (e->container) {
        sq_container_client_exited(e->container, &event->exit);
        return;
    }
    sq_verdict(e, &event->exit);
    sq_tasks_step(t, e, SQ_EV_EXITED);
}

static void started(struct sq_tasks *t, const struct sq_sup_event *event)
{
    struct sq_execution *e = sq_idmap_get(&t->by_id, event->id);
    if (!e) {
        sq_log(SQ_LOG_WARNING, "worker",
               "execution %lld runs here but is not ours any more: killing it",
               (long long)event->id);
        sq_supervision_signal(t, event->id, SIGKILL);
        sq_containers_sweep(t); /* it may be the client of one */
        return;
    }
    e->spawned = e->started = true;
    e->pid = event->pid;
    sq_tasks_step(t, e, SQ_EV_STARTED);
}

static void on_event(void *arg, const struct sq_sup_event *event)
{
    struct sq_tasks *t = arg;
    struct sq_execution *e;
    switch (event->kind) {
    case SQ_SUP_STARTED:
    case SQ_SUP_RUNNING: started(t, event); break;
    case SQ_SUP_EXITED: exited(t, event); break;
    case SQ_SUP_FAILED:
        e = sq_idmap_get(&t->by_id, event->id);
        if (e) {
            e->spawned = false;
            sq_tasks_refuse(t, e, 127, e->container ? SQ_EV_LOST : SQ_EV_NOT_STARTED,
                            "%s", event->text);
        }
        break;
    case SQ_SUP_READY:
        t->sup_ready = true;
        sq_recover_settle(t);
        sq_tasks_stock(t);
        sq_tasks_start_waiting(t);
        break;
    case SQ_SUP_LOST: t->sup_lost = true; break;
    }
}

static void lost(struct sq_tasks *t)
{
    struct sq_execution *e, *next;
    sq_log(SQ_LOG_ERROR, "worker",
           "the supervisor was killed, and the running commands with it");
    sq_supervision_close(t);
    for (e = TAILQ_FIRST(&t->all); e; e = next) {
        next = TAILQ_NEXT(e, all);
        e->spawned = false;
        if (!sq_exec_holds_slot(e->state) || e->container)
            continue; /* a container may live on: it is looked at */
        sq_tasks_refuse(t, e, -SIGKILL, SQ_EV_LOST,
                        "the supervisor was killed, and the command with it");
    }
    sq_timer_set(t->loop, &t->sup_retry, 0);
}

static void ready(void *arg, unsigned events)
{
    struct sq_tasks *t = arg;
    sq_sup_dispatch(t->sup);
    if (t->sup_lost)
        lost(t);
    else
        sq_supervision_flush(t);
}

/* Somebody removed the state directory: the spool, written to a file without a name,
 * would be lost with this process, and another worker could take our place.  A new
 * start is a new spool, by which the server knows what to fail. */
static bool is_homeless(const struct sq_tasks *t)
{
    return access(t->conf->state_dir, F_OK) != 0 && errno == ENOENT;
}

/* Another supervisor kills at its start what the dead one's commands left. */
static void bury(struct sq_tasks *t)
{
    struct sq_err err;
    if (sq_mkdirs(t->conf->state_dir, 0700, &err) != 0 ||
        sq_supervision_open(t, &err) != 0 || sq_sup_quit_when_idle(t->sup, &err) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
    sq_supervision_close(t);
}

static void retry(void *arg)
{
    struct sq_tasks *t = arg;
    struct sq_err err;
    if (is_homeless(t)) {
        sq_fail(&err, SQ_ENOENT,
                "the state directory %s was removed under this worker: start it again",
                t->conf->state_dir);
        bury(t);
        t->conf->unable(t->conf->unable_arg, err.text);
        return;
    }
    int rc = sq_supervision_open(t, &err);
    if (rc && !t->sup_failing)
        sq_log(SQ_LOG_ERROR, "worker", "%s; trying again", err.text);
    if (rc)
        sq_timer_set(t->loop, &t->sup_retry, RETRY_US);
    t->sup_failing = rc != 0;
}

int sq_supervision_open(struct sq_tasks *t, struct sq_err *err)
{
    t->sup_watch = (struct sq_watch){-1, ready, t};
    t->sup_retry.fn = retry;
    t->sup_retry.arg = t;
    t->sup_lost = t->sup_ready = false;
    int rc = sq_sup_open(t->conf->state_dir, on_event, t, &t->sup, err);
    if (rc)
        return rc;
    identify(t);
    t->sup_events = sq_sup_wanted(t->sup);
    return sq_loop_watch(t->loop, &t->sup_watch, sq_sup_fd(t->sup), t->sup_events, err);
}

void sq_supervision_close(struct sq_tasks *t)
{
    if (!t->sup)
        return;
    sq_loop_unwatch(t->loop, &t->sup_watch);
    sq_sup_close(t->sup);
    t->sup = NULL;
    t->sup_ready = false;
}

void sq_supervision_flush(struct sq_tasks *t)
{
    struct sq_err err;
    if (!t->sup || t->sup_watch.fd < 0)
        return;
    unsigned events = sq_sup_wanted(t->sup);
    if (events == t->sup_events)
        return;
    t->sup_events = events;
    if (sq_loop_watch(t->loop, &t->sup_watch, sq_sup_fd(t->sup), events, &err) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
}

void sq_supervision_signal(struct sq_tasks *t, int64_t id, int signal)
{
    struct sq_err err;
    if (t->sup && sq_sup_signal(t->sup, id, signal, &err) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "cannot signal execution %lld: %s",
               (long long)id, err.text);
    sq_supervision_flush(t);
}

void sq_tasks_leave(struct sq_tasks *t)
{
    struct sq_err err;
    sq_tasks_put_away(t);
    if (t->sup && sq_tasks_idle(t) && sq_sup_quit_when_idle(t->sup, &err) != 0)
        sq_log(SQ_LOG_DEBUG, "worker", "%s", err.text);
}
