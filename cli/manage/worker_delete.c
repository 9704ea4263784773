/* scitq-manage worker delete */
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_ID("worker"), SQ_OPT_NAME("worker"), {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t id;
    SQ_CLEANUP(sq_json_unref) json_t *worker = NULL;
    int rc = sq_find(cli, &sq_kind_worker, SQ_FIND_ONLY, &id, err);
    if (rc == 0)
        rc = sq_cli_call_take(cli, "DELETE", sq_find_path(cli, &sq_kind_worker, id, ""),
                              NULL, &worker, err);
    if (rc != 0)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, worker);
    else if (json_is_false(json_object_get(worker, "permanent")))
        sq_cli_say(cli, "Worker %lld (%s) is being destroyed", (long long)id,
                   sq_cli_member(worker, "name"));
    else
        sq_cli_say(cli, "Worker %lld (%s) deleted", (long long)id,
                   sq_cli_member(worker, "name"));
    return 0;
}

const struct sq_verb sq_verb_worker_delete = {
    .name = "delete",
    .help = "forget a permanent worker, destroy a recruited one",
    .options = options,
    .run = run,
};
