/* Names of providers, and instances of them.  SCITQ_PROVIDERS says which names there
 * are; without it every module goes by its own and by its aliases. */
#include "core/fleet/impl.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/conf.h"
#include "lib/file.h"
#include "lib/log.h"

enum { NAME_MAX_BYTES = 64 };
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

struct sq_session_lent {
    char folder[PATH_MAX], name[NAME_MAX_BYTES];
    struct sq_provider_conf conf;
};

/* The next name=plugin of SCITQ_PROVIDERS, a plugin alone being its own name; 1, or 0
 * at the end.  SQ_EINVAL where it cannot be. */
static int next_pair(const char **at, char name[NAME_MAX_BYTES],
                     char plugin[NAME_MAX_BYTES], struct sq_err *err)
{
    size_t len;
    const char *item = sq_conf_item(at, &len);
    if (!item)
        return 0;
    const char *equal = memchr(item, '=', len);
    size_t n = equal ? (size_t)(equal - item) : len;
    const char *of = equal ? equal + 1 : item;
    size_t n_of = len - (size_t)(of - item);
    if (n == 0 || n_of == 0 || n >= NAME_MAX_BYTES || n_of >= NAME_MAX_BYTES ||
        strspn(item, WORD) < n)
        return sq_fail(err, SQ_EINVAL,
                       "must be name=plugin, each of 1 to %d "
                       "letters, digits, _, - or dots, and \"%.*s\" is not",
                       NAME_MAX_BYTES - 1, (int)(len < 100 ? len : 100), item);
    snprintf(name, NAME_MAX_BYTES, "%.*s", (int)n, item);
    snprintf(plugin, NAME_MAX_BYTES, "%.*s", (int)n_of, of);
    return 1;
}

/* What was checked has nothing but pairs. */
static bool next_name(const char **at, char name[NAME_MAX_BYTES],
                      char plugin[NAME_MAX_BYTES])
{
    return next_pair(at, name, plugin, NULL) > 0;
}

static bool is_again(const char *names, const char *until, const char *name)
{
    char before[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    int n = 0;
    while (names < until && next_name(&names, before, plugin))
        n += strcmp(before, name) == 0;
    return n > 1;
}

int sq_fleet_check_names(const struct sq_plugins *plugins, const char *names,
                         struct sq_err *err)
{
    const char *at = names;
    char name[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    const struct sq_plugin *ignored;
    struct sq_err why;
    int rc;
    while ((rc = next_pair(&at, name, plugin, err)) > 0) {
        if (sq_plugins_provider(plugins, plugin, &ignored, &why) != 0)
            return sq_fail(err, SQ_EINVAL, "has %s=%s: %s", name, plugin, why.text);
        if (is_again(names, at, name))
            return sq_fail(err, SQ_EINVAL, "has the name %s twice", name);
    }
    return rc;
}

int sq_fleet_plugin(struct sq_fleet *f, const char *name, const struct sq_plugin **ret,
                    struct sq_err *err)
{
    const char *at = sq_tuning(f->setup.tuned)->providers;
    char mine[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    if (!at)
        return sq_plugins_provider(f->setup.plugins, name, ret, err);
    while (next_name(&at, mine, plugin))
        if (strcmp(mine, name) == 0)
            return sq_plugins_provider(f->setup.plugins, plugin, ret, err);
    return sq_fail(err, SQ_EUNSUPPORTED,
                   "no provider is called %s (SCITQ_PROVIDERS names them)", name);
}

const char *sq_fleet_watcher(void *fleet, const char *provider)
{
    const struct sq_plugin *plugin;
    return sq_fleet_plugin(fleet, provider, &plugin, NULL) == 0 &&
                   plugin->provider->watch
               ? plugin->name
               : NULL;
}

int sq_fleet_knows(void *fleet, const char *provider, struct sq_err *err)
{
    const struct sq_plugin *plugin;
    return sq_fleet_plugin(fleet, provider, &plugin, err) == 0
               ? 0
               : sq_fail(err, SQ_EINVAL, "%s", err->text);
}

void sq_fleet_each_name(struct sq_fleet *f,
                        void (*each)(void *arg, const char *name,
                                     const struct sq_plugin *plugin),
                        void *arg)
{
    const char *at = sq_tuning(f->setup.tuned)->providers;
    char name[NAME_MAX_BYTES], plugin[NAME_MAX_BYTES];
    const struct sq_plugin *p;
    while (at && next_name(&at, name, plugin))
        if (sq_plugins_provider(f->setup.plugins, plugin, &p, NULL) == 0)
            each(arg, name, p);
    for (size_t i = 0; !at && i < sq_plugins_count(f->setup.plugins); i++) {
        p = sq_plugins_at(f->setup.plugins, i);
        if (!p->provider)
            continue;
        each(arg, p->name, p);
        const char *const *aliases = p->provider->aliases;
        for (size_t k = 0; aliases && aliases[k]; k++)
            each(arg, aliases[k], p);
    }
}

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
                     PATH_MAX - NAME_MAX_BYTES
                 ? sq_fail(err, SQ_EINVAL, "SCITQ_STATE_DIR is too long a name")
                 : sq_mkdirs(path, 0711, err);
    if (rc == 0) {
        strcat(path, "/");
        strncat(path, name, NAME_MAX_BYTES - 2);
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
