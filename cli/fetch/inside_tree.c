/* Whole trees: walked, judged by where their links lead, moved into place.
 *
 * A tree is made in a folder of its own beside its destination, judged there, and then
 * moved entry by entry with rename(): a folder that is new goes over in one step. */
#include "cli/fetch/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"

static int fail_errno(struct sq_err *err, const char *verb, const char *name)
{
    int e = errno;
    return sq_fail(err, sq_errno_code(e), "cannot %s %.200s: %s", verb, name,
                   strerror(e));
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int open_down(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

struct walk {
    sq_inside_visit_fn *visit;
    void *arg;
    struct sq_buf path;
};

static int walk_dir(struct walk *w, int dir_take, int depth, struct sq_err *err);

/* One entry, whose name stands in w->path. */
static int walk_entry(struct walk *w, int dir, const char *last, int depth,
                      struct sq_err *err)
{
    struct stat st;
    if (fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(err, "look at", w->path.data);
    int rc = w->visit(w->arg, dir, last, w->path.data, &st, err);
    if (rc == 0 && S_ISDIR(st.st_mode))
        rc = walk_dir(w, open_down(dir, last), depth + 1, err);
    return rc;
}

static int walk_dir(struct walk *w, int dir_take, int depth, struct sq_err *err)
{
    DIR *d = dir_take < 0 ? NULL : fdopendir(dir_take);
    size_t len = w->path.len;
    if (!d) {
        int rc = fail_errno(err, "read the folder", w->path.data);
        sq_closep(&dir_take);
        return rc;
    }
    int rc = 0;
    if (depth > SQ_INSIDE_DEPTH)
        rc = sq_fail(err, SQ_EINVAL, "%.200s… is too deep a folder", w->path.data);
    for (struct dirent *e; rc == 0 && (e = readdir(d));) {
        if (is_dots(e->d_name))
            continue;
        sq_buf_adds(&w->path, len ? "/" : "");
        sq_buf_adds(&w->path, e->d_name);
        rc = sq_buf_ok(&w->path) ? walk_entry(w, dirfd(d), e->d_name, depth, err)
                                 : sq_fail(err, SQ_EINVAL, "a name is too long");
        w->path.failed = false;
        w->path.len = len;
        w->path.data[len] = 0;
    }
    closedir(d);
    return rc;
}

int sq_inside_walk(int root, sq_inside_visit_fn *visit, void *arg, struct sq_err *err)
{
    struct walk w = {.visit = visit, .arg = arg};
    sq_buf_init(&w.path, PATH_MAX);
    sq_buf_add(&w.path, "", 0);
    int rc = sq_buf_ok(&w.path) ? walk_dir(&w, open_down(root, "."), 0, err)
                                : sq_fail(err, SQ_ENOMEM, "out of memory");
    sq_buf_fini(&w.path);
    return rc;
}

/* Where a link leads, by the kernel's word.  A kernel before 5.6 leaves it at the
 * link's words, checked when it was made. */
static int check_link(void *arg, int dir, const char *last, const char *name,
                      const struct stat *st, struct sq_err *err)
{
    const int *root = arg;
    (void)dir, (void)last;
    if (!S_ISLNK(st->st_mode))
        return 0;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    SQ_CLEANUP(sq_closep)
    int fd = (int)syscall(SYS_openat2, *root, name, &how, sizeof how);
    if (fd < 0 && errno == EXDEV)
        return sq_fail(err, SQ_EINVAL, "%.200s is a link that leads outside the folder",
                       name);
    return 0;
}

int sq_inside_check_links(int root, struct sq_err *err)
{
    return sq_inside_walk(root, check_link, &root, err);
}

/* ---- moving */

/* Where there are bytes at or after `at`; a sparse file of terabytes has few. */
static off_t next_data(int fd, off_t at, off_t size)
{
    off_t data = lseek(fd, at, SEEK_DATA);
    return data >= 0 ? data : errno == ENXIO ? size : at;
}

/* Both open, of the same size: the same bytes? */
static bool same_bytes(int a, int b, off_t size)
{
    enum { PIECE = 64 * 1024 };
    char x[PIECE], y[PIECE];
    ssize_t n = 0;
    for (off_t at = 0; at < size; at += n) {
        off_t in_a = next_data(a, at, size), in_b = next_data(b, at, size);
        at = in_a < in_b ? in_a : in_b;
        n = at < size ? pread(a, x, PIECE, at) : 0;
        if (n == 0)
            return at >= size;
        if (n < 0 || pread(b, y, (size_t)n, at) != n || memcmp(x, y, (size_t)n) != 0)
            return false;
    }
    return true;
}

static bool same_link(int from, int to, const char *last)
{
    char x[PATH_MAX], y[PATH_MAX];
    ssize_t n = readlinkat(from, last, x, sizeof x);
    return n > 0 && readlinkat(to, last, y, sizeof y) == n &&
           memcmp(x, y, (size_t)n) == 0;
}

/* Is `last` the same in both, to the byte? */
static bool is_equal(int from, int to, const char *last)
{
    struct stat x, y;
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    SQ_CLEANUP(sq_closep) int a = openat(from, last, flags);
    SQ_CLEANUP(sq_closep) int b = openat(to, last, flags);
    if (a < 0 && b < 0)
        return same_link(from, to, last);
    return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
           S_ISREG(x.st_mode) && S_ISREG(y.st_mode) && x.st_size == y.st_size &&
           same_bytes(a, b, x.st_size);
}

/* Is a name free, or a file's that may as well be this one?  Of two jobs that bring it
 * at once one makes it its own. */
static int rename_new(int from, int to, const char *last, const char *name,
                      struct sq_err *err)
{
    struct stat st;
    if (renameat2(from, last, to, last, RENAME_NOREPLACE) == 0)
        return 0;
    int e = errno; /* EINVAL: this file system cannot tell */
    if (e != EEXIST && e != EINVAL && e != ENOSYS)
        return fail_errno(err, "move into place", name);
    bool is_there = fstatat(to, last, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there && !S_ISDIR(st.st_mode) && !is_equal(from, to, last))
        return sq_fail(err, SQ_EEXIST,
                       "two inputs bring a file %.200s, and not the same: put one into "
                       "a folder of its own with |mv:",
                       name);
    return sq_inside_rename(from, to, last, name, false, err);
}

int sq_inside_rename(int from, int to, const char *last, const char *name,
                     bool no_replace, struct sq_err *err)
{
    if (no_replace)
        return rename_new(from, to, last, name, err);
    if (renameat(from, last, to, last) == 0)
        return 0;
    if (errno == EISDIR || errno == ENOTDIR)
        return sq_fail(err, SQ_EEXIST,
                       "%.200s is a folder on one side and a file on the other", name);
    return fail_errno(err, "move into place", name);
}

static int move_dir(int from_take, int to_take, bool no_replace, int depth,
                    struct sq_err *err);

static int move_entry(int from, int to, const char *name, bool no_replace, int depth,
                      struct sq_err *err)
{
    struct stat st;
    bool is_file =
        fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode);
    if (is_file)
        return sq_inside_rename(from, to, name, name, no_replace, err);
    if (renameat(from, name, to, name) == 0)
        return 0;
    if (errno == ENOTDIR)
        return sq_fail(err, SQ_EEXIST,
                       "%.200s is a folder on one side and a file on the other", name);
    if (errno != ENOTEMPTY && errno != EEXIST)
        return fail_errno(err, "move into place", name);
    int rc = move_dir(open_down(from, name), open_down(to, name), no_replace, depth + 1,
                      err);
    if (rc == 0 && unlinkat(from, name, AT_REMOVEDIR) != 0)
        return fail_errno(err, "remove the folder", name);
    return rc;
}

/* Again from the start until nothing is left: what a reading shows while entries go is
 * up to the file system. */
static int move_dir(int from_take, int to_take, bool no_replace, int depth,
                    struct sq_err *err)
{
    SQ_CLEANUP(sq_closep) int to = to_take;
    DIR *d = from_take < 0 ? NULL : fdopendir(from_take);
    if (!d || to < 0) {
        int rc = fail_errno(err, "read", "a folder to move");
        if (d)
            closedir(d);
        else
            sq_closep(&from_take);
        return rc;
    }
    int rc = depth > SQ_INSIDE_DEPTH ? sq_fail(err, SQ_EINVAL, "too deep a folder") : 0;
    for (bool seen = true; rc == 0 && seen; rewinddir(d)) {
        seen = false;
        for (struct dirent *e; rc == 0 && (e = readdir(d));) {
            if (is_dots(e->d_name))
                continue;
            seen = true;
            rc = move_entry(dirfd(d), to, e->d_name, no_replace, depth, err);
        }
    }
    closedir(d);
    return rc;
}

int sq_inside_move(int from, int to, bool no_replace, struct sq_err *err)
{
    return move_dir(open_down(from, "."), open_down(to, "."), no_replace, 0, err);
}
