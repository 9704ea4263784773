/* scitq-manage task relaunch */
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/relaunch.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {SQ_OPT_ID("task"), SQ_OPT_NAME("task"), {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t id;
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_find(cli, &sq_kind_task, SQ_FIND_NEWEST, &id, err);
    if (rc == 0)
        rc = sq_relaunch(cli, id, &task, err);
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
