/* The host that a plugin is given (scitq/plugin.h): its settings, its log, its secrets,
 * HTTP calls and programs run for it.  One host serves all instances of a plugin; its
 * functions may be called from any thread. */
#ifndef SQ_LIB_HOST_H
#define SQ_LIB_HOST_H

#include "lib/conf.h"
#include "lib/plugin.h"

struct sq_host_conf {
    /* A settings file, over which the environment wins; or NULL.  Or what was read of
     * one already. */
    const char *settings;
    const struct sq_conf *given;
    /* A line of the plugin, secrets hidden, no newline; may come from any thread. NULL:
     * sq_log. */
    void (*log)(void *arg, enum sq_log_kind kind, const char *name, const char *text);
    void *arg;
    const char *folder; /* made when it is asked for; NULL: there is none */
    const char *record; /* file to which each HTTP call is added; NULL: none */
};

/* `plugin` (usable) and what `conf` points to are borrowed until the host is freed.
 * SQ_EINVAL: a setting is wrong. */
int sq_host_new(const struct sq_plugin *plugin, const struct sq_host_conf *conf,
                struct sq_host **ret, struct sq_err *err);
void sq_host_free(struct sq_host *host); /* NULL is allowed */

/* A row of a plugin's table as lib/conf.h reads one. */
struct sq_conf_key sq_host_key(const struct sq_setting *setting);
/* Write *** for every secret in `text`, in place.  For every sentence of a plugin that
 * is shown, err->text among them. */
void sq_host_redact(struct sq_host *host, char *text);

#endif
