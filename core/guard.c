/* The server's protection, put together. */
#include "core/guard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

enum { DAY_S = 86400, SOON_S = 30 * DAY_S };

static void name_site(struct sq_guard *g)
{
    if (gethostname(g->host, sizeof g->host - 1) != 0)
        g->host[0] = 0;
    memcpy(g->host_short, g->host, sizeof g->host);
    g->host_short[strcspn(g->host_short, ".")] = 0;
    g->site = (struct sq_site){.names = {g->host, g->host_short}};
}

int sq_guard_tell_ca(const struct sq_settings *s, struct sq_err *err)
{
    return !s->ca || setenv("SCITQ_CA", s->ca, 1) == 0
               ? 0
               : sq_fail(err, SQ_ENOMEM, "out of memory");
}

int sq_guard_read(const struct sq_settings *s, struct sq_guard_files *ret,
                  struct sq_err *err)
{
    const struct sq_auth_conf auth = {.token_file = s->token_file, .trust = &s->trust};
    struct sq_guard_files files = {0};
    struct sq_err why;
    if (sq_auth_new(&auth, &files.auth, &why) != 0)
        return sq_conf_refuse(s->conf, "SCITQ_TOKEN_FILE", err, "cannot be used: %s",
                              why.text);
    if (s->tls_cert && sq_tls_new(s->tls_cert, s->tls_key, &files.tls, &why) != 0) {
        sq_guard_drop(&files);
        return sq_conf_refuse(s->conf, "SCITQ_TLS_CERT", err, "cannot be used: %s",
                              why.text);
    }
    *ret = files;
    return 0;
}

void sq_guard_take(struct sq_guard *g, struct sq_guard_files *files)
{
    sq_auth_take(g->auth, files->auth);
    if (files->tls)
        sq_tls_use(files->tls);
    *files = (struct sq_guard_files){0};
}

void sq_guard_drop(struct sq_guard_files *files)
{
    sq_auth_free(files->auth);
    sq_tls_free(files->tls);
    *files = (struct sq_guard_files){0};
}

int sq_guard_init(struct sq_guard *g, const struct sq_settings *s, struct sq_err *err)
{
    struct sq_guard_files files;
    int rc = sq_guard_read(s, &files, err);
    if (rc)
        return rc;
    name_site(g);
    g->auth = files.auth;
    g->tls = files.tls != NULL;
    if (files.tls)
        sq_tls_use(files.tls);
    return 0;
}

static void warn_of_end(const struct sq_guard *g)
{
    int64_t left = g->tls ? sq_tls_ends() - sq_now() / 1000000 : INT64_MAX;
    if (left < 0)
        sq_log(SQ_LOG_ERROR, "server",
               "the certificate of SCITQ_TLS_CERT has expired: no client trusts it");
    else if (left < SOON_S)
        sq_log(SQ_LOG_WARNING, "server",
               "the certificate of SCITQ_TLS_CERT expires in %lld days",
               (long long)left / DAY_S);
}

void sq_guard_fini(struct sq_guard *g)
{
    sq_auth_free(g->auth);
    if (g->tls)
        sq_tls_end();
    g->auth = NULL;
    g->tls = false;
}

static bool is_reachable(const struct sq_settings *s)
{
    for (int i = 0; i < s->listen.n; i++)
        if (!s->listen.v[i].loopback)
            return true;
    return false;
}

void sq_guard_warn(const struct sq_guard *g, const struct sq_settings *s)
{
    bool insecure = sq_conf_bool(s->conf, "SCITQ_INSECURE");
    bool guarded = s->token_file || s->trust.n;
    if (insecure && guarded)
        sq_log(SQ_LOG_WARNING, "server",
               "SCITQ_INSECURE=1 opens nothing beside SCITQ_TOKEN_FILE and "
               "SCITQ_TRUSTED_NETWORKS: tokens and networks are asked for");
    else if (insecure && is_reachable(s))
        sq_log(SQ_LOG_WARNING, "server",
               "SCITQ_INSECURE=1: whoever reaches this server can run commands as root "
               "on the workers");
    if (s->token_file && !s->tls_cert && is_reachable(s))
        sq_log(SQ_LOG_WARNING, "server",
               "tokens travel in clear: who listens on the way can take them "
               "(SCITQ_TLS_CERT and SCITQ_TLS_KEY prevent it)");
    warn_of_end(g);
}
