/* What every command of the tools is given: its options, the server, where to print.
 *
 * A command is a function that returns 0 or a negative SQ_E* code with its sentence;
 * the program prints the sentence and exits 1, or, when the command called
 * sq_cli_misuse, says where help is too and exits 2. */
#ifndef SQ_CLI_CLI_H
#define SQ_CLI_CLI_H

#include <jansson.h>
#include <stdio.h>
#include "cli/options.h"
#include "lib/http.h"

/* Of a program (scitq-fetch that a signal stopped: 128 + its number). */
enum { SQ_EXIT_DONE = 0, SQ_EXIT_TROUBLE = 1, SQ_EXIT_USAGE = 2 };

struct sq_cli {
    const char *program;
    struct sq_args args;
    struct sq_http *http; /* opened by the first call */
    int timeout_s;        /* for an answer */
    const char *longer;   /* what to do when that is too short; NULL: nothing */
    FILE *out;
    const char *word; /* what a verb is given besides options, such as a file */
    bool misused;
    int exit_code; /* of a command that did as told, when it is not 0 */
};

void sq_cli_init(struct sq_cli *cli, const char *program, FILE *out);
void sq_cli_fini(struct sq_cli *cli);

/* "This command line makes no sense": SQ_EINVAL and exit 2. */
int sq_cli_misuse(struct sq_cli *cli, struct sq_err *err, const char *fmt, ...)
    SQ_PRINTF(3, 4);
/* A sentence on standard error that stops nothing; one of the output.  What they hold
 * of others' names is shown so that no terminal obeys it (lib/visible.h). */
void sq_cli_note(const struct sq_cli *cli, const char *fmt, ...) SQ_PRINTF(2, 3);
void sq_cli_say(const struct sq_cli *cli, const char *fmt, ...) SQ_PRINTF(2, 3);
/* A text of several lines, likewise. */
void sq_cli_print_text(FILE *out, const char *text);

/* --version. */
void sq_cli_print_version(struct sq_cli *cli);

/* The exit code of `command` that returned `rc`, once what it printed is out; says in
 * one sentence what went wrong. */
int sq_cli_end(struct sq_cli *cli, int rc, const char *command, struct sq_err *err);
/* Exit code 2, after the sentence and "try 'COMMAND --help'". */
int sq_cli_usage_error(struct sq_cli *cli, const char *command, const char *text);

/* --server, SCITQ_SERVER or 127.0.0.1, as it was written. */
const char *sq_cli_server_name(struct sq_cli *cli);
/* The connection to it, opened once. */
int sq_cli_server(struct sq_cli *cli, struct sq_http **ret, struct sq_err *err);
/* One call.  `body` is taken (NULL allowed); *ret (NULL allowed) is the caller's. */
int sq_cli_call_take(struct sq_cli *cli, const char *method, const char *path,
                     json_t *body, json_t **ret, struct sq_err *err);
/* Print an object or array as JSON, two spaces an indent. */
void sq_cli_print_json(struct sq_cli *cli, const json_t *v);
/* The text member `key` of an object; "" when absent. */
const char *sq_cli_member(const json_t *object, const char *key);

void sq_json_unref(json_t **v); /* for SQ_CLEANUP */

#endif
