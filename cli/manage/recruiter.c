/* Recruiters are named by batch and rank: see recruiter.h. */
#include "cli/manage/recruiter.h"

#include "cli/change.h"

void sq_recruiter_members(struct sq_cli *cli, json_t *body)
{
    static const struct sq_change members[] = {
        {"flavor", "worker_flavor"},
        {"region", "worker_region"},
        {"provider", "worker_provider"},
        {"concurrency", "worker_concurrency"},
        {"prefetch", "worker_prefetch"},
        {"tasks-per-worker", "tasks_per_worker"},
        {"minimum", "minimum_tasks"},
        {"maximum", "maximum_workers"},
        {NULL, NULL},
    };
    sq_change_collect(cli, members, body);
}

const char *sq_recruiter_path(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf batch;
    sq_buf_init(&batch, 65536);
    sq_http_escape(sq_args_text(&cli->args, "batch"), &batch);
    const char *path = sq_buf_ok(&batch)
                           ? sq_arena_printf(&cli->args.arena, "/recruiter/%s/%lld",
                                             batch.data ? batch.data : "",
                                             (long long)sq_args_int(&cli->args, "rank"))
                           : NULL;
    if (!path)
        sq_fail(err, SQ_ETOOBIG, "the name of the batch is too long");
    return path;
}

void sq_recruiter_print(struct sq_cli *cli, const json_t *recruiter, const char *done)
{
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, recruiter);
    else
        sq_cli_say(cli, "Recruiter %s/%lld %s", sq_cli_member(recruiter, "batch"),
                   (long long)json_integer_value(json_object_get(recruiter, "rank")),
                   done);
}
