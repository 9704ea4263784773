/* Object x verb: the one place that says which commands there are. */
#include "cli/manage/commands.h"
#include "cli/rows.h"

#include <string.h>

const struct sq_opt sq_manage_options[] = {
    SQ_OPT_SERVER,
    {.name = "timeout",
     .letter = 't',
     .kind = SQ_OPT_INT,
     .value = "SECONDS",
     .min = 1,
     .max = 86400,
     .fallback = "150",
     .help = "give up on an answer after this long"},
    {.name = "json", .help = "print JSON"},
    {.name = "help", .letter = 'h', .help = "print this help"},
    {.name = "version", .help = "print the version"},
    {0},
};

const struct sq_object sq_objects[] = {
    {"worker",
     "machines that run tasks",
     {&sq_verb_worker_list, &sq_verb_worker_deploy, &sq_verb_worker_delete,
      &sq_verb_worker_update}},
    {"task",
     "commands to run",
     {&sq_verb_task_list, &sq_verb_task_relaunch, &sq_verb_task_delete,
      &sq_verb_task_output, &sq_verb_task_update, &sq_verb_task_why}},
    {"batch",
     "groups of tasks and workers",
     {&sq_verb_batch_list, &sq_verb_batch_stop, &sq_verb_batch_go,
      &sq_verb_batch_delete}},
    {"execution",
     "attempts of tasks on workers",
     {&sq_verb_execution_list, &sq_verb_execution_output}},
    {"recruiter",
     "rules that give workers to batches",
     {&sq_verb_recruiter_list, &sq_verb_recruiter_create, &sq_verb_recruiter_update,
      &sq_verb_recruiter_delete}},
    {"flavor",
     "sizes of machines, where they are offered",
     {&sq_verb_flavor_list, &sq_verb_flavor_update}},
    {"job",
     "making and destroying workers",
     {&sq_verb_job_list, &sq_verb_job_log, &sq_verb_job_restart, &sq_verb_job_delete}},
    {"plugin",
     "modules that move data and lend machines",
     {&sq_verb_plugin_list, &sq_verb_plugin_check}},
    {"db",
     "the server's database",
     {&sq_verb_db_init, &sq_verb_db_upgrade, &sq_verb_db_upgrade_or_init,
      &sq_verb_db_check, &sq_verb_db_prune}},
    {"config",
     "the server's settings",
     {&sq_verb_config_rclone, &sq_verb_config_check}},
    {"ansible",
     "machines configured by Ansible",
     {&sq_verb_ansible_install, &sq_verb_ansible_inventory, &sq_verb_ansible_path}},
    {"debug", "tasks tried by hand", {&sq_verb_debug_run}},
    {"top", "all of it, live on the screen", {&sq_verb_top}},
    {0},
};

const struct sq_object *sq_object_find(const char *name)
{
    for (const struct sq_object *o = sq_objects; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

const struct sq_verb *sq_object_alone(const struct sq_object *object)
{
    return *object->verbs[0]->name ? NULL : object->verbs[0];
}

const struct sq_verb *sq_verb_find(const struct sq_object *object, const char *name)
{
    for (size_t i = 0; object->verbs[i]; i++)
        if (strcmp(object->verbs[i]->name, name) == 0)
            return object->verbs[i];
    return NULL;
}
