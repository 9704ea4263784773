/* Lists are collected whole, so that one that breaks in the middle can be asked for
 * again, and what is printed is in order. */
#include "cli/fetch/tree.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fetch/inside.h"
#include "cli/fetch/stores.h"

/* Some millions of names. */
enum { TREE_BYTES = 1024 * 1024 * 1024 };

void sq_tree_init(struct sq_tree *t)
{
    memset(t, 0, sizeof *t);
    sq_arena_init(&t->arena, TREE_BYTES);
}

void sq_tree_fini(struct sq_tree *t)
{
    sq_arena_fini(&t->arena);
}

struct listing {
    struct sq_job *job;
    const struct sq_place *at;
    unsigned want;
    struct sq_tree *t;
    struct sq_err err; /* of add_entry */
};

static int add_entry(void *arg, const struct sq_entry *entry)
{
    struct listing *l = arg;
    struct sq_tree *t = l->t;
    struct sq_err why;
    sq_job_alive(l->job);
    if (sq_inside_check(entry->name, &why) != 0 || sq_inside_is_root(entry->name))
        return sq_fail(&l->err, SQ_EPROTO, "%.200s lists a name that cannot be: %.250s",
                       l->at->text, why.text);
    t->entries = sq_arena_more(&t->arena, t->entries, t->n, &t->cap, sizeof *entry);
    char *name = t->entries ? sq_arena_strdup(&t->arena, entry->name) : NULL;
    if (!name)
        return sq_fail(&l->err, SQ_ENOMEM, "%.200s holds more files than can be listed",
                       l->at->text);
    t->entries[t->n] = *entry;
    t->entries[t->n++].name = name;
    return 0;
}

static int list_once(void *arg, struct sq_err *err)
{
    struct listing *l = arg;
    struct sq_stores *all = l->job->fetch->stores;
    struct sq_location at = sq_place_at(l->at, NULL);
    struct sq_store *store;
    struct sq_leg leg;
    int rc = sq_store_take(all, l->at->uri.proto, &store, err);
    if (rc)
        return rc;
    sq_leg_init(&leg, l->job, false);
    sq_tree_fini(l->t);
    sq_tree_init(l->t);
    l->err.code = 0;
    if (store->ops->list)
        rc = store->ops->list(store->s, &at, l->want, add_entry, l, &leg.call, err);
    else
        rc = sq_fail(err, SQ_EUNSUPPORTED, "%.200s cannot be listed: %s has no lists",
                     l->at->text, l->at->uri.proto);
    sq_store_shown(store, rc, err);
    sq_store_give(all, store);
    return l->err.code ? sq_fail(err, l->err.code, "%s", l->err.text) : rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sq_entry *)a)->name,
                  ((const struct sq_entry *)b)->name);
}

int sq_tree_list(struct sq_job *job, const struct sq_place *at, unsigned want,
                 struct sq_tree *ret, struct sq_err *err)
{
    struct listing l = {.job = job, .at = at, .want = want, .t = ret};
    int rc = sq_retry(job, list_once, &l, err);
    if (rc == 0 && ret->n)
        qsort(ret->entries, ret->n, sizeof *ret->entries, by_name);
    return rc;
}

struct look {
    struct sq_job *job;
    const struct sq_place *place;
    unsigned want;
    struct sq_entry *ret;
};

static int look_once(void *arg, struct sq_err *err)
{
    struct look *l = arg;
    struct sq_stores *all = l->job->fetch->stores;
    struct sq_location at = sq_place_at(l->place, NULL);
    struct sq_store *store;
    struct sq_leg leg;
    int rc = sq_store_take(all, l->place->uri.proto, &store, err);
    if (rc)
        return rc;
    sq_leg_init(&leg, l->job, false);
    rc = store->ops->info(store->s, &at, l->want, &leg.call, l->ret, err);
    sq_store_shown(store, rc, err);
    sq_store_give(all, store);
    return rc;
}

int sq_tree_look(struct sq_job *job, const struct sq_place *at, unsigned want,
                 struct sq_entry *ret, struct sq_err *err)
{
    struct look l = {job, at, want, ret};
    return sq_retry(job, look_once, &l, err);
}

static bool taken(const char *name, const char *const *patterns, size_t n)
{
    const char *slash = strrchr(name, '/');
    for (size_t i = 0; i < n; i++) {
        bool whole = strchr(patterns[i], '/') != NULL;
        if (fnmatch(patterns[i], whole || !slash ? name : slash + 1,
                    whole ? FNM_PATHNAME : 0) == 0)
            return true;
    }
    return n == 0;
}

void sq_tree_keep_files(struct sq_tree *t, const char *const *patterns, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        enum sq_entry_kind kind = t->entries[i].kind;
        if ((kind == SQ_ENTRY_FILE || kind == SQ_ENTRY_LINK) &&
            taken(t->entries[i].name, patterns, n))
            t->entries[kept++] = t->entries[i];
    }
    t->n = kept;
}

int64_t sq_tree_bytes(const struct sq_tree *t)
{
    int64_t sum = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->entries[i].size_bytes > 0)
            sum += t->entries[i].size_bytes;
    return sum;
}

const char **sq_tree_names(struct sq_tree *t)
{
    const char **names = sq_arena_array(&t->arena, t->n + 1, sizeof *names);
    for (size_t i = 0; names && i < t->n; i++)
        names[i] = t->entries[i].name;
    return names;
}
