/* A worker's machine: made by its provider and written down, its worker waited for; or
 * destroyed, and its row with it.  Every step may be done again by another server. */
#include "core/fleet/impl.h"

#include <string.h>

#include "core/model/inventory.h"
#include "core/store/machines.h"
#include "core/store/worker.h"
#include "lib/log.h"

/* How often a provider is asked whether a machine whose worker is awaited still runs:
 * nobody tells. */
enum { LOOK_MS = 5000 };

static int read_machine(struct sq_running *r, struct sq_recruited_machine *ret,
                        struct sq_err *err)
{
    struct sq_db *db;
    if (r->about.worker_id == SQ_NULL)
        return sq_fail(err, SQ_EINVAL, "the job names no worker");
    int rc = sq_pool_get(r->fleet->setup.pool, &db, err);
    if (rc)
        return rc;
    rc = sq_recruited_machine(db, r->about.worker_id, &r->arena, ret, err);
    sq_pool_put(r->fleet->setup.pool, db);
    return rc;
}

struct found {
    int64_t worker_id;
    const struct sq_machine *machine;
    const char *group;
};

static int write_machine(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct found *f = arg;
    return sq_recruited_set_machine(tx, f->worker_id, f->machine->id, f->machine->ipv4,
                                    f->machine->ipv6, f->group, err);
}

/* Ansible takes what it is given as an address for a template, which may run anything
 * here. */
static int check_address(const struct sq_machine *m, const char *provider,
                         struct sq_err *err)
{
    const char *const addresses[] = {m->ipv4, m->ipv6};
    struct sq_err why;
    for (size_t i = 0; i < SQ_LEN(addresses); i++)
        if (*addresses[i] &&
            sq_inventory_check_variable("ansible_host", addresses[i], &why) != 0)
            return sq_fail(err, SQ_EPROTO, "%s tells where the machine is, but %s",
                           provider, why.text);
    return 0;
}

/* Where the provider starts the worker, the machine is none for a playbook. */
static bool is_bare(const struct sq_session *s)
{
    return !(s->ops->flags & SQ_PROVIDER_STARTS_WORKER);
}

static int launch(struct sq_running *r, const struct sq_session *s,
                  const struct sq_recruited_machine *w, struct sq_machine *ret,
                  struct sq_err *err)
{
    struct sq_fleet_site site = {0};
    const char *pass;
    int rc = sq_fleet_worker_pass(r, w, &pass, err);
    if (rc == 0 && is_bare(s))
        rc = sq_fleet_check_site(r, err);
    if (rc == 0 && is_bare(s))
        rc = sq_fleet_read_site(r, &site, err);
    if (rc)
        return rc;
    const struct sq_launch req = {.token = w->token,
                                  .name = w->name,
                                  .flavor = w->flavor,
                                  .region = w->region,
                                  .tags = w->tags,
                                  .ssh_key = site.ssh_key,
                                  .key_name = site.key_name,
                                  .server = r->tuning->server,
                                  .worker_token = *pass ? pass : NULL,
                                  .batch = w->batch,
                                  .concurrency = (int)w->concurrency};
    sq_fleet_say(r, "asking %s for a machine of flavor %s in %s", w->provider,
                 w->flavor, w->region);
    rc = sq_session_told(s, s->ops->launch(s->p, &req, &r->call, ret, err), err);
    if (rc == 0)
        rc = check_address(ret, w->provider, err);
    if (rc)
        return rc;
    sq_fleet_say(r, "%s runs at %s", w->name, ret->ipv4[0] ? ret->ipv4 : ret->ipv6);
    struct found f = {w->worker_id, ret, is_bare(s) ? w->provider : NULL};
    return sq_writer_change(r->fleet->setup.writer, write_machine, &f, &r->arena, err);
}

/* Until it has registered; for as long as its machine runs. */
static int wait_for_worker(struct sq_running *r, const struct sq_session *s,
                           const struct sq_recruited_machine *w, struct sq_err *err)
{
    struct sq_recruited_machine now;
    int rc = 0;
    for (bool said = false; rc == 0; said = true) {
        rc = read_machine(r, &now, err);
        if (rc || now.came)
            return rc;
        if (!said)
            sq_fleet_say(r, "waiting for its worker");
        rc = sq_fleet_wait(r, LOOK_MS, err);
        if (rc)
            return rc;
        struct sq_machine m;
        rc = sq_session_told(s, s->ops->find(s->p, w->token, &r->call, &m, err), err);
        if (rc == 0 && m.state != SQ_MACHINE_RUNNING && m.state != SQ_MACHINE_STARTING)
            rc = sq_fail(err, SQ_EIO, "the machine of %s does not run any more: %s",
                         w->name, m.detail[0] ? m.detail : "no reason is known");
        if (rc == SQ_ENOENT)
            rc = sq_fail(err, SQ_EIO, "the machine of %s is gone", w->name);
    }
    return rc;
}

int sq_fleet_deploy(struct sq_running *r, struct sq_err *err)
{
    struct sq_recruited_machine w;
    struct sq_session s;
    struct sq_machine m;
    int rc = read_machine(r, &w, err);
    if (rc)
        return rc;
    if (!w.provider || !w.token || !w.flavor || !w.region)
        return sq_fail(err, SQ_EINVAL, "the worker %s is nobody's to deploy", w.name);
    rc = sq_session_open(r->fleet, r, w.provider, &s, err);
    if (rc)
        return rc;
    rc = launch(r, &s, &w, &m, err);
    if (rc == 0 && is_bare(&s))
        rc = sq_fleet_configure(r, &w, &m, err);
    if (rc == 0)
        rc = wait_for_worker(r, &s, &w, err);
    if (rc == 0)
        sq_fleet_say(r, "%s has come", w.name);
    sq_session_close(&s);
    return rc;
}

/* ---- the end */

/* Was it to come from a name that is no provider's?  No machine is known then, and none
 * can be asked for; should there be one after all, the janitor will tell. */
static bool is_nobodys(struct sq_running *r, const struct sq_recruited_machine *w)
{
    const struct sq_plugin *plugin;
    if (w->machine || sq_fleet_plugin(r->fleet, w->provider, &plugin, NULL) == 0)
        return false;
    sq_fleet_say(r, "%s is no provider here, and nothing is known to be made for %s",
                 w->provider, w->name);
    return true;
}

static int destroy_machine(struct sq_running *r, const struct sq_recruited_machine *w,
                           struct sq_err *err)
{
    struct sq_session s;
    if (!w->provider || !w->token || is_nobodys(r, w))
        return 0; /* nobody made it for us */
    int rc = sq_session_open(r->fleet, r, w->provider, &s, err);
    if (rc)
        return rc;
    bool bare = is_bare(&s);
    rc = sq_session_told(&s, s.ops->destroy(s.p, w->token, w->machine, &r->call, err),
                         err);
    sq_session_close(&s);
    if (rc == 0)
        sq_fleet_say(r, "%s has nothing of %s any more", w->provider, w->name);
    return rc == 0 && bare && w->machine ? sq_fleet_unconfigure(r, w, err) : rc;
}

static int forget(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    return sq_worker_forget(tx, *(int64_t *)arg, err);
}

int sq_fleet_destroy(struct sq_running *r, struct sq_err *err)
{
    struct sq_recruited_machine w;
    int rc = read_machine(r, &w, err);
    if (rc == SQ_ENOENT) {
        sq_fleet_say(r, "it is gone already");
        return 0;
    }
    if (rc == 0)
        rc = destroy_machine(r, &w, err);
    return rc ? rc
              : sq_writer_change(r->fleet->setup.writer, forget, &w.worker_id,
                                 &r->arena, err);
}

int sq_fleet_destroy_left(struct sq_running *r, struct sq_err *err)
{
    struct sq_recruited_machine w;
    int rc = read_machine(r, &w, err);
    if (rc == 0 && w.came)
        rc = sq_fail(err, SQ_EINVAL, "%s has come after all: delete that worker",
                     w.name);
    return rc ? rc : destroy_machine(r, &w, err);
}

int sq_fleet_keep(struct sq_running *r, struct sq_err *err)
{
    (void)err;
    sq_fleet_say(r,
                 "%s stays known until its machine is seen to be gone: %s"
                 "`scitq-manage job restart -i %lld` tries again once that is mended",
                 r->job.target,
                 r->tuning->janitor_s ? "the janitor tries again, and " : "",
                 (long long)r->job.job_id);
    return 0;
}

struct end {
    int64_t worker_id;
    bool left; /* a machine may be */
};

static int set_failed(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    const struct end *end = arg;
    struct sq_worker w = {.status = SQ_WORKER_FAILED}, ignored;
    int rc = sq_worker_update(tx, end->worker_id, &w, SQ_BIT(SQ_WORKER_F_STATUS),
                              &ignored, err);
    return rc == 0 && end->left ? sq_machine_left(tx, end->worker_id, err) : rc;
}

int sq_fleet_give_up(struct sq_running *r, struct sq_err *err)
{
    struct sq_recruited_machine w;
    struct sq_err why;
    int rc = read_machine(r, &w, err);
    if (rc)
        return rc == SQ_ENOENT ? 0 : rc;
    rc = destroy_machine(r, &w, &why);
    if (rc == SQ_ECANCELED)
        return sq_fail(err, rc, "%s", why.text);
    if (rc)
        sq_fleet_say(r,
                     "what was made may be left at %s, which another job sees to: %s",
                     w.provider, why.text);
    struct end end = {w.worker_id, rc != 0};
    return sq_fleet_insist(r->fleet, set_failed, &end, &r->arena, err);
}
