/* Listen addresses from their text to their sockets.  Only numbers are taken, but for
 * "localhost" and "*": a name that resolves to another address tomorrow would move what
 * the settings have judged safe. */
#include "core/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf.h"

enum { BACKLOG = 1024, SHOWN = 100 };

static bool set_v6(struct sq_listen *l, const char *host, uint16_t port)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&l->address;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    l->len = sizeof *in6;
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
        return false;
    l->loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    return true;
}

static bool set_v4(struct sq_listen *l, const char *host, uint16_t port)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)&l->address;
    in4->sin_family = AF_INET;
    in4->sin_port = htons(port);
    l->len = sizeof *in4;
    if (strcmp(host, "*") == 0)
        host = "0.0.0.0";
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &in4->sin_addr) != 1)
        return false;
    l->loopback = ntohl(in4->sin_addr.s_addr) >> 24 == 127;
    return true;
}

static bool parse_port(const char *text, uint16_t *ret)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    long port = strtol(text, &end, 10);
    *ret = (uint16_t)port;
    return *end == 0 && port >= 1 && port <= 65535;
}

/* l->text is set. */
static bool parse_one(struct sq_listen *l)
{
    char copy[SQ_LISTEN_TEXT], *host = copy;
    uint16_t port;
    memcpy(copy, l->text, sizeof copy);
    char *colon = strrchr(copy, ':');
    if (!colon || !parse_port(colon + 1, &port))
        return false;
    *colon = 0;
    if (*host != '[')
        return set_v4(l, host, port);
    if (colon[-1] != ']')
        return false;
    colon[-1] = 0;
    return set_v6(l, host + 1, port);
}

static int add(struct sq_listens *all, const char *text, size_t len, struct sq_err *err)
{
    if (all->n == SQ_LISTEN_MAX)
        return sq_fail(err, SQ_EINVAL, "names more than %d addresses", SQ_LISTEN_MAX);
    struct sq_listen *l = &all->v[all->n];
    *l = (struct sq_listen){.fd = -1};
    if (len < sizeof l->text)
        memcpy(l->text, text, len);
    if (len >= sizeof l->text || !parse_one(l))
        return sq_fail(err, SQ_EINVAL,
                       "must be address:port, like 127.0.0.1:5000 or [::1]:5000 (names "
                       "are not looked up), and %.*s is not",
                       (int)(len < SHOWN ? len : SHOWN), text);
    all->n++;
    return 0;
}

int sq_listen_parse(const char *list, struct sq_listens *ret, struct sq_err *err)
{
    size_t len;
    int code = 0;
    ret->n = 0;
    for (const char *item; code == 0 && (item = sq_conf_item(&list, &len));)
        code = add(ret, item, len, err);
    return code || ret->n ? code
                          : sq_fail(err, SQ_EINVAL, "must be address:port, not empty");
}

static int open_one(struct sq_listen *l, struct sq_err *err)
{
    int one = 1;
    int fd =
        socket(l->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd >= 0 && l->address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&l->address, l->len) == 0 &&
        listen(fd, BACKLOG) == 0) {
        l->fd = fd;
        return 0;
    }
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (why == EADDRINUSE)
        return sq_fail(err, SQ_EEXIST,
                       "cannot listen on %s: the port is taken, maybe by another "
                       "scitq-server (SCITQ_LISTEN names another)",
                       l->text);
    return sq_fail(err, SQ_EIO, "cannot listen on %s: %s", l->text, strerror(why));
}

int sq_listen_open(struct sq_listens *l, struct sq_err *err)
{
    for (int i = 0; i < l->n; i++) {
        int code = open_one(&l->v[i], err);
        if (code != 0)
            return code;
    }
    return 0;
}

void sq_listen_close(struct sq_listens *l)
{
    for (int i = 0; i < l->n; i++) {
        if (l->v[i].fd >= 0)
            close(l->v[i].fd);
        l->v[i].fd = -1;
    }
}
