/* scitq-manage ansible path: where the playbooks are. */
#include "cli/manage/ansible.h"
#include "cli/manage/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "lib/util.h"

static const struct sq_opt options[] = {{0}};
static const char installed[] = SQ_DATADIR "/scitq/ansible";

int sq_ansible_path(char **ret, struct sq_err *err)
{
    char folder[PATH_MAX], path[PATH_MAX + 32];
    sq_own_folder(folder);
    snprintf(path, sizeof path, "%s/../share/scitq/ansible", folder);
    char *found = realpath(path, NULL);
    if (!found)
        found = realpath(installed, NULL);
    if (!found)
        return sq_fail(err, SQ_ENOENT,
                       "there are no playbooks, neither in %s nor in %s: was scitq "
                       "installed with make install?",
                       path, installed);
    *ret = found;
    return 0;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) char *path = NULL;
    int rc = sq_ansible_path(&path, err);
    if (rc != 0)
        return rc;
    if (sq_args_has(&cli->args, "json")) {
        SQ_CLEANUP(sq_json_unref) json_t *v = json_pack("{s:s}", "path", path);
        sq_cli_print_json(cli, v);
    } else {
        fprintf(cli->out, "%s\n", path);
    }
    return 0;
}

const struct sq_verb sq_verb_ansible_path = {
    .name = "path",
    .help = "print where the playbooks are",
    .options = options,
    .run = run,
};
