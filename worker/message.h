/* What is said to the server and what it answers (doc/sync.md), between JSON and
 * structs.  No I/O. */
#ifndef SQ_WORKER_MESSAGE_H
#define SQ_WORKER_MESSAGE_H

#include <scitq/error.h>
#include "lib/arena.h"
#include "lib/buf.h"

struct sq_assignment {
    int64_t execution_id, task_id;
    const char *command, *container, *container_options, *input, *output, *resource,
        *batch; /* or NULL */
    bool use_cache;
};

struct sq_order {
    int64_t signal_id, execution_id; /* SQ_NULL: for the worker itself */
    int64_t signal;
};

/* Texts live in the arena given to the parser.  SQ_NULL where the answer says
 * nothing. */
struct sq_answer {
    int64_t acked;
    int64_t worker_id, concurrency, prefetch;
    int permanent;        /* -1: not said */
    const char *database; /* which one the server has; NULL: not said */
    const char *watch;    /* the plugin to watch for an eviction with; NULL: none */
    const char *weights;  /* of running tasks, see lib/weights.h; NULL: none */
    const char *row_date; /* when its row was changed last; NULL: never */
    int64_t idle_delay_s, first_task_delay_s, poll_s, stats_s;
    struct sq_assignment *executions;
    struct sq_order *signals;
    int64_t *withdrawn;
    size_t n_executions, n_signals, n_withdrawn;
};

int sq_answer_parse(const char *text, size_t len, struct sq_arena *arena,
                    struct sq_answer *ret, struct sq_err *err);

struct sq_registration {
    const char *name, *hostname, *batch, *flavor, *default_flavor, *spool;
    const char *database;     /* the one we know, or NULL */
    const char *launch_token; /* of this machine; NULL: it was not deployed */
    const char *status;       /* NULL: leave it as it is */
    int64_t concurrency;
    bool permanent;
    const char *base_workdir; /* its disk is told */
};
void sq_message_register(const struct sq_registration *r, struct sq_buf *out);

/* The message of an error's body, or "" (never NULL). */
const char *sq_answer_message(const char *text, size_t len, struct sq_arena *arena);

#endif
