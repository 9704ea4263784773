/* Executions in containers, as part of the worker's tasks (tasks_impl.h): made, started
 * through the supervisor, signalled, asked what became of them, removed.
 *
 * The engine is asked by child processes (child.h) that nothing waits for.  What the
 * supervisor runs is only a client of the engine: when it ends (or is lost with its
 * supervisor, or with the engine's daemon) the container is looked at, which is what
 * decides: it is followed again while it lives. */
#ifndef SQ_WORKER_CONTAINERS_H
#define SQ_WORKER_CONTAINERS_H

#include "worker/child.h"
#include "lib/container.h"
#include "worker/supervisor_client.h"

struct sq_tasks;
struct sq_execution;
struct sq_memo;

enum { SQ_CT_SIGNALS = 8 };

/* Of one execution. */
struct sq_container {
    struct sq_tasks *t;
    struct sq_execution *e;
    enum sq_runtime runtime;
    char *image, *options;
    char *id;                   /* NULL: not made yet */
    struct sq_child *life;      /* it is being made, or asked about */
    struct sq_child *call;      /* a signal on its way */
    int signals[SQ_CT_SIGNALS]; /* to be sent, the first being sent */
    int n_signals;
    int deadly; /* the last of SIGTERM and its like that was sent */
    struct sq_timer again, signal_again;
    int64_t silent_since;        /* the engine does not answer, monotonic; 0: it does */
    enum sq_container_verb verb; /* of the client that runs or ran last */
    int64_t client_start;        /* monotonic */
    bool exited;                 /* that client, with `exit` */
    struct sq_exit exit;
    int64_t foreign;  /* bytes of the error stream that are clients' complaints */
    int unwritten;    /* errno of output a client could not write */
    bool drained;     /* nothing is missing from the output files */
    bool blind;       /* something is, and cannot be had */
    bool gone;        /* to be removed though the task failed */
    int64_t oom_base; /* the machine's count of such kills; -1: not known */
};

/* One call that belongs to no execution (any more). */
struct sq_engine_call;

struct sq_containers {
    int runtime; /* as told (enum sq_runtime); -1: docker, else podman */
    char worker[17];
    bool used[SQ_RUNTIMES]; /* there may be containers of ours; the state directory has
                               a file that says so */
    struct sq_timer sweep;
    struct sq_engine_call *calls;
};

/* NULL: no memory. */
struct sq_container *sq_container_new(struct sq_tasks *t, struct sq_execution *e,
                                      const char *image, const char *options);
/* As an earlier process left it. */
struct sq_container *sq_container_recall(struct sq_tasks *t, struct sq_execution *e,
                                         const struct sq_memo *m);
void sq_container_free(struct sq_container *c);

/* It has a slot: make it, then start it.  What fails before is refused here. */
void sq_container_start(struct sq_container *c);
void sq_container_signal(struct sq_container *c, int signal);
/* The client that the supervisor ran for it ended. */
void sq_container_client_exited(struct sq_container *c, const struct sq_exit *exit);
/* The supervisor is ready: if nobody follows the container, find out and go on. */
void sq_container_settle(struct sq_container *c);
/* containers_judge.c: what its end means; moves the execution on. */
void sq_container_judge(struct sq_container *c, const struct sq_container_state *s);
/* It was never started, though a client tried. */
void sq_container_judge_unstarted(struct sq_container *c,
                                  const struct sq_container_state *s);
/* It is no more: only the client can tell. */
void sq_container_judge_absent(struct sq_container *c);
/* The last bytes of its error stream, as a text. */
enum { SQ_CT_END = 1024 };
void sq_container_stderr_end(const struct sq_container *c, char text[SQ_CT_END]);

/* One call of the engine, in the arena of the tasks. */
int sq_container_call(struct sq_tasks *t, struct sq_container_call *call, int limit_s,
                      sq_child_fn *fn, void *arg, struct sq_child **ret,
                      struct sq_err *err);

/* containers_sweep.c: removal, of one and of what was left. */
void sq_containers_init(struct sq_tasks *t);
void sq_containers_fini(struct sq_tasks *t);
/* One is about to be made by this engine. */
void sq_containers_use(struct sq_tasks *t, enum sq_runtime r);
void sq_containers_remove(struct sq_tasks *t, enum sq_runtime r, const char *id);
/* Remove those of ours that no execution and no kept directory stands for; soon. */
void sq_containers_sweep(struct sq_tasks *t);

#endif
