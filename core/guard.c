/* The server's protection, put together. */
#include "core/guard.h"

#include <string.h>
#include <unistd.h>

#include "lib/log.h"

static void name_site(struct sq_guard *g, const struct sq_settings *s)
{
    if (gethostname(g->host, sizeof g->host - 1) != 0)
        g->host[0] = 0;
    memcpy(g->host_short, g->host, sizeof g->host);
    g->host_short[strcspn(g->host_short, ".")] = 0;
    g->site = (struct sq_site){.names = {g->host, g->host_short}, .url = s->server};
}

int sq_guard_init(struct sq_guard *g, const struct sq_settings *s, struct sq_err *err)
{
    const struct sq_auth_conf auth = {.token_file = s->token_file, .trust = &s->trust};
    struct sq_err why;
    name_site(g, s);
    int rc = sq_auth_new(&auth, &g->auth, &why);
    return rc ? sq_conf_refuse(s->conf, "SCITQ_TOKEN_FILE", err, "cannot be used: %s",
                               why.text)
              : 0;
}

void sq_guard_reload(struct sq_guard *g)
{
    struct sq_err err;
    if (!g->auth)
        return;
    if (sq_auth_reload(g->auth, &err) != 0)
        sq_log(SQ_LOG_ERROR, "server",
               "SCITQ_TOKEN_FILE: %s: the tokens of before go on counting", err.text);
}

void sq_guard_fini(struct sq_guard *g)
{
    sq_auth_free(g->auth);
    g->auth = NULL;
}

static bool is_reachable(const struct sq_settings *s)
{
    for (int i = 0; i < s->listen.n; i++)
        if (!s->listen.v[i].loopback)
            return true;
    return false;
}

void sq_guard_warn(const struct sq_settings *s)
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
}
