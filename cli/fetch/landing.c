/* The hidden folder, and the last step of each file out of it. */
#include "cli/fetch/landing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/fetch/inside.h"
#include "lib/file.h"

static int fail_errno(struct sq_err *err, const char *verb, const char *name)
{
    int e = errno;
    int code = e == EACCES || e == EPERM || e == EROFS ? SQ_EAUTH : sq_errno_code(e);
    return sq_fail(err, code, "cannot %s %.300s: %s", verb, name, strerror(e));
}

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make_hidden(const char *dest, struct sq_landing *l, struct sq_err *err)
{
    if (asprintf(&l->path, "%s/" SQ_LANDING_PREFIX "XXXXXX", dest) < 0) {
        l->path = NULL;
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    if (!mkdtemp(l->path)) {
        sq_freep(&l->path);
        l->path = NULL;
        return fail_errno(err, "make a temporary folder in", dest);
    }
    if (asprintf(&l->archive, "%s/data", l->path) < 0)
        l->archive = NULL;
    if (asprintf(&l->tree_path, "%s/tree", l->path) < 0)
        l->tree_path = NULL;
    if (!l->archive || !l->tree_path)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (mkdir(l->tree_path, 0700) != 0)
        return fail_errno(err, "make the folder", l->tree_path);
    return 0;
}

/* l->dest, and in `path` what leads there. */
static int open_dest(const char *dest, const char *below, struct sq_landing *l,
                     char *path, size_t size, struct sq_err *err)
{
    SQ_CLEANUP(sq_closep) int root = open_folder(dest);
    if (root < 0)
        return fail_errno(err, "open the folder", dest);
    if (!below) {
        snprintf(path, size, "%s", dest);
        l->dest = root;
        root = -1;
        return 0;
    }
    struct sq_err why = {.code = SQ_EIO};
    l->dest = sq_inside_open_dir(root, below, &why);
    snprintf(path, size, "/proc/%d/fd/%d", (int)getpid(), l->dest);
    return l->dest < 0 ? sq_fail(err, why.code, "%s", why.text) : 0;
}

int sq_landing_open(const char *dest, const char *below, struct sq_landing *l,
                    struct sq_err *err)
{
    char path[PATH_MAX];
    *l = (struct sq_landing){.dest = -1, .tree = -1};
    struct sq_err why = {0};
    int rc = sq_mkdirs(dest, 0777, &why);
    if (rc)
        return sq_fail(err, rc == SQ_EIO ? SQ_EINVAL : rc, "%s", why.text);
    rc = open_dest(dest, below, l, path, sizeof path, err);
    if (rc == 0)
        rc = make_hidden(path, l, err);
    l->tree = rc ? -1 : open_folder(l->tree_path);
    if (rc == 0 && l->tree < 0)
        rc = fail_errno(err, "open the folder", dest);
    if (rc)
        sq_landing_close(l);
    return rc;
}

static bool is_hidden(const char *name)
{
    size_t len = strlen(SQ_LANDING_PREFIX);
    return strncmp(name, SQ_LANDING_PREFIX, len) == 0 && strlen(name) == len + 6;
}

void sq_landing_sweep(const char *dest, const char *below)
{
    SQ_CLEANUP(sq_closep)
    int root = open(dest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = root < 0 ? -1 : sq_inside_open_dir(root, *below ? below : ".", NULL);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        sq_closep(&fd);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (is_hidden(e->d_name))
            sq_dir_remove_at(fd, e->d_name, NULL);
    closedir(dir);
}

void sq_landing_close(struct sq_landing *l)
{
    if (l->path)
        sq_dir_remove(l->path, NULL);
    sq_closep(&l->dest);
    sq_closep(&l->tree);
    sq_freep(&l->path);
    sq_freep(&l->archive);
    sq_freep(&l->tree_path);
    *l = (struct sq_landing){.dest = -1, .tree = -1};
}

/* Its size is what was promised; readable by whom the umask lets; the source's date. */
static int finish(int dir, const char *last, const char *name,
                  const struct sq_entry *source, struct sq_err *err)
{
    struct stat st;
    SQ_CLEANUP(sq_closep)
    int fd = openat(dir, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail_errno(err, "open what was fetched:", name);
    if (!S_ISREG(st.st_mode))
        return sq_fail(err, SQ_EPROTO, "%.300s came as something else than a file",
                       name);
    if (source->size_bytes != SQ_UNKNOWN && source->size_bytes != st.st_size)
        return sq_fail(err, SQ_EIO, "%.200s came with %lld bytes, its source has %lld",
                       name, (long long)st.st_size, (long long)source->size_bytes);
    if (source->date_ns != SQ_UNKNOWN) {
        int64_t s = source->date_ns / 1000000000, ns = source->date_ns % 1000000000;
        struct timespec t = {ns < 0 ? s - 1 : s, ns < 0 ? ns + 1000000000 : ns};
        futimens(fd, (struct timespec[2]){t, t}); /* else the date of now */
    }
    if (fchmod(fd, (st.st_mode & 0777) | 0644) != 0)
        return fail_errno(err, "set the rights of", name);
    return 0;
}

int sq_landing_place(struct sq_landing *l, const char *name,
                     const struct sq_entry *source, struct sq_err *err)
{
    char last[NAME_MAX + 1], to_last[NAME_MAX + 1];
    struct sq_err why = {.code = SQ_EIO};
    SQ_CLEANUP(sq_closep) int from = sq_inside_parent(l->tree, name, last, &why);
    SQ_CLEANUP(sq_closep)
    int to = from < 0 ? -1 : sq_inside_parent(l->dest, name, to_last, &why);
    if (to < 0)
        return sq_fail(err, why.code, "%s", why.text);
    int rc = finish(from, last, name, source, err);
    return rc ? rc : sq_inside_rename(from, to, last, name, l->no_replace, err);
}
