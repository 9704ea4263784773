/* Looking: what is at a location, what is in a folder, what a file's MD5 is, and
 * whether a mount is missing.  In the child. */
#include "plugins/nfs/nfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <scitq/md5.h>

int nfs_fail(struct sq_err *err, int e, const char *verb, const char *path)
{
    int code = SQ_EIO;
    const char *help = "";
    switch (e) {
    case ENOENT:
    case ENOTDIR: code = SQ_ENOENT; break;
    case EACCES:
    case EPERM:
    case EROFS: code = SQ_EAUTH; break;
    case ENOSPC:
    case EDQUOT: code = SQ_ENOSPC; break;
    case ENAMETOOLONG:
    case EISDIR:
    case ELOOP:
    case EINVAL: code = SQ_EINVAL; break;
    case ETIMEDOUT: code = SQ_ETIMEDOUT; break;
    case ENOTCONN:
    case ESTALE:
    case EHOSTDOWN: help = ": its mount is dead, mount it again"; break;
    default: break;
    }
    const char *why = strerrordesc_np(e);
    return sq_fail(err, code, "cannot %s %s: %s%s", verb, path, why ? why : "unknown",
                   help);
}

/* File systems that keep coarse dates show them without a fraction. */
static int64_t precision_ns(int64_t ns)
{
    return ns % 1000000000 == 0 ? 1000000000 : ns % 1000 == 0 ? 1000 : 0;
}

struct sq_entry nfs_entry(const struct stat *st)
{
    struct sq_entry e = {.kind = S_ISREG(st->st_mode)   ? SQ_ENTRY_FILE
                                 : S_ISDIR(st->st_mode) ? SQ_ENTRY_FOLDER
                                                        : SQ_ENTRY_OTHER,
                         .size_bytes = S_ISREG(st->st_mode) ? st->st_size : SQ_UNKNOWN};
    e.date_ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
    e.date_precision_ns = precision_ns(e.date_ns);
    return e;
}

int nfs_md5(struct nfs_request *r, int fd, const char *path, char ret[33],
            struct sq_err *err)
{
    struct sq_md5 m;
    off_t at = 0;
    sq_md5_init(&m);
    for (;;) {
        ssize_t n = pread(fd, r->s->buffer, NFS_BUFFER_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return nfs_fail(err, errno, "read", path);
        if (n == 0)
            break;
        sq_md5_add(&m, r->s->buffer, (size_t)n);
        at += n;
        r->done_bytes += n;
        if (nfs_alive(r))
            return SQ_ECANCELED;
    }
    sq_md5_end(&m, ret);
    return 0;
}

static int md5_at(struct nfs_request *r, int dir, const char *name, struct sq_entry *e,
                  struct sq_err *err)
{
    int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return nfs_fail(err, errno, "read", r->name[0] ? r->name : name);
    int rc = nfs_md5(r, fd, r->name[0] ? r->name : name, e->md5, err);
    close(fd);
    return rc;
}

int nfs_work_info(struct nfs_request *r, struct sq_err *err)
{
    struct stat st;
    int rc = nfs_mounted(r, r->from, err);
    if (rc)
        return rc;
    if (stat(r->from, &st))
        return nfs_fail(err, errno, "find", r->from);
    if (r->folder && !S_ISDIR(st.st_mode))
        return sq_fail(err, SQ_ENOENT, "%s is a file, not a folder", r->from);
    r->found = nfs_entry(&st);
    r->total_bytes = st.st_size;
    if (r->found.kind == SQ_ENTRY_FILE && (r->want & SQ_WANT_MD5))
        rc = md5_at(r, AT_FDCWD, r->from, &r->found, err);
    return rc;
}

/* The entry of something met in a walk; a link to a file is described by the file. */
static int tell(struct nfs_request *r, int dir, const char *name, const struct stat *st,
                bool leaving, struct sq_err *err)
{
    struct sq_entry e = nfs_entry(st);
    struct stat file;
    if (leaving)
        return 0;
    if (S_ISLNK(st->st_mode) && fstatat(dir, name, &file, 0) == 0 &&
        S_ISREG(file.st_mode)) {
        e = nfs_entry(&file);
        e.kind = SQ_ENTRY_LINK;
    }
    e.name = r->name;
    int rc = 0;
    if (e.size_bytes != SQ_UNKNOWN && (r->want & SQ_WANT_MD5))
        rc = md5_at(r, dir, name, &e, err);
    return rc ? rc : nfs_send_entry(r, &e);
}

/* A file is listed as itself, under its last component. */
static int list_file(struct nfs_request *r, const struct stat *st, struct sq_err *err)
{
    const char *slash = strrchr(r->from, '/');
    if (r->folder)
        return sq_fail(err, SQ_ENOENT, "%s is a file, not a folder", r->from);
    snprintf(r->name, sizeof r->name, "%s", slash ? slash + 1 : r->from);
    return tell(r, AT_FDCWD, r->from, st, false, err);
}

int nfs_work_list(struct nfs_request *r, struct sq_err *err)
{
    struct stat st;
    int rc = nfs_mounted(r, r->from, err);
    if (rc)
        return rc;
    if (stat(r->from, &st))
        return nfs_fail(err, errno, "list", r->from);
    if (!S_ISDIR(st.st_mode))
        return list_file(r, &st, err);
    int fd = open(r->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return nfs_fail(err, errno, "list", r->from);
    return nfs_walk(r, fd, r->want & SQ_LIST_RECURSIVE, true, tell, err);
}
