/* scitq-manage worker deploy */
#include "cli/change.h"
#include "cli/manage/commands.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_FLAVOR(SQ_OPT_REQUIRED),
    SQ_OPT_REGION(SQ_OPT_REQUIRED, "where, or auto"),
    SQ_OPT_PROVIDER(SQ_OPT_REQUIRED, "from whom, or auto"),
    SQ_OPT_CONCURRENCY("1"),
    SQ_OPT_PREFETCH("0"),
    {.name = "number",
     .letter = 'N',
     .kind = SQ_OPT_INT,
     .value = "N",
     .min = 1,
     .fallback = "1",
     .help = "how many workers"},
    SQ_OPT_BATCH("the batch they work for"),
    {0},
};

static const struct sq_change members[] = {
    {"flavor", "flavor"}, {"region", "region"}, {"provider", "provider"},
    {"batch", "batch"},   {NULL, NULL},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    json_t *body = json_object();
    SQ_CLEANUP(sq_json_unref) json_t *answer = NULL;
    int64_t number = sq_args_int(&cli->args, "number");
    sq_change_collect(cli, members, body);
    json_object_set_new(body, "number", json_integer(number));
    json_object_set_new(body, "concurrency",
                        json_integer(sq_args_int(&cli->args, "concurrency")));
    json_object_set_new(body, "prefetch",
                        json_integer(sq_args_int(&cli->args, "prefetch")));
    int rc = sq_cli_call_take(cli, "PUT", "/workers/deploy", body, &answer, err);
    if (rc != 0)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, answer);
    else
        fprintf(cli->out,
                "%lld %s being deployed (scitq-manage job list shows how far)\n",
                (long long)number, number == 1 ? "worker is" : "workers are");
    return 0;
}

const struct sq_verb sq_verb_worker_deploy = {
    .name = "deploy",
    .help = "recruit workers",
    .options = options,
    .run = run,
};
