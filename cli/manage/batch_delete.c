/* scitq-manage batch delete */
#include "cli/manage/batch.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {SQ_OPT_BATCH_NAMES, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_batch_each(cli, "DELETE", "", -1, "deleted", err);
}

const struct sq_verb sq_verb_batch_delete = {
    .name = "delete",
    .help = "delete the tasks of a batch, their executions and its recruiters",
    .options = options,
    .run = run,
};
