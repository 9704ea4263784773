/* The table of scitq-manage: objects, each with its verbs.  A verb is one file that
 * exports one struct sq_verb, and one line in objects.c. */
#ifndef SQ_CLI_MANAGE_COMMANDS_H
#define SQ_CLI_MANAGE_COMMANDS_H

#include "cli/cli.h"

struct sq_verb {
    const char *name;
    const char *help; /* one sentence, small first letter, no full stop */
    const struct sq_opt *options;
    int (*run)(struct sq_cli *cli, struct sq_err *err);
    const char
        *word; /* it takes one word, cli->word, which the help calls so; or NULL */
    const char *more; /* what its help says besides, in lines; or NULL */
    bool lines;       /* it says lines for people: --json is lines.h's affair */
};

enum { SQ_VERBS_MAX = 8 };
struct sq_object {
    const char *name;
    const char *help;
    const struct sq_verb *verbs[SQ_VERBS_MAX + 1]; /* ends with NULL */
};

extern const struct sq_object sq_objects[]; /* ends with a NULL name */
extern const struct sq_opt sq_manage_options[];

/* The verb without a name that an object has, which is then a command by itself; or
 * NULL. */
const struct sq_verb *sq_object_alone(const struct sq_object *object);
/* NULL when there is none. */
const struct sq_object *sq_object_find(const char *name);
const struct sq_verb *sq_verb_find(const struct sq_object *object, const char *name);

/* Help for the program (object NULL), an object (verb NULL) or a verb. */
void sq_manage_help(const struct sq_object *object, const struct sq_verb *verb,
                    struct sq_buf *out);
/* The manual page's part that describes every verb. */
void sq_manage_man(struct sq_buf *out);

/* Run one command line (argv without the program's name): the exit code. */
int sq_manage_run(struct sq_cli *cli, char **argv);

extern const struct sq_verb sq_verb_worker_list, sq_verb_worker_deploy,
    sq_verb_worker_delete, sq_verb_worker_update;
extern const struct sq_verb sq_verb_task_list, sq_verb_task_relaunch,
    sq_verb_task_delete, sq_verb_task_output, sq_verb_task_update, sq_verb_task_why;
extern const struct sq_verb sq_verb_batch_list, sq_verb_batch_stop, sq_verb_batch_go,
    sq_verb_batch_delete;
extern const struct sq_verb sq_verb_execution_list, sq_verb_execution_output;
extern const struct sq_verb sq_verb_recruiter_list, sq_verb_recruiter_create,
    sq_verb_recruiter_update, sq_verb_recruiter_delete;
extern const struct sq_verb sq_verb_flavor_list, sq_verb_flavor_update;
extern const struct sq_verb sq_verb_job_list, sq_verb_job_log, sq_verb_job_restart,
    sq_verb_job_delete;
extern const struct sq_verb sq_verb_plugin_list, sq_verb_plugin_check;
extern const struct sq_verb sq_verb_db_init, sq_verb_db_check, sq_verb_db_upgrade,
    sq_verb_db_upgrade_or_init, sq_verb_db_prune;
extern const struct sq_verb sq_verb_config_rclone, sq_verb_config_check;
extern const struct sq_verb sq_verb_ansible_install, sq_verb_ansible_inventory,
    sq_verb_ansible_path;
extern const struct sq_verb sq_verb_debug_run;
extern const struct sq_verb sq_verb_top;

#endif
