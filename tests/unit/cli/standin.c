/* The little server of the tools' tests. */
#include "tests/unit/cli/standin.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"

enum { CONNECTIONS = 1000, REQUEST_MAX = 1 << 20 };

struct standin {
    const struct rule *rules;
    int listener;
    char address[40];
    pthread_t acceptor;
    pthread_mutex_t lock;    /* of log */
    struct sq_buf log, seen; /* what was asked; what standin_log showed of it */
    pthread_t threads[CONNECTIONS];
    int fds[CONNECTIONS];
    size_t n;
};

struct connection {
    struct standin *s;
    int fd;
};

static void must(bool held, const char *what)
{
    if (!held) {
        perror(what);
        abort();
    }
}

static const struct rule *find(const struct standin *s, const char *method,
                               const char *path, const char *body)
{
    static const struct rule none = {.status = 404,
                                     .answer = "{\"message\":\"nothing here\"}"};
    for (const struct rule *r = s->rules; r->method; r++)
        if (!strcmp(r->method, method) && !strcmp(r->path, path) &&
            (!r->body_has || strstr(body, r->body_has)))
            return r;
    return &none;
}

/* Answer the request at the start of `in` if it is whole; the bytes it took. */
static size_t answer(struct connection *c, const char *in)
{
    char method[16], path[1024];
    const char *body = strstr(in, "\r\n\r\n");
    const char *length = strcasestr(in, "\r\nContent-Length: ");
    size_t n = length && length < body ? strtoul(length + 18, NULL, 10) : 0;
    if (!body || strlen(body + 4) < n)
        return 0;
    body += 4;
    must(sscanf(in, "%15s %1023s", method, path) == 2, "request line");
    char *text = strndup(body, n);
    const struct rule *r = find(c->s, method, path, text);
    pthread_mutex_lock(&c->s->lock);
    sq_buf_addf(&c->s->log, "%s %s %s\n", method, path, text);
    pthread_mutex_unlock(&c->s->lock);
    free(text);
    dprintf(c->fd,
            "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
            "Content-Length: %zu\r\n\r\n%s",
            r->status, strlen(r->answer), r->answer);
    return (size_t)(body - in) + n;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    struct sq_buf in;
    char piece[4096];
    ssize_t got;
    sq_buf_init(&in, REQUEST_MAX);
    while ((got = recv(c->fd, piece, sizeof piece, 0)) > 0) {
        size_t used;
        sq_buf_add(&in, piece, (size_t)got);
        while (in.len && (used = answer(c, in.data)) > 0)
            sq_buf_consume(&in, used);
    }
    sq_buf_fini(&in);
    free(c);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct standin *s = arg;
    int fd;
    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        struct connection *c = malloc(sizeof *c);
        must(c && s->n < CONNECTIONS, "connection");
        *c = (struct connection){s, fd};
        s->fds[s->n] = fd;
        must(pthread_create(&s->threads[s->n++], NULL, serve, c) == 0, "thread");
    }
    return NULL;
}

struct standin *standin_start(const struct rule *rules)
{
    struct standin *s = calloc(1, sizeof *s);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    must(s != NULL, "memory");
    s->rules = rules;
    pthread_mutex_init(&s->lock, NULL);
    sq_buf_init(&s->log, REQUEST_MAX);
    sq_buf_init(&s->seen, REQUEST_MAX);
    sq_buf_adds(&s->log, "");
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(s->listener, (struct sockaddr *)&a, len) == 0, "bind");
    must(listen(s->listener, 64) == 0, "listen");
    must(getsockname(s->listener, (struct sockaddr *)&a, &len) == 0, "getsockname");
    snprintf(s->address, sizeof s->address, "127.0.0.1:%d", ntohs(a.sin_port));
    must(pthread_create(&s->acceptor, NULL, accept_all, s) == 0, "thread");
    return s;
}

void standin_stop(struct standin *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    for (size_t i = 0; i < s->n; i++) {
        shutdown(s->fds[i], SHUT_RDWR);
        pthread_join(s->threads[i], NULL);
        close(s->fds[i]);
    }
    close(s->listener);
    sq_buf_fini(&s->log);
    sq_buf_fini(&s->seen);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *standin_address(const struct standin *s)
{
    return s->address;
}

const char *standin_log(struct standin *s)
{
    sq_buf_clear(&s->seen);
    pthread_mutex_lock(&s->lock);
    sq_buf_add(&s->seen, s->log.data, s->log.len);
    pthread_mutex_unlock(&s->lock);
    return s->seen.data;
}

int standin_run(const struct CMUnitTest *tests, size_t n, const struct rule *rules,
                struct standin **server)
{
    *server = standin_start(rules);
    int failed = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
    standin_stop(*server);
    return failed;
}
