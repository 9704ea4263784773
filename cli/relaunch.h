/* Running a task again. */
#ifndef SQ_CLI_RELAUNCH_H
#define SQ_CLI_RELAUNCH_H

#include "cli/cli.h"

/* Make the task pending, or waiting when it has requirements: the server makes it
 * pending at once when they have all succeeded, and else when they have, so that
 * relaunching a failed step and then the steps after it works in any order.  *ret
 * (NULL allowed) is the changed task, the caller's. */
int sq_relaunch(struct sq_cli *cli, int64_t task_id, json_t **ret, struct sq_err *err);

#endif
