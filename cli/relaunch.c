/* The one rule by which a person sets a task going (task relaunch; top's r). */
#include "cli/relaunch.h"

#include "cli/find.h"

int sq_relaunch(struct sq_cli *cli, int64_t task_id, json_t **ret, struct sq_err *err)
{
    const char *path = sq_find_path(cli, &sq_kind_task, task_id, "");
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_cli_call_take(cli, "GET", path, NULL, &task, err);
    if (rc != 0)
        return rc;
    bool waits = json_array_size(json_object_get(task, "required_task_ids")) > 0;
    json_t *body = json_pack("{s:s}", "status", waits ? "waiting" : "pending");
    return sq_cli_call_take(cli, "PUT", path, body, ret, err);
}
