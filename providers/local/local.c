/* The embedded provider: a machine is a scitq-worker with state of its own on the
 * server's machine, so that everything about recruiting can be tried without an
 * account.
 *
 * A machine outlives the server; it is found again by its folder, its lock and the mark
 * of its processes, and destroying it kills all of them: but not what a task detached
 * and gave another environment. */
#include "providers/local/local.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static const struct sq_setting settings[] = {
    {"LOCAL_WORKER", SQ_SETTING_TEXT, NULL, 0,
     "the worker's program; none: the one installed with the server"},
    {"LOCAL_FLAVORS", SQ_SETTING_TEXT, NULL, 0,
     "list of name:cpu:ram_GB:disk_GB:cost:eviction_%[:TAGS]; none: one called local"},
    {"LOCAL_REGIONS", SQ_SETTING_TEXT, "here", 0, "list of regions"},
    {"LOCAL_QUOTA", SQ_SETTING_INT, NULL, 0,
     "processors of all machines of a region; none: no limit"},
    {MARK, SQ_SETTING_TEXT, NULL, 0,
     "set by scitq on a machine: its folder, in which a file `evict` takes it back"},
    {NULL}};

/* A program that is not there would be found out by the first machine only. */
static int check_program(struct sq_host *host, struct sq_err *err)
{
    const char *told = process_told(host);
    return !told || access(told, X_OK) == 0
               ? 0
               : sq_fail(err, SQ_EINVAL, "LOCAL_WORKER: cannot run %s: %s", told,
                         strerror(errno));
}

static int open_local(struct sq_host *host, const struct sq_provider_conf *conf,
                      struct sq_provider **ret, struct sq_err *err)
{
    struct catalog c;
    int rc = catalog_read(host, &c, err);
    if (rc == 0)
        rc = check_program(host, err);
    if (rc)
        return rc;
    struct sq_provider *p = calloc(1, sizeof *p);
    if (!p)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    p->host = host;
    strncpy(p->owner, conf->owner, sizeof p->owner - 1);
    *ret = p;
    return 0;
}

static void close_local(struct sq_provider *p)
{
    free(p);
}

static int stopped(struct sq_call *call, struct sq_err *err)
{
    return call->canceled(call) ? sq_fail(err, SQ_ECANCELED, "canceled") : 0;
}

/* ---- machines */

/* What there is of a token.  SQ_ENOENT. */
static int look(struct sq_provider *p, const char *token, struct sq_machine *ret,
                struct sq_err *err)
{
    struct folder f;
    struct sq_machine m;
    int lock = -1;
    int rc = folder_of(p, token, &f, err);
    if (rc == 0)
        rc = folder_read(&f, &m, err);
    if (rc == 0)
        rc = process_lock(&f, &lock, err);
    if (rc)
        return rc;
    m.state = lock < 0 ? SQ_MACHINE_RUNNING : SQ_MACHINE_STOPPED;
    if (lock >= 0) {
        close(lock);
        strcpy(m.detail, "its worker has ended");
    }
    strncpy(m.token, token, sizeof m.token - 1);
    *ret = m;
    return 0;
}

static int check_place(struct sq_provider *p, const struct sq_launch *req,
                       struct sq_err *err)
{
    struct catalog c;
    int rc = catalog_read(p->host, &c, err), i = 0;
    if (rc)
        return rc;
    while (i < c.n_flavors && strcmp(c.flavors[i].name, req->flavor) != 0)
        i++;
    if (i == c.n_flavors)
        return sq_fail(err, SQ_EINVAL, "there is no flavor %s here (LOCAL_FLAVORS)",
                       req->flavor);
    for (i = 0; i < c.n_regions && strcmp(c.regions[i], req->region) != 0;)
        i++;
    return i < c.n_regions
               ? 0
               : sq_fail(err, SQ_EINVAL, "there is no region %s here (LOCAL_REGIONS)",
                         req->region);
}

static int launch(struct sq_provider *p, const struct sq_launch *req,
                  struct sq_call *call, struct sq_machine *ret, struct sq_err *err)
{
    struct folder f;
    int lock = -1;
    int rc = stopped(call, err);
    if (rc == 0)
        rc = check_place(p, req, err);
    if (rc == 0)
        rc = folder_of(p, req->token, &f, err);
    if (rc == 0)
        rc = folder_make(&f, req, err);
    if (rc == 0)
        rc = process_lock(&f, &lock, err);
    if (rc)
        return rc;
    if (lock < 0)
        p->host->log(p->host, SQ_SAY_INFO, "%s runs already", req->name);
    else
        rc = process_start(p, &f, req, lock, err);
    if (lock >= 0)
        close(lock);
    if (rc)
        return rc;
    call->progress(call, 100, 100);
    return look(p, req->token, ret, err);
}

static int find(struct sq_provider *p, const char *token, struct sq_call *call,
                struct sq_machine *ret, struct sq_err *err)
{
    int rc = stopped(call, err);
    return rc ? rc : look(p, token, ret, err);
}

static int destroy(struct sq_provider *p, const char *token, const char *id,
                   struct sq_call *call, struct sq_err *err)
{
    struct folder f;
    struct sq_machine m;
    struct sq_err why;
    (void)id;
    int rc = stopped(call, err);
    if (rc == 0)
        rc = folder_of(p, token, &f, err);
    if (rc)
        return rc;
    rc = folder_read(&f, &m, &why);
    if (rc == SQ_ENOENT)
        return 0;
    rc = process_kill(p, &f, call, err);
    return rc ? rc : folder_remove(p, &f, call, err);
}

struct listing {
    struct sq_provider *p;
    sq_machine_fn each;
    void *arg;
    struct sq_call *call;
    struct sq_err *err;
};

static int tell(void *arg, const char *token)
{
    struct listing *l = arg;
    struct sq_machine m;
    int rc = stopped(l->call, l->err);
    if (rc == 0)
        rc = look(l->p, token, &m, l->err);
    if (rc == SQ_ENOENT) /* it went meanwhile */
        return 0;
    return rc ? rc : l->each(l->arg, &m);
}

static int list(struct sq_provider *p, sq_machine_fn each, void *arg,
                struct sq_call *call, struct sq_err *err)
{
    struct listing l = {p, each, arg, call, err};
    int rc = stopped(call, err);
    return rc ? rc : folder_each(p, tell, &l, err);
}

/* ---- the catalog */

static int flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                   struct sq_call *call, struct sq_err *err)
{
    struct catalog c;
    int rc = stopped(call, err);
    if (rc == 0)
        rc = catalog_read(p->host, &c, err);
    for (int i = 0; rc == 0 && i < c.n_flavors; i++) {
        const struct flavor *f = &c.flavors[i];
        rc = each(arg, &(struct sq_flavor){.name = f->name,
                                           .cpu = f->cpu,
                                           .ram_gb = f->ram_gb,
                                           .disk_gb = f->disk_gb,
                                           .gpu = "",
                                           .tags = f->tags});
    }
    return rc;
}

static int offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    struct catalog c;
    int rc = stopped(call, err);
    if (rc == 0)
        rc = catalog_read(p->host, &c, err);
    for (int i = 0; rc == 0 && i < c.n_flavors * c.n_regions; i++) {
        const struct flavor *f = &c.flavors[i / c.n_regions];
        rc = each(arg, &(struct sq_offer){.flavor = f->name,
                                          .region = c.regions[i % c.n_regions],
                                          .cost = f->cost,
                                          .eviction = f->eviction});
    }
    return rc;
}

static int quotas(struct sq_provider *p, sq_quota_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    struct catalog c;
    int64_t cpus = p->host->setting_int(p->host, "LOCAL_QUOTA");
    int rc = stopped(call, err);
    if (rc == 0)
        rc = catalog_read(p->host, &c, err);
    for (int i = 0; rc == 0 && i < c.n_regions; i++)
        rc = each(arg, &(struct sq_quota){.region = c.regions[i], .cpus = cpus});
    return rc;
}

/* ---- on the machine: a file `evict` in its folder takes it back */

static int wait_for(const char *path, int fd, struct sq_call *call, struct sq_err *err)
{
    char events[4096];
    while (access(path, F_OK) != 0) {
        struct pollfd p[] = {{.fd = fd, .events = POLLIN},
                             {.fd = call->cancel_fd, .events = POLLIN}};
        int rc = stopped(call, err);
        if (rc)
            return rc;
        poll(p, 2, call->cancel_fd < 0 ? 200 : -1);
        if (p[0].revents && read(fd, events, sizeof events) < 0 && errno != EINTR)
            return sq_fail(err, SQ_EIO, "cannot watch %s: %s", path, strerror(errno));
    }
    return 0;
}

static int watch(struct sq_host *host, struct sq_call *call, struct sq_err *err)
{
    char path[PATH_MAX + 10];
    const char *folder = host->setting(host, MARK);
    if (!folder)
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "this is no machine of the local provider");
    snprintf(path, sizeof path, "%.*s/evict", PATH_MAX - 10, folder);
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 || inotify_add_watch(fd, folder, IN_CREATE | IN_MOVED_TO) < 0) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        return sq_fail(err, SQ_EIO, "cannot watch %s: %s", folder, strerror(e));
    }
    int rc = wait_for(path, fd, call, err);
    close(fd);
    return rc;
}

extern const struct sq_provider_ops local_LTX_sq_provider;
const struct sq_provider_ops local_LTX_sq_provider = {
    .abi = SQ_PROVIDER_ABI,
    .name = "local",
    .help = "worker processes on the server's own machine",
    .settings = settings,
    .flags = SQ_PROVIDER_STARTS_WORKER | SQ_PROVIDER_OFFLINE,
    .open = open_local,
    .close = close_local,
    .launch = launch,
    .find = find,
    .destroy = destroy,
    .list = list,
    .flavors = flavors,
    .offers = offers,
    .quotas = quotas,
    .watch = watch,
};
