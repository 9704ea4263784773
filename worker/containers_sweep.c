/* Removing containers: those of successes at once, those of failures with their
 * directory, and what a killed worker or engine left when we start.
 *
 * A file in the state directory, named after the engine, says that there may be some;
 * without it the engine is left in peace. */
#include "worker/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "worker/checksum.h"
#include "worker/tasks_impl.h"

enum { REMOVE_S = 600, LIST_S = 60, SWEEP_US = 1000000 };

struct sq_engine_call {
    struct sq_engine_call *next;
    struct sq_tasks *t;
    struct sq_child *child;
    enum sq_runtime runtime;
    bool swept; /* a leftover: once all are gone, that is to be seen */
    char id[SQ_CT_ID];
};

static char *mark_path(const struct sq_tasks *t, enum sq_runtime r)
{
    char *path;
    return asprintf(&path, "%s/containers.%s", t->conf->state_dir, sq_runtime_name(r)) <
                   0
               ? NULL
               : path;
}

static struct sq_engine_call *new_call(struct sq_tasks *t, enum sq_runtime r,
                                       const char *id)
{
    struct sq_engine_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    *call = (struct sq_engine_call){.t = t, .runtime = r};
    snprintf(call->id, sizeof call->id, "%s", id);
    call->next = t->containers.calls;
    t->containers.calls = call;
    return call;
}

static void free_call(struct sq_engine_call *call)
{
    struct sq_engine_call **at = &call->t->containers.calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    sq_child_free(call->child);
    free(call);
}

static bool succeeded(const struct sq_child_end *end)
{
    return WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
}

static void run(struct sq_engine_call *call, enum sq_container_verb verb, int limit_s,
                sq_child_fn *fn)
{
    struct sq_err err;
    struct sq_container_call c = {
        .runtime = call->runtime, .verb = verb, .id = call->id};
    if (sq_container_call(call->t, &c, limit_s, fn, call, &call->child, &err) == 0)
        return;
    sq_log(SQ_LOG_WARNING, "worker", "%s", err.text);
    free_call(call);
}

static void removed(void *arg, const struct sq_child_end *end)
{
    struct sq_engine_call *call = arg;
    call->child = NULL;
    if (!succeeded(end) && sq_container_complaint(end->err) != SQ_CT_ABSENT)
        sq_log(SQ_LOG_WARNING, "worker",
               "container %.12s is not removed, until the worker starts again: %s",
               call->id, end->err);
    else if (call->swept)
        sq_containers_sweep(call->t);
    free_call(call);
}

static void remove_one(struct sq_tasks *t, enum sq_runtime r, const char *id,
                       bool swept)
{
    struct sq_engine_call *call = new_call(t, r, id);
    if (!call)
        return;
    call->swept = swept;
    run(call, SQ_CT_REMOVE, REMOVE_S, removed);
}

void sq_containers_remove(struct sq_tasks *t, enum sq_runtime r, const char *id)
{
    remove_one(t, r, id, false);
}

static bool is_wanted(struct sq_tasks *t, const char *id, int64_t execution_id)
{
    const struct sq_execution *e;
    TAILQ_FOREACH(e, &t->all, all)
    {
        const struct sq_container *c = e->container;
        if (c && (c->id ? strcmp(c->id, id) == 0 : c->life && e->id == execution_id))
            return true;
    }
    return sq_workdirs_keep(&t->dirs, execution_id);
}

static bool any_in_use(const struct sq_tasks *t)
{
    const struct sq_execution *e;
    TAILQ_FOREACH(e, &t->all, all)
    if (e->container)
        return true;
    return false;
}

static void unmark(struct sq_tasks *t, enum sq_runtime r)
{
    char *path SQ_CLEANUP(sq_freep) = mark_path(t, r);
    if (path && unlink(path) == 0)
        t->containers.used[r] = false;
}

static void listed(void *arg, const struct sq_child_end *end)
{
    struct sq_engine_call *call = arg;
    struct sq_tasks *t = call->t;
    enum sq_runtime r = call->runtime;
    char id[SQ_CT_ID];
    int64_t execution_id;
    int n = 0;
    call->child = NULL;
    sq_tasks_put_away(t); /* so that what is kept is known to be */
    for (const char *line = end->out; *line; line = strchrnul(line, '\n') + 1, n++) {
        if (sq_container_parse_listed(line, id, &execution_id) &&
            !is_wanted(t, id, execution_id))
            remove_one(t, r, id, true);
        if (!*strchrnul(line, '\n'))
            break;
    }
    if (!succeeded(end))
        sq_log(SQ_LOG_WARNING, "worker", "%s does not list its containers: %s",
               sq_runtime_name(r), end->err);
    else if (n == 0 && !any_in_use(t))
        unmark(t, r);
    free_call(call);
}

static void sweep(void *arg)
{
    struct sq_tasks *t = arg;
    for (int r = 0; r < SQ_RUNTIMES; r++) {
        if (!t->containers.used[r])
            continue;
        struct sq_engine_call *call =
            new_call(t, (enum sq_runtime)r, t->containers.worker);
        if (call)
            run(call, SQ_CT_LIST, LIST_S, listed);
    }
}

void sq_containers_sweep(struct sq_tasks *t)
{
    sq_timer_hasten(t->loop, &t->containers.sweep, SWEEP_US);
}

void sq_containers_use(struct sq_tasks *t, enum sq_runtime r)
{
    if (t->containers.used[r])
        return;
    char *path SQ_CLEANUP(sq_freep) = mark_path(t, r);
    int fd SQ_CLEANUP(sq_closep) =
        path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    t->containers.used[r] = true;
    if (fd < 0)
        sq_log(SQ_LOG_WARNING, "worker", "cannot write to %s: %s", t->conf->state_dir,
               strerror(errno));
}

void sq_containers_init(struct sq_tasks *t)
{
    struct sq_containers *cs = &t->containers;
    const char *state_dir = t->conf->state_dir;
    *cs = (struct sq_containers){.runtime = t->conf->container_runtime,
                                 .sweep = {.fn = sweep, .arg = t}};
    snprintf(cs->worker, sizeof cs->worker, "%016" PRIx64,
             sq_checksum(state_dir, strlen(state_dir)));
    for (int r = 0; r < SQ_RUNTIMES; r++) {
        char *path SQ_CLEANUP(sq_freep) = mark_path(t, (enum sq_runtime)r);
        cs->used[r] = path && access(path, F_OK) == 0;
        if (cs->used[r])
            sq_timer_hasten(t->loop, &cs->sweep, 0);
    }
}

void sq_containers_fini(struct sq_tasks *t)
{
    sq_timer_stop(t->loop, &t->containers.sweep);
    while (t->containers.calls)
        free_call(t->containers.calls);
}
