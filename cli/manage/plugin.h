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
/* The storages and the providers of SCITQ_PLUGIN_PATH as `settings` (may be NULL) or
 * the environment has it. */
int sq_plugin_find(const char *settings, struct sq_plugins **ret_storages,
                   struct sq_plugins **ret_providers, struct sq_err *err);
/* "file,s3": the protocols of a storage, the names of a provider; in the arena of
 * `cli`.
 */
const char *sq_plugin_serves(struct sq_cli *cli, const struct sq_plugin *p);
/* Try what a provider promises that makes no machine; a line for each promise kept to
 * `out`. */
int sq_plugin_provider_check(FILE *out, const struct sq_plugin *p, struct sq_host *host,
                             struct sq_err *err);

#endif
