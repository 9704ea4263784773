/* The few lines of sd_notify(3) that we need, without its library: see notify.h. */
#include "lib/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"

void sq_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path)
        return;
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof to.sun_path) {
        sq_log(SQ_LOG_WARNING, "notify", "NOTIFY_SOCKET=%s is no socket's path", path);
        return;
    }
    memcpy(to.sun_path, path, n);
    if (*path == '@')
        to.sun_path[0] = 0; /* an abstract name */
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    SQ_CLEANUP(sq_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (void *)&to, len) < 0)
        sq_log(SQ_LOG_WARNING, "notify", "cannot notify %s: %s", path, strerror(errno));
}

/* systemd 253 and later want to know when, to tell this reload from an earlier one. */
void sq_notify_reloading(void)
{
    char text[80];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
             sq_monotonic());
    sq_notify(text);
}

static int64_t number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    errno = 0;
    int64_t v = text ? strtoll(text, &end, 10) : 0;
    return text && !errno && end != text && !*end && v > 0 ? v : 0;
}

/* WATCHDOG_PID: the variables of a service reach its children too. */
int64_t sq_notify_period_us(void)
{
    if (!getenv("NOTIFY_SOCKET") ||
        (getenv("WATCHDOG_PID") && number("WATCHDOG_PID") != getpid()))
        return 0;
    int64_t us = number("WATCHDOG_USEC");
    return us > 1 ? us / 2 : us;
}
