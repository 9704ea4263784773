/* Many files in one command: the names go to rclone's standard input, and each file
 * that it says it copied is told as done.  What a storage shows while it arrives goes
 * to a folder of its own first (partial.h); a second command renames what is whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/rclone/entry.h"
#include "plugins/rclone/partial.h"
#include "plugins/rclone/place.h"
#include "plugins/rclone/transfer.h"

/* rclone asks for each name on its own, a request before the one that moves the file;
 * or, from so many names on, lists the folders that hold them: a request each and one
 * more for every thousand other files there. */
enum { LIST_FROM = 50 };

struct item {
    char *name; /* in rclone's writing */
    size_t index;
    int is_moved;  /* by the command that runs */
    int is_wanted; /* of the next command */
};

struct batch {
    const struct sq_files *files;
    const struct remote *remote;
    struct item *items; /* sorted by name */
    size_t n_moved;
    int is_last; /* what is moved now is done */
    char *input;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static void batch_fini(struct batch *b)
{
    size_t i;
    for (i = 0; b->items && i < b->files->n_names; i++)
        free(b->items[i].name);
    free(b->items);
    free(b->input);
}

static int batch_init(struct batch *b, const struct sq_files *files,
                      const struct remote *remote, struct sq_err *err)
{
    size_t i;
    *b = (struct batch){.files = files, .remote = remote};
    b->items = calloc(files->n_names + 1, sizeof *b->items);
    if (!b->items)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    for (i = 0; i < files->n_names; i++) {
        if (!name_is_text(files->names[i]))
            return sq_fail(
                err, SQ_EINVAL,
                "the name \"%s\" is not UTF-8 text, and rclone knows only names "
                "that are: give the file another one",
                files->names[i]);
        b->items[i].name = name_encode(files->names[i]);
        b->items[i].index = i;
        b->items[i].is_wanted = 1;
        if (!b->items[i].name)
            return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    qsort(b->items, files->n_names, sizeof *b->items, by_name);
    return 0;
}

static void start_pass(struct batch *b)
{
    size_t i;
    b->n_moved = 0;
    for (i = 0; i < b->files->n_names; i++)
        b->items[i].is_moved = 0;
}

/* The names wanted, a line each, for the next command. */
static int take_input(struct batch *b, struct command *c, struct sq_err *err)
{
    size_t i, size = 1, len;
    char *at;
    for (i = 0; i < b->files->n_names; i++)
        size += strlen(b->items[i].name) + 1;
    free(b->input);
    at = b->input = malloc(size);
    if (!at)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    for (i = 0; i < b->files->n_names; i++) {
        if (!b->items[i].is_wanted)
            continue;
        len = strlen(b->items[i].name);
        memcpy(at, b->items[i].name, len);
        at[len] = '\n';
        at += len + 1;
    }
    c->input = b->input;
    c->input_len = (size_t)(at - b->input);
    command_add(c, "--files-from-raw");
    command_add(c, "-");
    if (b->files->n_names < LIST_FROM)
        command_add(c, "--no-traverse");
    return 0;
}

static void tell(struct batch *b, const struct item *item)
{
    const char *name = b->files->names[item->index];
    struct sq_entry entry;
    char *path = NULL;
    if (asprintf(&path, "%s/%s", b->files->dir, name) < 0)
        return;
    if (entry_local(path, b->remote, &entry, NULL) == 0) {
        entry.name = name;
        b->files->done(b->files->arg, item->index, &entry);
    }
    free(path);
}

static void set_moved(struct batch *b, struct item *item)
{
    if (item->is_moved)
        return;
    item->is_moved = 1;
    b->n_moved++;
    if (b->is_last)
        tell(b, item);
}

static void on_moved(void *arg, const char *object)
{
    struct batch *b = arg;
    struct item key = {.name = (char *)object}, *item;
    item = bsearch(&key, b->items, b->files->n_names, sizeof *b->items, by_name);
    if (item)
        set_moved(b, item);
}

/* What one command over the wanted names is. */
struct pass {
    const char *verb, *doing;
    const struct sq_location *at;
    const char *from, *to;
    int is_fresh;
    int64_t done_bytes;
    int is_whole; /* all there is, not by names: a folder may be renamed at once then */
};

static int run_pass(struct sq_storage *s, struct batch *b, struct pass *pass,
                    struct sq_call *call, struct sq_err *err)
{
    struct command c;
    size_t i;
    int rc = 0;
    command_init(&c, s, call, pass->verb);
    start_pass(b);
    if (!pass->is_whole)
        rc = take_input(b, &c, err);
    command_add(&c, "--copy-links");
    command_add(&c, pass->is_fresh ? "--no-check-dest" : "--ignore-times");
    command_addf(&c, "--transfers=%d", b->files->parallel > 0 ? b->files->parallel : 1);
    command_streams(&c, pass->at->proto);
    command_add(&c, "--");
    command_add(&c, pass->from);
    command_add(&c, pass->to);
    c.moved = on_moved;
    c.arg = b;
    c.done_bytes = pass->done_bytes;
    if (rc == 0)
        rc = command_run(&c, pass->doing, pass->at, err);
    pass->done_bytes = c.done_bytes;
    command_fini(&c);
    /* A folder renamed at once says nothing of its files. */
    for (i = 0; rc == 0 && pass->is_whole && i < b->files->n_names; i++)
        set_moved(b, &b->items[i]);
    return rc;
}

/* rclone passes over names that are not there without a word. */
static int all_moved(const struct batch *b, const struct pass *pass, struct sq_err *err)
{
    size_t i;
    for (i = 0; i < b->files->n_names; i++)
        if (b->items[i].is_wanted && !b->items[i].is_moved)
            return sq_fail(err, SQ_ENOENT, "cannot %s %s://%.150s: there is no %.150s",
                           pass->doing, pass->at->proto, pass->at->path,
                           b->files->names[b->items[i].index]);
    return 0;
}

static int move_all(struct sq_storage *s, struct batch *b, struct pass *pass,
                    struct sq_call *call, struct sq_err *err)
{
    int rc = run_pass(s, b, pass, call, err);
    return rc ? rc : all_moved(b, pass, err);
}

int rclone_get_files(struct sq_storage *s, const struct sq_location *from,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err)
{
    struct pass pass = {"copy", "fetch", from, NULL, files->dir, 1, 0, 0};
    const struct remote *remote;
    struct batch b = {.files = files};
    struct place p;
    int rc = place_init(&p, from, err);
    if (rc)
        return rc;
    pass.from = p.whole;
    rc = remote_get(s, from, call, &remote, err);
    if (rc == 0)
        rc = batch_init(&b, files, remote, err);
    b.is_last = 1;
    if (rc == 0)
        rc = move_all(s, &b, &pass, call, err);
    batch_fini(&b);
    place_fini(&p);
    return rc;
}

struct upload {
    struct sq_storage *s;
    struct batch *b;
    const struct place *to;
    struct sq_call *call;
};

/* What came whole into the partial folder gets its place even when others failed. */
static int put_and_rename(void *arg, const char *folder, struct sq_err *err)
{
    struct upload *u = arg;
    struct batch *b = u->b;
    struct pass up = {"copy", "store", u->to->at, b->files->dir, folder, 1, 0, 0};
    struct pass rename = {"move", "store", u->to->at, folder, u->to->whole, 0, 0, 0};
    struct sq_err second;
    size_t i;
    int moved = 0, rc = move_all(u->s, b, &up, u->call, err);
    for (i = 0; i < b->files->n_names; i++)
        b->items[i].is_wanted = b->items[i].is_moved;
    if (rc != SQ_ECANCELED && b->n_moved > 0) {
        rename.done_bytes = up.done_bytes;
        rename.is_whole = rc == 0;
        b->is_last = 1;
        moved = move_all(u->s, b, &rename, u->call, &second);
    }
    if (rc == 0 && moved != 0 && err)
        *err = second;
    return rc ? rc : moved;
}

int rclone_put_files(struct sq_storage *s, const struct sq_location *to,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err)
{
    struct pass pass = {"copy", "store", to, files->dir, NULL, 0, 0, 0};
    const struct remote *remote;
    struct batch b = {.files = files};
    struct place p;
    int rc = place_init(&p, to, err);
    if (rc)
        return rc;
    rc = remote_get(s, to, call, &remote, err);
    if (rc == 0)
        rc = batch_init(&b, files, remote, err);
    if (rc == 0 && partial_wanted(&p, remote)) {
        struct upload u = {s, &b, &p, call};
        rc = partial_folder(s, &p, call, put_and_rename, &u, err);
    } else if (rc == 0) {
        pass.to = p.whole;
        pass.is_fresh = remote->has_buckets;
        b.is_last = 1;
        rc = move_all(s, &b, &pass, call, err);
    }
    batch_fini(&b);
    place_fini(&p);
    return rc;
}

int rclone_remove_files(struct sq_storage *s, const struct sq_location *at,
                        const struct sq_files *files, struct sq_call *call,
                        struct sq_err *err)
{
    struct batch b = {.files = files};
    struct command c;
    struct place p;
    int rc = place_init(&p, at, err);
    if (rc)
        return rc;
    command_init(&c, s, call, "delete");
    rc = batch_init(&b, files, NULL, err);
    if (rc == 0)
        rc = take_input(&b, &c, err);
    command_add(&c, "--");
    command_add(&c, p.whole);
    if (rc == 0)
        rc = command_run(&c, "remove files of", at, err);
    command_fini(&c);
    batch_fini(&b);
    place_fini(&p);
    return rc == SQ_ENOENT ? 0 : rc; /* absent already */
}
