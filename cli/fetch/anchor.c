/* Opened without its links, named by its number. */
#include "cli/fetch/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"

int sq_anchor_open(const char *path, struct sq_anchor *a, struct sq_err *err)
{
    char plain[PATH_MAX]; /* with a / at its end a link would be followed */
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    *a = (struct sq_anchor){.fd = -1, .name = path};
    if (len >= sizeof plain)
        return sq_fail(err, SQ_EINVAL, "%.200s… is too long a name", path);
    snprintf(plain, sizeof plain, "%.*s", (int)len, path);
    a->fd = open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (a->fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return sq_fail(err, SQ_EINVAL, "%.300s is no folder, or a link to one", path);
    if (a->fd < 0)
        return sq_fail(err, sq_errno_code(errno), "cannot open the folder %.300s: %s",
                       path, strerror(errno));
    snprintf(a->path, sizeof a->path, "/proc/%d/fd/%d", (int)getpid(), a->fd);
    return 0;
}

void sq_anchor_close(struct sq_anchor *a)
{
    sq_closep(&a->fd);
    *a = (struct sq_anchor){.fd = -1};
}

void sq_anchor_show(const struct sq_anchor *a, struct sq_err *err)
{
    char text[sizeof err->text];
    size_t len = strlen(a->path), done = 0;
    char *at;
    while (len && (at = strstr(err->text + done, a->path)) != NULL) {
        done = (size_t)(at - err->text);
        snprintf(text, sizeof text, "%.*s%s%s", (int)done, err->text, a->name,
                 at + len);
        memcpy(err->text, text, sizeof text);
        done += strlen(a->name);
        if (done >= sizeof text)
            break;
    }
}
