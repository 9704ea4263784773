/* scitq-manage config check */
#include "cli/manage/commands.h"
#include "cli/manage/db.h"

static const struct sq_opt options[] = {SQ_OPT_CONFIG, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_server_exec(cli, (const char *[]){"--check-settings", NULL}, err);
}

const struct sq_verb sq_verb_config_check = {
    .name = "check",
    .help = "tell whether the server's settings are right",
    .options = options,
    .run = run,
    .lines = true,
};
