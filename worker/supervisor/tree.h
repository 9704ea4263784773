/* The process tree as /proc shows it: how a command's processes are found where there
 * are no control groups, and how what was left by others is found at the start. */
#ifndef SQ_WORKER_SUPERVISOR_TREE_H
#define SQ_WORKER_SUPERVISOR_TREE_H

#include <sys/types.h>
#include "worker/supervisor/group.h"

/* What every command has in its environment, so that even what left its session and its
 * parents is known: whose supervisor (its state directory), which execution. */
#define SQ_MARK_SUPERVISED "SCITQ_SUPERVISED"
#define SQ_MARK_EXECUTION "SCITQ_EXECUTION"

/* A command that runs. */
struct sq_live {
    int64_t id;
    pid_t pid;
};

/* Send `signal` to the tree of the command: `pid` (our child, not reaped), its group
 * and session, their descendants, and those of our orphans that carry its mark.  Each
 * gets it once, those forked meanwhile included; who is in the control group `except`
 * (NULL: none) gets it otherwise. */
void sq_tree_signal(const char *state_dir, const struct sq_live *command,
                    const struct sq_group *except, int signal);
/* Kill every orphan of ours (a child that is none of the `n` live commands) that
 * belongs to none of them.  True when there was one: its children become our orphans as
 * it dies, so look again soon. */
bool sq_tree_kill_strays(const char *state_dir, const struct sq_live *live, size_t n);
/* Kill every process on the machine marked with this state directory, and wait for it,
 * some seconds at most. */
void sq_tree_sweep(const char *state_dir);

#endif
