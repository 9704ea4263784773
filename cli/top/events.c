/* A child process reads the stream with a connection of its own and writes a byte for
 * each piece that comes: it is killed at the end, wherever it waits. */
#include "cli/top/events.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct sq_top_events {
    struct sq_cli *cli;
    pid_t pid; /* 0: none */
    int fd;
};

static int on_piece(void *arg, const char *data, size_t len)
{
    const int *fd = arg;
    (void)data;
    /* A full pipe says enough. */
    return len == 0 || write(*fd, "", 1) == 1 || errno == EAGAIN ? 0 : SQ_ECANCELED;
}

/* The child. */
static void listen_on(struct sq_cli *cli, int fd)
{
    struct sq_err err;
    struct sq_http *http;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cli->http = NULL; /* the parent's connection */
    if (sq_cli_server(cli, &http, &err) == 0)
        (void)sq_http_stream(http, "/events", on_piece, &fd, &err);
    _exit(0);
}

void sq_top_events_again(struct sq_top_events *e)
{
    int fds[2];
    if (e->pid || pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    e->pid = fork();
    if (e->pid == 0)
        listen_on(e->cli, fds[1]);
    close(fds[1]);
    e->fd = fds[0];
    if (e->pid < 0) { /* it is asked every now and then instead */
        close(fds[0]);
        e->pid = 0;
        e->fd = -1;
    }
}

int sq_top_events_start(struct sq_cli *cli, struct sq_top_events **ret,
                        struct sq_err *err)
{
    struct sq_top_events *e = calloc(1, sizeof *e);
    if (!e)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    e->cli = cli;
    e->fd = -1;
    sq_top_events_again(e);
    *ret = e;
    return 0;
}

static void end(struct sq_top_events *e)
{
    if (!e->pid)
        return;
    kill(e->pid, SIGKILL);
    while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(e->fd);
    e->pid = 0;
    e->fd = -1;
}

void sq_top_events_stop(struct sq_top_events *e)
{
    if (!e)
        return;
    end(e);
    free(e);
}

int sq_top_events_fd(const struct sq_top_events *e)
{
    return e->fd;
}

bool sq_top_events_live(const struct sq_top_events *e)
{
    return e->pid != 0;
}

bool sq_top_events_take(struct sq_top_events *e)
{
    char bytes[512];
    bool any = false;
    ssize_t n;
    while ((n = read(e->fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
        any = true;
    if (n == 0) {
        end(e);
        any = true;
    }
    return any;
}
