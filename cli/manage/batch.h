/* What batch stop, go and delete share: names, one call for each.  And whether a batch
 * is one at all. */
#ifndef SQ_CLI_MANAGE_BATCH_H
#define SQ_CLI_MANAGE_BATCH_H

#include "cli/cli.h"

/* Call `method` /batch/NAME`rest` for every --name, with {"signal": signal} unless it
 * is negative, and print NAME and `done`.  All names are checked first: SQ_ENOENT for
 * one that no task, worker or recruiter has, and nothing is done. */
int sq_batch_each(struct sq_cli *cli, const char *method, const char *rest,
                  int64_t signal, const char *done, struct sq_err *err);
/* SQ_ENOENT: no task, worker or recruiter is of it. */
int sq_batch_known(struct sq_cli *cli, const char *batch, struct sq_err *err);

#endif
