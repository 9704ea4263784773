/* From here to a storage: one file; a tree, which is walked first, its empty folders
 * made where the storage has such, and its files then for many.h; and the question,
 * before there is anything to store, whether that could ever be.  A folder that others
 * write to is read through a snapshot of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fetch/inside.h"
#include "cli/fetch/many.h"
#include "cli/fetch/move.h"
#include "cli/fetch/snapshot.h"
#include "cli/fetch/stores.h"
#include "lib/file.h"

enum { PATHS_BYTES = 256 * 1024, TREE_BYTES = 1024 * 1024 * 1024 };

struct put {
    struct sq_store *store;
    struct sq_location at;
    const char *from;
    struct sq_leg leg;
    struct sq_entry *ret;
};

static int put_once(void *arg, struct sq_err *err)
{
    struct put *p = arg;
    int rc =
        p->store->ops->put(p->store->s, p->from, &p->at, &p->leg.call, p->ret, err);
    return sq_store_shown(p->store, rc, err);
}

static int read_only(const struct sq_place *to, struct sq_err *err)
{
    return sq_fail(err, SQ_EUNSUPPORTED,
                   "nothing can be stored at %.200s: %s is read-only", to->text,
                   to->uri.proto);
}

static int put_one(struct sq_job *job, const char *from, const struct sq_place *to,
                   const char *path, bool alone, struct sq_entry *ret,
                   struct sq_err *err)
{
    struct sq_stores *all = job->fetch->stores;
    struct put p = {.at = sq_place_at(to, path), .from = from, .ret = ret};
    *ret = (struct sq_entry){.size_bytes = SQ_UNKNOWN, .date_ns = SQ_UNKNOWN};
    int rc = sq_store_take(all, to->uri.proto, &p.store, err);
    if (rc)
        return rc;
    sq_leg_init(&p.leg, job, alone);
    rc = p.store->ops->put ? sq_retry(job, put_once, &p, err) : read_only(to, err);
    sq_store_give(all, p.store);
    return rc;
}

int sq_put_file(struct sq_job *job, const char *from, const struct sq_place *to,
                const char *path, struct sq_entry *ret, struct sq_err *err)
{
    int rc = put_one(job, from, to, path, true, ret, err);
    if (rc == 0)
        atomic_fetch_add(&job->files, 1);
    return sq_place_full(to, NULL, rc, err);
}

static int put_batch(struct sq_many *m, struct sq_store *store,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err)
{
    struct sq_location at = sq_place_at(m->place, NULL);
    return store->ops->put_files
               ? store->ops->put_files(store->s, &at, files, call, err)
               : SQ_EUNSUPPORTED;
}

static int put_single(struct sq_many *m, const char *name, struct sq_entry *ret,
                      struct sq_err *err)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, PATHS_BYTES);
    char *path = sq_place_below(m->place, name, &arena);
    char *from = sq_arena_printf(&arena, "%s/%s", m->dir, name);
    if (!path || !from)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    return put_one(m->job, from, m->place, path, false, ret, err);
}

int sq_put_names(struct sq_job *job, const char *from, const struct sq_place *to,
                 const char *const *names, size_t n, struct sq_moved *moved,
                 struct sq_err *err)
{
    struct sq_many many = {.job = job,
                           .place = to,
                           .dir = from,
                           .names = names,
                           .n = n,
                           .batch = put_batch,
                           .single = put_single,
                           .moved = moved};
    return sq_place_full(to, NULL, sq_many_move(&many, err), err);
}

/* ---- before there is anything to store */

static bool is_final(int code)
{
    return code == SQ_EINVAL || code == SQ_EEXIST || code == SQ_EAUTH ||
           code == SQ_EUNSUPPORTED;
}

int sq_put_check(struct sq_job *job, const struct sq_place *to, struct sq_err *err)
{
    struct sq_store *store;
    struct sq_leg leg;
    int rc = sq_store_take(job->fetch->stores, to->uri.proto, &store, err);
    if (rc == 0) {
        struct sq_location at = sq_place_at(to, NULL);
        sq_leg_init(&leg, job, false);
        if (!store->ops->put)
            rc = read_only(to, err);
        else if (store->ops->can_put)
            rc = store->ops->can_put(store->s, &at, &leg.call, err);
        rc = sq_store_shown(store, rc, err);
        sq_store_give(job->fetch->stores, store);
    }
    return is_final(rc) ? rc : 0;
}

/* ---- a tree */

struct found {
    struct sq_arena arena;
    const char **files, **empty; /* names of regular files, of empty folders */
    size_t n_files, cap_files, n_empty, cap_empty;
    int64_t bytes;
    struct sq_moved *moved;
    struct sq_snapshot *hold; /* NULL: files are read by their names */
};

static bool is_empty(int dir, const char *last)
{
    int fd = openat(dir, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    int n = 0;
    while (d && n < 3 && readdir(d))
        n++;
    if (d)
        closedir(d);
    else
        sq_closep(&fd);
    return d && n < 3;
}

static int remember(struct found *f, const char *name, const char ***list, size_t *n,
                    size_t *cap, struct sq_err *err)
{
    *list = sq_arena_more(&f->arena, *list, *n, cap, sizeof **list);
    const char *copy = *list ? sq_arena_strdup(&f->arena, name) : NULL;
    if (!copy)
        return sq_fail(err, SQ_ENOMEM, "more files than can be listed");
    (*list)[(*n)++] = copy;
    return 0;
}

/* One that was replaced is no file of the task's any more. */
static int visit_file(struct found *f, int dir, const char *last, const char *name,
                      const struct stat *st, struct sq_err *err)
{
    int rc = f->hold ? sq_snapshot_add(f->hold, dir, last, name, st, err) : 0;
    if (rc == SQ_ENOENT) {
        sq_moved_skip(f->moved, name);
        return 0;
    }
    if (rc == SQ_EUNSUPPORTED)
        f->hold = NULL;
    else if (rc)
        return rc;
    f->bytes += st->st_size;
    return remember(f, name, &f->files, &f->n_files, &f->cap_files, err);
}

static int visit(void *arg, int dir, const char *last, const char *name,
                 const struct stat *st, struct sq_err *err)
{
    struct found *f = arg;
    if (S_ISREG(st->st_mode))
        return visit_file(f, dir, last, name, st, err);
    if (!S_ISDIR(st->st_mode))
        sq_moved_skip(f->moved, name);
    else if (is_empty(dir, last))
        return remember(f, name, &f->empty, &f->n_empty, &f->cap_empty, err);
    return 0;
}

/* Where the storage has folders.  That one is not made is no loss of data. */
static int make_folders(struct sq_job *job, const struct sq_place *to, struct found *f,
                        struct sq_err *err)
{
    struct sq_store *store;
    struct sq_leg leg;
    int rc = sq_store_take(job->fetch->stores, to->uri.proto, &store, err);
    if (rc)
        return rc;
    sq_leg_init(&leg, job, false);
    for (size_t i = 0; store->ops->make_folder && i < f->n_empty && rc == 0; i++) {
        char *path = sq_place_below(to, f->empty[i], &f->arena);
        struct sq_location at = sq_place_at(to, path);
        rc = path ? store->ops->make_folder(store->s, &at, &leg.call, err)
                  : sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    sq_store_shown(store, rc, err);
    sq_store_give(job->fetch->stores, store);
    return rc == SQ_EUNSUPPORTED ? 0 : rc;
}

/* `from` is what the open folder `fd` is called. */
static int put_found(struct sq_job *job, int fd, const char *from,
                     struct sq_snapshot *hold, const struct sq_place *to,
                     struct sq_moved *moved, struct sq_err *err)
{
    struct found f = {.moved = moved, .hold = hold};
    sq_arena_init(&f.arena, TREE_BYTES);
    int rc = sq_inside_walk(fd, visit, &f, err);
    if (rc == 0)
        atomic_store(&job->total_bytes, f.bytes);
    if (rc == 0 && f.n_empty)
        rc = make_folders(job, to, &f, err);
    if (rc == 0)
        rc = sq_put_names(job, f.hold ? f.hold->anchor.path : from, to, f.files,
                          f.n_files, moved, err);
    sq_arena_fini(&f.arena);
    return rc;
}

int sq_put_tree(struct sq_job *job, const char *from, const struct sq_place *to,
                struct sq_moved *moved, struct sq_err *err)
{
    SQ_CLEANUP(sq_closep) int fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sq_fail(err, errno == ENOTDIR ? SQ_EINVAL : sq_errno_code(errno),
                       "cannot read the folder %.300s: %s", from, strerror(errno));
    return put_found(job, fd, from, NULL, to, moved, err);
}

int sq_put_held(struct sq_job *job, const char *from, const struct sq_place *to,
                struct sq_moved *moved, struct sq_err *err)
{
    struct sq_anchor folder;
    struct sq_snapshot hold;
    int rc = sq_anchor_open(from, &folder, err);
    if (rc)
        return rc;
    rc = sq_snapshot_open(from, &hold, err);
    if (rc == 0) {
        rc = put_found(job, folder.fd, folder.path, &hold, to, moved, err);
        if (rc) {
            sq_anchor_show(&hold.anchor, err);
            sq_anchor_show(&folder, err);
        }
        sq_snapshot_close(&hold);
    }
    sq_anchor_close(&folder);
    return rc;
}
