/* From a storage to here.  Whatever is fetched arrives in the hidden folder of its
 * destination (landing.h) and is renamed out of it when it is whole.  A single file is
 * brought by one instance of the plugin, so that a retry goes on where it stopped; a
 * tree is listed first, and its files are then for many.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fetch/inside.h"
#include "cli/fetch/landing.h"
#include "cli/fetch/many.h"
#include "cli/fetch/move.h"
#include "cli/fetch/stores.h"
#include "cli/fetch/tree.h"
#include "cli/fetch/unpack.h"

struct get {
    struct sq_job *job;
    const struct sq_place *from;
    struct sq_store *store;
    struct sq_location at;
    const char *to; /* the local file */
    struct sq_leg leg;
    struct sq_entry entry;
};

static int get_once(void *arg, struct sq_err *err)
{
    struct get *g = arg;
    g->entry = (struct sq_entry){.size_bytes = SQ_UNKNOWN, .date_ns = SQ_UNKNOWN};
    int rc =
        g->store->ops->get(g->store->s, &g->at, g->to, &g->leg.call, &g->entry, err);
    return sq_store_shown(g->store, rc, err);
}

/* One file, retried by one instance, so that it may go on where it stopped. */
static int get_one(struct sq_job *job, const struct sq_place *from, const char *path,
                   const char *to, bool alone, struct sq_entry *ret, struct sq_err *err)
{
    struct sq_stores *all = job->fetch->stores;
    struct get g = {.job = job, .from = from, .at = sq_place_at(from, path), .to = to};
    int rc = sq_store_take(all, from->uri.proto, &g.store, err);
    if (rc)
        return rc;
    sq_leg_init(&g.leg, job, alone);
    rc = sq_retry(job, get_once, &g, err);
    sq_store_give(all, g.store);
    if (rc == 0)
        *ret = g.entry;
    return rc;
}

/* ---- a single file */

static bool still_going(void *arg, int64_t written_bytes)
{
    (void)written_bytes;
    sq_job_alive(arg);
    return !sq_job_stopped(arg);
}

static int count_file(void *arg, int dir, const char *last, const char *name,
                      const struct stat *st, struct sq_err *err)
{
    (void)dir, (void)last, (void)err;
    if (!S_ISDIR(st->st_mode))
        sq_moved_file(arg, name);
    return 0;
}

/* The archive is whole: its content into the destination. */
static int open_archive(struct sq_job *job, const struct sq_place *from,
                        const char *name, struct sq_landing *l, struct sq_moved *moved,
                        struct sq_err *err)
{
    char plain[NAME_MAX + 5];
    sq_unpack_plain_name(name, plain, sizeof plain);
    struct sq_unpack u = {.archive = l->archive,
                          .shown = from->text,
                          .plain = plain,
                          .to = l->tree,
                          .going = still_going,
                          .arg = job};
    sq_unpack_parse(from->uri.action, &u.kind);
    int rc = sq_unpack(&u, err);
    if (rc == SQ_ECANCELED)
        return sq_job_stop_error(job, err);
    if (rc == 0)
        rc = sq_inside_walk(l->tree, count_file, moved, err);
    return rc ? rc : sq_inside_move(l->tree, l->dest, l->no_replace, err);
}

/* The file is whole, in l->archive: into the destination, under its name. */
static int place_file(const char *name, const struct sq_entry *source,
                      struct sq_landing *l, struct sq_moved *moved, struct sq_err *err)
{
    if (renameat(AT_FDCWD, l->archive, l->tree, name) != 0)
        return sq_fail(err, SQ_EIO, "cannot rename what was fetched to %.200s: %s",
                       name, strerror(errno));
    int rc = sq_landing_place(l, name, source, err);
    if (rc == 0)
        sq_moved_file(moved, name);
    return rc;
}

static int get_file(struct sq_job *job, const struct sq_place *from, const char *name,
                    struct sq_landing *l, struct sq_moved *moved, struct sq_err *err)
{
    enum sq_unpack_kind kind;
    const char *action = from->uri.action;
    struct sq_err why = {0};
    int rc = get_one(job, from, NULL, l->archive, true, &moved->source, &why);
    if (rc == SQ_ENOENT && sq_tree_look(job, from, 0, &moved->source, NULL) == 0 &&
        moved->source.kind == SQ_ENTRY_FOLDER)
        return sq_fail(err, SQ_EINVAL,
                       "%.300s is a folder: with a / at its end its tree is fetched",
                       from->text);
    if (rc)
        return sq_fail(err, rc, "%s", why.text);
    atomic_fetch_add(&job->files, 1);
    if (!action || !sq_unpack_parse(action, &kind))
        return place_file(name, &moved->source, l, moved, err);
    return open_archive(job, from, name, l, moved, err);
}

/* ---- many files of a folder */

static int got(void *arg, const char *name, const struct sq_entry *source,
               struct sq_err *err)
{
    return sq_landing_place(arg, name, source, err);
}

static int get_batch(struct sq_many *m, struct sq_store *store,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err)
{
    struct sq_location at = sq_place_at(m->place, NULL);
    return store->ops->get_files
               ? store->ops->get_files(store->s, &at, files, call, err)
               : SQ_EUNSUPPORTED;
}

static int get_single(struct sq_many *m, const char *name, struct sq_entry *ret,
                      struct sq_err *err)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, 256 * 1024);
    struct sq_landing *l = m->arg;
    char last[NAME_MAX + 1];
    SQ_CLEANUP(sq_closep) int dir = sq_inside_parent(l->tree, name, last, err);
    char *path = sq_place_below(m->place, name, &arena);
    char *to = sq_arena_printf(&arena, "%s/%s", l->tree_path, name);
    if (dir < 0 || !path || !to)
        return dir < 0 ? SQ_EIO : sq_fail(err, SQ_ENOMEM, "out of memory");
    return get_one(m->job, m->place, path, to, false, ret, err);
}

static int get_into(struct sq_job *job, const struct sq_place *from,
                    struct sq_landing *l, const char *const *names, size_t n,
                    struct sq_moved *moved, struct sq_err *err)
{
    struct sq_many many = {.job = job,
                           .place = from,
                           .dir = l->tree_path,
                           .names = names,
                           .n = n,
                           .batch = get_batch,
                           .single = get_single,
                           .finish = got,
                           .arg = l,
                           .moved = moved};
    return sq_many_move(&many, err);
}

static int get_tree(struct sq_job *job, const struct sq_place *from,
                    struct sq_landing *l, struct sq_moved *moved, struct sq_err *err)
{
    struct sq_tree t;
    sq_tree_init(&t);
    int rc = sq_tree_list(job, from, SQ_LIST_RECURSIVE, &t, err);
    for (size_t i = 0; rc == 0 && i < t.n; i++) {
        if (t.entries[i].kind == SQ_ENTRY_FOLDER)
            rc = sq_inside_dir(l->dest, t.entries[i].name, err);
        if (t.entries[i].kind == SQ_ENTRY_OTHER)
            sq_moved_skip(moved, t.entries[i].name);
    }
    if (rc == 0) {
        sq_tree_keep_files(&t, NULL, 0);
        atomic_store(&job->total_bytes, sq_tree_bytes(&t));
        const char **names = sq_tree_names(&t);
        rc = names ? get_into(job, from, l, names, t.n, moved, err)
                   : sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    sq_tree_fini(&t);
    return rc;
}

int sq_get_names(struct sq_job *job, const struct sq_place *from, const char *to,
                 const char *const *names, size_t n, struct sq_moved *moved,
                 struct sq_err *err)
{
    struct sq_landing l;
    int rc = sq_landing_open(to, NULL, &l, err);
    if (rc)
        return sq_place_full(from, to, rc, err);
    rc = get_into(job, from, &l, names, n, moved, err);
    sq_landing_close(&l);
    return sq_place_full(from, to, rc, err);
}

/* Where |mv: leads to, or NULL; `moved` then names what is in that folder. */
static const char *folder_of(const struct sq_place *from)
{
    const char *action = from->uri.action;
    return action && strncmp(action, "mv:", 3) == 0 ? action + 3 : NULL;
}

int sq_get(struct sq_job *job, const struct sq_place *from, const char *to,
           const char *name, struct sq_moved *moved, struct sq_err *err)
{
    struct sq_landing l;
    enum sq_unpack_kind kind;
    char *own = NULL;
    if (from->folder && from->uri.action && sq_unpack_parse(from->uri.action, &kind))
        return sq_fail(err, SQ_EINVAL, "%.200s is a folder: |%s is for one file",
                       from->text, from->uri.action);
    int rc = from->folder || name ? 0 : sq_place_name(from, &moved->arena, &own, err);
    if (rc == 0)
        rc = sq_landing_open(to, folder_of(from), &l, err);
    if (rc)
        return sq_place_full(from, to, rc, err);
    l.no_replace = job->fetch->no_replace;
    rc = from->folder ? get_tree(job, from, &l, moved, err)
                      : get_file(job, from, name ? name : own, &l, moved, err);
    sq_landing_close(&l);
    return sq_place_full(from, to, rc, err);
}
