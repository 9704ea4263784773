/* Verbs that answer in lines of text, for people: with --json, the same lines. */
#ifndef SQ_CLI_MANAGE_LINES_H
#define SQ_CLI_MANAGE_LINES_H

#include "cli/manage/commands.h"

/* Run `verb` and print {"lines": ["...", ...]} of what it says on standard output,
 * whether it succeeds or not; its error goes to standard error as ever.  The exit
 * code. */
int sq_lines_run(struct sq_cli *cli, const struct sq_verb *verb, const char *command);

#endif
