/* scitq-manage batch list */
#include "cli/listing.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {SQ_OPT_NO_HEADER, SQ_OPT_LONG, {0}};

static const char *const columns[] = {"batch",  "pending",   "accepted", "running",
                                      "failed", "succeeded", "workers",  NULL};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const struct sq_listing l = {.path = "/batch/", .columns = columns};
    return sq_listing_print_take(cli, &l, NULL, err);
}

const struct sq_verb sq_verb_batch_list = {
    .name = "list",
    .help = "count the tasks of each batch by status, and name its workers",
    .options = options,
    .run = run,
};
