/* scitq-manage worker list */
#include "cli/manage/commands.h"
#include "cli/manage/list.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_BATCH("only the workers of this batch"),
    SQ_OPT_STATUS(SQ_WORKER_WORDS, "only those in this status"),
    SQ_OPT_NO_HEADER,
    SQ_OPT_LONG,
    {0},
};

static const char *const columns[] = {
    "worker_id",         "name",  "status", "concurrency", "creation_date",
    "last_contact_date", "batch", NULL};
static const char *const more[] = {
    "prefetch",          "hostname",        "load",   "memory", "stats",
    "modification_date", "task_properties", "flavor", "region", "provider",
    "permanent",         "facts",           NULL};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const struct sq_listing l = {.path = "/workers/",
                                 .key = "worker_id",
                                 .columns = columns,
                                 .more = more,
                                 .asked = true};
    json_t *filter = json_object();
    sq_listing_filter(cli, filter, "batch", "batch");
    sq_listing_filter(cli, filter, "status", "status");
    return sq_list_take(cli, &l, filter, err);
}

const struct sq_verb sq_verb_worker_list = {
    .name = "list",
    .help = "list workers",
    .options = options,
    .run = run,
};
