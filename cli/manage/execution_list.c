/* scitq-manage execution list: the newest first. */
#include "cli/manage/commands.h"
#include "cli/manage/list.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    {.name = "id",
     .letter = 'i',
     .kind = SQ_OPT_INT,
     .value = "ID",
     .min = 1,
     .group = 1,
     .help = "only the executions of the task with this id"},
    {.name = "name",
     .letter = 'n',
     .kind = SQ_OPT_TEXT,
     .value = "NAME",
     .group = 1,
     .help = "only those of tasks with this name"},
    SQ_OPT_STATUS(SQ_EXECUTION_WORDS, "only those in this status"),
    SQ_OPT_BATCH("only those of tasks of this batch"),
    {.name = "limit",
     .letter = 'l',
     .kind = SQ_OPT_INT,
     .value = "N",
     .fallback = "10",
     .help = "how many at most, 0: all"},
    SQ_OPT_NO_HEADER,
    SQ_OPT_LONG,
    {0},
};

static const char *const columns[] = {
    "execution_id",  "task_id",           "worker_id", "status", "command",
    "creation_date", "modification_date", "latest",    NULL};
static const char *const more[] = {"return_code", "pid",   "output_files",
                                   "output",      "error", NULL};

/* Of the output and error of each: `execution output` prints the whole. */
enum { TAIL_CHARACTERS = 1000 };

static int run(struct sq_cli *cli, struct sq_err *err)
{
    struct sq_listing l = {.path = "/executions/",
                           .key = "execution_id",
                           .columns = columns,
                           .more = more,
                           .newest_first = true};
    json_t *filter = sq_args_has(&cli->args, "long")
                         ? json_pack("{s:i}", "trunc", TAIL_CHARACTERS)
                         : json_pack("{s:b}", "no_output", 1);
    sq_listing_filter(cli, filter, "id", "task_id");
    sq_listing_filter(cli, filter, "name", "task_name");
    sq_listing_filter(cli, filter, "status", "status");
    sq_listing_filter(cli, filter, "batch", "batch");
    l.limit = sq_args_int(&cli->args, "limit");
    return sq_list_take(cli, &l, filter, err);
}

const struct sq_verb sq_verb_execution_list = {
    .name = "list",
    .help = "list executions, the newest first",
    .options = options,
    .run = run,
};
