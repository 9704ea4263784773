/* scitq-manage recruiter delete */
#include "cli/manage/commands.h"
#include "cli/manage/recruiter.h"

static const struct sq_opt options[] = {SQ_OPT_RECRUITER_KEY, {0}};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *gone = NULL;
    const char *path = sq_recruiter_path(cli, err);
    if (!path)
        return SQ_ETOOBIG;
    int rc = sq_cli_call_take(cli, "DELETE", path, NULL, &gone, err);
    if (rc == 0)
        sq_recruiter_print(cli, gone, "deleted");
    return rc;
}

const struct sq_verb sq_verb_recruiter_delete = {
    .name = "delete",
    .help = "delete a recruiter; the workers it gave stay",
    .options = options,
    .run = run,
};
