/* A child process reads the events with a connection of its own and writes a byte for
 * each.  A stream that ends ends the child: whoever listens again asks for everything
 * anew, and so needs no event that came meanwhile. */
#include "cli/top/events.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/sse.h"

static int on_event(void *arg, const struct sq_sse_event *e, struct sq_err *err)
{
    const int *fd = arg;
    (void)e, (void)err;
    /* A full pipe says enough. */
    return write(*fd, "", 1) == 1 || errno == EAGAIN ? 0 : SQ_ECANCELED;
}

static int on_piece(void *sse, const char *data, size_t len)
{
    struct sq_err err;
    return sq_sse_take(sse, data, len, &err);
}

/* The child. */
static void listen_on(struct sq_cli *cli, int fd, void *arg)
{
    struct sq_err err;
    struct sq_http *http;
    struct sq_sse sse;
    (void)arg;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    sq_sse_init(&sse, on_event, &fd);
    if (sq_cli_server(cli, &http, &err) == 0)
        (void)sq_http_stream(http, "/events", on_piece, &sse, &err);
    sq_sse_fini(&sse);
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
