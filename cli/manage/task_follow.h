/* scitq-manage task output --follow. */
#ifndef SQ_CLI_MANAGE_TASK_FOLLOW_H
#define SQ_CLI_MANAGE_TASK_FOLLOW_H

#include "cli/log_tail.h"

/* Copy what the task's latest execution and those after it write, until the task has
 * succeeded.  SQ_ESTATE: it failed; SQ_ENOENT: it does not exist, or not any more.
 * `outs` NULL: only wait, without a word of its executions.  *ret_failed (may be NULL)
 * tells that SQ_ESTATE from a server's. */
int sq_task_follow(struct sq_cli *cli, int64_t task_id, const struct sq_log_outs *outs,
                   bool *ret_failed, struct sq_err *err);

#endif
