/* sync: what is missing or differs, and nothing deleted. */
#include <stdlib.h>
#include <string.h>

#include "cli/fetch/stores.h"
#include "cli/fetch/transfer.h"
#include "cli/fetch/tree.h"
#include "cli/fetch/verbs.h"

static int transfer(struct sq_job *job, const struct sq_place *from,
                    const struct sq_place *to, struct sq_tree *t,
                    struct sq_moved *moved, struct sq_err *err)
{
    atomic_store(&job->total_bytes, sq_tree_bytes(t));
    const char **names = sq_tree_names(t);
    if (!names)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (to->local)
        return sq_get_names(job, from, to->path, names, t->n, moved, err);
    if (from->local)
        return sq_put_names(job, from->path, to, names, t->n, moved, err);
    return sq_relay_files(job, from, to, t->entries, t->n, moved, err);
}

static int list_files(struct sq_job *job, const struct sq_place *at,
                      struct sq_moved *moved, struct sq_tree *t, struct sq_err *err)
{
    int rc = sq_tree_list(job, at, SQ_WANT_DATE | SQ_LIST_RECURSIVE, t, err);
    for (size_t i = 0; rc == 0 && moved && i < t->n; i++)
        if (t->entries[i].kind == SQ_ENTRY_OTHER)
            sq_moved_skip(moved, t->entries[i].name);
    return rc;
}

int sq_transfer_tree(struct sq_job *job, const struct sq_place *from,
                     const struct sq_place *to, struct sq_moved *moved,
                     struct sq_err *err)
{
    struct sq_tree t;
    int rc = sq_relay_tree(job, from, to, err);
    if (rc != SQ_EUNSUPPORTED)
        return rc;
    sq_tree_init(&t);
    rc = list_files(job, from, moved, &t, err);
    sq_tree_keep_files(&t, NULL, 0);
    if (rc == 0)
        rc = transfer(job, from, to, &t, moved, err);
    sq_tree_fini(&t);
    return rc;
}

/* Of two dates, the coarser storage decides what is the same. */
static bool same_date(const struct sq_entry *a, const struct sq_entry *b)
{
    if (a->date_ns == SQ_UNKNOWN || b->date_ns == SQ_UNKNOWN)
        return true;
    int64_t apart =
        a->date_ns > b->date_ns ? a->date_ns - b->date_ns : b->date_ns - a->date_ns;
    int64_t precision = a->date_precision_ns > b->date_precision_ns
                            ? a->date_precision_ns
                            : b->date_precision_ns;
    return precision ? apart < precision : apart == 0;
}

static bool same_size(const struct sq_entry *a, const struct sq_entry *b)
{
    return a->size_bytes == SQ_UNKNOWN || b->size_bytes == SQ_UNKNOWN ||
           a->size_bytes == b->size_bytes;
}

/* Both sorted by name: keep of `have` what is not in `there`, or not the same. */
static void keep_changed(struct sq_tree *have, const struct sq_tree *there)
{
    size_t kept = 0, k = 0;
    for (size_t i = 0; i < have->n; i++) {
        const struct sq_entry *e = &have->entries[i];
        while (k < there->n && strcmp(there->entries[k].name, e->name) < 0)
            k++;
        bool same = k < there->n && strcmp(there->entries[k].name, e->name) == 0 &&
                    same_size(e, &there->entries[k]) &&
                    same_date(e, &there->entries[k]);
        if (!same)
            have->entries[kept++] = *e;
    }
    have->n = kept;
}

static int sync_places(struct sq_fetch_line *line, const struct sq_place *from,
                       const struct sq_place *to, struct sq_moved *moved,
                       struct sq_err *err)
{
    const char *const *patterns;
    size_t n = sq_args_all(&line->cli->args, "include", &patterns);
    struct sq_tree have, there;
    sq_tree_init(&have);
    sq_tree_init(&there);
    int rc = list_files(&line->job, from, moved, &have, err);
    if (rc == 0) {
        rc = list_files(&line->job, to, NULL, &there, err);
        if (rc == SQ_ENOENT)
            rc = 0; /* it will be made */
    }
    if (rc == 0) {
        sq_tree_keep_files(&have, patterns, n);
        sq_tree_keep_files(&there, NULL, 0);
        keep_changed(&have, &there);
        rc = transfer(&line->job, from, to, &have, moved, err);
    }
    sq_tree_fini(&have);
    sq_tree_fini(&there);
    return rc;
}

int sq_fetch_sync(struct sq_fetch_line *line, struct sq_err *err)
{
    struct sq_place from, to;
    struct sq_moved moved;
    int rc = sq_fetch_folder(line, 0, &from, err);
    if (rc == 0)
        rc = sq_fetch_folder(line, 1, &to, err);
    if (rc)
        return rc;
    sq_moved_init(&moved);
    rc = sync_places(line, &from, &to, &moved, err);
    sq_fetch_tell(line, &moved);
    sq_moved_fini(&moved);
    return rc;
}
