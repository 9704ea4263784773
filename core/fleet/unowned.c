/* The janitor's round: destructions that failed are tried again, and machines that no
 * worker has are found.  A worker's row and token are there before its machine
 * is asked for and go after that was seen to be gone; rows are read after the
 * provider's list, and a machine without one is looked for once more: so none is taken
 * for nobody's while it is made or destroyed. */
#include "core/fleet/janitor.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/list.h"
#include "core/store/machines.h"
#include "lib/jsonio.h"
#include "lib/log.h"

enum { MACHINES_MAX = 100000 };

static int read_tokens(struct sq_fleet *f, struct sq_arena *arena,
                       struct sq_tokens *ret, struct sq_err *err)
{
    struct sq_db *db;
    int rc = sq_pool_get(f->setup.pool, &db, err);
    if (rc)
        return rc;
    rc = sq_tokens_read(db, arena, ret, err);
    sq_pool_put(f->setup.pool, db);
    return rc;
}

/* Is a worker of this token being made, though somebody deleted its row?  Not by
 * `asking` itself. */
static bool is_under_way(struct sq_fleet *f, const struct sq_running *asking,
                         const char *token)
{
    int64_t worker_id = *token == 'w' ? strtoll(token + 1, NULL, 10) : 0;
    bool any = false;
    pthread_mutex_lock(&f->lock);
    for (struct sq_running *r = f->running; r; r = r->next)
        any = any || (r != asking && r->about.worker_id == worker_id);
    pthread_mutex_unlock(&f->lock);
    return any;
}

/* ---- found */

struct listed {
    struct sq_machine *v;
    size_t n, cap;
    struct sq_arena *arena;
};

static int on_machine(void *arg, const struct sq_machine *m)
{
    struct listed *l = arg;
    if (!*m->token)
        return 0;
    l->v = sq_arena_more(l->arena, l->v, l->n, &l->cap, sizeof *l->v);
    if (!l->v || l->n == MACHINES_MAX)
        return SQ_ETOOBIG;
    l->v[l->n++] = *m;
    return 0;
}

struct unowned {
    struct sq_unowned machine;
    bool destroy, said;
};

static int write_unowned(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    struct unowned *u = arg;
    return sq_machine_unowned(tx, &u->machine, u->destroy, &u->said, err);
}

static int report(struct sq_janitor *j, const char *provider,
                  const struct sq_machine *m, struct sq_err *err)
{
    struct unowned u = {.machine = {.provider = provider,
                                    .token = m->token,
                                    .machine = m->id,
                                    .name = m->name,
                                    .region = m->region},
                        .destroy = sq_tuning(j->fleet->setup.tuned)->janitor_destroys};
    int rc =
        sq_writer_change(j->fleet->setup.writer, write_unowned, &u, &j->arena, err);
    if (rc == 0 && u.said)
        sq_log(SQ_LOG_WARNING, "janitor",
               "%s has a machine of ours that no worker has: %s in %s (%s)%s", provider,
               *m->name ? m->name : m->token, m->region, m->id,
               u.destroy ? ": it is to be destroyed" : "");
    return rc;
}

static int sweep(struct sq_janitor *j, const struct sq_session *s, const char *provider,
                 struct sq_err *err)
{
    struct listed l = {.arena = &j->arena};
    struct sq_tokens tokens = {0};
    int rc = s->ops->list(s->p, on_machine, &l, &j->call, err);
    if (rc == SQ_ETOOBIG)
        return sq_fail(err, rc, "it has more machines than fit in memory");
    if (rc == 0)
        rc = read_tokens(j->fleet, &j->arena, &tokens, err);
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        struct sq_machine m;
        const char *token = l.v[i].token;
        if (sq_tokens_have(&tokens, token) || is_under_way(j->fleet, NULL, token))
            continue;
        rc = s->ops->find(s->p, token, &j->call, &m, err);
        if (rc == 0)
            rc = report(j, provider, &l.v[i], err);
        else if (rc == SQ_ENOENT)
            rc = 0;
    }
    return rc;
}

/* One that is not configured lends nothing. */
static void sweep_named(struct sq_janitor *j, const char *provider, bool *failing)
{
    struct sq_session s;
    struct sq_err err;
    if (sq_session_open(j->fleet, NULL, provider, &s, &err) != 0) {
        sq_log(SQ_LOG_DEBUG, "janitor", "%s is left out: %s", provider, err.text);
        return;
    }
    int rc = sq_session_told(&s, sweep(j, &s, provider, &err), &err);
    if (rc && rc != SQ_ECANCELED && !*failing)
        sq_log(SQ_LOG_WARNING, "janitor", "which machines %s has is not known: %s",
               provider, err.text);
    *failing = rc != 0;
    sq_session_close(&s);
    sq_arena_reset(&j->arena);
}

struct search {
    const struct sq_plugin *plugin;
    const char *name;
};

static void keep_name(void *arg, const char *name, const struct sq_plugin *plugin)
{
    struct search *s = arg;
    if (plugin == s->plugin && !s->name)
        s->name = strdup(name);
}

static int try_again(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    (void)arg;
    return sq_machines_again(tx, err);
}

/* Each module once, by the first of its names. */
void sq_janitor_round(struct sq_janitor *j)
{
    struct sq_err err;
    if (sq_writer_change(j->fleet->setup.writer, try_again, NULL, &j->arena, &err) != 0)
        sq_log(SQ_LOG_WARNING, "janitor", "what could not be destroyed waits: %s",
               err.text);
    sq_arena_reset(&j->arena);
    const struct sq_plugins *ps = j->fleet->setup.plugins;
    for (size_t i = 0; i < sq_plugins_count(ps) && !j->stopping; i++) {
        struct search s = {.plugin = sq_plugins_at(ps, i)};
        if (!s.plugin->provider)
            continue;
        sq_fleet_each_name(ps, sq_tuning(j->fleet->setup.tuned)->providers, keep_name,
                           &s);
        if (s.name)
            sweep_named(j, s.name, &j->failing[i]);
        free((char *)s.name);
    }
}

/* ---- destroyed, by a job */

struct target {
    const char *provider, *token, *machine, *name;
};

static int read_target(struct sq_running *r, json_t **ret_args, struct target *ret,
                       struct sq_err *err)
{
    int rc = sq_json_parse(r->job.args, strlen(r->job.args), ret_args, err);
    if (rc)
        return rc;
    const struct {
        const char *key;
        const char **to;
    } texts[] = {{"provider", &ret->provider},
                 {"token", &ret->token},
                 {"machine", &ret->machine},
                 {"name", &ret->name}};
    for (size_t i = 0; i < SQ_LEN(texts); i++)
        *texts[i].to = json_string_value(json_object_get(*ret_args, texts[i].key));
    return ret->provider && ret->token && ret->machine && ret->name
               ? 0
               : sq_fail(err, SQ_EINVAL, "the job names no machine");
}

static int destroy(struct sq_running *r, const struct target *t, struct sq_err *err)
{
    struct sq_session s;
    struct sq_tokens tokens;
    int rc = read_tokens(r->fleet, &r->arena, &tokens, err);
    if (rc == 0 &&
        (sq_tokens_have(&tokens, t->token) || is_under_way(r->fleet, r, t->token)))
        return sq_fail(err, SQ_EINVAL, "%s is a worker's machine: delete that worker",
                       t->name);
    if (rc == 0)
        rc = sq_session_open(r->fleet, r, t->provider, &s, err);
    if (rc)
        return rc;
    rc = s.ops->destroy(s.p, t->token, t->machine, &r->call, err);
    if (sq_session_told(&s, rc, err) == 0)
        sq_fleet_say(r, "%s has nothing of %s any more", t->provider,
                     *t->name ? t->name : t->token);
    sq_session_close(&s);
    return rc;
}

int sq_fleet_destroy_unowned(struct sq_running *r, struct sq_err *err)
{
    struct target t = {0};
    json_t *args = NULL;
    int rc = r->about.worker_id == SQ_NULL ? SQ_ENOENT : sq_fleet_destroy_left(r, err);
    if (rc != SQ_ENOENT)
        return rc;
    rc = read_target(r, &args, &t, err);
    if (rc == 0)
        rc = destroy(r, &t, err);
    json_decref(args);
    return rc;
}
