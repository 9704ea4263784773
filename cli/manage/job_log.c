/* scitq-manage job log */
#include "cli/manage/commands.h"
#include "cli/manage/job.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_JOB,
    {.name = "follow", .letter = 'f', .help = "go on until it has ended"},
    {0},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t id = sq_args_int(&cli->args, "id");
    SQ_CLEANUP(sq_json_unref) json_t *job = NULL;
    if (sq_args_has(&cli->args, "follow"))
        return sq_job_follow(cli, id, err);
    int rc = sq_cli_call_take(cli, "GET", sq_job_path(cli, id, ""), NULL, &job, err);
    if (rc)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, job);
    else
        sq_cli_print_text(cli->out, sq_cli_member(job, "log"));
    return 0;
}

const struct sq_verb sq_verb_job_log = {
    .name = "log",
    .help = "print what a job said",
    .options = options,
    .run = run,
};
