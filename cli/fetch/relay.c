/* From one storage to another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fetch/landing.h"
#include "cli/fetch/many.h"
#include "cli/fetch/move.h"
#include "cli/fetch/stores.h"

struct copy {
    struct sq_store *store;
    struct sq_location from, to;
    struct sq_leg leg;
};

static int copy_once(void *arg, struct sq_err *err)
{
    struct copy *c = arg;
    int rc = c->store->ops->copy(c->store->s, &c->from, &c->to, &c->leg.call, err);
    return sq_store_shown(c->store, rc, err);
}

/* By the storage itself; SQ_EUNSUPPORTED when it cannot. */
static int copy_there(struct sq_job *job, const struct sq_place *from,
                      const char *from_path, const struct sq_place *to,
                      const char *to_path, bool alone, struct sq_err *err)
{
    struct sq_stores *all = job->fetch->stores;
    const struct sq_storage_ops *other;
    struct copy c = {.from = sq_place_at(from, from_path),
                     .to = sq_place_at(to, to_path)};
    int rc = sq_stores_ops(all, to->uri.proto, &other, err);
    if (rc == 0)
        rc = sq_store_take(all, from->uri.proto, &c.store, err);
    if (rc)
        return rc;
    sq_leg_init(&c.leg, job, alone);
    rc = c.store->ops == other && other->copy ? sq_retry(job, copy_once, &c, err)
                                              : SQ_EUNSUPPORTED;
    sq_store_give(all, c.store);
    return rc;
}

/* A folder for what passes by here. */
static int open_stop(struct sq_landing *l, char *path, size_t size, struct sq_err *err)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, size, "%s/scitq-fetch-XXXXXX", base && *base ? base : "/var/tmp");
    if (!mkdtemp(path))
        return sq_fail(err, SQ_EIO, "cannot make a temporary folder %s: set TMPDIR",
                       path);
    int rc = sq_landing_open(path, l, err);
    if (rc)
        rmdir(path);
    return rc;
}

/* By way of here. */
static int by_here(struct sq_job *job, const struct sq_place *from,
                   const char *from_path, const struct sq_place *to,
                   const char *to_path, struct sq_err *err)
{
    struct sq_landing l;
    struct sq_moved moved;
    struct sq_entry entry;
    char stop[4096];
    int64_t files = atomic_load(&job->files); /* counted by the caller */
    int rc = open_stop(&l, stop, sizeof stop, err);
    if (rc)
        return rc;
    sq_moved_init(&moved);
    struct sq_place file = *from;
    file.path = from_path ? from_path : from->path;
    file.uri.action = NULL;
    file.folder = false;
    rc = sq_get(job, &file, l.path, "passing", &moved, err);
    char *path = sq_arena_printf(&moved.arena, "%s/passing", l.path);
    if (rc == 0)
        rc = path ? sq_put_file(job, path, to, to_path, &entry, err)
                  : sq_fail(err, SQ_ENOMEM, "out of memory");
    atomic_store(&job->files, files);
    sq_moved_fini(&moved);
    sq_landing_close(&l);
    rmdir(stop);
    return rc;
}

static int relay_one(struct sq_job *job, const struct sq_place *from,
                     const char *from_path, const struct sq_place *to,
                     const char *to_path, bool alone, struct sq_err *err)
{
    int rc = copy_there(job, from, from_path, to, to_path, alone, err);
    return rc == SQ_EUNSUPPORTED ? by_here(job, from, from_path, to, to_path, err) : rc;
}

int sq_relay_file(struct sq_job *job, const struct sq_place *from,
                  const char *from_path, const struct sq_place *to, const char *to_path,
                  struct sq_err *err)
{
    return relay_one(job, from, from_path, to, to_path, true, err);
}

struct relay {
    struct sq_job *job;
    const struct sq_place *from, *to;
    const char *const *names;
    struct sq_moved *moved;
};

static int relay_name(void *arg, size_t i, struct sq_err *err)
{
    struct relay *r = arg;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, 256 * 1024);
    char *from = sq_place_below(r->from, r->names[i], &arena);
    char *to = sq_place_below(r->to, r->names[i], &arena);
    if (!from || !to)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = relay_one(r->job, r->from, from, r->to, to, false, err);
    if (rc == 0) {
        atomic_fetch_add(&r->job->files, 1);
        sq_moved_file(r->moved, r->names[i]);
    }
    return rc;
}

int sq_relay_names(struct sq_job *job, const struct sq_place *from,
                   const struct sq_place *to, const char *const *names, size_t n,
                   struct sq_moved *moved, struct sq_err *err)
{
    struct relay r = {job, from, to, names, moved};
    atomic_fetch_add(&job->total_files, (int64_t)n);
    return sq_each(job->fetch->parallel, n, relay_name, &r, err);
}
