/* Walking a tree with system calls alone: opendir() and its like allocate, which the
 * child of a program with threads must not.  Removing is a walk too. */
#include "plugins/nfs/nfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* One level costs its entries on the stack and a descriptor. */
enum { DEPTH_MAX = 100, ENTRIES_BYTES = 8192 };

struct walk {
    bool recursive, cross;
    nfs_visit *visit;
    int depth;
};

static int walk_in(struct nfs_request *r, int fd, struct walk *w, struct sq_err *err);

/* The mount an open folder is on; 0 where the kernel does not tell. */
static uint64_t mount_of(int fd)
{
    struct statx st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) ||
        !(st.stx_mask & STATX_MNT_ID))
        return 0;
    return st.stx_mnt_id;
}

/* What is in the folder `name` of `dir`, which it did not turn into a link meanwhile.
 */
static int enter(struct nfs_request *r, int dir, const char *name, struct walk *w,
                 struct sq_err *err)
{
    if (w->depth == DEPTH_MAX)
        return sq_fail(err, SQ_ETOOBIG, "%s: folders within folders, more than %d deep",
                       r->name, DEPTH_MAX);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : nfs_fail(err, errno, "read the folder", r->name);
    if (!w->cross && mount_of(fd) != mount_of(dir)) {
        close(fd);
        return sq_fail(err, SQ_EBUSY, "%s is another mount: it is left alone", r->name);
    }
    w->depth++;
    int rc = walk_in(r, fd, w, err);
    w->depth--;
    return rc;
}

static int visit_one(struct nfs_request *r, int dir, const char *name, struct walk *w,
                     struct sq_err *err)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : nfs_fail(err, errno, "look at", r->name);
    int rc = w->visit(r, dir, name, &st, false, err);
    if (rc || !w->recursive || !S_ISDIR(st.st_mode))
        return rc;
    rc = enter(r, dir, name, w, err);
    return rc ? rc : w->visit(r, dir, name, &st, true, err);
}

/* Everything in `fd`, which is closed. */
static int walk_in(struct nfs_request *r, int fd, struct walk *w, struct sq_err *err)
{
    char data[ENTRIES_BYTES] __attribute__((aligned(8)));
    size_t before = strlen(r->name);
    ssize_t n;
    int rc = 0;
    while (!rc && (n = getdents64(fd, data, sizeof data)) > 0)
        for (ssize_t at = 0; !rc && at < n;) {
            const struct dirent64 *e = (const void *)(data + at);
            size_t len = strlen(e->d_name);
            at += e->d_reclen;
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                continue;
            if (before + len + 2 > sizeof r->name) {
                rc = nfs_fail(err, ENAMETOOLONG, "read the folder", r->name);
                break;
            }
            size_t end = before;
            if (before)
                r->name[end++] = '/';
            memcpy(r->name + end, e->d_name, len + 1);
            rc = visit_one(r, fd, e->d_name, w, err);
            r->name[before] = 0;
        }
    if (!rc && n < 0)
        rc = nfs_fail(err, errno, "read the folder", r->name[0] ? r->name : r->from);
    close(fd);
    return rc;
}

int nfs_walk(struct nfs_request *r, int fd, bool recursive, bool cross,
             nfs_visit *visit, struct sq_err *err)
{
    struct walk w = {.recursive = recursive, .cross = cross, .visit = visit};
    r->name[0] = 0;
    return walk_in(r, fd, &w, err);
}

static int remove_one(struct nfs_request *r, int dir, const char *name,
                      const struct stat *st, bool leaving, struct sq_err *err)
{
    bool folder = S_ISDIR(st->st_mode);
    if (folder && !leaving)
        return nfs_alive(r);
    if (unlinkat(dir, name, folder ? AT_REMOVEDIR : 0) && errno != ENOENT)
        return nfs_fail(err, errno, "remove", r->name);
    return nfs_alive(r);
}

static int remove_tree(struct nfs_request *r, struct sq_err *err)
{
    struct stat st;
    if (lstat(r->from, &st))
        return nfs_fail(err, errno, "remove", r->from);
    if (S_ISLNK(st.st_mode)) /* of a link to a folder, the link */
        return unlink(r->from) ? nfs_fail(err, errno, "remove", r->from) : 0;
    if (!S_ISDIR(st.st_mode))
        return sq_fail(err, SQ_ENOENT, "%s is a file, not a folder", r->from);
    int fd = open(r->from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return nfs_fail(err, errno, "remove", r->from);
    int rc = nfs_walk(r, fd, true, false, remove_one, err);
    if (!rc && rmdir(r->from) && errno != ENOENT)
        rc = nfs_fail(err, errno, "remove", r->from);
    return rc;
}

int nfs_work_remove(struct nfs_request *r, struct sq_err *err)
{
    struct stat st;
    int rc = nfs_mounted(r, r->from, err);
    if (rc)
        return rc;
    if (r->folder)
        return remove_tree(r, err);
    if (lstat(r->from, &st))
        return nfs_fail(err, errno, "remove", r->from);
    if (S_ISDIR(st.st_mode))
        return sq_fail(err, SQ_ENOENT,
                       "%s is a folder: a final / would remove it with its tree",
                       r->from);
    return unlink(r->from) ? nfs_fail(err, errno, "remove", r->from) : 0;
}
