/* Names are cut at the slashes and walked one open folder at a time, O_NOFOLLOW.
 *
 * A symbolic link is judged twice.  Here by its words, when it is made: "../x" is fine
 * one folder down.  And by where it leads when everything is there (inside_tree.c):
 * with d/up -> .., the words "d/up/../x" look inside and are not. */
#include "cli/fetch/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

static int fail_errno(struct sq_err *err, const char *verb, const char *name)
{
    int e = errno;
    return sq_fail(err, sq_errno_code(e), "cannot %s %.200s: %s", verb, name,
                   strerror(e));
}

/* The next step of a name, its length in *ret_len; NULL at the end.  "." is no step. */
static const char *next_step(const char *p, size_t *ret_len)
{
    for (;;) {
        p += strspn(p, "/");
        *ret_len = strcspn(p, "/");
        if (*ret_len == 0)
            return NULL;
        if (*ret_len > 1 || *p != '.')
            return p;
        p++;
    }
}

static bool is_up(const char *step, size_t len)
{
    return len == 2 && memcmp(step, "..", 2) == 0;
}

int sq_inside_check(const char *name, struct sq_err *err)
{
    int depth = 0;
    if (!*name)
        return sq_fail(err, SQ_EINVAL, "a file without a name");
    if (*name == '/')
        return sq_fail(err, SQ_EINVAL,
                       "%.200s would land outside the folder: its name "
                       "is absolute",
                       name);
    size_t len;
    for (const char *p = name; (p = next_step(p, &len)); p += len) {
        if (is_up(p, len))
            return sq_fail(err, SQ_EINVAL,
                           "%.200s would land outside the folder: its name has ..",
                           name);
        if (len > NAME_MAX || ++depth > SQ_INSIDE_DEPTH)
            return sq_fail(err, SQ_EINVAL, "%.200s… is too long or too deep a name",
                           name);
    }
    return 0;
}

bool sq_inside_is_root(const char *name)
{
    size_t len;
    return *name && *name != '/' && !next_step(name, &len);
}

/* Open one folder further down, made when it is missing. */
static int step_down(int dir, const char *step, const char *name, struct sq_err *err)
{
    if (mkdirat(dir, step, 0777) != 0 && errno != EEXIST) {
        fail_errno(err, "make the folder of", name);
        return -1;
    }
    int fd = openat(dir, step, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == ELOOP || errno == ENOTDIR)
        sq_fail(err, SQ_EINVAL,
                "%.200s would go through %.100s, which is a link or a file", name,
                step);
    else
        fail_errno(err, "open the folder of", name);
    return -1;
}

int sq_inside_parent(int root, const char *name, char *ret_last, struct sq_err *err)
{
    size_t len;
    const char *p = sq_inside_check(name, err) == 0 ? next_step(name, &len) : NULL;
    if (!p)
        return *name && *name != '/' && sq_inside_is_root(name)
                   ? (sq_fail(err, SQ_EINVAL, "%.200s is the folder itself", name), -1)
                   : -1;
    int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
    if (dir < 0)
        fail_errno(err, "open the folder of", name);
    while (dir >= 0) {
        snprintf(ret_last, NAME_MAX + 1, "%.*s", (int)len, p);
        p = next_step(p + len, &len);
        if (!p)
            break;
        int down = step_down(dir, ret_last, name, err);
        close(dir);
        dir = down;
    }
    return dir;
}

/* Take away what stands at the last step, unless it is a folder. */
static int clear_last(int dir, const char *last, const char *name, struct sq_err *err)
{
    if (unlinkat(dir, last, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno == EISDIR || errno == EPERM)
        return sq_fail(err, SQ_EEXIST, "%.200s is a folder already", name);
    return fail_errno(err, "replace", name);
}

/* The folder of `name`, with its last step free. */
static int open_cleared(int root, const char *name, char *ret_last, struct sq_err *err)
{
    int dir = sq_inside_parent(root, name, ret_last, err);
    if (dir >= 0 && clear_last(dir, ret_last, name, err) != 0) {
        close(dir);
        return -1;
    }
    return dir;
}

int sq_inside_file(int root, const char *name, struct sq_err *err)
{
    char last[NAME_MAX + 1];
    SQ_CLEANUP(sq_closep) int dir = open_cleared(root, name, last, err);
    if (dir < 0)
        return -1;
    int fd =
        openat(dir, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        fail_errno(err, "make", name);
    return fd;
}

int sq_inside_open_dir(int root, const char *name, struct sq_err *err)
{
    if (sq_inside_is_root(name))
        return openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char last[NAME_MAX + 1];
    SQ_CLEANUP(sq_closep) int dir = sq_inside_parent(root, name, last, err);
    return dir < 0 ? -1 : step_down(dir, last, name, err);
}

int sq_inside_dir(int root, const char *name, struct sq_err *err)
{
    struct sq_err why = {.code = SQ_EIO};
    if (sq_inside_is_root(name))
        return 0;
    SQ_CLEANUP(sq_closep) int fd = sq_inside_open_dir(root, name, &why);
    return fd < 0 ? sq_fail(err, why.code, "%s", why.text) : 0;
}

/* Do the words of a link in `name` lead inside? */
static bool words_stay(const char *name, const char *target)
{
    size_t len;
    int depth = -1; /* the link's own name is not a folder */
    for (const char *p = name; (p = next_step(p, &len)); p += len)
        depth++;
    for (const char *p = target; (p = next_step(p, &len)); p += len) {
        depth += is_up(p, len) ? -1 : 1;
        if (depth < 0)
            return false;
    }
    return *target && *target != '/';
}

int sq_inside_symlink(int root, const char *name, const char *target,
                      struct sq_err *err)
{
    char last[NAME_MAX + 1];
    if (!words_stay(name, target))
        return sq_fail(err, SQ_EINVAL, "%.150s is a link to %.150s, outside the folder",
                       name, target);
    struct sq_err why = {.code = SQ_EIO};
    SQ_CLEANUP(sq_closep) int dir = open_cleared(root, name, last, &why);
    if (dir < 0)
        return sq_fail(err, why.code, "%s", why.text);
    return symlinkat(target, dir, last) == 0 ? 0
                                             : fail_errno(err, "make the link", name);
}

int sq_inside_hardlink(int root, const char *name, const char *target,
                       struct sq_err *err)
{
    char last[NAME_MAX + 1], old[NAME_MAX + 1];
    struct stat st;
    struct sq_err why = {.code = SQ_EIO};
    SQ_CLEANUP(sq_closep) int from = sq_inside_parent(root, target, old, &why);
    if (from < 0)
        return sq_fail(err, why.code, "%.150s is a link: %s", name, why.text);
    if (fstatat(from, old, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return sq_fail(err, SQ_EINVAL,
                       "%.150s is a link to %.150s, which is no file here", name,
                       target);
    SQ_CLEANUP(sq_closep) int dir = sq_inside_parent(root, name, last, &why);
    struct stat there;
    if (dir >= 0 && fstatat(dir, last, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        there.st_ino == st.st_ino && there.st_dev == st.st_dev)
        return 0; /* a link to itself would remove it */
    if (dir < 0 || clear_last(dir, last, name, &why) != 0)
        return sq_fail(err, why.code, "%s", why.text);
    return linkat(from, old, dir, last, 0) == 0
               ? 0
               : fail_errno(err, "make the link", name);
}
