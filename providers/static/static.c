/* Machines of one's own, listed in a file: lent to one worker at a time, taken back
 * when it goes.  A machine is one that answers by SSH; taken back is one whose worker
 * does not run any more.
 *
 * What is lent is in files of the provider's folder (lease.c); the machines themselves
 * are neither made nor changed here, but for the worker's service being ended. */
#include "providers/static/static.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Nothing may ask: nobody is there to answer.  Silent for a minute is gone. */
#define SSH                                                                            \
    "ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o",                     \
        "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", "-o",                 \
        "StrictHostKeyChecking=accept-new"

struct sq_provider {
    struct sq_host *host;
    char owner[SQ_TOKEN_SIZE];
    struct machines machines;
};

static const struct sq_setting settings[] = {
    {"STATIC_MACHINES", SQ_SETTING_TEXT, NULL, 0,
     "file of machines, a line each: name address=… user=… flavor=… region=… cpu=…; "
     "none: /etc/scitq-machines"},
    {NULL}};

/* Nobody has to have machines: only a file that was named must be there. */
static int read_machines(struct sq_provider *p, struct sq_err *err)
{
    static const char usual[] = "/etc/scitq-machines";
    const char *path = p->host->setting(p->host, "STATIC_MACHINES");
    machines_free(&p->machines);
    if (!path && access(usual, F_OK) != 0)
        return 0;
    return machines_read(path ? path : usual, &p->machines, err);
}

static int open_static(struct sq_host *host, const struct sq_provider_conf *conf,
                       struct sq_provider **ret, struct sq_err *err)
{
    struct sq_provider *p = calloc(1, sizeof *p);
    if (!p)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    p->host = host;
    snprintf(p->owner, sizeof p->owner, "%s", conf->owner);
    int rc = read_machines(p, err);
    if (rc)
        free(p);
    else
        *ret = p;
    return rc;
}

static void close_static(struct sq_provider *p)
{
    if (p)
        machines_free(&p->machines);
    free(p);
}

/* The file may have changed since. */
static int begin(struct sq_provider *p, struct sq_call *call, const char **folder,
                 struct sq_err *err)
{
    int rc = call->canceled(call) ? sq_fail(err, SQ_ECANCELED, "canceled")
                                  : p->host->folder(p->host, folder, err);
    return rc ? rc : read_machines(p, err);
}

/* ---- by SSH */

static int keep_last(void *arg, int stream, const char *line, size_t len)
{
    (void)stream;
    (void)len;
    snprintf(arg, 300, "%s", line);
    return 0;
}

static int ssh(struct sq_provider *p, const struct listed *m, const char *command,
               struct sq_call *call, struct sq_err *err)
{
    char port[12], at[2 * SQ_WORD_SIZE + 2], said[300] = "nothing was said";
    snprintf(port, sizeof port, "%d", m->port);
    snprintf(at, sizeof at, "%s%s%s", m->user, *m->user ? "@" : "", m->address);
    const char *const with_key[] = {SSH, "-i", m->identity, "-p", port,
                                    at,  "--", command,     NULL};
    const char *const without[] = {SSH, "-p", port, at, "--", command, NULL};
    const struct sq_run run = {
        .argv = *m->identity ? with_key : without, .line = keep_last, .arg = said};
    int status = 0;
    int rc = p->host->run(p->host, call, &run, &status, err);
    if (rc == SQ_ENOENT)
        return sq_fail(err, SQ_EUNSUPPORTED, "there is no ssh here: install it");
    if (rc == 0 && status != 0)
        rc = sq_fail(err, SQ_EIO, "%s (%s) by SSH: exit code %d: %s", m->name, at,
                     status, said);
    return rc;
}

/* ---- who has what */

struct search {
    const char *token;
    struct lease found;
    bool any;
};

static int match(void *arg, const struct lease *l)
{
    struct search *s = arg;
    if (strcmp(l->token, s->token) != 0)
        return 0;
    s->found = *l;
    s->any = true;
    return 0;
}

static int find_lease(struct sq_provider *p, const char *folder, const char *token,
                      struct search *ret, struct sq_err *err)
{
    *ret = (struct search){.token = token};
    return lease_each(folder, p->owner, match, ret, err);
}

static void tell(struct sq_provider *p, const struct lease *l, struct sq_machine *ret)
{
    const struct listed *m = machines_find(&p->machines, l->machine);
    memset(ret, 0, sizeof *ret);
    strcpy(ret->id, l->machine);
    strcpy(ret->token, l->token);
    strcpy(ret->name, l->name);
    ret->created_s = SQ_UNKNOWN;
    ret->state = m ? SQ_MACHINE_RUNNING : SQ_MACHINE_BROKEN;
    if (!m) {
        strcpy(ret->detail, "it is not in the file of machines any more");
        return;
    }
    strcpy(ret->flavor, m->flavor);
    strcpy(ret->region, m->region);
    strcpy(ret->user, m->user);
    strcpy(ret->identity, m->identity);
    ret->port = m->port;
    strcpy(strchr(m->address, ':') ? ret->ipv6 : ret->ipv4, m->address);
}

/* A free one of that flavor and region that answers: others are passed over. */
static int lend(struct sq_provider *p, const char *folder, const struct sq_launch *req,
                struct sq_call *call, struct lease *ret, struct sq_err *err)
{
    bool flavor = false, region = false;
    int rc, last = SQ_ECAPACITY;
    sq_fail(err, last, "every machine of flavor %s in %s is lent", req->flavor,
            req->region);
    for (size_t i = 0; i < p->machines.n; i++) {
        const struct listed *m = &p->machines.v[i];
        struct sq_err why;
        flavor = flavor || strcmp(m->flavor, req->flavor) == 0;
        region = region || strcmp(m->region, req->region) == 0;
        if (strcmp(m->flavor, req->flavor) != 0 || strcmp(m->region, req->region) != 0)
            continue;
        struct lease l = {0};
        strcpy(l.machine, m->name);
        strcpy(l.owner, p->owner);
        snprintf(l.token, sizeof l.token, "%s", req->token);
        snprintf(l.name, sizeof l.name, "%s", req->name);
        rc = lease_take(folder, &l, &why);
        if (rc == SQ_EEXIST)
            continue;
        bool taken = rc == 0;
        if (taken)
            rc = ssh(p, m, "true", call, &why);
        if (rc == 0) {
            *ret = l;
            return 0;
        }
        if (taken) /* else it is somebody's */
            lease_drop(folder, m->name, NULL);
        last = sq_fail(err, rc, "%s", why.text);
        if (rc == SQ_ECANCELED)
            return rc;
        p->host->log(p->host, SQ_SAY_WARNING, "%s", why.text);
    }
    if (!flavor)
        return sq_fail(err, SQ_EINVAL, "no machine has the flavor %s", req->flavor);
    if (!region)
        return sq_fail(err, SQ_EINVAL, "no machine is in the region %s", req->region);
    return last;
}

static int launch(struct sq_provider *p, const struct sq_launch *req,
                  struct sq_call *call, struct sq_machine *ret, struct sq_err *err)
{
    const char *folder;
    struct search s;
    int rc = begin(p, call, &folder, err);
    if (rc == 0)
        rc = find_lease(p, folder, req->token, &s, err);
    if (rc)
        return rc;
    const struct listed *m =
        s.any ? machines_find(&p->machines, s.found.machine) : NULL;
    /* One that was taken from the file is given up, one that was lent is looked at. */
    if (s.any && !m)
        rc = lease_drop(folder, s.found.machine, err);
    if (rc == 0)
        rc = m ? ssh(p, m, "true", call, err)
               : lend(p, folder, req, call, &s.found, err);
    if (rc == 0)
        tell(p, &s.found, ret);
    return rc;
}

static int find(struct sq_provider *p, const char *token, struct sq_call *call,
                struct sq_machine *ret, struct sq_err *err)
{
    const char *folder;
    struct search s;
    int rc = begin(p, call, &folder, err);
    if (rc == 0)
        rc = find_lease(p, folder, token, &s, err);
    if (rc)
        return rc;
    if (!s.any)
        return sq_fail(err, SQ_ENOENT, "no machine is lent to %s", token);
    tell(p, &s.found, ret);
    return 0;
}

/* A stopped worker leaves its tasks running, as the next one would go on with them:
 * here they end too, and their containers, before anybody else may have the machine. */
#define CLEAR                                                                          \
    "s=; [ \"$(id -u)\" = 0 ] || s='sudo -n'; "                                        \
    "$s systemctl disable scitq-worker.service; "                                      \
    "$s systemctl kill -s KILL scitq-worker.service; "                                 \
    "$s systemctl stop scitq-worker.service scitq-build.slice; "                       \
    "for e in docker podman; do command -v $e >/dev/null || continue; "                \
    "$s $e ps -aq --filter label=scitq.worker | xargs -r $s $e rm -f; done; "          \
    "! systemctl is-active --quiet scitq-worker.service"

static int destroy(struct sq_provider *p, const char *token, const char *id,
                   struct sq_call *call, struct sq_err *err)
{
    const char *folder;
    struct search s;
    (void)id;
    int rc = begin(p, call, &folder, err);
    if (rc == 0)
        rc = find_lease(p, folder, token, &s, err);
    if (rc || !s.any)
        return rc;
    const struct listed *m = machines_find(&p->machines, s.found.machine);
    if (m)
        rc = ssh(p, m, CLEAR, call, err);
    return rc ? rc : lease_drop(folder, s.found.machine, err);
}

struct listing {
    struct sq_provider *p;
    sq_machine_fn each;
    void *arg;
};

static int tell_each(void *arg, const struct lease *l)
{
    const struct listing *listing = arg;
    struct sq_machine m;
    tell(listing->p, l, &m);
    return listing->each(listing->arg, &m);
}

static int list(struct sq_provider *p, sq_machine_fn each, void *arg,
                struct sq_call *call, struct sq_err *err)
{
    const char *folder;
    struct listing l = {p, each, arg};
    int rc = begin(p, call, &folder, err);
    return rc ? rc : lease_each(folder, p->owner, tell_each, &l, err);
}

/* ---- the catalog: of machines alike the first says what they are */

static bool is_first(const struct machines *ms, size_t i, bool in_region)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(ms->v[k].flavor, ms->v[i].flavor) == 0 &&
            (!in_region || strcmp(ms->v[k].region, ms->v[i].region) == 0))
            return false;
    return true;
}

static int flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                   struct sq_call *call, struct sq_err *err)
{
    const char *folder;
    int rc = begin(p, call, &folder, err);
    for (size_t i = 0; rc == 0 && i < p->machines.n; i++) {
        const struct listed *m = &p->machines.v[i];
        if (is_first(&p->machines, i, false))
            rc = each(arg, &(struct sq_flavor){.name = m->flavor,
                                               .cpu = m->cpu,
                                               .ram_gb = m->ram_gb,
                                               .disk_gb = m->disk_gb,
                                               .gpu = m->gpu,
                                               .gpumem_gb = m->gpumem_gb,
                                               .tags = m->tags});
    }
    return rc;
}

static int offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    const char *folder;
    int rc = begin(p, call, &folder, err);
    for (size_t i = 0; rc == 0 && i < p->machines.n; i++) {
        const struct listed *m = &p->machines.v[i];
        if (is_first(&p->machines, i, true))
            rc = each(arg, &(struct sq_offer){.flavor = m->flavor,
                                              .region = m->region,
                                              .cost = m->cost});
    }
    return rc;
}

/* A region has the processors of its machines, and no more. */
static int quotas(struct sq_provider *p, sq_quota_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    const char *folder;
    int rc = begin(p, call, &folder, err);
    for (size_t i = 0; rc == 0 && i < p->machines.n; i++) {
        const struct listed *v = p->machines.v;
        int64_t cpus = 0;
        bool first = true;
        for (size_t k = 0; k < p->machines.n; k++)
            if (strcmp(v[k].region, v[i].region) == 0) {
                cpus += v[k].cpu;
                first = first && k >= i;
            }
        if (first)
            rc = each(arg, &(struct sq_quota){.region = v[i].region, .cpus = cpus});
    }
    return rc;
}

extern const struct sq_provider_ops static_LTX_sq_provider;
const struct sq_provider_ops static_LTX_sq_provider = {
    .abi = SQ_PROVIDER_ABI,
    .name = "static",
    .help = "machines of one's own, listed in a file and reached by SSH",
    .settings = settings,
    .flags = SQ_PROVIDER_OFFLINE,
    .open = open_static,
    .close = close_static,
    .launch = launch,
    .find = find,
    .destroy = destroy,
    .list = list,
    .flavors = flavors,
    .offers = offers,
    .quotas = quotas,
};
