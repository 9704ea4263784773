/* scitq-manage worker deploy: its options are read and checked, so that a script's
 * mistakes show; recruiting needs a provider, which this version does not have. */
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    {.name = "flavor",
     .letter = 'f',
     .kind = SQ_OPT_TEXT,
     .value = "FLAVOR",
     .flags = SQ_OPT_REQUIRED,
     .help = "machine size, or auto:FILTERS"},
    {.name = "region",
     .letter = 'r',
     .kind = SQ_OPT_TEXT,
     .value = "REGION",
     .flags = SQ_OPT_REQUIRED,
     .help = "where, or auto"},
    {.name = "provider",
     .letter = 'P',
     .kind = SQ_OPT_TEXT,
     .value = "PROVIDER",
     .flags = SQ_OPT_REQUIRED,
     .help = "from whom, or auto"},
    SQ_OPT_CONCURRENCY("1"),
    SQ_OPT_PREFETCH("0"),
    {.name = "number",
     .letter = 'N',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 1,
     .fallback = "1",
     .help = "how many workers"},
    SQ_OPT_BATCH("the batch they work for"),
    {0},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_fail(
        err, SQ_EUNSUPPORTED,
        "cannot deploy %s from %s: this needs a provider: not in this version",
        sq_args_text(&cli->args, "flavor"), sq_args_text(&cli->args, "provider"));
}

const struct sq_verb sq_verb_worker_deploy = {
    .name = "deploy",
    .help = "recruit workers",
    .options = options,
    .run = run,
};
