/* From one storage to another: by the storage itself where both ends are its own and it
 * can copy; else each file, or a batch of small ones, is fetched into a temporary
 * folder (TMPDIR) and stored from there, one batch after the other, so that the disk
 * here has room whatever the size of the tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fetch/landing.h"
#include "cli/fetch/many.h"
#include "cli/fetch/move.h"
#include "cli/fetch/stores.h"
#include "lib/file.h"

/* A storage's own copy costs a program or a few requests for each file: worth it for
 * few files or large ones.  Small ones pass by here, so many at a time that they leave
 * room on the disk. */
enum { FEW_FILES = 5, LARGE_BYTES = 32 * 1000 * 1000, BATCH_FILES = 2000 };
static const int64_t BATCH_BYTES = 1000 * 1000 * 1000;

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
static int open_stop(const struct sq_place *from, struct sq_landing *l, char *path,
                     size_t size, struct sq_err *err)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, size, "%s/scitq-fetch-XXXXXX", base && *base ? base : "/var/tmp");
    if (!mkdtemp(path))
        return sq_fail(
            err, sq_errno_code(errno),
            "cannot make a temporary folder %.150s for %.150s: %s: set TMPDIR", path,
            from->text, strerror(errno));
    int rc = sq_landing_open(path, NULL, l, err);
    if (rc)
        rmdir(path);
    return sq_place_full(from, path, rc, err);
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
    int rc = open_stop(from, &l, stop, sizeof stop, err);
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
    const struct sq_entry *files;
    struct sq_moved *moved;
};

static int relay_name(void *arg, size_t i, struct sq_err *err)
{
    struct relay *r = arg;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, 256 * 1024);
    char *from = sq_place_below(r->from, r->files[i].name, &arena);
    char *to = sq_place_below(r->to, r->files[i].name, &arena);
    if (!from || !to)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = relay_one(r->job, r->from, from, r->to, to, false, err);
    if (rc == 0) {
        atomic_fetch_add(&r->job->files, 1);
        sq_moved_file(r->moved, r->files[i].name);
    }
    return rc;
}

/* Many small files: fetched here together, stored there together. */
static int relay_batch(struct relay *r, const char **names, size_t n,
                       struct sq_err *err)
{
    struct sq_landing l;
    struct sq_moved passing;
    char stop[4096];
    int rc = open_stop(r->from, &l, stop, sizeof stop, err);
    if (rc)
        return rc;
    sq_moved_init(&passing);
    rc = sq_get_names(r->job, r->from, l.tree_path, names, n, &passing, err);
    if (rc == 0)
        rc = sq_put_names(r->job, l.tree_path, r->to, names, n, r->moved, err);
    sq_moved_fini(&passing);
    sq_landing_close(&l);
    rmdir(stop);
    return rc;
}

/* How many of the n files are the next batch; their names. */
static size_t next_batch(const struct sq_entry *files, size_t n, const char **names)
{
    int64_t bytes = 0;
    size_t taken = 0;
    while (taken < n && taken < BATCH_FILES && bytes < BATCH_BYTES) {
        bytes += files[taken].size_bytes > 0 ? files[taken].size_bytes : 0;
        names[taken] = files[taken].name;
        taken++;
    }
    return taken;
}

int sq_relay_files(struct sq_job *job, const struct sq_place *from,
                   const struct sq_place *to, const struct sq_entry *files, size_t n,
                   struct sq_moved *moved, struct sq_err *err)
{
    struct relay r = {job, from, to, files, moved};
    int64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += files[i].size_bytes > 0 ? files[i].size_bytes : 0;
    if (n == 0)
        return 0;
    if (n < FEW_FILES || bytes / (int64_t)n >= LARGE_BYTES) {
        atomic_fetch_add(&job->total_files, (int64_t)n);
        return sq_each(job->fetch->parallel, n, relay_name, &r, err);
    }
    const char **names = calloc(BATCH_FILES, sizeof *names);
    int rc = names ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
    for (size_t i = 0, taken; rc == 0 && i < n; i += taken) {
        taken = next_batch(files + i, n - i, names);
        rc = relay_batch(&r, names, taken, err);
    }
    free(names);
    return rc;
}

int sq_relay_tree(struct sq_job *job, const struct sq_place *from,
                  const struct sq_place *to, struct sq_err *err)
{
    return copy_there(job, from, NULL, to, NULL, true, err);
}
