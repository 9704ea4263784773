/* Instances of providers, each for one job, and what they say in its log. */
#include "core/fleet/impl.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/log.h"

struct sq_session_lent {
    char folder[PATH_MAX], name[SQ_FLEET_NAME_SIZE];
    struct sq_provider_conf conf;
};

/* What a module says while it works for a job. */
static void log_line(void *arg, enum sq_log_kind kind, const char *name,
                     const char *text)
{
    static const char *const words[] = {"error: ", "warning: ", "", ""};
    static const enum sq_level levels[] = {SQ_LOG_ERROR, SQ_LOG_WARNING, SQ_LOG_INFO,
                                           SQ_LOG_DEBUG};
    struct sq_running *r = arg;
    size_t k = (size_t)kind < SQ_LEN(levels) ? (size_t)kind : SQ_SAY_DEBUG;
    if (r && kind != SQ_SAY_DEBUG)
        sq_fleet_say(r, "%s: %s%s", name, words[k], text);
    else
        sq_log(levels[k], name, "%s", text);
}

/* STATE_DIR/providers is passed through by tasks that run as others. */
static int make_folder(struct sq_fleet *f, const char *name, char path[PATH_MAX],
                       struct sq_err *err)
{
    int rc = snprintf(path, PATH_MAX, "%s/providers", f->setup.state_dir) >=
                     PATH_MAX - SQ_FLEET_NAME_SIZE
                 ? sq_fail(err, SQ_EINVAL, "SCITQ_STATE_DIR is too long a name")
                 : sq_mkdirs(path, 0711, err);
    if (rc == 0) {
        strcat(path, "/");
        strncat(path, name, SQ_FLEET_NAME_SIZE - 2);
    }
    return rc;
}

int sq_session_told(const struct sq_session *s, int rc, struct sq_err *err)
{
    if (rc && err)
        sq_host_redact(s->host, err->text);
    return rc;
}

static int open_instance(struct sq_fleet *f, struct sq_running *r, const char *name,
                         struct sq_session *s, struct sq_err *err)
{
    int rc = sq_fleet_plugin(f, name, &s->plugin, err);
    s->lent = rc ? NULL : calloc(1, sizeof *s->lent);
    if (rc == 0 && !s->lent)
        rc = sq_fail(err, SQ_ENOMEM, "out of memory for a provider");
    if (rc == 0)
        rc = make_folder(f, s->plugin->name, s->lent->folder, err);
    if (rc)
        return rc;
    const struct sq_tuning *t = r ? r->tuning : sq_tuning(f->setup.tuned);
    const struct sq_host_conf host = {
        .given = t->conf, .log = log_line, .arg = r, .folder = s->lent->folder};
    snprintf(s->lent->name, sizeof s->lent->name, "%s", name);
    s->lent->conf = (struct sq_provider_conf){.as = s->lent->name, .owner = f->owner};
    s->ops = s->plugin->provider;
    rc = sq_host_new(s->plugin, &host, &s->host, err);
    if (rc == 0)
        rc = s->ops->open(s->host, &s->lent->conf, &s->p, err);
    return s->host ? sq_session_told(s, rc, err) : rc;
}

int sq_session_open(struct sq_fleet *f, struct sq_running *r, const char *name,
                    struct sq_session *ret, struct sq_err *err)
{
    struct sq_session s = {0};
    int rc = open_instance(f, r, name, &s, err);
    if (rc)
        sq_session_close(&s);
    else
        *ret = s;
    return rc;
}

void sq_session_close(struct sq_session *s)
{
    if (s->p)
        s->ops->close(s->p);
    sq_host_free(s->host);
    free(s->lent);
    *s = (struct sq_session){0};
}
