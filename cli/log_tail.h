/* What an execution writes, copied while it writes. */
#ifndef SQ_CLI_LOG_TAIL_H
#define SQ_CLI_LOG_TAIL_H

#include "cli/follow.h"

/* Which streams go where; NULL: not wanted. */
struct sq_log_outs {
    FILE *out, *err;
};

/* Copy an execution's streams until it has ended and every byte of them was copied,
 * each once, whatever becomes of the server meanwhile.  An execution that is gone has
 * ended. */
int sq_log_follow(struct sq_follow *f, int64_t execution_id,
                  const struct sq_log_outs *outs, struct sq_err *err);
enum { SQ_LOG_LATEST = -1 };
/* One execution as an object (id, status, return code): the latest of the task
 * (SQ_LOG_LATEST), or the first one after that id.  *ret NULL: there is none. */
int sq_log_execution(struct sq_follow *f, int64_t task_id, int64_t after, json_t **ret,
                     struct sq_err *err);

#endif
