/* The plugin's own batches first, of at most BATCH_MAX names: it tells of each file
 * that is done, which leaves the list, and a retry calls for those that are left.  A
 * plugin that has no batches says so, and then each file is a call of its own, several
 * at a time. */
#include "cli/fetch/many.h"

#include <stdlib.h>
#include <string.h>

#include "cli/fetch/stores.h"

/* storage.h: at most so many names a call. */
enum { BATCH_MAX = 10000 };

struct batch {
    struct sq_many *m;
    struct sq_store *store;
    const char **names; /* those that are left */
    bool *done;         /* parallel to names, of the call under way */
    size_t n;
    struct sq_files files;
    struct sq_leg leg;
    int64_t done_bytes; /* of the files that are done, in all calls */
    struct sq_err err;  /* of `finish` */
};

static int finish(struct sq_many *m, const char *name, const struct sq_entry *entry,
                  struct sq_err *err)
{
    int rc = m->finish ? m->finish(m->arg, name, entry, err) : 0;
    if (rc == 0) {
        atomic_fetch_add(&m->job->files, 1);
        sq_moved_file(m->moved, name);
    }
    return rc;
}

static void batch_done(void *arg, size_t i, const struct sq_entry *entry)
{
    struct batch *b = arg;
    if (i >= b->files.n_names || b->done[i] || b->err.code)
        return;
    sq_job_alive(b->m->job);
    if (finish(b->m, b->files.names[i], entry, &b->err) != 0)
        return;
    b->done[i] = true;
    if (entry->size_bytes > 0)
        b->done_bytes += entry->size_bytes;
}

/* Take out of the list what is done. */
static void drop_done(struct batch *b, size_t called)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++)
        if (i >= called || !b->done[i])
            b->names[kept++] = b->names[i];
    b->n = kept;
}

static int batch_call(struct batch *b, struct sq_err *err)
{
    struct sq_job *job = b->m->job;
    b->files.names = b->names;
    b->files.n_names = b->n < BATCH_MAX ? b->n : BATCH_MAX;
    memset(b->done, 0, b->files.n_names * sizeof *b->done);
    size_t called = b->files.n_names;
    int64_t before = b->done_bytes;
    sq_leg_init(&b->leg, job, false);
    int rc = b->m->batch(b->m, b->store, &b->files, &b->leg.call, err);
    sq_store_shown(b->store, rc, err);
    drop_done(b, called);
    /* What counts now is what is done, not what was under way. */
    atomic_fetch_add(&job->moved_bytes, b->done_bytes - before - b->leg.done_bytes);
    if (b->err.code)
        rc = sq_fail(err, b->err.code, "%s", b->err.text);
    b->err.code = 0;
    return rc;
}

static int batch_try(void *arg, struct sq_err *err)
{
    struct batch *b = arg;
    while (b->n) {
        size_t before = b->n;
        int rc = batch_call(b, err);
        if (rc == 0 && b->n == before)
            rc = sq_fail(err, SQ_EPROTO, "%s moved none of %zu files and said nothing",
                         b->store->ops->name, before);
        if (rc)
            return rc;
    }
    return 0;
}

static int move_batches(struct sq_many *m, struct sq_err *err)
{
    struct sq_stores *all = m->job->fetch->stores;
    struct batch b = {.m = m, .n = m->n};
    b.files = (struct sq_files){.dir = m->dir,
                                .parallel = m->job->fetch->parallel,
                                .done = batch_done,
                                .arg = &b};
    b.names = calloc(m->n + 1, sizeof *b.names);
    b.done = calloc(BATCH_MAX, sizeof *b.done);
    int rc = b.names && b.done ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
    if (rc == 0)
        rc = sq_store_take(all, m->place->uri.proto, &b.store, err);
    if (rc == 0) {
        memcpy(b.names, m->names, m->n * sizeof *b.names);
        rc = sq_retry(m->job, batch_try, &b, err);
        sq_store_give(all, b.store);
    }
    free(b.names);
    free(b.done);
    return rc;
}

static int move_single(void *arg, size_t i, struct sq_err *err)
{
    struct sq_many *m = arg;
    struct sq_entry entry = {.size_bytes = SQ_UNKNOWN, .date_ns = SQ_UNKNOWN};
    int rc = m->single(m, m->names[i], &entry, err);
    return rc ? rc : finish(m, m->names[i], &entry, err);
}

int sq_many_move(struct sq_many *m, struct sq_err *err)
{
    if (m->n == 0)
        return 0;
    atomic_fetch_add(&m->job->total_files, (int64_t)m->n);
    int rc = move_batches(m, err);
    if (rc != SQ_EUNSUPPORTED)
        return rc;
    return sq_each(m->job->fetch->parallel, m->n, move_single, m, err);
}
