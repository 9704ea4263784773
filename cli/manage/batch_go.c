/* scitq-manage batch go */
#include "cli/manage/batch.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_BATCH_NAMES,
    SQ_OPT_SIGNAL("0 18"),
    {.name = "cont", .group = 1, .help = "thaw its frozen tasks: -N 18"},
    {0},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t signal = 0;
    if (sq_args_has(&cli->args, "cont"))
        signal = 18;
    else if (sq_args_has(&cli->args, "signal"))
        signal = sq_args_int(&cli->args, "signal");
    return sq_batch_each(cli, "PUT", "/go", signal, "goes on", err);
}

const struct sq_verb sq_verb_batch_go = {
    .name = "go",
    .help = "let the workers of a batch work again",
    .options = options,
    .run = run,
};
