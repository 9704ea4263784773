/* The worker's side of its supervisor (supervisor/): the process that is the parent
 * of every command, so that the worker can die and come back unnoticed.
 *
 * One supervisor a worker, reached over a unix socket in the worker's state directory.
 * Commands are named by an id (the execution's).  Everything is asynchronous: requests
 * return at once, events come through dispatch().  One thread (the loop). */
#ifndef SQ_WORKER_SUPERVISOR_CLIENT_H
#define SQ_WORKER_SUPERVISOR_CLIENT_H

#include <scitq/error.h>
#include "lib/util.h"

struct sq_sup;

struct sq_spawn {
    int64_t id;
    char *const *argv; /* NULL-terminated; argv[0] is looked for in env's PATH */
    /* The whole environment; the supervisor adds SCITQ_EXECUTION=id and
     * SCITQ_SUPERVISED=state directory, by which it knows what is its own. */
    char *const *envp;
    const char *workdir;
    /* Absolute: created or emptied, then what the command writes to its pipes. */
    const char *stdout_path, *stderr_path;
};

struct sq_exit {
    int status;         /* as waitpid gives it */
    bool oom;           /* the kernel's out-of-memory killer did it */
    int64_t start, end; /* wall clock, microseconds */
    int64_t cpu_us;     /* user + system, with children waited for */
    int64_t peak_bytes; /* peak resident memory */
    int unwritten;      /* errno of output that could not be written, else 0 */
};

enum sq_sup_event_kind {
    SQ_SUP_STARTED, /* pid */
    SQ_SUP_FAILED,  /* could not start: `text` says why ("no such command: foo") */
    SQ_SUP_EXITED,  /* exit; repeated at each connect until forgotten */
    SQ_SUP_RUNNING, /* at connect: still running, pid */
    SQ_SUP_READY,   /* at connect: everything known has been told */
    SQ_SUP_LOST     /* the supervisor is dead; its commands were killed */
};
struct sq_sup_event {
    enum sq_sup_event_kind kind;
    int64_t id;
    int pid;
    struct sq_exit exit;
    const char *text;
};
typedef void sq_sup_event_fn(void *arg, const struct sq_sup_event *event);

/* Connect to the supervisor of `state_dir`, starting one ($SCITQ_SUPERVISOR, or from
 * the folder of this program, or from SQ_LIBEXECDIR) when none is alive.  When a
 * supervisor died unclean, what is left of its commands is killed first.  Waits: some
 * milliseconds, seconds at most. */
int sq_sup_open(const char *state_dir, sq_sup_event_fn *event, void *arg,
                struct sq_sup **ret, struct sq_err *err);
void sq_sup_close(struct sq_sup *s);   /* the supervisor goes on */
int sq_sup_fd(const struct sq_sup *s); /* for epoll, EPOLLIN and EPOLLOUT as wanted() */
unsigned sq_sup_wanted(const struct sq_sup *s);
/* Read and write what can be, calling `event`, which may make requests.  After
 * SQ_SUP_LOST, the last call there is: close (the callback may), open anew. */
void sq_sup_dispatch(struct sq_sup *s);

/* Asked again for an id that runs or ended (and is not forgotten), the supervisor says
 * SQ_SUP_STARTED or SQ_SUP_EXITED again, and starts nothing. */
int sq_sup_spawn(struct sq_sup *s, const struct sq_spawn *req, struct sq_err *err);
/* To the whole process tree.  SIGTSTP and SIGCONT pause and resume it (SIGSTOP is sent,
 * since a shell's children ignore the former); SIGTERM and its like wake a paused one.
 * Nothing happens when the command has ended. */
int sq_sup_signal(struct sq_sup *s, int64_t id, int signal, struct sq_err *err);
/* The exit was reported: its record may go. */
int sq_sup_forget(struct sq_sup *s, int64_t id, struct sq_err *err);
/* While corked, requests gather; uncorking sends them together. */
void sq_sup_cork(struct sq_sup *s, bool corked);
/* End the supervisor once nothing runs (clean shutdown of an idle worker). */
int sq_sup_quit_when_idle(struct sq_sup *s, struct sq_err *err);

#endif
