/* Control groups, where the machine lets us make them: the exact set of a command's
 * processes, whatever they did to hide, and the kernel's count of out-of-memory kills.
 *
 * A group is made once and used by one command after the other, until it had to be
 * killed.  Version 2 is used where it is mounted (with or without controllers: killing
 * needs none); the memory controller of version 1 beside it, or alone, where that is
 * what there is. */
#ifndef SQ_WORKER_SUPERVISOR_GROUP_H
#define SQ_WORKER_SUPERVISOR_GROUP_H

#include <scitq/error.h>
#include <sys/types.h>
#include "worker/supervisor/hierarchy.h"

struct sq_group {
    struct sq_group *next;
    int dir_fd;    /* the folder whose cgroup.procs tells who is in */
    int events_fd; /* its cgroup.events (version 2), or -1 */
    int join_fd;   /* its `tasks` (version 1), which the child writes to, or -1 */
    int oom_fd;    /* the file that counts out-of-memory kills, or -1 */
    int64_t oom_seen;
    char mark[SQ_GROUP_PATH]; /* as /proc/PID/cgroup names it */
    bool spent;               /* cgroup.kill was used on it: not to be used again */
    bool v1; /* dir_fd is of version 1: there is no clone into it, no cgroup.kill */
};

struct sq_groups {
    int dir_fd; /* the state directory, in which `name` tells what `base` is */
    const char *name;
    char base[SQ_GROUP_PATH]; /* our folder in version 2, else in version 1; "" none */
    int base_fd;              /* locked: whoever finds it so leaves it alone */
    bool v1;                  /* base is memory */
    int made;                 /* so far: their names are numbers */
    struct sq_group *idle;
};

/* Make our own folder and write its name to `name` in `dir_fd`, for whoever must
 * clean up after us; both are borrowed until the end.  Without any (not root,
 * read-only) gs->base is "".  Folders like ours that nobody has locked are removed. */
void sq_groups_open(struct sq_groups *gs, int dir_fd, const char *name);
/* Remove the folders; their processes are gone. */
void sq_groups_close(struct sq_groups *gs);
/* Kill everything in the groups an earlier supervisor named in that file, and remove
 * them.  Waits for it, some seconds at most. */
void sq_groups_sweep(int dir_fd, const char *name);
/* An empty group, or NULL when there are none to be had.  Groups that somebody removed
 * are replaced, and so is our folder. */
struct sq_group *sq_groups_take(struct sq_groups *gs);
/* Back for the next command; it must be empty. */
void sq_groups_give(struct sq_groups *gs, struct sq_group *g);
/* Forget a group that does not empty (a process stuck in the kernel). */
void sq_group_abandon(struct sq_group *g);

/* Whether it still exists. */
bool sq_group_is_there(const struct sq_group *g);
/* Whether a live process is in it. */
bool sq_group_populated(const struct sq_group *g);
/* Whether the process is in it. */
bool sq_group_holds(const struct sq_group *g, pid_t pid);
/* SIGKILL to all of it. */
void sq_group_kill(struct sq_group *g);
/* Any signal, once to each of its processes, those forked meanwhile included. */
void sq_group_signal(const struct sq_group *g, int signal);
/* Out-of-memory kills since last asked; -1 when the group does not count them. */
int64_t sq_group_oom_kills(struct sq_group *g);

#endif
