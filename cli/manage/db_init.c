/* scitq-manage db init */
#include "cli/manage/commands.h"
#include "cli/manage/db.h"

static const struct sq_opt options[] = {SQ_OPT_CONFIG, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_server_exec(cli, (const char *[]){"--db", "init", NULL}, err);
}

const struct sq_verb sq_verb_db_init = {
    .name = "init",
    .help = "make the database's tables where there are none",
    .options = options,
    .run = run,
    .lines = true,
};
