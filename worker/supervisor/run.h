/* The life of the commands: started, running, draining (the command ended, its
 * leftovers are being killed), ended (until the worker forgets it). */
#ifndef SQ_WORKER_SUPERVISOR_RUN_H
#define SQ_WORKER_SUPERVISOR_RUN_H

#include <limits.h>
#include <sys/resource.h>
#include "worker/supervisor/group.h"
#include "worker/supervisor/journal.h"
#include "worker/supervisor/output.h"
#include "worker/supervisor/proto.h"

enum sq_run_state { SQ_RUN_LIVE, SQ_RUN_DRAINING, SQ_RUN_ENDED };

struct sq_run {
    struct sq_run *next;
    int64_t id;
    pid_t pid;
    enum sq_run_state state;
    bool killed;      /* SIGKILL came from us */
    int64_t oom_base; /* the machine's count of such kills when it started */
    int64_t drain_until;
    struct sq_group *group; /* NULL where there are none */
    struct sq_output *outputs[2];
    struct sq_frame_event exit;
    off_t record; /* in the journal, -1 when it could not be written */
};

enum { SQ_RUN_BUCKETS = 1024 };

/* The supervisor's whole state: one thread, one instance. */
struct sq_supervisor {
    char state_dir[PATH_MAX]; /* absolute, without links */
    int dir_fd, lock_fd, listen_fd, signal_fd, timer_fd, epoll_fd;
    int client_fd;
    int comer_fd; /* connected, has not said that it is a worker */
    struct sq_buf in, out;
    struct sq_journal journal;
    struct sq_groups groups;
    struct sq_outputs outputs;
    struct sq_run *live; /* and draining */
    struct sq_run *ended[SQ_RUN_BUCKETS];
    bool reset_oom_score;
    struct rlimit files;            /* as commands get it: ours is higher */
    int64_t oom_kills, oom_read_at; /* the machine's count, when read */
    bool urgent;                    /* `out` has more than starts */
    int64_t out_since;              /* when the oldest of `out` was said */
    bool out_waiting;               /* for the socket to take more */
    int64_t timer_at;               /* what timer_fd is set to; 0: not set */
    bool may_scan;                  /* what ended just now may have left strays */
    int64_t scan_at;                /* when to look for strays; 0: no need */
    int64_t kill_at;                /* when a stop turns into a kill; 0: no stop */
    bool quitting;                  /* end once nothing runs */
};

/* Tell the client, if there is one. */
void sq_run_say(struct sq_supervisor *s, enum sq_frame_kind kind,
                const struct sq_frame_event *event, const char *text);
void sq_run_spawn(struct sq_supervisor *s, const struct sq_frame *f);
void sq_run_signal(struct sq_supervisor *s, int64_t id, int signal);
void sq_run_signal_all(struct sq_supervisor *s, int signal);
void sq_run_forget(struct sq_supervisor *s, int64_t id);
/* Reap what ended: commands and orphans. */
void sq_run_reap(struct sq_supervisor *s);
/* Look at the draining ones: are they empty, or has it been too long? */
void sq_run_drain(struct sq_supervisor *s);
/* When sq_run_drain must be called though no event came; 0: need not. */
int64_t sq_run_drain_time(const struct sq_supervisor *s);
/* Kill strays; looks again later if there were any. */
void sq_run_scan(struct sq_supervisor *s);
/* Say everything known to a client that has just come. */
void sq_run_tell_all(struct sq_supervisor *s);
/* An exit read from the journal. */
void sq_run_restore(void *supervisor, const struct sq_frame_event *exit, off_t record);
void sq_run_free_all(struct sq_supervisor *s);

/* Names of files in the state directory. */
#define SQ_SUP_SOCKET "supervisor.sock"
#define SQ_SUP_LOCK "supervisor.lock"
#define SQ_SUP_JOURNAL "supervisor.journal"
#define SQ_SUP_GROUPS "supervisor.groups"
#define SQ_SUP_LOG "supervisor.log"

/* epoll's name for all draining groups; what is above it is a struct sq_output. */
enum { SQ_SUP_TAG_DRAIN = 100 };

#endif
