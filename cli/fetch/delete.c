/* delete: a file, a folder's tree, or the files of a folder that fit patterns. */
#include <string.h>

#include "cli/fetch/stores.h"
#include "cli/fetch/tree.h"
#include "cli/fetch/verbs.h"

enum { LINE_BYTES = 64 * 1024, PATH_BYTES = 256 * 1024, BATCH_MAX = 10000 };

struct removal {
    struct sq_job *job;
    const struct sq_place *at;
    const char *const *names; /* below it; NULL: the place itself */
    size_t n;
};

static int remove_named(struct removal *r, struct sq_store *store, const char *name,
                        struct sq_call *call, struct sq_err *err)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, PATH_BYTES);
    char *path = sq_place_below(r->at, name, &arena);
    struct sq_location at = sq_place_at(r->at, path);
    if (!path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    int rc = store->ops->remove(store->s, &at, call, err);
    return rc == SQ_ENOENT ? 0 : rc; /* gone already, or by an earlier try */
}

static int remove_names(struct removal *r, struct sq_store *store, struct sq_call *call,
                        struct sq_err *err)
{
    struct sq_location at = sq_place_at(r->at, NULL);
    int rc = store->ops->remove_files ? 0 : SQ_EUNSUPPORTED;
    for (size_t i = 0; rc == 0 && i < r->n; i += BATCH_MAX) {
        struct sq_files files = {.names = r->names + i,
                                 .n_names = r->n - i < BATCH_MAX ? r->n - i : BATCH_MAX,
                                 .parallel = r->job->fetch->parallel};
        rc = store->ops->remove_files(store->s, &at, &files, call, err);
    }
    if (rc != SQ_EUNSUPPORTED)
        return rc;
    rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n; i++)
        rc = remove_named(r, store, r->names[i], call, err);
    return rc;
}

static int remove_once(void *arg, struct sq_err *err)
{
    struct removal *r = arg;
    struct sq_stores *all = r->job->fetch->stores;
    struct sq_location at = sq_place_at(r->at, NULL);
    struct sq_store *store;
    struct sq_leg leg;
    int rc = sq_store_take(all, r->at->uri.proto, &store, err);
    if (rc)
        return rc;
    sq_leg_init(&leg, r->job, false);
    if (!store->ops->remove)
        rc = sq_fail(err, SQ_EUNSUPPORTED, "nothing can be deleted at %.200s",
                     r->at->text);
    else if (r->names)
        rc = remove_names(r, store, &leg.call, err);
    else
        rc = store->ops->remove(store->s, &at, &leg.call, err);
    sq_store_shown(store, rc, err);
    sq_store_give(all, store);
    return rc;
}

static int print_names(struct sq_fetch_line *line, const struct sq_place *at,
                       const struct sq_tree *t, struct sq_err *err)
{
    for (size_t i = 0; i < t->n; i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
        sq_buf_init(&text, LINE_BYTES);
        sq_place_print(at, at->folder ? t->entries[i].name : NULL, &text);
        if (!sq_buf_ok(&text))
            return sq_fail(err, SQ_ETOOBIG, "a name is too long to print");
        sq_fetch_print(line, text.data);
    }
    return 0;
}

/* Some of its files, or only telling which. */
static int delete_listed(struct sq_fetch_line *line, const struct sq_place *at,
                         const char *const *patterns, size_t n, struct sq_err *err)
{
    struct sq_tree t;
    struct removal r = {.job = &line->job, .at = at};
    sq_tree_init(&t);
    int rc = sq_tree_list(&line->job, at, SQ_LIST_RECURSIVE, &t, err);
    if (rc == 0 && (n || !at->folder))
        sq_tree_keep_files(&t, patterns, n);
    if (rc == 0 && sq_args_has(&line->cli->args, "dryrun")) {
        rc = print_names(line, at, &t, err);
    } else if (rc == 0) {
        r.names = sq_tree_names(&t);
        r.n = t.n;
        rc = r.names ? sq_retry(&line->job, remove_once, &r, err)
                     : sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    sq_tree_fini(&t);
    return rc;
}

int sq_fetch_delete(struct sq_fetch_line *line, struct sq_err *err)
{
    struct sq_place at;
    const char *const *patterns;
    size_t n = sq_args_all(&line->cli->args, "include", &patterns);
    int rc = sq_fetch_place(line, 0, NULL, &at, err);
    if (rc)
        return rc;
    if (at.uri.action)
        return sq_cli_misuse(line->cli, err, "%s: |%s is for copy", at.text,
                             at.uri.action);
    if (n && !at.folder)
        return sq_cli_misuse(line->cli, err, "--include is for folders: %s/", at.text);
    if (n || sq_args_has(&line->cli->args, "dryrun"))
        return delete_listed(line, &at, patterns, n, err);
    struct removal r = {.job = &line->job, .at = &at};
    return sq_retry(&line->job, remove_once, &r, err);
}
