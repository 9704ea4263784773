/* scitq-manage debug run: a task's command with its inputs, resources, container and
 * environment, here and now, in the terminal.
 *
 * The server is asked for the task and told nothing: its status, its executions and
 * its output there stay as they are, and nothing is uploaded.  The working directory
 * stays, to be looked at and, with --retry, run in again. */
#include "cli/manage/debug.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/manage/plugin.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    {.name = "batch",
     .letter = 'b',
     .kind = SQ_OPT_TEXT,
     .value = "BATCH",
     .flags = SQ_OPT_REQUIRED,
     .group = 1,
     .help = "the first task of this batch in status debug, else pending"},
    SQ_OPT_ID("task"),
    SQ_OPT_NAME("task"),
    {.name = "retry",
     .letter = 'r',
     .help = "run again in the folder of the last time, with what was fetched then"},
    {.name = "no-resource", .help = "fetch no resources"},
    {.name = "config",
     .letter = 'c',
     .kind = SQ_OPT_TEXT,
     .value = "FILE",
     .help = "the worker's settings file; else scitq-worker.conf, else scitq.conf"},
    {.name = "workdir",
     .letter = 'w',
     .kind = SQ_OPT_TEXT,
     .value = "FOLDER",
     .help = "work in this folder, new or empty; else in debug-ID of BASE_WORKDIR"},
    {0},
};

static const struct sq_conf_key keys[] = {
    {.name = "BASE_WORKDIR", .kind = SQ_CONF_TEXT, .help = "where tasks work"},
    {.name = "SCITQ_STATE_DIR", .kind = SQ_CONF_TEXT, .help = "what is kept"},
    {.name = "SCITQ_CONTAINER_RUNTIME",
     .kind = SQ_CONF_TEXT,
     .help = "docker or podman"},
    {0}};

/* The lowest id of the batch in this status; 0: none. */
static int first_in(struct sq_cli *cli, const char *batch, const char *status,
                    int64_t *ret, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL;
    json_t *filter = json_pack("{s:s, s:s, s:i, s:s}", "batch", batch, "status", status,
                               "limit", 1, "fields", "task_id");
    int rc = sq_cli_call_take(cli, "GET", "/tasks/", filter, &list, err);
    if (rc == 0)
        *ret = json_integer_value(json_object_get(json_array_get(list, 0), "task_id"));
    return rc;
}

static int choose(struct sq_cli *cli, int64_t *ret, struct sq_err *err)
{
    const char *batch = sq_args_text(&cli->args, "batch");
    if (!batch)
        return sq_find(cli, &sq_kind_task, SQ_FIND_NEWEST, ret, err);
    *ret = 0;
    int rc = first_in(cli, batch, "debug", ret, err);
    if (rc == 0 && *ret == 0)
        rc = first_in(cli, batch, "pending", ret, err);
    if (rc == 0 && *ret == 0)
        return sq_fail(err, SQ_ENOENT,
                       "the batch %.200s has no task in status debug or pending: -i "
                       "names any task",
                       batch);
    return rc;
}

/* NULL where there is nothing. */
static const char *member(const json_t *task, const char *key)
{
    const char *text = sq_cli_member(task, key);
    return *text ? text : NULL;
}

static void take_task(struct sq_debug *d, const json_t *task)
{
    d->command = member(task, "command");
    d->container = member(task, "container");
    d->container_options = member(task, "container_options");
    d->input = member(task, "input");
    d->resource = member(task, "resource");
    d->output = member(task, "output");
}

/* Fetch `uris` into `name` unless *has them, which remembers them. */
static int provide(struct sq_debug *d, const char *uris, const char *name, char **has,
                   struct sq_err *err)
{
    if (!uris || *has)
        return 0;
    int rc = sq_debug_fetch(d, uris, name, err);
    if (rc == 0 && !(*has = strdup(uris)))
        rc = sq_fail(err, SQ_ENOMEM, "out of memory");
    return rc ? rc : sq_debug_folder_save(d, err);
}

static void tell_end(const struct sq_debug *d, int code)
{
    sq_cli_note(d->cli, "task %lld ended with exit code %d in %s",
                (long long)d->task_id, code, d->folder);
    if (d->output)
        sq_cli_note(d->cli, "its output is not uploaded to %.300s: it is in %s/output",
                    d->output, d->folder);
}

static void report(const struct sq_debug *d, int code)
{
    SQ_CLEANUP(sq_json_unref)
    json_t *v = json_pack("{s:I, s:i, s:s}", "task_id", (json_int_t)d->task_id,
                          "exit_code", code, "folder", d->folder);
    sq_cli_print_json(d->cli, v);
}

static int run_task(struct sq_debug *d, struct sq_err *err)
{
    int code = 0;
    int rc = sq_debug_folder(d, err);
    if (rc == 0)
        rc = provide(d, d->input, "input", &d->has_input, err);
    if (rc == 0 && !d->no_resource)
        rc = provide(d, d->resource, "resource", &d->has_resource, err);
    if (rc)
        return rc;
    sq_cli_note(d->cli, "task %lld runs in %s", (long long)d->task_id, d->folder);
    rc = d->container ? sq_debug_container(d, &code, err)
                      : sq_debug_command(d, &code, err);
    if (rc)
        return rc;
    tell_end(d, code);
    if (d->json)
        report(d, code);
    d->cli->exit_code = code;
    return 0;
}

static void fini(struct sq_debug *d)
{
    if (d->dir >= 0)
        close(d->dir);
    sq_task_env_fini(&d->env);
    sq_conf_free(d->conf);
    free(d->settings);
    free(d->folder);
    free(d->has_input);
    free(d->has_resource);
}

static int find_and_run(struct sq_debug *d, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = choose(d->cli, &d->task_id, err);
    if (rc == 0)
        rc = sq_cli_call_take(d->cli, "GET",
                              sq_find_path(d->cli, &sq_kind_task, d->task_id, ""), NULL,
                              &task, err);
    if (rc)
        return rc;
    take_task(d, task);
    rc = sq_conf_load(keys, d->settings, NULL, NULL, &d->conf, err);
    if (rc == 0)
        rc = sq_task_env_init(&d->env, err);
    return rc ? rc : run_task(d, err);
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    struct sq_debug d = {.cli = cli,
                         .retry = sq_args_has(&cli->args, "retry"),
                         .no_resource = sq_args_has(&cli->args, "no-resource"),
                         .json = sq_args_has(&cli->args, "json"),
                         .workdir = sq_args_text(&cli->args, "workdir"),
                         .dir = -1};
    d.settings = sq_plugin_settings(cli);
    int rc = find_and_run(&d, err);
    fini(&d);
    return rc;
}

const struct sq_verb sq_verb_debug_run = {
    .name = "run",
    .help = "run a task here, in this terminal, as a worker would, and report nothing",
    .options = options,
    .run = run,
};
