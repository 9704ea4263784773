/* Telling that a daemon is ready: see ready.h. */
#include "lib/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

static const char ready[] = "READY=1\n";

bool sq_ready_parse(const char *text, int *ret_fd)
{
    char *end;
    errno = 0;
    long fd = strtol(text, &end, 10);
    if (errno || end == text || *end || fd < 0 || fd > INT_MAX)
        return false;
    int flags = fcntl((int)fd, F_GETFD);
    if (flags < 0 || fcntl((int)fd, F_SETFD, flags | FD_CLOEXEC) < 0)
        return false;
    *ret_fd = (int)fd;
    return true;
}

static void notify(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof to.sun_path) {
        sq_log(SQ_LOG_WARNING, "ready", "NOTIFY_SOCKET=%s is no socket's path", path);
        return;
    }
    memcpy(to.sun_path, path, n);
    if (*path == '@')
        to.sun_path[0] = 0; /* an abstract name */
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    SQ_CLEANUP(sq_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        sendto(fd, ready, sizeof ready - 1, MSG_NOSIGNAL, (void *)&to, len) < 0)
        sq_log(SQ_LOG_WARNING, "ready", "cannot notify %s: %s", path, strerror(errno));
}

void sq_ready_tell(int fd)
{
    struct sq_err err;
    if (fd >= 0) {
        if (sq_write_all(fd, ready, sizeof ready - 1, &err) != 0)
            sq_log(SQ_LOG_WARNING, "ready", "--ready-fd: %s", err.text);
        close(fd);
    }
    const char *path = getenv("NOTIFY_SOCKET");
    if (path)
        notify(path);
}
