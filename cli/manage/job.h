/* Jobs as the tools see them. */
#ifndef SQ_CLI_MANAGE_JOB_H
#define SQ_CLI_MANAGE_JOB_H

#include "cli/cli.h"

/* clang-format off */
#define SQ_OPT_JOB                                                                     \
    {.name = "id", .letter = 'i', .kind = SQ_OPT_INT, .value = "ID", .min = 1,         \
     .flags = SQ_OPT_REQUIRED, .help = "the job's id"}
/* clang-format on */

/* "/jobs/ID" and whatever `rest` says, in the arena. */
const char *sq_job_path(struct sq_cli *cli, int64_t id, const char *rest);
/* Print its log as it grows, until it has ended: SQ_EIO when it failed. */
int sq_job_follow(struct sq_cli *cli, int64_t id, struct sq_err *err);

#endif
