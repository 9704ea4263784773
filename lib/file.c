/* Complete reads and writes, directories made, and removal of trees.
 *
 * Trees to remove were made by tasks and may be hostile: symbolic links are never
 * followed (every step is relative to an open directory, O_NOFOLLOW), and a chain of
 * directories deeper than DEPTH_MAX is not recursed into but moved up beside its
 * ancestors' root and emptied from there, so that neither descriptors nor the stack
 * grow with what the task made. */
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH_MAX = 50, PASSES_MAX = 100000, READ_PIECE = 16384 };

int sq_errno_code(int e)
{
    switch (e) {
    case ENOENT: return SQ_ENOENT;
    case EEXIST: return SQ_EEXIST;
    case ENOSPC:
    case EDQUOT: return SQ_ENOSPC;
    case ENOMEM: return SQ_ENOMEM;
    default: return SQ_EIO;
    }
}

static int fail_errno(struct sq_err *err, const char *verb, const char *path)
{
    int e = errno;
    return sq_fail(err, sq_errno_code(e), "cannot %s %s: %s", verb, path, strerror(e));
}

int sq_write_all(int fd, const void *data, size_t len, struct sq_err *err)
{
    const char *p = data;
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sq_fail(err, sq_errno_code(errno), "cannot write: %s",
                           strerror(errno));
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static ssize_t read_piece(int fd, char *piece, size_t len)
{
    ssize_t n;
    do
        n = read(fd, piece, len);
    while (n < 0 && errno == EINTR);
    return n;
}

int sq_read_all(int fd, struct sq_buf *out, struct sq_err *err)
{
    char piece[READ_PIECE];
    sq_buf_add(out, "", 0);
    for (;;) {
        ssize_t n = read_piece(fd, piece, sizeof piece);
        if (n < 0)
            return sq_fail(err, sq_errno_code(errno), "cannot read: %s",
                           strerror(errno));
        if (n == 0)
            break;
        size_t room = out->max_bytes - out->len;
        sq_buf_add(out, piece, (size_t)n);
        if (!sq_buf_ok(out) && (size_t)n > room)
            return sq_fail(err, SQ_ETOOBIG, "larger than the limit of %zu bytes",
                           out->max_bytes);
        if (!sq_buf_ok(out))
            break;
    }
    if (!sq_buf_ok(out))
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    return 0;
}

int sq_file_read(const char *path, struct sq_buf *out, struct sq_err *err)
{
    SQ_CLEANUP(sq_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "open", path);
    struct sq_err why;
    int rc = sq_read_all(fd, out, &why);
    return rc ? sq_fail(err, rc, "%s: %s", path, why.text) : 0;
}

/* False with errno set. */
static bool make_dir(const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0)
        return true;
    int why = errno;
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return true;
    errno = why == EEXIST ? ENOTDIR : why;
    return false;
}

int sq_mkdirs(const char *path, mode_t mode, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) char *part = strdup(path);
    if (!part)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    for (char *p = part; *p;) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        char saved = *p;
        *p = 0;
        if (!make_dir(part, mode))
            return fail_errno(err, "make directory", part);
        *p = saved;
    }
    return 0;
}

struct sweep {
    int root;      /* the directory being emptied */
    unsigned move; /* numbers the names of chains moved up */
    struct sq_err *err;
};

static int empty_fd(struct sweep *s, int fd, int depth);

/* openat() that neither follows a link nor enters a mount.  Kernels before 5.6, and
 * sandboxes that hide the call, see only mounts of another device. */
static int open_within(int dir, const char *name, int flags)
{
    flags |= O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (dir == AT_FDCWD)
        return open(name, flags);
    struct open_how how = {.flags = (uint64_t)flags,
                           .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd;
    struct stat inner, outer;
    fd = openat(dir, name, flags);
    if (fd >= 0 && (fstat(fd, &inner) != 0 || fstat(dir, &outer) != 0 ||
                    inner.st_dev != outer.st_dev)) {
        close(fd);
        errno = EXDEV;
        return -1;
    }
    return fd;
}

/* Give ourselves all rights on a directory that even its owner may not read.  Goes
 * through /proc because fchmod() refuses O_PATH and fchmodat() follows links. */
static void allow_us(int dir, const char *name)
{
    SQ_CLEANUP(sq_closep) int fd = open_within(dir, name, O_PATH);
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (fd >= 0)
        chmod(link, 0700);
}

int sq_open_dir_at(int dir, const char *name)
{
    return open_within(dir, name, O_RDONLY);
}

/* Open a directory to empty it. */
static int open_dir_at(int dir, const char *name)
{
    int fd = sq_open_dir_at(dir, name);
    if (fd < 0 && errno == EACCES) {
        allow_us(dir, name);
        fd = sq_open_dir_at(dir, name);
    }
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0300) != 0300)
        fchmod(fd, 0700);
    return fd;
}

/* Move a directory that is too deep up to the root, where a later pass meets it. */
static int move_up(struct sweep *s, int dir, const char *name)
{
    char to[40];
    do
        snprintf(to, sizeof to, ".deep-%u", s->move++);
    while (faccessat(s->root, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    if (renameat(dir, name, s->root, to) < 0)
        return fail_errno(s->err, "move", name);
    return 0;
}

static int remove_entry(struct sweep *s, int dir, const char *name, int depth)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    int why = errno;
    int fd = open_dir_at(dir, name);
    if (fd < 0) {
        if (errno == EXDEV)
            return sq_fail(s->err, SQ_EIO, "something is mounted on %s", name);
        errno = errno == ENOTDIR || errno == ELOOP ? why : errno;
        return fail_errno(s->err, "remove", name);
    }
    if (depth >= DEPTH_MAX) {
        close(fd);
        return move_up(s, dir, name);
    }
    int rc = empty_fd(s, fd, depth + 1);
    if (rc)
        return rc;
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return fail_errno(s->err, "remove directory", name);
    return 0;
}

/* One reading of a directory; *ret_seen: it had entries. */
static int empty_pass(struct sweep *s, DIR *d, int depth, bool *ret_seen)
{
    struct dirent *e;
    *ret_seen = false;
    while ((e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        *ret_seen = true;
        int rc = remove_entry(s, dirfd(d), e->d_name, depth);
        if (rc)
            return rc;
    }
    return 0;
}

/* Takes `fd`.  Reads again until nothing is left, since what a reading shows while
 * entries go is up to the file system; a bound, since somebody may go on adding. */
static int empty_fd(struct sweep *s, int fd, int depth)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return fail_errno(s->err, "read", "a directory");
    }
    bool seen = true;
    int rc = 0;
    for (int i = 0; seen && !rc && i < PASSES_MAX; i++) {
        rewinddir(d);
        rc = empty_pass(s, d, depth, &seen);
    }
    closedir(d);
    return rc;
}

int sq_dir_empty_at(int dir, const char *name, struct sq_err *err)
{
    struct sq_err why = {0};
    int fd = open_dir_at(dir, name);
    if (fd < 0 && errno == EXDEV)
        return sq_fail(err, SQ_EIO, "something is mounted on %s", name);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail_errno(err, "open directory", name);
    struct sweep s = {.root = fd, .err = &why};
    int rc = empty_fd(&s, fd, 0);
    return rc ? sq_fail(err, rc, "emptying %s: %s", name, why.text) : 0;
}

int sq_dir_remove_at(int dir, const char *name, struct sq_err *err)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    int rc = sq_dir_empty_at(dir, name, err);
    if (rc)
        return rc;
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return fail_errno(err, "remove directory", name);
    return 0;
}

int sq_dir_empty(const char *path, struct sq_err *err)
{
    return sq_dir_empty_at(AT_FDCWD, path, err);
}

int sq_dir_remove(const char *path, struct sq_err *err)
{
    int rc = sq_dir_empty(path, err);
    if (rc)
        return rc;
    if (rmdir(path) < 0 && errno != ENOENT)
        return fail_errno(err, "remove directory", path);
    return 0;
}
