/* scitq-manage flavor update */
#include "cli/manage/commands.h"
#include "cli/manage/job.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_PROVIDER(SQ_OPT_REQUIRED, "the provider to ask"), {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *job = NULL;
    json_t *body = json_pack("{s:s}", "provider", sq_args_text(&cli->args, "provider"));
    int rc = sq_cli_call_take(cli, "POST", "/flavor/update", body, &job, err);
    if (rc)
        return rc;
    return sq_job_follow(cli, json_integer_value(json_object_get(job, "job_id")), err);
}

const struct sq_verb sq_verb_flavor_update = {
    .name = "update",
    .help = "ask a provider for its flavors, prices and quotas",
    .options = options,
    .run = run,
};
