/* scitq-manage task update */
#include "cli/change.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"
#include "lib/uri.h"

static const struct sq_opt options[] = {
    SQ_OPT_ID("task"),
    SQ_OPT_NAME("task"),
    {.name = "new-name",
     .letter = 'N',
     .kind = SQ_OPT_TEXT,
     .value = "NAME",
     .help = "the new name"},
    {.name = "command",
     .letter = 'c',
     .kind = SQ_OPT_TEXT,
     .value = "COMMAND",
     .help = "the new command, as one word"},
    SQ_OPT_STATUS(SQ_TASK_WORDS, "the new status"),
    SQ_OPT_BATCH("the batch it belongs to from now on"),
    {.name = "docker",
     .letter = 'd',
     .kind = SQ_OPT_TEXT,
     .value = "IMAGE",
     .help = "the container image, '' for none"},
    {.name = "option",
     .letter = 'O',
     .kind = SQ_OPT_TEXT,
     .value = "OPTIONS",
     .help = "options of the container, '' for none"},
    {.name = "input",
     .letter = 'j',
     .kind = SQ_OPT_TEXT,
     .value = "URIS",
     .flags = SQ_OPT_MANY,
     .help = "input URIs separated by spaces, '' for none"},
    {.name = "output",
     .letter = 'o',
     .kind = SQ_OPT_TEXT,
     .value = "URI",
     .help = "output folder, '' for none"},
    {.name = "requirements",
     .letter = 'R',
     .kind = SQ_OPT_TEXT,
     .value = "IDS",
     .flags = SQ_OPT_MANY,
     .help = "ids of the tasks that must succeed first, '' for none"},
    {.name = "run-timeout",
     .kind = SQ_OPT_INT,
     .value = "SECONDS",
     .flags = SQ_OPT_EMPTY,
     .help = "kill it when it runs longer, '' for no limit"},
    {.name = "download-timeout",
     .kind = SQ_OPT_INT,
     .value = "SECONDS",
     .flags = SQ_OPT_EMPTY,
     .help = "fail it when fetching its data takes longer, '' for no limit"},
    {0},
};

static const struct sq_change changes[] = {{"new-name", "name"},
                                           {"command", "command"},
                                           {"status", "status"},
                                           {"batch", "batch"},
                                           {"docker", "container"},
                                           {"option", "container_options"},
                                           {"input", "input"},
                                           {"output", "output"},
                                           {"run-timeout", "run_timeout"},
                                           {"download-timeout", "download_timeout"},
                                           {0}};

static int add_requirements(struct sq_cli *cli, json_t *body, struct sq_err *err)
{
    int64_t *ids;
    size_t n;
    if (!sq_args_has(&cli->args, "requirements"))
        return 0;
    int rc = sq_args_ids(&cli->args, "requirements", &ids, &n, err);
    if (rc != 0)
        return sq_cli_misuse(cli, err, "%s", err->text);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    json_object_set_new(body, "required_task_ids", list);
    return 0;
}

static int check_uris(struct sq_cli *cli, const json_t *body, struct sq_err *err)
{
    int rc = sq_uri_check_list(sq_cli_member(body, "input"), 0, err);
    if (rc == 0)
        rc = sq_uri_check_output(sq_cli_member(body, "output"), 0, err);
    return rc == 0 ? 0 : sq_cli_misuse(cli, err, "%s", err->text);
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    json_t *body = json_object();
    sq_change_collect(cli, changes, body);
    int rc = add_requirements(cli, body, err);
    if (rc == 0)
        rc = check_uris(cli, body, err);
    if (rc == 0)
        return sq_change_apply_take(cli, &sq_kind_task, body, err);
    json_decref(body);
    return rc;
}

const struct sq_verb sq_verb_task_update = {
    .name = "update",
    .help = "change a task; one that has not started runs as changed",
    .options = options,
    .run = run,
};
