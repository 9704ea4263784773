/* The kernel's count of those whom it killed for lack of memory is of the whole
 * machine: another task's death counts too.  Its log has a record of each such death
 * that tells the control group, but only root may read that everywhere. */
#include "worker/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

enum { RECORD_MAX = 8192 }; /* the kernel's own limit */

int64_t sq_oom_kills(void)
{
    char text[16384];
    int64_t count = -1;
    int fd SQ_CLEANUP(sq_closep) = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    const char *at = strstr(text, "\noom_kill ");
    if (at && sscanf(at, " oom_kill %" SCNd64, &count) != 1)
        count = -1;
    return count;
}

int sq_oom_log_names(int fd, const char *id)
{
    char record[RECORD_MAX + 1];
    for (;;) {
        ssize_t n = read(fd, record, RECORD_MAX);
        if (n < 0 && (errno == EINTR || errno == EPIPE)) /* overwritten: the next one */
            continue;
        if (n < 0 && errno != EAGAIN)
            return -1;
        if (n <= 0)
            return 0;
        record[n] = 0;
        if (strstr(record, ";oom-kill:") && strstr(record, id))
            return 1;
    }
}

int sq_oom_logged(const char *id)
{
    int fd SQ_CLEANUP(sq_closep) = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -1 : sq_oom_log_names(fd, id);
}
