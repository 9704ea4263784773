/* scitq-manage worker update */
#include "cli/change.h"
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_ID("worker"),
    SQ_OPT_NAME("worker"),
    SQ_OPT_STATUS(SQ_WORKER_WORDS, "the new status"),
    SQ_OPT_BATCH("the batch it works for from now on"),
    SQ_OPT_CONCURRENCY(NULL),
    SQ_OPT_PREFETCH(NULL),
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

const struct sq_verb sq_verb_worker_update = {
    .name = "update",
    .help = "change a worker",
    .options = options,
    .run = run,
};
