/* scitq-manage db prune */
#include "cli/manage/commands.h"
#include "cli/manage/db.h"

static const struct sq_opt options[] = {{.name = "days",
                                         .letter = 'd',
                                         .kind = SQ_OPT_INT,
                                         .value = "N",
                                         .min = 1,
                                         .max = 36500,
                                         .flags = SQ_OPT_REQUIRED,
                                         .help = "of what ended more than N days ago"},
                                        SQ_OPT_CONFIG,
                                        {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    char days[32];
    snprintf(days, sizeof days, "--days=%lld",
             (long long)sq_args_int(&cli->args, "days"));
    return sq_server_exec(cli, (const char *[]){"--db", "prune", days, NULL}, err);
}

const struct sq_verb sq_verb_db_prune = {
    .name = "prune",
    .help = "forget old outputs but for their last 64 KiB",
    .options = options,
    .run = run,
    .lines = true,
};
