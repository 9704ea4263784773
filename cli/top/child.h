/* A process beside top, which waits for the server in its place, so that the screen
 * and the keys never do. */
#ifndef SQ_CLI_TOP_CHILD_H
#define SQ_CLI_TOP_CHILD_H

#include <sys/types.h>
#include "cli/cli.h"

struct sq_top_child {
    pid_t pid; /* 0: there is none */
    int fd;    /* what it writes, not blocking; -1: nothing */
};

/* In the child: it has no connection to the server yet. */
typedef void sq_top_child_fn(struct sq_cli *cli, int fd, void *arg);

extern const struct sq_top_child sq_top_no_child;

/* Start one where there is none; false when that cannot be done. */
bool sq_top_child_start(struct sq_top_child *c, struct sq_cli *cli, sq_top_child_fn *fn,
                        void *arg);
/* Kill it, wherever it waits. */
void sq_top_child_end(struct sq_top_child *c);

/* One answer that a child brings: a JSON object, {"message": …} when it went wrong. */
struct sq_top_call {
    struct sq_top_child child;
    struct sq_buf said;
};

void sq_top_call_init(struct sq_top_call *c);
void sq_top_call_fini(struct sq_top_call *c);
bool sq_top_call_start(struct sq_top_call *c, struct sq_cli *cli, sq_top_child_fn *fn,
                       void *arg);
/* Read what has come: true when that is all, *ret (the caller's) being the answer. */
bool sq_top_call_take(struct sq_top_call *c, json_t **ret);
/* In the child: the answer, taken (NULL allowed), or what went wrong. */
void sq_top_call_answer_take(int fd, json_t *answer, const struct sq_err *err);

#endif
