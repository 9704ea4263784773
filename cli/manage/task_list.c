/* scitq-manage task list */
#include "cli/manage/commands.h"
#include "cli/manage/list.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_STATUS(SQ_TASK_WORDS, "only the tasks in this status"),
    SQ_OPT_BATCH("only those of this batch"),
    SQ_OPT_NO_HEADER,
    SQ_OPT_LONG,
    {0},
};

static const char *const columns[] = {
    "task_id",           "name",        "status", "command", "creation_date",
    "modification_date", "status_date", "batch",  NULL};
static const char *const more[] = {"input",       "output",
                                   "container",   "container_options",
                                   "resource",    "required_task_ids",
                                   "retry",       "download_timeout",
                                   "run_timeout", "use_cache",
                                   NULL};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const struct sq_listing l = {
        .path = "/tasks/", .key = "task_id", .columns = columns, .more = more};
    json_t *filter = json_object();
    sq_listing_filter(cli, filter, "status", "status");
    sq_listing_filter(cli, filter, "batch", "batch");
    return sq_list_take(cli, &l, filter, err);
}

const struct sq_verb sq_verb_task_list = {
    .name = "list",
    .help = "list tasks",
    .options = options,
    .run = run,
};
