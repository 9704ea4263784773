/* Copying a file, or a tree of them: by a reflink where the file system has them, by
 * the kernel where it can, else by reading and writing.  What is written goes to a
 * temporary name, is flushed, compared in size, and renamed.  In the child. */
#include "plugins/nfs/nfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* One call of the kernel, between two signs of life. */
enum { CHUNK_BYTES = 16 << 20 };

/* The two ends of a copy, for messages. */
struct copy {
    int in, out;
    const char *from, *to;
};

static int write_all(const struct copy *c, const char *data, size_t len,
                     struct sq_err *err)
{
    while (len > 0) {
        ssize_t n = write(c->out, data, len);
        if (n < 0 && errno != EINTR)
            return nfs_fail(err, errno, "write", c->to);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* A piece by reading and writing: its length in *ret, 0 at the end. */
static int move_piece(struct nfs_request *r, const struct copy *c, ssize_t *ret,
                      struct sq_err *err)
{
    do
        *ret = read(c->in, r->s->buffer, NFS_BUFFER_BYTES);
    while (*ret < 0 && errno == EINTR);
    if (*ret < 0)
        return nfs_fail(err, errno, "read", c->from);
    return write_all(c, r->s->buffer, (size_t)*ret, err);
}

/* The errors of copy_file_range that mean that it is not for these two files. */
static bool not_by_kernel(int e)
{
    return e == EXDEV || e == EINVAL || e == ENOSYS || e == EOPNOTSUPP || e == EPERM ||
           e == EBADF || e == ETXTBSY;
}

static int move_bytes(struct nfs_request *r, const struct copy *c, off_t size,
                      struct sq_err *err)
{
    bool by_kernel = true;
    if (size > 0 && ioctl(c->out, FICLONE, c->in) == 0) {
        r->done_bytes += size;
        return nfs_alive(r);
    }
    for (off_t moved = 0;;) {
        ssize_t n = 0;
        int rc = 0;
        if (by_kernel)
            n = copy_file_range(c->in, NULL, c->out, NULL, CHUNK_BYTES, 0);
        if (by_kernel && n < 0 && errno == EINTR)
            continue;
        if (by_kernel && n < 0 && !not_by_kernel(errno))
            return nfs_fail(err, errno, "copy to", c->to);
        /* It also gives 0 for files it cannot see into: reading decides. */
        if (!by_kernel || n <= 0) {
            by_kernel = false;
            rc = move_piece(r, c, &n, err);
        }
        if (rc || n == 0)
            return rc;
        /* Begin to write what a flush would have to wait for. */
        if (r->temp[0])
            sync_file_range(c->out, moved, n, SYNC_FILE_RANGE_WRITE);
        moved += n;
        r->done_bytes += n;
        if (nfs_alive(r))
            return SQ_ECANCELED;
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Everything there, and the source as it was? */
static int verify(const struct copy *c, const struct stat *before, struct sq_err *err)
{
    struct stat now, copied;
    if (fstat(c->in, &now))
        return nfs_fail(err, errno, "look at", c->from);
    if (fstat(c->out, &copied))
        return nfs_fail(err, errno, "look at", c->to);
    if (!same_file(before, &now))
        return sq_fail(err, SQ_EIO, "%s changed while it was copied", c->from);
    if (copied.st_size != before->st_size)
        return sq_fail(err, SQ_EIO, "%s has %lld bytes instead of the %lld of %s",
                       c->to, (long long)copied.st_size, (long long)before->st_size,
                       c->from);
    return 0;
}

/* Flushed when it is to last; dated as its source. */
static int settle(struct nfs_request *r, const struct copy *c, const struct stat *st,
                  struct sq_err *err)
{
    const struct timespec dates[] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
    if (nfs_slow(r))
        return SQ_ECANCELED;
    if (r->temp[0] && fsync(c->out) && errno != EINVAL)
        return nfs_fail(err, errno, "flush", c->to);
    if (futimens(c->out, dates) && errno != EPERM && errno != ENOSYS)
        return nfs_fail(err, errno, "date", c->to);
    return 0;
}

/* What is put has to be a file; what is got may turn out to be none. */
static int open_source(const struct nfs_request *r, int dir, const char *name,
                       struct copy *c, struct stat *st, struct sq_err *err)
{
    c->in = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (c->in < 0 || fstat(c->in, st))
        return nfs_fail(err, errno, "read", c->from);
    if (S_ISDIR(st->st_mode))
        return sq_fail(err, r->put ? SQ_EINVAL : SQ_ENOENT,
                       "%s is a folder, not a file", c->from);
    if (!S_ISREG(st->st_mode))
        return sq_fail(err, r->put ? SQ_EINVAL : SQ_EUNSUPPORTED,
                       "%s is no regular file", c->from);
    return 0;
}

int nfs_copy_file(struct nfs_request *r, int from_dir, const char *from, int to_dir,
                  const char *to, struct sq_err *err)
{
    struct copy c = {.in = -1, .out = -1, .from = from, .to = to};
    struct stat st;
    /* A temporary name is given whole: it may be in another folder than `to`. */
    int out_dir = r->temp[0] ? AT_FDCWD : to_dir;
    const char *out = r->temp[0] ? r->temp : to;
    int rc = open_source(r, from_dir, from, &c, &st, err);
    if (rc)
        goto out;
    c.out = openat(out_dir, out, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                   (st.st_mode & 0777) | S_IRUSR | S_IWUSR);
    if (c.out < 0) {
        rc = nfs_fail(err, errno, "create", to);
        goto out;
    }
    if (!r->total_bytes)
        r->total_bytes = st.st_size;
    r->found = nfs_entry(&st);
    rc = move_bytes(r, &c, st.st_size, err);
    if (!rc)
        rc = verify(&c, &st, err);
    if (!rc)
        rc = settle(r, &c, &st, err);
out:
    if (c.in >= 0)
        close(c.in);
    if (c.out >= 0 && close(c.out) && !rc)
        rc = nfs_fail(err, errno, "flush", to);
    if (!rc && r->temp[0] && renameat(AT_FDCWD, r->temp, to_dir, to))
        rc = nfs_fail(err, errno, "create", to);
    if (rc && c.out >= 0)
        unlinkat(out_dir, out, 0);
    return rc;
}

int nfs_make_folders(const char *path, struct sq_err *err)
{
    char upto[PATH_MAX];
    size_t len = strlen(path);
    struct stat st;
    if (len >= sizeof upto)
        return nfs_fail(err, ENAMETOOLONG, "make the folder", path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(upto, path, i);
        upto[i] = 0;
        int why = mkdir(upto, 0777) ? errno : 0;
        if (why && stat(upto, &st)) /* that it is not there would not tell why */
            return nfs_fail(err, why == EEXIST ? errno : why, "make the folder", upto);
    }
    if (stat(path, &st))
        return nfs_fail(err, errno, "make the folder", path);
    return S_ISDIR(st.st_mode)
               ? 0
               : sq_fail(err, SQ_EEXIST,
                         "cannot make the folder %s: a file has its name", path);
}

int nfs_work_make_folder(struct nfs_request *r, struct sq_err *err)
{
    int rc = nfs_mounted(r, r->to, err);
    return rc ? rc : nfs_make_folders(r->to, err);
}

/* The folder that holds `path`, made. */
static int make_parent(const char *path, struct sq_err *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return nfs_make_folders(folder, err);
}

/* What is there of the path decides: a folder that may be written to.  Of a link that
 * leads nowhere nothing is said. */
int nfs_work_can_put(struct nfs_request *r, struct sq_err *err)
{
    char upto[PATH_MAX];
    struct stat st;
    int rc = nfs_mounted(r, r->to, err);
    memcpy(upto, r->to, sizeof upto);
    while (!rc && stat(upto, &st)) {
        char *slash = strrchr(upto, '/');
        if (errno != ENOENT && errno != ENOTDIR)
            return nfs_fail(err, errno, "store in", r->to);
        if (!slash || lstat(upto, &st) == 0)
            return 0;
        slash[slash == upto] = 0;
    }
    if (!rc && !S_ISDIR(st.st_mode))
        rc = sq_fail(err, SQ_EEXIST, "cannot store in the folder %s: %s is a file",
                     r->to, upto);
    if (!rc && faccessat(AT_FDCWD, upto, W_OK | X_OK, AT_EACCESS))
        rc = nfs_fail(err, errno, "write to the folder", upto);
    return rc;
}

/* get, put, and copy of a file: get writes the host's own temporary name. */
int nfs_work_copy(struct nfs_request *r, struct sq_err *err)
{
    int rc = nfs_mounted(r, r->from, err);
    if (!rc)
        rc = nfs_mounted(r, r->to, err);
    if (!rc && r->temp[0])
        rc = make_parent(r->to, err);
    return rc ? rc : nfs_copy_file(r, AT_FDCWD, r->from, AT_FDCWD, r->to, err);
}

/* One step of a tree: a folder is made, a file copied, what is neither left out. */
static int copy_one(struct nfs_request *r, int dir, const char *name,
                    const struct stat *st, bool leaving, struct sq_err *err)
{
    char to[PATH_MAX];
    if (leaving)
        return nfs_alive(r);
    if (snprintf(to, sizeof to, "%s/%s", r->to, r->name) >= (int)sizeof to)
        return nfs_fail(err, ENAMETOOLONG, "create", to);
    if (S_ISDIR(st->st_mode))
        return mkdir(to, 0777) && errno != EEXIST ? nfs_fail(err, errno, "create", to)
                                                  : 0;
    struct stat file;
    bool regular = S_ISREG(st->st_mode) ||
                   (S_ISLNK(st->st_mode) && fstatat(dir, name, &file, 0) == 0 &&
                    S_ISREG(file.st_mode));
    return regular ? nfs_copy_file(r, dir, name, AT_FDCWD, to, err) : 0;
}

int nfs_work_copy_tree(struct nfs_request *r, struct sq_err *err)
{
    r->total_bytes = SQ_UNKNOWN;
    int rc = nfs_mounted(r, r->from, err);
    if (!rc)
        rc = nfs_mounted(r, r->to, err);
    if (rc)
        return rc;
    int fd = open(r->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return nfs_fail(err, errno, "copy", r->from);
    if ((rc = nfs_make_folders(r->to, err))) {
        close(fd);
        return rc;
    }
    return nfs_walk(r, fd, true, true, copy_one, err);
}

int nfs_work_drop_temp(struct nfs_request *r, struct sq_err *err)
{
    return unlink(r->temp) && errno != ENOENT ? nfs_fail(err, errno, "remove", r->temp)
                                              : 0;
}
