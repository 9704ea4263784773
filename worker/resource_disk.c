/* `about` is a line with a checksum and a length, then texts that each end in a 0 byte:
 * the URI, the source, and for each entry its kind and what is known of it, a space,
 * its path: "D a", "F SIZE MTIME_NS a/b", "L a/c" followed by the link's target. */
#include "worker/resource_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "worker/checksum.h"

enum { DEPTH_MAX = 128, HEADER_MAX = 80 };

static int fail_errno(struct sq_err *err, const char *what, const char *name)
{
    int e = errno;
    return sq_fail(err, sq_errno_code(e), "cannot %s %.300s: %s", what, name,
                   strerror(e));
}

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* ---- seal */

struct seal {
    struct sq_buf *out;
    struct sq_err *err;
};

static int seal_folder(struct seal *s, int dir, const char *prefix, int depth);

static int seal_link(struct seal *s, int dir, const char *name, const char *path)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
    if (n < 0)
        return fail_errno(s->err, "read the link", path);
    target[n] = 0;
    sq_buf_addf(s->out, "L %s", path);
    sq_buf_add(s->out, "", 1);
    sq_buf_add(s->out, target, (size_t)n + 1);
    return 0;
}

static int seal_entry(struct seal *s, int dir, const char *name, const char *path,
                      int depth)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(s->err, "look at", path);
    if (S_ISLNK(st.st_mode))
        return seal_link(s, dir, name, path);
    if (S_ISDIR(st.st_mode)) {
        sq_buf_addf(s->out, "D %s", path);
        sq_buf_add(s->out, "", 1);
        int fd = sq_open_dir_at(dir, name);
        return fd < 0 ? fail_errno(s->err, "open", path)
                      : seal_folder(s, fd, path, depth + 1);
    }
    if (!S_ISREG(st.st_mode))
        return 0;
    if (fchmodat(dir, name, (st.st_mode & 0555) | 0444, 0) != 0)
        return fail_errno(s->err, "make read-only", path);
    sq_buf_addf(s->out, "F %" PRId64 " %" PRId64 " %s", (int64_t)st.st_size,
                mtime_ns(&st), path);
    sq_buf_add(s->out, "", 1);
    return 0;
}

/* Closes `fd`. */
static int seal_folder(struct seal *s, int fd, const char *prefix, int depth)
{
    DIR *dir = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
    int rc = dir ? 0 : sq_fail(s->err, SQ_ETOOBIG, "its folders are too deep");
    if (!dir)
        close(fd);
    for (struct dirent *e; !rc && (e = readdir(dir));) {
        char *path SQ_CLEANUP(sq_freep) = NULL;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (asprintf(&path, "%s%s%s", prefix, *prefix ? "/" : "", e->d_name) < 0) {
            path = NULL;
            rc = sq_fail(s->err, SQ_ENOMEM, "out of memory");
        } else
            rc = seal_entry(s, fd, e->d_name, path, depth);
        if (!rc && !sq_buf_ok(s->out))
            rc = sq_fail(s->err, SQ_ETOOBIG, "it has too many entries");
    }
    if (dir)
        closedir(dir);
    return rc;
}

static int write_about(int cache, const char *name, const struct sq_buf *text,
                       struct sq_err *err)
{
    char header[HEADER_MAX], temporary[80], final[80];
    snprintf(temporary, sizeof temporary, "%s/about.new", name);
    snprintf(final, sizeof final, "%s/about", name);
    int n = snprintf(header, sizeof header, "scitq-resource 1 %016" PRIx64 " %zu\n",
                     sq_checksum(text->data, text->len), text->len);
    int fd SQ_CLEANUP(sq_closep) =
        openat(cache, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(err, "make", temporary);
    int rc = sq_write_all(fd, header, (size_t)n, err);
    if (!rc)
        rc = sq_write_all(fd, text->data, text->len, err);
    if (!rc && (fsync(fd) != 0 || renameat(cache, temporary, cache, final) != 0))
        rc = fail_errno(err, "write", final);
    return rc;
}

int sq_resource_seal(int cache, const char *name, const char *uri, const char *source,
                     struct sq_err *err)
{
    char data[80];
    struct sq_buf text SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&text, SQ_RESOURCE_ABOUT_MAX);
    sq_buf_add(&text, uri, strlen(uri) + 1);
    sq_buf_add(&text, source, strlen(source) + 1);
    snprintf(data, sizeof data, "%s/data", name);
    int fd = openat(cache, data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "open what was fetched:", data);
    struct seal s = {&text, err};
    int rc = seal_folder(&s, fd, "", 0);
    return rc ? rc : write_about(cache, name, &text, err);
}

/* ---- read */

int sq_resource_read(int cache, const char *name, struct sq_buf *text,
                     struct sq_resource_about *ret, struct sq_err *err)
{
    char path[80];
    uint64_t sum;
    size_t len;
    int at = 0;
    snprintf(path, sizeof path, "%s/about", name);
    int fd SQ_CLEANUP(sq_closep) =
        openat(cache, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || sq_read_all(fd, text, err) != 0)
        return sq_fail(err, SQ_ENOENT, "%s cannot be read", path);
    sq_buf_addc(text, 0); /* for what looks for one */
    if (!sq_buf_ok(text) ||
        sscanf(text->data, "scitq-resource 1 %16" SCNx64 " %zu%n", &sum, &len, &at) !=
            2 ||
        text->data[at] != '\n' || text->len != (size_t)at + 1 + len + 1 ||
        sq_checksum(text->data + at + 1, len) != sum || len < 2 ||
        text->data[at + len] != 0)
        return sq_fail(err, SQ_ENOENT, "%s is damaged", path);
    ret->uri = text->data + at + 1;
    ret->end = ret->uri + len;
    ret->source = ret->uri + strlen(ret->uri) + 1;
    if (ret->source >= ret->end)
        return sq_fail(err, SQ_ENOENT, "%s is damaged", path);
    ret->entries = ret->source + strlen(ret->source) + 1;
    return 0;
}

/* ---- link */

static int damaged(struct sq_err *err, const char *path)
{
    return sq_fail(err, SQ_EPROTO, "%.300s is not as it was fetched", path);
}

static int taken(struct sq_err *err, const char *path)
{
    return sq_fail(
        err, SQ_EEXIST,
        "two resources of this task both bring %.300s: put one into a folder "
        "of its own with |mv:",
        path);
}

static int link_folder(int to, const char *path, struct sq_err *err)
{
    struct stat st;
    if (mkdirat(to, path, 0777) != 0 && errno != EEXIST)
        return fail_errno(err, "make", path);
    if (fstatat(to, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return taken(err, path);
    if ((st.st_mode & 0777) != 0777 && fchmodat(to, path, 0777, 0) != 0)
        return fail_errno(err, "open to all", path);
    return 0;
}

static bool same_file(int a, int b, const char *path)
{
    struct stat x, y;
    return fstatat(a, path, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(b, path, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* `text` is "SIZE MTIME_NS PATH".  A file with as many links as can be is fetched
 * anew, too. */
static int link_file(int from, int to, const char *text, struct sq_err *err)
{
    struct stat st;
    int64_t size, date;
    int at = 0;
    if (sscanf(text, "%" SCNd64 " %" SCNd64 "%n", &size, &date, &at) != 2 ||
        text[at] != ' ')
        return damaged(err, text);
    const char *path = text + at + 1;
    if (fstatat(from, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size != size || mtime_ns(&st) != date)
        return damaged(err, path);
    if (linkat(from, path, to, path, 0) == 0)
        return 0;
    if (errno == ENOENT || errno == EMLINK)
        return damaged(err, path);
    if (errno == EEXIST)
        return same_file(from, to, path) ? 0 : taken(err, path);
    return fail_errno(err, "link", path);
}

static int link_entry(int from, int to, const char *entry, const char **next,
                      const char *end, struct sq_err *err)
{
    const char *target = *next;
    if (entry[0] && entry[1] == ' ')
        switch (entry[0]) {
        case 'D': return link_folder(to, entry + 2, err);
        case 'F': return link_file(from, to, entry + 2, err);
        case 'L':
            if (target >= end)
                break;
            *next = target + strlen(target) + 1;
            if (symlinkat(target, to, entry + 2) != 0)
                return errno == EEXIST ? taken(err, entry + 2)
                                       : fail_errno(err, "link", entry + 2);
            return 0;
        default: break;
        }
    return damaged(err, entry);
}

int sq_resource_link(int cache, const char *name, int to, struct sq_err *err)
{
    char data[80];
    struct sq_resource_about about;
    struct sq_buf text SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&text, SQ_RESOURCE_ABOUT_MAX + HEADER_MAX + 2);
    snprintf(data, sizeof data, "%s/data", name);
    int from SQ_CLEANUP(sq_closep) =
        openat(cache, data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 || sq_resource_read(cache, name, &text, &about, err) != 0)
        return damaged(err, name);
    int rc = 0;
    for (const char *at = about.entries; !rc && at < about.end;) {
        const char *next = at + strlen(at) + 1;
        rc = link_entry(from, to, at, &next, about.end, err);
        at = next;
    }
    return rc;
}
