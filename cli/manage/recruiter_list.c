/* scitq-manage recruiter list */
#include "cli/manage/commands.h"
#include "cli/manage/list.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_BATCH("only those of this batch"), SQ_OPT_NO_HEADER, SQ_OPT_LONG, {0}};

static const char *const columns[] = {"batch",
                                      "rank",
                                      "tasks_per_worker",
                                      "worker_flavor",
                                      "worker_provider",
                                      "worker_region",
                                      "worker_concurrency",
                                      "worker_prefetch",
                                      "minimum_tasks",
                                      "maximum_workers",
                                      NULL};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const struct sq_listing l = {.path = "/recruiter/", .columns = columns};
    json_t *filter = json_object();
    sq_listing_filter(cli, filter, "batch", "batch");
    return sq_list_take(cli, &l, filter, err);
}

const struct sq_verb sq_verb_recruiter_list = {
    .name = "list",
    .help = "list the rules that give workers to batches",
    .options = options,
    .run = run,
};
