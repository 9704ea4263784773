/* The HTTP API: libmicrohttpd on its own threads, a table of routes, and the two
 * ways a request is answered: reads at once on a pooled connection, writes through the
 * writer with the connection suspended meanwhile, so that no HTTP thread ever waits
 * for a disk.  Long polls and log followers are suspended connections woken by
 * committed changes. */
#ifndef SQ_HTTP_SERVER_H
#define SQ_HTTP_SERVER_H

#include "core/http/auth.h"
#include "core/http/listen.h"
#include "core/http/site.h"
#include "core/http/tls.h"
#include "core/store/changes.h"
#include "core/store/liveness.h"
#include "core/store/pool.h"
#include "core/store/tuning.h"
#include "core/store/writer.h"

struct sq_http_server;

struct sq_http_conf {
    struct sq_listens *listen; /* open; what is served is taken */
    struct sq_auth *auth;      /* who may call */
    bool tls;                /* the certificate that sq_tls_use was given; else HTTP */
    struct sq_site site;     /* the names it is called by; its url is not looked at */
    const char *ui;          /* folder of the web interface */
    int threads;             /* SCITQ_SERVER_PROCESS */
    const char *database_id; /* sent to workers by register and sync */
    /* The plugin that a machine of this provider is to be watched with, or NULL; from
     * any thread. */
    const char *(*watcher)(void *arg, const char *provider);
    /* Is that a provider?  SQ_EINVAL; from any thread. */
    int (*knows)(void *arg, const char *provider, struct sq_err *err);
    void *providers; /* the argument of both */
    struct sq_pool *pool;
    struct sq_writer *writer;
    struct sq_liveness *liveness;
    bool others; /* other processes serve the same database */
    const struct sq_tuned *tuned;
};

/* Serves what is open. */
int sq_http_server_start(const struct sq_http_conf *conf, struct sq_http_server **ret,
                         struct sq_err *err);
/* The writer's committed hook: wakes long polls and followers. */
void sq_http_server_committed(struct sq_http_server *s, const struct sq_changes *c);
/* No new connections, ends the polls, waits for requests under way.  What is committed
 * after it may still be told. */
void sq_http_server_stop(struct sq_http_server *s);
/* When nothing is committed any more.  NULL is allowed, for both. */
void sq_http_server_free(struct sq_http_server *s);

#endif
