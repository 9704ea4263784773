/* sync: what is missing or differs, and nothing deleted. */
#include <stdlib.h>
#include <string.h>

#include "cli/fetch/stores.h"
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

static int list_files(struct sq_job *job, const struct sq_place *at, unsigned want,
                      struct sq_moved *moved, struct sq_tree *t, struct sq_err *err)
{
    int rc = sq_tree_list(job, at, want | SQ_LIST_RECURSIVE, t, err);
    for (size_t i = 0; rc == 0 && moved && i < t->n; i++)
        if (t->entries[i].kind == SQ_ENTRY_OTHER)
            sq_moved_skip(moved, t->entries[i].name);
    return rc;
}

int sq_fetch_tree(struct sq_job *job, const struct sq_place *from,
                  const struct sq_place *to, struct sq_moved *moved, struct sq_err *err)
{
    struct sq_tree t;
    int rc = sq_relay_tree(job, from, to, err);
    if (rc != SQ_EUNSUPPORTED)
        return rc;
    sq_tree_init(&t);
    rc = list_files(job, from, 0, moved, &t, err);
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

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sq_entry *)a)->name,
                  ((const struct sq_entry *)b)->name);
}

/* The file in `there` that may be the same as `e`, or NULL. */
static const struct sq_entry *alike(const struct sq_tree *there,
                                    const struct sq_entry *e)
{
    const struct sq_entry *other =
        there->n ? bsearch(e, there->entries, there->n, sizeof *e, by_name) : NULL;
    return other && same_size(e, other) ? other : NULL;
}

/* Keep of `have` what is not in `there`, or not the same. */
static void keep_changed(struct sq_tree *have, const struct sq_tree *there)
{
    size_t kept = 0;
    for (size_t i = 0; i < have->n; i++) {
        const struct sq_entry *other = alike(there, &have->entries[i]);
        if (!other || !same_date(&have->entries[i], other))
            have->entries[kept++] = have->entries[i];
    }
    have->n = kept;
}

/* Is a date of `t` missing, of a file that is alike in `other`? */
static bool lacks_dates(const struct sq_tree *t, const struct sq_tree *other)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->entries[i].date_ns == SQ_UNKNOWN && alike(other, &t->entries[i]))
            return true;
    return false;
}

struct side {
    const struct sq_place *place;
    struct sq_tree files;
    const char *const *patterns;
    size_t n;
};

static int list_side(struct sq_job *job, struct side *side, unsigned want,
                     struct sq_moved *moved, struct sq_err *err)
{
    int rc = list_files(job, side->place, want, moved, &side->files, err);
    sq_tree_keep_files(&side->files, side->patterns, side->n);
    return rc;
}

/* S3 asks for each date on its own: only when it can make a difference. */
static int list_both(struct sq_job *job, struct side *have, struct side *there,
                     struct sq_moved *moved, struct sq_err *err)
{
    int rc = list_side(job, have, 0, moved, err);
    if (rc)
        return rc;
    rc = list_side(job, there, 0, NULL, err);
    if (rc == SQ_ENOENT)
        return 0; /* it will be made */
    bool first = rc == 0 && lacks_dates(&have->files, &there->files);
    bool second = rc == 0 && lacks_dates(&there->files, &have->files);
    if (first)
        rc = list_side(job, have, SQ_WANT_DATE, NULL, err);
    if (rc == 0 && second)
        rc = list_side(job, there, SQ_WANT_DATE, NULL, err);
    return rc;
}

static int sync_places(struct sq_fetch_line *line, const struct sq_place *from,
                       const struct sq_place *to, struct sq_moved *moved,
                       struct sq_err *err)
{
    struct side have = {.place = from}, there = {.place = to};
    have.n = sq_args_all(&line->cli->args, "include", &have.patterns);
    sq_tree_init(&have.files);
    sq_tree_init(&there.files);
    int rc = list_both(&line->job, &have, &there, moved, err);
    if (rc == 0) {
        keep_changed(&have.files, &there.files);
        rc = transfer(&line->job, from, to, &have.files, moved, err);
    }
    sq_tree_fini(&have.files);
    sq_tree_fini(&there.files);
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
