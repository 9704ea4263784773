/* Starting one command: one exec, nothing else that costs. */
#ifndef SQ_WORKER_SUPERVISOR_SPAWN_H
#define SQ_WORKER_SUPERVISOR_SPAWN_H

#include <scitq/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct sq_start {
    char *const *argv; /* argv[0] without a slash is looked for in envp's PATH */
    char *const *envp;
    const char *workdir;
    int stdout_fd, stderr_fd;
    int group_fd; /* a cgroup v2 folder to be born in, or -1 */
    int join_fd;  /* `tasks` of a cgroup v1 folder, to write itself to, or -1 */
    bool reset_oom_score;
    const struct rlimit *files; /* of descriptors, to be set */
};

/* Start the command as the leader of a process group, and of a session unless it gets a
 * cgroup, to be killed with the caller.  Returns when it runs, or SQ_ENOENT, SQ_EINVAL,
 * SQ_EIO with the reason in words a user understands ("no such command: foo");
 * SQ_EUNSUPPORTED: not with this group_fd.  The caller must have all signals blocked,
 * none ignored, and every descriptor above 2 close-on-exec. */
int sq_start_command(const struct sq_start *req, pid_t *ret, struct sq_err *err);

#endif
