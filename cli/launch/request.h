/* What scitq-launch asks the server for. */
#ifndef SQ_CLI_LAUNCH_REQUEST_H
#define SQ_CLI_LAUNCH_REQUEST_H

#include "cli/cli.h"

extern const struct sq_opt sq_launch_options[];

void sq_launch_usage(struct sq_buf *out);
void sq_launch_help(struct sq_buf *out);
/* The body of POST /tasks/ from the options and the words of the command
 * (NULL-terminated); *ret is the caller's.  SQ_EINVAL is misuse. */
int sq_launch_request(struct sq_cli *cli, char *const *words, json_t **ret,
                      struct sq_err *err);
/* Run one command line (argv without the program's name): the exit code. */
int sq_launch_run(struct sq_cli *cli, char **argv);

#endif
