/* scitq-manage db upgrade */
#include "cli/manage/commands.h"
#include "cli/manage/db.h"

static const struct sq_opt options[] = {SQ_OPT_CONFIG, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_server_exec(cli, (const char *[]){"--db", "upgrade", NULL}, err);
}

const struct sq_verb sq_verb_db_upgrade = {
    .name = "upgrade",
    .help = "bring the tables of an older scitq forward, 1.3's included",
    .options = options,
    .run = run,
    .lines = true,
};
