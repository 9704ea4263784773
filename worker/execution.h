/* One execution on this worker: its states, and what moves it between them.
 *
 * assigned -> downloading (reported accepted) -> waiting for a slot -> starting ->
 * running -> uploading -> reporting -> done.  The states are a const table and one
 * pure function; what is done on entering a state is tasks.c. */
#ifndef SQ_WORKER_EXECUTION_H
#define SQ_WORKER_EXECUTION_H

#include <sys/queue.h>
#include "lib/util.h"

enum sq_exec_state {
    SQ_STATE_ASSIGNED,
    SQ_STATE_DOWNLOADING,
    SQ_STATE_WAITING,
    SQ_STATE_STARTING,  /* asked of the supervisor */
    SQ_STATE_RUNNING,   /* has a pid */
    SQ_STATE_UPLOADING, /* the command has ended; holds no slot */
    SQ_STATE_REPORTING, /* the result is known, the server has not acknowledged it */
    SQ_STATE_KILLING,   /* withdrawn: killed, its end is reported to nobody */
    SQ_STATE_DONE,
    SQ_STATES
};
enum sq_exec_event {
    SQ_EV_ACCEPT,      /* taken on */
    SQ_EV_FETCHED,     /* inputs are here */
    SQ_EV_UNABLE,      /* it cannot be run, for a reason that is known */
    SQ_EV_SLOT,        /* may start */
    SQ_EV_STARTED,     /* has a pid */
    SQ_EV_NOT_STARTED, /* no such command and the like */
    SQ_EV_EXITED,
    SQ_EV_LOST,  /* killed with its supervisor */
    SQ_EV_AGAIN, /* the request to start it was lost */
    SQ_EV_UPLOADED,
    SQ_EV_ACKNOWLEDGED,
    SQ_EV_KILL,      /* a deadly signal */
    SQ_EV_GIVE_BACK, /* another worker may have a place for it */
    SQ_EV_WITHDRAWN, /* no longer ours to run */
    SQ_EVENTS
};

/* The state that follows; the same one when the event means nothing in it. */
enum sq_exec_state sq_exec_next(enum sq_exec_state state, enum sq_exec_event event);
/* Takes one of the worker's slots. */
bool sq_exec_holds_slot(enum sq_exec_state state);
/* Taken on and not ended. */
bool sq_exec_holds_place(enum sq_exec_state state);
const char *sq_exec_state_name(enum sq_exec_state state);

enum { SQ_STDOUT = 1, SQ_STDERR = 2, SQ_STREAMS = 3 };

struct sq_workdir;
struct sq_container;
struct sq_stage;

/* How far one stream was cut into records.  `shift` is how many bytes were dropped
 * from the front of the file by a command that truncated it (`echo > /dev/stderr`
 * does): stream offset = file position + shift. */
struct sq_stream {
    int64_t cut, shift;
};

struct sq_execution {
    int64_t id, task_id;
    enum sq_exec_state state;
    struct sq_workdir *dir;          /* NULL for one that fails before it needs any */
    char *command;                   /* until it is started */
    char *input, *resource, *output; /* URIs, or NULL */
    char *batch;                     /* NULL: an earlier process took it on */
    double spared;          /* of a slot while it runs: 1 - its weight, see slots.c */
    bool use_cache;         /* the server wants to know what is uploaded */
    struct sq_stage *stage; /* of staging.c; NULL: nothing to move (yet) */
    bool fetched;           /* what it needs had to be fetched, and is here */
    struct sq_container *container; /* NULL: it runs in none */
    int64_t asked_at; /* to start; monotonic, by this process; 0: not by it */
    bool ahead;       /* in the queue of those beyond our places */
    bool given_back;
    int pid;
    bool spawned; /* asked of the supervisor, which remembers it */
    bool started; /* it had a pid: its output files are its own, no longer another's */

    bool accepted_cut, fetched_cut, running_cut,
        end_cut; /* told, in a record of the spool */
    struct sq_stream streams[SQ_STREAMS];

    bool succeeded;
    bool keep; /* its directory, when it is done */
    int return_code;
    char *note;           /* what scitq itself adds to the error stream, or NULL */
    char *output_files;   /* or NULL */
    char output_hash[33]; /* of them, as they were uploaded; "": not known */

    bool dirty;                      /* in the queue of those with something to tell */
    TAILQ_ENTRY(sq_execution) tell;  /* that queue */
    TAILQ_ENTRY(sq_execution) queue; /* waiting for a slot, or ahead */
    TAILQ_ENTRY(sq_execution) all;
};
TAILQ_HEAD(sq_execution_list, sq_execution);

#endif
