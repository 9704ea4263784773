/* scitq-manage worker deploy: its options are read and checked, so that a script's
 * mistakes show; recruiting needs a provider, which this version does not have. */
#include "cli/manage/commands.h"

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
    {.name = "concurrency",
     .letter = 'C',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 0,
     .fallback = "1",
     .help = "tasks running at once"},
    {.name = "prefetch",
     .letter = 'p',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 0,
     .fallback = "0",
     .help = "tasks fetched in advance"},
    {.name = "number",
     .letter = 'N',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 1,
     .fallback = "1",
     .help = "how many workers"},
    {.name = "batch",
     .letter = 'b',
     .kind = SQ_OPT_TEXT,
     .value = "BATCH",
     .help = "the batch they work for"},
    {0},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_fail(
        err, SQ_EUNSUPPORTED,
        "cannot deploy %s from %s: this needs a provider: not in this version",
        sq_args_text(&cli->args, "flavor"), sq_args_text(&cli->args, "provider"));
}

const struct sq_verb sq_verb_worker_deploy = {"deploy", "recruit workers", options,
                                              run};
