/* The trial of a storage plugin: a file goes there and comes back, alone and among
 * others, is told of, listed and removed; what is absent is said to be absent, what
 * cannot be stored is refused; a canceled call ends, progress only grows.
 *
 * The contract suite in tests/contract/storage asks much more; this is what an author
 * can run against any storage with an installed scitq. */
#include "cli/manage/plugin_trial.h"

#include <fcntl.h>
#include <scitq/md5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/call.h"
#include "lib/file.h"
#include "lib/uri.h"

enum { SIZE = 3 * 65536 + 7, FILE_MAX_BYTES = 64 << 20 };

static const char odd_name[] = "a b'c\"d%20\xc3\xa9.txt";

struct trial {
    FILE *out;
    const struct sq_storage_ops *ops;
    struct sq_storage *s;
    struct sq_uri uri;
    char dir[50]; /* local files */
    char here[100], back[100];
    /* There: a folder, ending in /; a file, what is not. */
    const char *folder, *file, *absent;
    struct sq_arena arena; /* of these and of the URI */
    struct sq_call call;
    struct sq_buf content;
};

/* A call that looks at the progress told. */
struct watched {
    struct sq_call call;
    int64_t done_bytes;
    bool back; /* it decreased */
};

static void watch(struct sq_call *call, int64_t done, int64_t total)
{
    struct watched *w = (struct watched *)call;
    (void)total;
    w->back |= done < w->done_bytes;
    w->done_bytes = done;
}

static struct sq_location at(const struct trial *t, const char *path)
{
    return (struct sq_location){.proto = t->uri.proto,
                                .options = (const char *const *)t->uri.options,
                                .n_options = t->uri.n_options,
                                .path = path};
}

static int kept(const struct trial *t, const char *promise)
{
    fprintf(t->out, "ok: %s\n", promise);
    return 0;
}

/* `code` instead of `wanted`. */
static int must_be(const struct trial *t, const char *what, int code, int wanted,
                   struct sq_err *err)
{
    if (code == wanted)
        return kept(t, what);
    return sq_fail(err, SQ_EINVAL, "%s: %s instead of %s%s%.300s", what,
                   sq_code_name(code), sq_code_name(wanted), code ? ": " : "",
                   code ? err->text : "");
}

/* What was fetched into t->back is t->content? */
static int must_be_same(const struct trial *t, const char *what, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf got;
    sq_buf_init(&got, FILE_MAX_BYTES);
    int rc = sq_file_read(t->back, &got, err);
    unlink(t->back);
    if (rc)
        return rc;
    if (got.len != t->content.len || memcmp(got.data, t->content.data, got.len) != 0)
        return sq_fail(err, SQ_EINVAL, "%s: %zu other bytes came instead of %zu", what,
                       got.len, t->content.len);
    return kept(t, what);
}

static int try_absent(struct trial *t, struct sq_err *err)
{
    struct sq_entry e;
    struct sq_location where = at(t, t->absent);
    int rc = t->ops->info(t->s, &where, 0, &t->call, &e, err);
    rc = must_be(t, "info of what is absent", rc, SQ_ENOENT, err);
    if (rc)
        return rc;
    rc = t->ops->get(t->s, &where, t->back, &t->call, &e, err);
    unlink(t->back);
    return must_be(t, "get of what is absent", rc, SQ_ENOENT, err);
}

static int check_info(struct trial *t, struct sq_err *err)
{
    struct sq_entry e = {.kind = SQ_ENTRY_OTHER};
    struct sq_location where = at(t, t->file);
    int rc = t->ops->info(t->s, &where, SQ_WANT_DATE, &t->call, &e, err);
    if (!rc && (e.kind != SQ_ENTRY_FILE ||
                (e.size_bytes != SQ_UNKNOWN && (size_t)e.size_bytes != t->content.len)))
        return sq_fail(err, SQ_EINVAL, "info: kind %d, %lld bytes", (int)e.kind,
                       (long long)e.size_bytes);
    return must_be(t, "info of a file", rc, 0, err);
}

/* What was told of the file that was just moved. */
static int check_told(const struct trial *t, const struct sq_entry *e,
                      const struct watched *w, struct sq_err *err)
{
    struct sq_md5 sum;
    char md5[33];
    sq_md5_init(&sum);
    sq_md5_add(&sum, t->content.data, t->content.len);
    sq_md5_end(&sum, md5);
    if (e->md5[0] && strcmp(e->md5, md5) != 0)
        return sq_fail(err, SQ_EINVAL, "it tells the MD5 %.32s of a file with %s",
                       e->md5, md5);
    if (e->size_bytes != SQ_UNKNOWN && (size_t)e->size_bytes != t->content.len)
        return sq_fail(err, SQ_EINVAL, "it tells %lld bytes of a file with %zu",
                       (long long)e->size_bytes, t->content.len);
    if (w->back || (size_t)w->done_bytes != t->content.len)
        return sq_fail(err, SQ_EINVAL,
                       w->back ? "its progress decreases"
                               : "its progress ends at %lld bytes of %zu",
                       (long long)w->done_bytes, t->content.len);
    return kept(t, "size, MD5 (if any) and progress are those of the file");
}

static int try_get(struct trial *t, struct sq_err *err)
{
    struct sq_entry e = {.size_bytes = SQ_UNKNOWN};
    struct sq_location where = at(t, t->file);
    struct watched w = {.call = t->call};
    w.call.progress = watch;
    int rc = t->ops->get(t->s, &where, t->back, &w.call, &e, err);
    rc = must_be(t, "get", rc, 0, err);
    if (!rc)
        rc = must_be_same(t, "the same bytes come back", err);
    return rc ? rc : check_told(t, &e, &w, err);
}

/* A file is no folder, whoever insists. */
static int try_slash(struct trial *t, struct sq_err *err)
{
    struct sq_entry e;
    char *name = sq_arena_printf(&t->arena, "%s/", t->file);
    struct sq_location where = at(t, name ? name : t->file);
    int rc = t->ops->info(t->s, &where, 0, &t->call, &e, err);
    return must_be(t, "info of the file as a folder", rc, SQ_ENOENT, err);
}

/* What is no file, or not there, cannot be stored. */
static int try_wrong_put(struct trial *t, struct sq_err *err)
{
    struct sq_entry e;
    struct sq_location where = at(t, t->absent);
    int rc = t->ops->put(t->s, t->dir, &where, &t->call, &e, err);
    rc = must_be(t, "put of a folder as a file", rc, SQ_EINVAL, err);
    if (rc)
        return rc;
    rc = t->ops->put(t->s, t->back, &where, &t->call, &e, err);
    rc = must_be(t, "put of a file that is not there", rc, SQ_ENOENT, err);
    if (rc)
        return rc;
    rc = t->ops->info(t->s, &where, 0, &t->call, &e, err);
    return must_be(t, "and nothing is stored", rc, SQ_ENOENT, err);
}

/* Several in one call, one of which is not there: the others come. */
struct batch {
    size_t n_done;
    bool absent_done;
};

static void batch_done(void *arg, size_t i, const struct sq_entry *e)
{
    struct batch *b = arg;
    (void)e;
    b->n_done++;
    b->absent_done |= i == 1;
}

static int try_files(struct trial *t, struct sq_err *err)
{
    const char *const names[] = {odd_name, "absent"};
    struct batch b = {0};
    struct sq_files files = {t->dir, names, 2, 2, batch_done, &b};
    struct sq_location where = at(t, t->folder);
    if (!t->ops->get_files)
        return kept(t, "(it has no get_files: files are fetched one by one)");
    int rc = t->ops->get_files(t->s, &where, &files, &t->call, err);
    if (rc == SQ_EUNSUPPORTED)
        return kept(t, "(get_files is not for this)");
    char *fetched = sq_arena_printf(&t->arena, "%s/%s", t->dir, odd_name);
    if (fetched)
        rename(fetched, t->back);
    rc = must_be(t, "get_files with one that is absent", rc, SQ_ENOENT, err);
    if (!rc && (b.n_done != 1 || b.absent_done))
        rc = sq_fail(err, SQ_EINVAL, "get_files tells the wrong files as done");
    return rc ? rc : must_be_same(t, "and the other came", err);
}

static int try_cancel(struct trial *t, struct sq_err *err)
{
    struct sq_entry e;
    struct sq_location where = at(t, t->file);
    uint64_t one = 1;
    struct sq_call call = sq_call_canceled(eventfd(0, EFD_CLOEXEC));
    if (call.cancel_fd < 0 || write(call.cancel_fd, &one, sizeof one) < 0)
        return sq_fail(err, SQ_EIO, "cannot make an eventfd");
    int rc = t->ops->get(t->s, &where, t->back, &call, &e, err);
    close(call.cancel_fd);
    unlink(t->back);
    return must_be(t, "a canceled get", rc, SQ_ECANCELED, err);
}

static int see(void *arg, const struct sq_entry *e)
{
    bool *seen = arg;
    *seen |= e->name && strcmp(e->name, odd_name) == 0 && e->kind == SQ_ENTRY_FILE;
    return 0;
}

static int try_list(struct trial *t, struct sq_err *err)
{
    bool seen = false;
    struct sq_location where = at(t, t->folder);
    if (!t->ops->list)
        return kept(t, "(it cannot list)");
    int rc = t->ops->list(t->s, &where, 0, see, &seen, &t->call, err);
    if (!rc && !seen)
        return sq_fail(err, SQ_EINVAL, "list does not tell the file stored");
    return must_be(t, "list tells the file stored", rc, 0, err);
}

/* Store t->content as t->file. */
static int try_put(struct trial *t, const char *what, struct sq_err *err)
{
    struct sq_entry e;
    struct sq_location where = at(t, t->file);
    int fd = open(t->here, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || sq_write_all(fd, t->content.data, t->content.len, err)) {
        sq_closep(&fd);
        return sq_fail(err, SQ_EIO, "cannot write %s", t->here);
    }
    close(fd);
    int rc = t->ops->put(t->s, t->here, &where, &t->call, &e, err);
    return must_be(t, what, rc, 0, err);
}

static int try_remove(struct trial *t, struct sq_err *err)
{
    struct sq_entry e;
    struct sq_location folder = at(t, t->folder), file = at(t, t->file);
    if (!t->ops->remove)
        return kept(t, "(it cannot remove: the trial's folder stays)");
    int rc = t->ops->remove(t->s, &folder, &t->call, err);
    rc = must_be(t, "remove of a folder with its tree", rc, 0, err);
    if (rc)
        return rc;
    rc = t->ops->info(t->s, &file, 0, &t->call, &e, err);
    return must_be(t, "info of what was removed", rc, SQ_ENOENT, err);
}

/* Store, look, fetch, replace by nothing, remove. */
static int try_both_ways(struct trial *t, struct sq_err *err)
{
    int rc = try_put(t, "put of a file with an odd name", err);
    if (!rc)
        rc = check_info(t, err);
    if (!rc)
        rc = try_list(t, err);
    if (!rc)
        rc = try_slash(t, err);
    if (!rc)
        rc = try_get(t, err);
    if (!rc)
        rc = try_files(t, err);
    if (!rc)
        rc = try_cancel(t, err);
    if (!rc)
        rc = try_wrong_put(t, err);
    sq_buf_clear(&t->content);
    if (!rc)
        rc = try_put(t, "put of an empty file in its place", err);
    if (!rc)
        rc = try_get(t, err);
    struct sq_err ignored;
    if (rc && t->ops->remove)
        t->ops->remove(t->s,
                       &(struct sq_location){.proto = t->uri.proto, .path = t->folder},
                       &t->call, &ignored);
    return rc ? rc : try_remove(t, err);
}

/* A file that is there: its size is known only from the storage itself. */
static int try_reading(struct trial *t, struct sq_err *err)
{
    struct sq_entry e;
    struct sq_location where = at(t, t->file);
    int rc = t->ops->get(t->s, &where, t->back, &t->call, &e, err);
    rc = must_be(t, "get", rc, 0, err);
    sq_buf_clear(&t->content);
    if (!rc)
        rc = sq_file_read(t->back, &t->content, err);
    unlink(t->back);
    if (!rc)
        rc = check_info(t, err);
    if (!rc)
        rc = try_get(t, err);
    return rc ? rc : try_cancel(t, err);
}

/* Paths there and here. */
static int set_names(struct trial *t, struct sq_err *err)
{
    uint64_t lot = 0;
    const char *path = t->uri.path;
    bool folder = path[strlen(path) - 1] == '/';
    if (folder != (t->ops->put != NULL))
        return sq_fail(err, SQ_EINVAL,
                       folder ? "it stores nothing: --uri has to be a file"
                              : "--uri has to be a folder, ending in /");
    if (getrandom(&lot, sizeof lot, 0) < 0)
        return sq_fail(err, SQ_EIO, "no random numbers");
    int dir = (int)(strrchr(path, '/') ? strrchr(path, '/') + 1 - path : 0);
    t->folder = sq_arena_printf(&t->arena, "%.*sscitq-check-%016llx/", dir, path,
                                (unsigned long long)lot);
    t->file = folder ? sq_arena_printf(&t->arena, "%s%s", t->folder, odd_name) : path;
    t->absent = sq_arena_printf(&t->arena, "%sabsent", t->folder);
    if (!t->folder || !t->file || !t->absent)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    snprintf(t->dir, sizeof t->dir, "/tmp/scitq-check-XXXXXX");
    if (!mkdtemp(t->dir))
        return sq_fail(err, SQ_EIO, "cannot make a folder in /tmp");
    snprintf(t->here, sizeof t->here, "%s/here", t->dir);
    snprintf(t->back, sizeof t->back, "%s/back", t->dir);
    return 0;
}

static int try_all(struct trial *t, struct sq_err *err)
{
    for (unsigned i = 0; i < SIZE; i++)
        sq_buf_addc(&t->content, (char)(i * 2654435761U >> 24));
    int rc = set_names(t, err);
    if (rc)
        return rc;
    rc = try_absent(t, err);
    if (!rc)
        rc = t->ops->put ? try_both_ways(t, err) : try_reading(t, err);
    unlink(t->here);
    rmdir(t->dir);
    return rc;
}

int sq_plugin_trial(FILE *out, const struct sq_plugin *p, struct sq_storage *s,
                    const char *uri, struct sq_err *err)
{
    struct trial *t = calloc(1, sizeof *t);
    if (!t)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    *t = (struct trial){.out = out, .ops = p->storage, .s = s, .call = sq_call_alone()};
    sq_arena_init(&t->arena, 64 << 10);
    sq_buf_init(&t->content, FILE_MAX_BYTES);
    int rc = sq_uri_parse(uri, &t->arena, &t->uri, err);
    if (!rc && !sq_plugin_names(p, t->uri.proto) && !sq_plugin_names(p, "*"))
        rc = sq_fail(err, SQ_EINVAL, "%s does not serve %s://", p->name, t->uri.proto);
    if (!rc)
        rc = try_all(t, err);
    sq_buf_fini(&t->content);
    sq_arena_fini(&t->arena);
    free(t);
    return rc;
}
