/* A program run to its end from the loop, its output collected: how the container
 * engine is spoken to without ever waiting for it.
 *
 * The end of the process is what counts, not that of its pipes, which something it
 * started may keep.  One thread (the loop). */
#ifndef SQ_WORKER_CHILD_H
#define SQ_WORKER_CHILD_H

#include "worker/loop.h"

struct sq_child;

struct sq_child_end {
    int status;     /* as waitpid gives it */
    bool timed_out; /* killed for its time limit */
    /* 0-terminated; of more than SQ_CHILD_OUTPUT bytes, the last. */
    const char *out, *err;
};
enum { SQ_CHILD_OUTPUT = 1 << 20 };

/* Called once; the child is freed after it. */
typedef void sq_child_fn(void *arg, const struct sq_child_end *end);

/* argv[0] is a path.  `limit_s` 0: no limit. */
int sq_child_start(struct sq_loop *l, char *const *argv, char *const *envp, int limit_s,
                   sq_child_fn *fn, void *arg, struct sq_child **ret,
                   struct sq_err *err);
/* From now on the lines of its standard error are told as they come, and not kept.  The
 * child may not be freed from there. */
typedef void sq_child_line_fn(void *arg, const char *line);
void sq_child_lines(struct sq_child *c, sq_child_line_fn *fn);
/* SIGKILL to its process group; its end is told as any. */
void sq_child_kill(struct sq_child *c);
/* Kill it and forget it: nothing is told.  NULL is allowed. */
void sq_child_free(struct sq_child *c);

#endif
