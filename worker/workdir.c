/* Working directories: taken, saved, released.  What they hold on disk and how it is
 * emptied is workdir_disk.c; the list of outputs is outputs.c. */
#include "worker/workdir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "worker/checksum.h"
#include "worker/workdir_disk.h"

static void free_dir(struct sq_workdirs *w, struct sq_workdir *d)
{
    sq_watcher_remove(w->watcher, d);
    sq_closep(&d->file);
    sq_closep(&d->top);
    free(d->path);
    free(d->command);
    free(d);
}

static void make_free(struct sq_workdirs *w, struct sq_workdir *d)
{
    TAILQ_INSERT_HEAD(&w->free, d, link);
}

/* Watched anew first: whatever is made from then on will be seen. */
static bool quick_empty(struct sq_workdirs *w, struct sq_workdir *d)
{
    sq_watcher_renew(w->watcher, d);
    return sq_workdir_quick_empty(d);
}

/* The cleaner is done with one. */
static void cleaned(void *arg, void *item, bool ok)
{
    struct sq_workdirs *w = arg;
    struct sq_workdir *d = item;
    struct sq_err err;
    if (d->header.stage == SQ_DIR_KEPT) {
        free_dir(w, d);
        if (w->autocleaning) {
            w->autocleaning = false;
            sq_workdirs_autoclean(w);
        }
        if (w->removed)
            w->removed(w->arg);
        return;
    }
    if (ok && sq_workdir_prepare(d, &err) == 0 && quick_empty(w, d)) {
        make_free(w, d);
        return;
    }
    sq_log(SQ_LOG_WARNING, "worker", "%s cannot be emptied: it is used no more",
           d->path);
    free_dir(w, d);
}

static void empty(struct sq_workdirs *w, struct sq_workdir *d)
{
    if (!d->touched || quick_empty(w, d))
        make_free(w, d);
    else
        sq_cleaner_add(&w->cleaner, d->top, NULL, d->path, sq_workdir_names, d);
}

static void keep_sorted(struct sq_workdirs *w, struct sq_workdir *d)
{
    struct sq_workdir *last = TAILQ_LAST(&w->kept, sq_workdir_list);
    while (last && last->header.time > d->header.time)
        last = TAILQ_PREV(last, sq_workdir_list, link);
    if (last)
        TAILQ_INSERT_AFTER(&w->kept, last, d, link);
    else
        TAILQ_INSERT_HEAD(&w->kept, d, link);
}

static struct sq_workdir *new_dir(const struct sq_workdirs *w, const char *name)
{
    struct sq_workdir *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->file = d->top = -1;
    memset(d->watches, -1, sizeof d->watches);
    d->touched = SQ_TOUCHED_ALL;
    d->owner = w->owner;
    if (asprintf(&d->path, "%s/%s", w->base, name) < 0) {
        free(d);
        return NULL;
    }
    return d;
}

/* One directory of an earlier process. */
static void adopt(struct sq_workdirs *w, const char *name)
{
    struct sq_err err;
    struct sq_workdir *d = new_dir(w, name);
    if (!d)
        return;
    int rc = sq_workdir_load(d, &err);
    if (rc) {
        if (rc != SQ_ENOENT)
            sq_log(SQ_LOG_WARNING, "worker", "%s is left alone: %s", d->path, err.text);
        free_dir(w, d);
        return;
    }
    if (d->header.stage == SQ_DIR_KEPT) {
        keep_sorted(w, d);
        return;
    }
    if (d->header.stage == SQ_DIR_FREE) {
        empty(w, d);
        return;
    }
    sq_watcher_renew(w->watcher, d);
    d->touched = SQ_TOUCHED_ALL; /* before we watched, anything may have been */
    TAILQ_INSERT_TAIL(&w->found, d, link);
}

static bool is_ours(const struct sq_workdirs *w, const char *name)
{
    size_t len = strlen(w->prefix);
    const char *number = name + len;
    return strncmp(name, w->prefix, len) == 0 && *number &&
           strspn(number, "0123456789") == strlen(number);
}

static int scan(struct sq_workdirs *w, struct sq_err *err)
{
    DIR *dir = opendir(w->base);
    w->base_fd = dir ? fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 0) : -1;
    if (!dir)
        return sq_fail(err, SQ_EIO, "cannot read the working folder %s: %s", w->base,
                       strerror(errno));
    for (struct dirent *e; (e = readdir(dir));)
        if (is_ours(w, e->d_name))
            adopt(w, e->d_name);
    closedir(dir);
    return 0;
}

int sq_workdirs_open(struct sq_workdirs *w, const struct sq_workdirs_conf *conf,
                     struct sq_loop *loop, struct sq_err *err)
{
    memset(w, 0, sizeof *w);
    w->base_fd = -1;
    TAILQ_INIT(&w->free);
    TAILQ_INIT(&w->found);
    TAILQ_INIT(&w->kept);
    w->autoclean = conf->autoclean;
    w->watcher = conf->watcher;
    w->removed = conf->removed;
    w->arg = conf->arg;
    w->owner = sq_checksum(conf->state_dir, strlen(conf->state_dir));
    int rc = sq_cleaner_init(&w->cleaner, loop, cleaned, w, err);
    if (rc)
        return rc;
    w->base = strdup(conf->base);
    if (!w->base || asprintf(&w->prefix, "%s-", conf->worker) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    rc = sq_mkdirs(w->base, 0755, err);
    return rc ? rc : scan(w, err);
}

static void free_list(struct sq_workdirs *w, struct sq_workdir_list *list)
{
    struct sq_workdir *d;
    while ((d = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, d, link);
        free_dir(w, d);
    }
}

void sq_workdirs_close(struct sq_workdirs *w)
{
    sq_cleaner_fini(&w->cleaner);
    free_list(w, &w->free);
    free_list(w, &w->found);
    free_list(w, &w->kept);
    sq_closep(&w->base_fd);
    free(w->base);
    free(w->prefix);
}

/* The next number that no folder has. */
static int make(struct sq_workdirs *w, struct sq_workdir **ret, struct sq_err *err)
{
    char name[512];
    for (;;) {
        snprintf(name, sizeof name, "%s%" PRId64, w->prefix, w->next_number++);
        struct sq_workdir *d = new_dir(w, name);
        if (!d)
            return sq_fail(err, SQ_ENOMEM, "no memory for a working directory");
        if (mkdir(d->path, 0777) == 0) {
            *ret = d;
            return 0;
        }
        int e = errno;
        free_dir(w, d);
        if (e != EEXIST)
            return sq_fail(err, sq_errno_code(e),
                           "cannot make a working directory in %s: %s", w->base,
                           strerror(e));
    }
}

/* A free one, still as it was when it became so: what was left running may touch it. */
static struct sq_workdir *take_free(struct sq_workdirs *w)
{
    struct sq_workdir *d;
    while ((d = TAILQ_FIRST(&w->free))) {
        TAILQ_REMOVE(&w->free, d, link);
        if (!d->touched || d->unwatched || quick_empty(w, d))
            return d;
        sq_cleaner_add(&w->cleaner, d->top, NULL, d->path, sq_workdir_names, d);
    }
    return NULL;
}

/* A new one, ready for an execution. */
static int make_ready(struct sq_workdirs *w, struct sq_workdir **ret,
                      struct sq_err *err)
{
    struct sq_workdir *d = NULL;
    int rc = make(w, &d, err);
    if (rc)
        return rc;
    rc = sq_workdir_prepare(d, err);
    if (rc) {
        struct sq_err ignored;
        sq_dir_remove(d->path, &ignored);
        free_dir(w, d);
        return rc;
    }
    sq_watcher_renew(w->watcher, d);
    *ret = d;
    return 0;
}

int sq_workdir_take(struct sq_workdirs *w, struct sq_workdir **ret, struct sq_err *err)
{
    *ret = take_free(w);
    return *ret ? 0 : make_ready(w, ret, err);
}

bool sq_workdirs_stock(struct sq_workdirs *w, int64_t n)
{
    struct sq_workdir *d;
    struct sq_err err;
    TAILQ_FOREACH(d, &w->free, link)
    n--;
    if (n <= 0)
        return false;
    if (make_ready(w, &d, &err) != 0) {
        sq_log(SQ_LOG_WARNING, "worker", "%s", err.text); /* a task will say it */
        return false;
    }
    make_free(w, d);
    return n > 1;
}

void sq_workdir_release(struct sq_workdirs *w, struct sq_workdir *d, bool keep)
{
    struct sq_err err;
    d->header.stage = keep ? SQ_DIR_KEPT : SQ_DIR_FREE;
    if (sq_workdir_save(d, NULL, &err) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
    free(d->command);
    d->command = NULL;
    if (!keep) {
        sq_watcher_look(w->watcher);
        empty(w, d);
        return;
    }
    sq_watcher_remove(w->watcher, d);
    sq_closep(&d->file); /* a failure may be kept for months */
    sq_closep(&d->top);
    d->file = d->top = -1;
    TAILQ_INSERT_TAIL(&w->kept, d, link);
}

static bool too_full(const struct sq_workdirs *w)
{
    struct statvfs v;
    if (statvfs(w->base, &v) != 0)
        return false;
    double used = (double)(v.f_blocks - v.f_bfree);
    double all = used + (double)v.f_bavail;
    return all > 0 && used * 100 > all * w->autoclean;
}

static void remove_oldest(struct sq_workdirs *w)
{
    struct sq_workdir *d = TAILQ_FIRST(&w->kept);
    TAILQ_REMOVE(&w->kept, d, link);
    const char *name = strrchr(d->path, '/') + 1;
    sq_cleaner_add(&w->cleaner, w->base_fd, name, d->path, NULL, d);
}

bool sq_workdirs_autoclean(struct sq_workdirs *w)
{
    if (w->autocleaning || !too_full(w))
        return false;
    if (TAILQ_EMPTY(&w->kept))
        return true;
    sq_log(SQ_LOG_INFO, "worker", "the disk of %s is over %d%%: removing %s", w->base,
           w->autoclean, TAILQ_FIRST(&w->kept)->path);
    w->autocleaning = true;
    remove_oldest(w);
    return false;
}

bool sq_workdirs_keep(const struct sq_workdirs *w, int64_t execution_id)
{
    const struct sq_workdir *d;
    TAILQ_FOREACH(d, &w->kept, link)
    if (d->header.execution_id == execution_id)
        return true;
    return false;
}

void sq_workdirs_clean(struct sq_workdirs *w)
{
    while (!TAILQ_EMPTY(&w->kept))
        remove_oldest(w);
}
