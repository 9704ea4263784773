/* scitq-manage recruiter update */
#include "cli/manage/commands.h"
#include "cli/manage/recruiter.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_RECRUITER_KEY,
    SQ_OPT_FLAVOR(0),
    SQ_OPT_CONCURRENCY(NULL),
    SQ_OPT_RECRUITER_RULE,
    {0},
};

static int run(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *changed = NULL;
    SQ_CLEANUP(sq_json_unref) json_t *body = json_object();
    const char *path = sq_recruiter_path(cli, err);
    sq_recruiter_members(cli, body);
    if (!path)
        return SQ_ETOOBIG;
    if (json_object_size(body) == 0)
        return sq_cli_misuse(cli, err, "nothing to change: say what");
    int rc = sq_cli_call_take(cli, "PUT", path, json_incref(body), &changed, err);
    if (rc == 0)
        sq_recruiter_print(cli, changed, "updated");
    return rc;
}

const struct sq_verb sq_verb_recruiter_update = {
    .name = "update",
    .help = "change a recruiter",
    .options = options,
    .run = run,
};
