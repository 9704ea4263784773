/* Updates of tasks and workers. */
#include "cli/change.h"

#include <stdlib.h>

static json_t *value_of(struct sq_cli *cli, const char *option)
{
    const char *text = sq_args_joined(&cli->args, option);
    enum sq_opt_kind kind = sq_args_kind(&cli->args, option);
    if (!text || !*text)
        return json_null();
    if (kind == SQ_OPT_REAL)
        return json_real(strtod(text, NULL));
    return kind == SQ_OPT_INT ? json_integer(sq_args_int(&cli->args, option))
                              : json_string(text);
}

void sq_change_collect(struct sq_cli *cli, const struct sq_change *changes,
                       json_t *body)
{
    for (; changes->option; changes++)
        if (sq_args_has(&cli->args, changes->option))
            json_object_set_new(body, changes->field, value_of(cli, changes->option));
}

int sq_change_apply_take(struct sq_cli *cli, const struct sq_kind *kind, json_t *body,
                         struct sq_err *err)
{
    int64_t id;
    SQ_CLEANUP(sq_json_unref) json_t *changed = NULL;
    SQ_CLEANUP(sq_json_unref) json_t *owned = body;
    if (json_object_size(body) == 0)
        return sq_cli_misuse(cli, err, "nothing to change: say what");
    int rc = sq_find(cli, kind, SQ_FIND_NEWEST, &id, err);
    if (rc == 0)
        rc = sq_cli_call_take(cli, "PUT", sq_find_path(cli, kind, id, ""),
                              json_incref(owned), &changed, err);
    if (rc != 0)
        return rc;
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, changed);
    else
        fprintf(cli->out, "%c%s %lld updated: %s\n", kind->word[0] - 'a' + 'A',
                kind->word + 1, (long long)id, sq_cli_member(changed, "status"));
    return 0;
}
