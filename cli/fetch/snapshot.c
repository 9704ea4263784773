/* Second names, or copies.  Each is looked at again once it is made: it has to be the
 * very file that was listed, else that was replaced meanwhile and is not stored. */
#include "cli/fetch/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fetch/inside.h"
#include "cli/fetch/landing.h"
#include "lib/file.h"

enum { PIECE = 1 << 20 };

static int fail_errno(struct sq_err *err, const char *verb, const char *name)
{
    int e = errno;
    return sq_fail(err, sq_errno_code(e), "cannot %s %.300s: %s", verb, name,
                   strerror(e));
}

/* Others may write in the folder it is in: it must be the one that was made. */
static int open_made(struct sq_snapshot *s, const char *path, struct sq_err *err)
{
    struct stat st;
    int rc = sq_anchor_open(path, &s->anchor, err);
    if (rc)
        return rc;
    if (fstat(s->anchor.fd, &st) != 0 || st.st_uid != geteuid() ||
        (st.st_mode & 0777) != 0700)
        return sq_fail(err, SQ_EIO, "%.300s is not the folder that was made", path);
    return 0;
}

int sq_snapshot_open(const char *path, struct sq_snapshot *s, struct sq_err *err)
{
    char text[PATH_MAX];
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    *s = (struct sq_snapshot){.parent = -1, .anchor = {.fd = -1}};
    if (snprintf(text, sizeof text, "%.*s" SQ_LANDING_PREFIX "XXXXXX", (int)len,
                 path) >= (int)sizeof text)
        return sq_fail(err, SQ_EINVAL, "%.200s… is too long a name", path);
    if (!mkdtemp(text))
        return fail_errno(err, "make a folder beside", path);
    int rc = open_made(s, text, err);
    snprintf(s->name, sizeof s->name, "%s", text + len);
    text[len] = 0;
    s->parent = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->anchor.name = path; /* what messages are to name */
    if (rc)
        sq_snapshot_close(s);
    return rc;
}

void sq_snapshot_close(struct sq_snapshot *s)
{
    if (s->parent >= 0 && s->name[0])
        sq_dir_remove_at(s->parent, s->name, NULL);
    sq_closep(&s->parent);
    sq_anchor_close(&s->anchor);
    *s = (struct sq_snapshot){.parent = -1, .anchor = {.fd = -1}};
}

static int gone(const char *name, struct sq_err *err)
{
    return sq_fail(err, SQ_ENOENT, "%.300s was replaced while it was stored", name);
}

static bool same(const struct stat *a, const struct stat *b)
{
    return S_ISREG(a->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int copy_bytes(int from, int to, const char *name, struct sq_err *err)
{
    ssize_t n;
    while ((n = copy_file_range(from, NULL, to, NULL, PIECE, 0)) != 0)
        if (n < 0 && errno != EINTR)
            break;
    if (n == 0)
        return 0;
    char *piece SQ_CLEANUP(sq_freep) = malloc(PIECE); /* not between these two */
    if (!piece)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    while ((n = read(from, piece, PIECE)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(err, "read", name);
        int rc = sq_write_all(to, piece, (size_t)n, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int copy(int dir, const char *last, int to_dir, const char *to_last,
                const char *name, const struct stat *st, struct sq_err *err)
{
    struct stat now;
    SQ_CLEANUP(sq_closep)
    int from = openat(dir, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0 && errno != ELOOP && errno != ENOENT)
        return fail_errno(err, "open", name);
    if (from < 0 || fstat(from, &now) != 0 || !same(&now, st))
        return gone(name, err);
    SQ_CLEANUP(sq_closep)
    int to = openat(to_dir, to_last, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return fail_errno(err, "copy", name);
    int rc = copy_bytes(from, to, name, err);
    if (rc == 0 && futimens(to, (struct timespec[2]){st->st_atim, st->st_mtim}) != 0)
        rc = fail_errno(err, "date the copy of", name);
    return rc;
}

int sq_snapshot_add(struct sq_snapshot *s, int dir, const char *last, const char *name,
                    const struct stat *st, struct sq_err *err)
{
    char to_last[NAME_MAX + 1];
    struct stat now;
    struct sq_err why = {.code = SQ_EIO};
    SQ_CLEANUP(sq_closep) int to = sq_inside_parent(s->anchor.fd, name, to_last, &why);
    if (to < 0)
        return sq_fail(err, why.code, "%s", why.text);
    if (linkat(dir, last, to, to_last, 0) == 0) {
        if (fstatat(to, to_last, &now, AT_SYMLINK_NOFOLLOW) == 0 && same(&now, st))
            return 0;
        unlinkat(to, to_last, 0);
        return gone(name, err);
    }
    if (errno == EPERM && geteuid() != 0)
        return sq_fail(err, SQ_EUNSUPPORTED, "cannot hold %.300s", name);
    return copy(dir, last, to, to_last, name, st, err);
}
