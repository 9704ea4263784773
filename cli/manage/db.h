/* What is done to the database and the settings is the server's own: it is executed in
 * this process's place. */
#ifndef SQ_CLI_MANAGE_DB_H
#define SQ_CLI_MANAGE_DB_H

#include "cli/cli.h"

/* Become "scitq-server OPTIONS [-c FILE]", five options at most, ended by NULL; returns
 * only when that failed. */
int sq_server_exec(struct sq_cli *cli, const char *const *options, struct sq_err *err);

#define SQ_OPT_CONFIG                                                                  \
    {                                                                                  \
        .name = "config", .letter = 'c', .kind = SQ_OPT_TEXT, .value = "FILE",         \
        .help = "the server's settings, instead of its usual file"                     \
    }

#endif
