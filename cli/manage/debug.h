/* One task, run here as a worker would, for the one who sits at the terminal.
 *
 * debug_run.c        the verb: which task, in what order
 * debug_folder.c     its working directory, which stays
 * debug_command.c    programs in the foreground: its data, its command
 * debug_container.c  its command in a container */
#ifndef SQ_CLI_MANAGE_DEBUG_H
#define SQ_CLI_MANAGE_DEBUG_H

#include <sys/types.h>

#include "cli/cli.h"
#include "lib/conf.h"
#include "lib/task_env.h"

struct sq_debug {
    struct sq_cli *cli;
    char *settings;       /* the settings file, or NULL */
    struct sq_conf *conf; /* what it says */
    struct sq_task_env env;
    bool retry, no_resource;
    bool json; /* standard output is the report's: what programs print goes beside */
    const char *workdir; /* NULL: one of our own */
    int64_t task_id;
    /* Of the task; NULL: none. */
    const char *command, *container, *container_options, *input, *resource, *output;
    char *folder; /* the working directory, absolute */
    int dir;      /* the same, open */
    /* What is in it whole, from this run or an earlier one; NULL: nothing. */
    char *has_input, *has_resource;
};

/* Make the folder, or for --retry find it: what is in its output and tmp goes, and
 * what is in input and resource when that is not the task's (any more). */
int sq_debug_folder(struct sq_debug *d, struct sq_err *err);
/* Write down what it has. */
int sq_debug_folder_save(const struct sq_debug *d, struct sq_err *err);
/* Fetch what the URIs name into one of its folders. */
int sq_debug_fetch(struct sq_debug *d, const char *uris, const char *name,
                   struct sq_err *err);
/* Run a program to its end in the working directory, with our streams, Ctrl-C being
 * its own affair.  *ret_status as waitpid gives it. */
int sq_debug_program(struct sq_debug *d, char *const *words, char *const *env,
                     int *ret_status, struct sq_err *err);
/* Run the task's command, plainly or in a container: its exit code, or 128 + the signal
 * that killed it. */
int sq_debug_command(struct sq_debug *d, int *ret_code, struct sq_err *err);
int sq_debug_container(struct sq_debug *d, int *ret_code, struct sq_err *err);

#endif
