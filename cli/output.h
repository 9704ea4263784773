/* What an execution wrote: its standard output and error, as raw bytes. */
#ifndef SQ_CLI_OUTPUT_H
#define SQ_CLI_OUTPUT_H

#include "cli/cli.h"

/* Show one execution's streams as --output, --error and --json say: with neither, its
 * output goes to standard output and its error to standard error; with one of them,
 * that stream goes to standard output. */
int sq_output_show(struct sq_cli *cli, int64_t execution_id, struct sq_err *err);

/* The same streams as an object with execution_id, output and error. */
int sq_output_json(struct sq_cli *cli, int64_t execution_id, json_t **ret,
                   struct sq_err *err);

#endif
