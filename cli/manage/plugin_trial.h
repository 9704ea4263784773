/* What a storage has to do for scitq, tried once each. */
#ifndef SQ_CLI_MANAGE_PLUGIN_TRIAL_H
#define SQ_CLI_MANAGE_PLUGIN_TRIAL_H

#include <stdio.h>
#include "lib/plugin.h"

/* Try an open instance on `uri`, a folder of its own to work below or a file to read;
 * a line for each promise kept to `out`.  What was made there is removed where it can
 * be.  The first promise that is broken is the error. */
int sq_plugin_trial(FILE *out, const struct sq_plugin *p, struct sq_storage *s,
                    const char *uri, struct sq_err *err);

#endif
