/* scitq-manage batch stop */
#include "cli/manage/batch.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_BATCH_NAMES,
    SQ_OPT_SIGNAL("0 3 9 20"),
    {.name = "term", .group = 1, .help = "ask its running tasks to quit: -N 3"},
    {.name = "kill", .group = 1, .help = "kill its running tasks: -N 9"},
    {.name = "pause", .group = 1, .help = "freeze its running tasks: -N 20"},
    {0},
};

static int64_t chosen_signal(struct sq_cli *cli)
{
    if (sq_args_has(&cli->args, "term"))
        return 3;
    if (sq_args_has(&cli->args, "kill"))
        return 9;
    if (sq_args_has(&cli->args, "pause"))
        return 20;
    return sq_args_has(&cli->args, "signal") ? sq_args_int(&cli->args, "signal") : 0;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_batch_each(cli, "PUT", "/stop", chosen_signal(cli), "stopped", err);
}

const struct sq_verb sq_verb_batch_stop = {
    .name = "stop",
    .help = "pause the workers of a batch, and if told what they run",
    .options = options,
    .run = run,
};
