/* scitq-manage recruiter create */
#include "cli/manage/commands.h"
#include "cli/manage/recruiter.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_RECRUITER_KEY,
    SQ_OPT_FLAVOR(SQ_OPT_REQUIRED),
    {.name = "concurrency",
     .letter = 'C',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 1,
     .flags = SQ_OPT_REQUIRED,
     .help = "tasks running at once on each worker"},
    SQ_OPT_RECRUITER_RULE,
    {0},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *made = NULL;
    json_t *body = json_pack("{s:s, s:I}", "batch", sq_args_text(&cli->args, "batch"),
                             "rank", (json_int_t)sq_args_int(&cli->args, "rank"));
    sq_recruiter_members(cli, body);
    int rc = sq_cli_call_take(cli, "POST", "/recruiter/", body, &made, err);
    if (rc == 0)
        sq_recruiter_print(cli, made, "created");
    return rc;
}

const struct sq_verb sq_verb_recruiter_create = {
    .name = "create",
    .help = "give a batch workers by a rule, replacing that of the same rank",
    .options = options,
    .run = run,
};
