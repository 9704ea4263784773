/* scitq-manage task relaunch
 *
 * A task with requirements is set to waiting: the server makes it pending at once
 * when they have all succeeded, and else when they have, so that relaunching a failed
 * step and then the steps after it works in any order. */
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {SQ_OPT_ID("task"), SQ_OPT_NAME("task"), {0}};

static int relaunch(struct sq_cli *cli, int64_t id, json_t **ret, struct sq_err *err)
{
    const char *path = sq_find_path(cli, &sq_kind_task, id, "");
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_cli_call_take(cli, "GET", path, NULL, &task, err);
    if (rc != 0)
        return rc;
    bool waits = json_array_size(json_object_get(task, "required_task_ids")) > 0;
    json_t *body = json_pack("{s:s}", "status", waits ? "waiting" : "pending");
    return sq_cli_call_take(cli, "PUT", path, body, ret, err);
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t id;
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_find(cli, &sq_kind_task, SQ_FIND_NEWEST, &id, err);
    if (rc == 0)
        rc = relaunch(cli, id, &task, err);
    if (rc != 0)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, task);
    else
        fprintf(cli->out, "Task %lld relaunched: %s\n", (long long)id,
                sq_cli_member(task, "status"));
    return 0;
}

const struct sq_verb sq_verb_task_relaunch = {
    .name = "relaunch",
    .help = "run a task again",
    .options = options,
    .run = run,
};
