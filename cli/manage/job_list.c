/* scitq-manage job list */
#include "cli/listing.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_STATUS("pending running succeeded failed", "only jobs in this status"),
    SQ_OPT_NO_HEADER,
    SQ_OPT_LONG,
    {0}};

static const char *const columns[] = {"job_id",
                                      "action",
                                      "target",
                                      "status",
                                      "progression",
                                      "creation_date",
                                      "modification_date",
                                      NULL};
static const char *const more[] = {"retry", "args", "log", NULL};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const struct sq_listing l = {
        .path = "/jobs/", .key = "job_id", .columns = columns, .more = more};
    json_t *filter = json_object();
    sq_listing_filter(cli, filter, "status", "status");
    return sq_listing_print_take(cli, &l, filter, err);
}

const struct sq_verb sq_verb_job_list = {
    .name = "list",
    .help = "list what the server does to make and destroy workers",
    .options = options,
    .run = run,
};
