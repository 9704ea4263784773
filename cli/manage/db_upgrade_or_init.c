/* scitq-manage db upgrade-or-init */
#include "cli/manage/commands.h"
#include "cli/manage/db.h"

static const struct sq_opt options[] = {SQ_OPT_CONFIG, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_server_exec(cli, (const char *[]){"--db", "upgrade-or-init", NULL}, err);
}

const struct sq_verb sq_verb_db_upgrade_or_init = {
    .name = "upgrade-or-init",
    .help = "the same, or make them where there are none",
    .options = options,
    .run = run,
    .lines = true,
};
