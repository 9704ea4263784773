/* Plugins are looked at here, on the machine scitq-manage runs on: no server is asked.
 */
#ifndef SQ_CLI_MANAGE_PLUGIN_H
#define SQ_CLI_MANAGE_PLUGIN_H

#include "cli/cli.h"
#include "lib/plugin.h"

#define SQ_OPT_PLUGIN_CONFIG                                                           \
    {                                                                                  \
        .name = "config", .letter = 'c', .kind = SQ_OPT_TEXT, .value = "FILE",         \
        .help = "the settings file; else scitq-worker.conf, else scitq.conf"           \
    }

/* --config's file, or the first usual one that exists: NULL when there is none.  Caller
 * frees. */
char *sq_plugin_settings(struct sq_cli *cli);
/* The plugins of SCITQ_PLUGIN_PATH as `settings` (may be NULL) or the environment has
 * it. */
int sq_plugin_find(const char *settings, struct sq_plugins **ret, struct sq_err *err);
/* "file, s3": its protocols, in the arena of `cli`. */
const char *sq_plugin_protocols(struct sq_cli *cli, const struct sq_plugin *p);

#endif
