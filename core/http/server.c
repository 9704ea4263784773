/* Start and stop of the HTTP side: libmicrohttpd's threads, the watch.
 *
 * Each listen address has a daemon with its own pool of epoll threads.  Stopping goes
 * in an order that libmicrohttpd demands: every new request refused, nobody suspended,
 * then the threads.  MHD_quiesce_daemon is not used: with a pool of epoll threads it
 * races with them and aborts (0.9.75, "Failed to remove listen FD"). */
#include "core/http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/http/feed.h"
#include "core/http/request.h"
#include "lib/log.h"

enum {
    CONNECTIONS_MAX = 50000,
    /* Headers live in it.  10,000 workers hold two connections each: 8 KiB, not 32. */
    CONNECTION_BYTES = 8192,
    /* Of it, what a target with a query may take, each parameter 64 bytes beside its
     * text.  Headers have the rest. */
    PARAMETER_BYTES = 64,
    TARGET_BYTES = 6144,
    IDLE_S = 60,
    STOP_S = 5 /* for answers under way; slow clients are cut off then */
};

static void log_mhd(void *arg, const char *fmt, va_list args)
{
    char text[400];
    (void)arg;
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = 0;
    sq_log(SQ_LOG_DEBUG, "http", "libmicrohttpd: %s", text);
}

/* Paths and queries are decoded by us, segment by segment: see route.c. */
static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

/* Where it comes from; strangers are counted, and turned away when there are many. */
static void meet(struct sq_http_server *s, struct MHD_Connection *connection,
                 struct sq_client *client)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !sq_address_bytes(info->client_addr, client->address) ||
        (!sq_auth_trusts(s->conf.auth, client->address) &&
         !sq_address_is_loopback(client->address) &&
         !sq_crowd_enter(s->crowd, client->address, &client->place)))
        shutdown(client->fd, SHUT_RDWR);
}

static void on_connection(void *server, struct MHD_Connection *connection,
                          void **client, enum MHD_ConnectionNotificationCode code)
{
    struct sq_http_server *s = server;
    struct sq_client *old = *client;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED && old)
        sq_crowd_leave(s->crowd, &old->place);
    sq_watch_connection(s->watch, connection, client, code);
    if (code == MHD_CONNECTION_NOTIFY_STARTED && *client)
        meet(s, connection, *client);
}

/* A query that fills the connection's memory is no error for libmicrohttpd 0.9.75: it
 * forgets the request and waits for another, while the client waits for an answer.  So
 * it gets an empty one to parse, and the request is refused (request.c).  It says
 * const, and parses the very same text, to its first 0, when this returns. */
static void *look_at_target(void *server, const char *uri,
                            struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct sq_client *client = info ? info->socket_context : NULL;
    char *query = strchr(uri, '?');
    size_t bytes = query ? strlen(uri) + PARAMETER_BYTES : 0;
    (void)server;
    for (const char *p = query; p && (p = strchr(p, '&')); p++)
        bytes += PARAMETER_BYTES;
    if (client)
        client->long_query = bytes > TARGET_BYTES;
    if (bytes > TARGET_BYTES)
        query[1] = 0;
    return NULL;
}

static struct MHD_Daemon *start_daemon(struct sq_http_server *s, int fd)
{
    unsigned threads = s->conf.threads > 1 ? (unsigned)s->conf.threads : 0;
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem secure[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, sq_tls_callback()},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)SQ_TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            (s->conf.tls ? MHD_USE_TLS : 0),
        0, NULL, NULL, sq_request_access, s,       /* */
        MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, /* first: the others may log */
        MHD_OPTION_LISTEN_SOCKET, fd,              /* */
        MHD_OPTION_THREAD_POOL_SIZE, threads,      /* */
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, /* */
        MHD_OPTION_URI_LOG_CALLBACK, look_at_target, s,  /* */
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, sq_request_completed, s,
        MHD_OPTION_ARRAY, s->conf.tls ? secure : plain, MHD_OPTION_END);
}

/* The socket is the daemon's from then on. */
static int serve(struct sq_http_server *s, struct sq_listen *l, struct sq_err *err)
{
    struct MHD_Daemon *daemon = start_daemon(s, l->fd);
    if (!daemon)
        return sq_fail(err, SQ_EIO, "cannot start the HTTP threads for %s: %s", l->text,
                       strerror(errno));
    l->fd = -1;
    s->daemons[s->n_daemons++] = daemon;
    return 0;
}

int sq_http_server_start(const struct sq_http_conf *conf, struct sq_http_server **ret,
                         struct sq_err *err)
{
    struct sq_http_server *s = calloc(1, sizeof *s);
    struct MHD_Daemon **daemons = calloc(SQ_LISTEN_MAX, sizeof(*daemons));
    if (!s || !daemons) {
        free(s);
        free(daemons);
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    s->conf = *conf;
    s->daemons = daemons;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->idle, NULL);
    int code = sq_crowd_new(&s->crowd, err);
    if (code == 0)
        code = sq_watch_start(&s->watch, err);
    if (code == 0)
        code = sq_feed_new(&s->feed, err);
    if (code == 0)
        code = sq_ui_open(conf->ui, &s->ui, err);
    for (int i = 0; code == 0 && i < conf->listen->n; i++)
        code = serve(s, &conf->listen->v[i], err);
    if (code != 0) {
        sq_http_server_free(s);
        return code;
    }
    *ret = s;
    return 0;
}

void sq_http_server_committed(struct sq_http_server *s, const struct sq_changes *c)
{
    sq_feed_add(s->feed, c); /* before those who read it are woken */
    sq_watch_changed(s->watch, c);
}

/* For a while for those on their way to a client, as long as it takes for those in the
 * writer: libmicrohttpd cannot be stopped while a connection is suspended. */
static void wait_for_requests(struct sq_http_server *s)
{
    struct timespec until;
    int why = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_S;
    pthread_mutex_lock(&s->lock);
    while (s->requests > 0 && why != ETIMEDOUT)
        why = pthread_cond_timedwait(&s->idle, &s->lock, &until);
    while (s->writing > 0)
        pthread_cond_wait(&s->idle, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void sq_http_server_stop(struct sq_http_server *s)
{
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    if (s->watch)
        sq_watch_wake_all(s->watch);
    wait_for_requests(s);
    for (int i = 0; i < s->n_daemons; i++)
        MHD_stop_daemon(s->daemons[i]); /* closes its socket too */
    s->n_daemons = 0;
}

void sq_http_server_free(struct sq_http_server *s)
{
    if (!s)
        return;
    sq_http_server_stop(s);
    sq_watch_stop(s->watch);
    sq_feed_free(s->feed);
    sq_crowd_free(s->crowd);
    sq_ui_close(s->ui);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->idle);
    free(s->daemons);
    free(s);
}
