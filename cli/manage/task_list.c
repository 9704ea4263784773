/* scitq-manage task list */
#include "cli/listing.h"
#include "cli/manage/commands.h"

static const struct sq_opt options[] = {
    {.name = "status",
     .letter = 'S',
     .kind = SQ_OPT_TEXT,
     .value = "STATUS",
     .choices =
         "paused waiting pending assigned accepted running failed succeeded debug",
     .help = "only the tasks in this status"},
    {.name = "batch",
     .letter = 'b',
     .kind = SQ_OPT_TEXT,
     .value = "BATCH",
     .help = "only those of this batch"},
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
    const struct sq_listing l = {"/tasks/", "task_id", columns, more, false, 0};
    json_t *filter = json_object();
    sq_listing_filter(cli, filter, "status", "status");
    sq_listing_filter(cli, filter, "batch", "batch");
    return sq_listing_print_take(cli, &l, filter, err);
}

const struct sq_verb sq_verb_task_list = {"list", "list tasks", options, run};
