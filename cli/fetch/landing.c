/* The hidden folder, and the last step of each file out of it. */
#include "cli/fetch/landing.h"

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
    if (asprintf(&l->path, "%s/.scitq-fetch-XXXXXX", dest) < 0) {
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

int sq_landing_open(const char *dest, struct sq_landing *l, struct sq_err *err)
{
    *l = (struct sq_landing){.dest = -1, .tree = -1};
    struct sq_err why = {0};
    int rc = sq_mkdirs(dest, 0777, &why);
    if (rc)
        return sq_fail(err, rc == SQ_EIO ? SQ_EINVAL : rc, "%s", why.text);
    rc = make_hidden(dest, l, err);
    l->dest = rc ? -1 : open_folder(dest);
    l->tree = rc ? -1 : open_folder(l->tree_path);
    if (rc == 0 && (l->dest < 0 || l->tree < 0))
        rc = fail_errno(err, "open the folder", dest);
    if (rc)
        sq_landing_close(l);
    return rc;
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
    if (rc == 0 && renameat(from, last, to, last) != 0)
        return errno == EISDIR ? sq_fail(err, SQ_EEXIST,
                                         "%.200s is a folder in the destination and a "
                                         "file in the source",
                                         name)
                               : fail_errno(err, "move into place", name);
    return rc;
}
