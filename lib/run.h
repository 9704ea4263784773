/* Running a program for a plugin, to its end or until the call is canceled. */
#ifndef SQ_LIB_RUN_H
#define SQ_LIB_RUN_H

#include <scitq/plugin.h>

/* As sq_host.run promises (scitq/plugin.h).  Blocks the calling thread only; any number
 * may run at once.  The caller must not ignore SIGCHLD. */
int sq_run_program(struct sq_call *call, const struct sq_run *run, int *ret_status,
                   struct sq_err *err);

#endif
