/* A child process reads the stream with a connection of its own and writes a byte for
 * each piece that comes. */
#include "cli/top/events.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int on_piece(void *arg, const char *data, size_t len)
{
    const int *fd = arg;
    (void)data;
    /* A full pipe says enough. */
    return len == 0 || write(*fd, "", 1) == 1 || errno == EAGAIN ? 0 : SQ_ECANCELED;
}

/* The child. */
static void listen_on(struct sq_cli *cli, int fd, void *arg)
{
    struct sq_err err;
    struct sq_http *http;
    (void)arg;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (sq_cli_server(cli, &http, &err) == 0)
        (void)sq_http_stream(http, "/events", on_piece, &fd, &err);
}

void sq_top_events_again(struct sq_top_child *c, struct sq_cli *cli)
{
    sq_top_child_start(c, cli, listen_on, NULL);
}

bool sq_top_events_take(struct sq_top_child *c)
{
    char bytes[512];
    bool any = false;
    ssize_t n;
    while ((n = read(c->fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
        any = true;
    if (n == 0) {
        sq_top_child_end(c);
        any = true;
    }
    return any;
}
