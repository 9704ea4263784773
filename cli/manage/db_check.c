/* scitq-manage db check */
#include "cli/manage/commands.h"
#include "cli/manage/db.h"

static const struct sq_opt options[] = {SQ_OPT_CONFIG, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    return sq_server_exec(cli, (const char *[]){"--db", "check", NULL}, err);
}

const struct sq_verb sq_verb_db_check = {
    .name = "check",
    .help = "tell whether the database can be used",
    .options = options,
    .run = run,
    .lines = true,
};
