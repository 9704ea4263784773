/* scitq-manage job restart */
#include "cli/manage/commands.h"
#include "cli/manage/job.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {SQ_OPT_JOB, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t id = sq_args_int(&cli->args, "id");
    SQ_CLEANUP(sq_json_unref) json_t *job = NULL;
    int rc = sq_cli_call_take(cli, "POST", sq_job_path(cli, id, "/restart"), NULL, &job,
                              err);
    if (rc)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, job);
    else
        sq_cli_say(cli, "Job %lld (%s of %s) is tried again", (long long)id,
                   sq_cli_member(job, "action"), sq_cli_member(job, "target"));
    return 0;
}

const struct sq_verb sq_verb_job_restart = {
    .name = "restart",
    .help = "try a failed job again",
    .options = options,
    .run = run,
};
