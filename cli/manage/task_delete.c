/* scitq-manage task delete */
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {SQ_OPT_ID("task"), SQ_OPT_NAME("task"), {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t id;
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_find(cli, &sq_kind_task, SQ_FIND_ONLY, &id, err);
    if (rc == 0)
        rc = sq_cli_call_take(cli, "DELETE", sq_find_path(cli, &sq_kind_task, id, ""),
                              NULL, &task, err);
    if (rc != 0)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, task);
    else
        fprintf(cli->out, "Task %lld deleted\n", (long long)id);
    return 0;
}

const struct sq_verb sq_verb_task_delete = {
    .name = "delete",
    .help = "delete a task with its executions, stopping it where it runs",
    .options = options,
    .run = run,
};
