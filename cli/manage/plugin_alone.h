/* What a storage plugin promises that needs no storage to be tried. */
#ifndef SQ_CLI_MANAGE_PLUGIN_ALONE_H
#define SQ_CLI_MANAGE_PLUGIN_ALONE_H

#include <stdio.h>
#include "lib/plugin.h"

/* A line for each promise kept to `out`; the first one broken is the error.  Nothing is
 * stored or removed anywhere. */
int sq_plugin_alone(FILE *out, const struct sq_plugin *p, struct sq_host *host,
                    struct sq_err *err);

#endif
