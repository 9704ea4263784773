/* scitq-manage worker update */
#include "cli/change.h"
#include "cli/find.h"
#include "cli/manage/commands.h"

static const struct sq_opt options[] = {
    SQ_OPT_ID("worker"),
    SQ_OPT_NAME("worker"),
    {.name = "status",
     .letter = 'S',
     .kind = SQ_OPT_TEXT,
     .value = "STATUS",
     .choices = "paused running offline failed evicted",
     .help = "the new status"},
    {.name = "batch",
     .letter = 'b',
     .kind = SQ_OPT_TEXT,
     .value = "BATCH",
     .help = "the batch it works for from now on"},
    {.name = "concurrency",
     .letter = 'C',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 0,
     .help = "tasks running at once"},
    {.name = "prefetch",
     .letter = 'p',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 0,
     .help = "tasks fetched in advance"},
    {.name = "flavor",
     .letter = 'f',
     .kind = SQ_OPT_TEXT,
     .value = "FLAVOR",
     .help = "what its machine is called"},
    {0},
};

static const struct sq_change changes[] = {
    {"status", "status"},     {"batch", "batch"},   {"concurrency", "concurrency"},
    {"prefetch", "prefetch"}, {"flavor", "flavor"}, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    json_t *body = json_object();
    sq_change_collect(cli, changes, body);
    return sq_change_apply_take(cli, &sq_kind_worker, body, err);
}

const struct sq_verb sq_verb_worker_update = {"update", "change a worker", options,
                                              run};
