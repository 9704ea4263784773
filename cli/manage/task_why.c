/* scitq-manage task why */
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {SQ_OPT_ID("task"), SQ_OPT_NAME("task"), {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t id;
    SQ_CLEANUP(sq_json_unref) json_t *why = NULL;
    int rc = sq_find(cli, &sq_kind_task, SQ_FIND_NEWEST, &id, err);
    if (rc == 0)
        rc = sq_cli_call_take(cli, "GET", sq_find_path(cli, &sq_kind_task, id, "/why"),
                              NULL, &why, err);
    if (rc != 0)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, why);
    else
        sq_cli_say(cli, "Task %lld: %s", (long long)id, sq_cli_member(why, "sentence"));
    return 0;
}

const struct sq_verb sq_verb_task_why = {
    .name = "why",
    .help = "tell why a task is not running",
    .options = options,
    .run = run,
};
