/* A folder that others may write beside, opened once and used through its descriptor.
 *
 * Working directories are open to all: between two looks at a path a task may put a
 * link in its place, and what was meant for the task's folder would land in, or come
 * from, another one.  So the folder is opened without following a link at its end, and
 * from then on called /proc/PID/fd/N, which leads to it whatever its name leads to by
 * then, also from child processes, while this one lives. */
#ifndef SQ_CLI_FETCH_ANCHOR_H
#define SQ_CLI_FETCH_ANCHOR_H

#include <scitq/error.h>
#include "lib/util.h"

struct sq_anchor {
    int fd;           /* -1: not open */
    char path[40];    /* /proc/PID/fd/N */
    const char *name; /* what it was opened by, borrowed */
};

/* SQ_EINVAL: a link or something else stands there.  SQ_ENOENT. */
int sq_anchor_open(const char *path, struct sq_anchor *a, struct sq_err *err);
void sq_anchor_close(struct sq_anchor *a);
/* In a message: its name in place of its path. */
void sq_anchor_show(const struct sq_anchor *a, struct sq_err *err);

#endif
