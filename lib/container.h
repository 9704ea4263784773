/* The command lines of docker and podman, and what their answers mean.  No I/O but a
 * look for the programs; who runs them, and when, is the worker's
 * containers.c, and scitq-manage's debug_container.c.
 *
 * A container is first made (`create`: what fails here is the engine's, the image's or
 * the options' fault), then started with its output attached (`start --attach`: all
 * that comes is the task's), then asked what became of it (`inspect`), since the exit
 * code of the client is not always the command's.  It has labels: scitq.execution,
 * scitq.task, scitq.worker. */
#ifndef SQ_LIB_CONTAINER_H
#define SQ_LIB_CONTAINER_H

#include <scitq/error.h>
#include "lib/arena.h"
#include "lib/util.h"

enum sq_runtime { SQ_DOCKER, SQ_PODMAN, SQ_RUNTIMES };

const char *sq_runtime_name(enum sq_runtime r);
bool sq_runtime_parse(const char *name, enum sq_runtime *ret);
/* Where the program is, by `path` as of $PATH, in the arena.  SQ_ENOENT. */
int sq_runtime_find(enum sq_runtime r, const char *path, struct sq_arena *arena,
                    const char **ret, struct sq_err *err);
/* The engine to use: `told` (enum sq_runtime), or with -1 the first that is found.
 * SQ_ENOENT. */
int sq_runtime_choose(int told, const char *path, struct sq_arena *arena,
                      enum sq_runtime *ret, struct sq_err *err);
/* An init to give to containers, without which their first process ignores SIGTERM:
 * docker brings one, podman's (catatonit) may be absent. */
bool sq_runtime_has_init(enum sq_runtime r);
/* Whether there is a folder (or a link) `data` in `root` ("/"), without touching it: it
 * may be a mount that hangs. */
bool sq_container_has_data(const char *root);

struct sq_container_spec {
    enum sq_runtime runtime;
    const char *program;       /* of sq_runtime_find */
    const char *image;         /* as the task says */
    const char *options;       /* split as words; or NULL */
    const char *command;       /* split as words */
    const char *dir;           /* the working directory, absolute */
    const char *name, *worker; /* names it; the worker's identity, for the label */
    int64_t execution_id, task_id, cpu;
    bool init, data;
    bool talks, terminal; /* it gets our standard input; which is a terminal */
};
/* The line that makes the container and prints its id: NULL-terminated, in the arena.
 * SQ_EINVAL for an image that cannot be one and for words that cannot be split. */
int sq_container_create(const struct sq_container_spec *s, struct sq_arena *arena,
                        char ***ret, struct sq_err *err);

enum sq_container_verb {
    SQ_CT_START,  /* attached: writes the container's output, ends with it */
    SQ_CT_TALK,   /* the same with our standard input, for one that `talks` */
    SQ_CT_FOLLOW, /* from the engine's log, for what lost its attached client: appends
                     to .stdout and .stderr of the current folder what they lack */
    SQ_CT_WAIT,   /* nothing but its end */
    SQ_CT_ASK,    /* for sq_container_parse */
    SQ_CT_KILL,   /* with a signal */
    SQ_CT_STOP,   /* asked to end, killed when it does not: see docker-stop(1) */
    SQ_CT_PAUSE,
    SQ_CT_RESUME,
    SQ_CT_REMOVE, /* even when it runs; its anonymous volumes too */
    SQ_CT_LIST    /* `id` is a worker's identity: lines of sq_container_parse_listed */
};
struct sq_container_call {
    enum sq_runtime runtime;
    const char *program;
    enum sq_container_verb verb;
    const char *id;
    int signal;      /* SQ_CT_KILL */
    int64_t have[2]; /* SQ_CT_FOLLOW: the bytes that are there already */
};
/* NULL: no memory. */
char **sq_container_line(const struct sq_container_call *c, struct sq_arena *arena);

enum sq_container_phase { SQ_CT_MADE, SQ_CT_ALIVE, SQ_CT_ENDED };
struct sq_container_state {
    enum sq_container_phase phase;
    int exit_code;
    bool oom;
    bool logged;     /* by the log that SQ_CT_FOLLOW reads to the byte */
    char error[400]; /* why it could not be started; "" */
};
/* Of what SQ_CT_ASK printed.  False when it is no such answer. */
bool sq_container_parse(const char *text, struct sq_container_state *ret);
/* The id that `create` printed (its last line), into `id`.  False: none. */
enum { SQ_CT_ID = 80 };
bool sq_container_parse_id(const char *text, char id[SQ_CT_ID]);
/* One line of SQ_CT_LIST; *execution_id is -1 when its name is not one of ours. */
bool sq_container_parse_listed(const char *line, char id[SQ_CT_ID],
                               int64_t *execution_id);

/* What a failed call complained of. */
enum sq_container_complaint {
    SQ_CT_OTHER,
    SQ_CT_ABSENT,  /* no such container */
    SQ_CT_IDLE,    /* it does not run (yet, or any more) */
    SQ_CT_FROZEN,  /* it is paused */
    SQ_CT_DOWN,    /* the engine does not answer */
    SQ_CT_IMAGE,   /* the image cannot be had */
    SQ_CT_OPTIONS, /* the options are refused */
    SQ_CT_COMMAND  /* the image has no such program, or it cannot be run */
};
enum sq_container_complaint sq_container_complaint(const char *error);
/* The same as a sentence for the task's error. */
void sq_container_explain(enum sq_runtime r, const char *image, const char *error,
                          char *text, size_t size);
/* How many bytes at the end of an error stream are what an attached client said when
 * its daemon went away, and not the container's. */
size_t sq_container_client_words(const char *stderr_end);
/* When the end of an error stream is an init that could not run the command: 127 or
 * 126, and why.  0: it is not. */
int sq_container_init_failed(const char *stderr_end, char *why, size_t size);

#endif
