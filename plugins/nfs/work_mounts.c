/* Telling an absent mount from an absent file: what /etc/fstab says is mounted from the
 * network above a path has to be in /proc/self/mountinfo, or reading would find nothing
 * and writing would fill the disk below.  Both are files that never hang.  In the
 * child: read in pieces into memory made before. */
#include "plugins/nfs/nfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line of either file; a longer one is no mount of ours. */
enum { LINE_BYTES = 8192 };

struct lines {
    int fd;
    char data[LINE_BYTES];
    size_t len, used; /* read, and given out of it */
};

/* The next line, 0-terminated, or NULL at the end. */
static char *next_line(struct lines *in)
{
    for (;;) {
        char *line = in->data + in->used;
        char *end = memchr(line, '\n', in->len - in->used);
        if (end) {
            *end = 0;
            in->used = (size_t)(end + 1 - in->data);
            return line;
        }
        memmove(in->data, line, in->len - in->used);
        in->len -= in->used;
        in->used = 0;
        if (in->len == sizeof in->data)
            in->len = 0; /* too long: what is left of it fits nothing */
        ssize_t n = read(in->fd, in->data + in->len, sizeof in->data - in->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NULL;
        in->len += (size_t)n;
    }
}

/* Cut off the next word of *text; NULL at the end. */
static char *word(char **text)
{
    char *begin = *text + strspn(*text, " \t");
    if (!*begin)
        return NULL;
    char *end = begin + strcspn(begin, " \t");
    *text = *end ? end + 1 : end;
    *end = 0;
    return begin;
}

/* \040 and the like, as both files write odd characters; in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; to++) {
        bool octal = p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
                     p[2] <= '7' && p[3] >= '0' && p[3] <= '7';
        *to = octal ? (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0')) : *p;
        p += octal ? 4 : 1;
    }
    *to = 0;
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    return n > 1 && strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == 0);
}

/* From the network, by its type or by its options. */
static bool is_remote(const char *type, const char *options)
{
    static const char *const types[] = {"nfs",  "nfs4",      "cifs",   "smb3",
                                        "ceph", "glusterfs", "lustre", "beegfs",
                                        "9p",   "gpfs"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return strncmp(type, "fuse", 4) == 0 || (options && strstr(options, "_netdev"));
}

/* The mount point of a line of fstab that ought to be above `path`, or NULL. */
static char *wanted(char *line, const char *path)
{
    char *device = word(&line), *point = word(&line), *type = word(&line);
    if (!device || device[0] == '#' || !point || !type)
        return NULL;
    const char *options = word(&line);
    unescape(point);
    return is_remote(type, options) && is_below(path, point) ? point : NULL;
}

static bool same_folder(const char *a, const char *b)
{
    return is_below(a, b) && is_below(b, a);
}

static bool is_mounted(const char *point)
{
    struct lines in = {.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)};
    bool found = in.fd < 0; /* who cannot know does not accuse */
    char *line;
    while (!found && (line = next_line(&in))) {
        char *at = NULL;
        for (int i = 0; i < 5; i++) /* the fifth word is the mount point */
            at = word(&line);
        if (at) {
            unescape(at);
            found = same_folder(at, point);
        }
    }
    if (in.fd >= 0)
        close(in.fd);
    return found;
}

int nfs_mounted(struct nfs_request *r, const char *path, struct sq_err *err)
{
    struct lines in = {.fd = open(r->s->fstab, O_RDONLY | O_CLOEXEC)};
    int rc = 0;
    char *line;
    while (!rc && in.fd >= 0 && (line = next_line(&in))) {
        const char *point = wanted(line, path);
        if (point && !is_mounted(point))
            rc =
                sq_fail(err, SQ_EIO,
                        "%s: the file system of %s is not mounted, though %s names it: "
                        "mount it",
                        path, point, r->s->fstab);
    }
    if (in.fd >= 0)
        close(in.fd);
    return rc;
}
