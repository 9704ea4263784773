/* Where a task runs and what its command finds there, wherever that is: on a worker, or
 * in a terminal (scitq-manage debug run).
 *
 * A command gets the environment of the process that starts it, less what is that
 * process's own business, and INPUT, OUTPUT, RESOURCE, TEMP and CPU. */
#ifndef SQ_LIB_TASK_ENV_H
#define SQ_LIB_TASK_ENV_H

#include <scitq/error.h>
#include "lib/arena.h"

struct sq_task_env {
    char **base; /* what every command gets; ends with NULL */
    size_t n;
};

/* Look at this process's environment, once. */
int sq_task_env_init(struct sq_task_env *e, struct sq_err *err);
void sq_task_env_fini(struct sq_task_env *e);              /* also of zeroes */
const char *sq_task_env_path(const struct sq_task_env *e); /* its PATH */
/* That of a command in the working directory `dir`, in the arena.  NULL: no memory. */
char **sq_task_env_make(const struct sq_task_env *e, const char *dir, int64_t cpu,
                        struct sq_arena *arena);

/* The four folders of a working directory; ends with NULL. */
extern const char *const sq_task_folders[];
/* BASE_WORKDIR as `told` (NULL: nothing): else /scratch where that is a folder, else
 * `state`/work.  The caller's to free; NULL: no memory. */
char *sq_task_base(const char *told, const char *state);
/* The processors that this process may use, at least 1. */
int sq_task_cores(void);
/* The program that moves data: $SCITQ_FETCH, or the one installed. */
const char *sq_task_fetch_program(void);

#endif
