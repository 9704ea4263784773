/* Telling that a daemon is ready: see ready.h. */
#include "lib/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/notify.h"

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

void sq_ready_tell(int fd)
{
    struct sq_err err;
    if (fd >= 0) {
        if (sq_write_all(fd, ready, sizeof ready - 1, &err) != 0)
            sq_log(SQ_LOG_WARNING, "ready", "--ready-fd: %s", err.text);
        close(fd);
    }
    sq_notify(ready);
}
