/* scitq-manage task output: what the task's latest execution wrote.
 *
 * Following a task that has not started waits for it: there is no event to wait on
 * yet in this version, so the task is looked at once a second. */
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/output.h"
#include "cli/rows.h"

#include <time.h>

static const struct sq_opt options[] = {
    SQ_OPT_ID("task"),
    SQ_OPT_NAME("task"),
    SQ_OPT_OUTPUT,
    SQ_OPT_ERROR,
    {.name = "follow", .letter = 'f', .help = "wait for more until the execution ends"},
    {0},
};

/* The id of the latest execution, 0 when there is none yet. */
static int find_latest(struct sq_cli *cli, int64_t task_id, int64_t *ret,
                       struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL;
    json_t *filter =
        json_pack("{s:I, s:b, s:i, s:b, s:s}", "task_id", (json_int_t)task_id,
                  "reverse", 1, "limit", 1, "no_output", 1, "fields", "execution_id");
    int rc = sq_cli_call_take(cli, "GET", "/executions/", filter, &list, err);
    if (rc == 0)
        *ret = json_integer_value(
            json_object_get(json_array_get(list, 0), "execution_id"));
    return rc;
}

/* No execution: a task that does not exist, or one that has not started. */
static int not_started(struct sq_cli *cli, int64_t task_id, bool follow, bool first,
                       struct sq_err *err)
{
    const char *path = sq_find_path(cli, &sq_kind_task, task_id, "");
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_cli_call_take(cli, "GET", path, NULL, &task, err);
    if (rc != 0)
        return rc;
    if (!follow)
        return sq_fail(err, SQ_ENOENT,
                       "task %lld has no output yet: it is %s ('task why -i %lld' "
                       "tells more)",
                       (long long)task_id, sq_cli_member(task, "status"),
                       (long long)task_id);
    if (first)
        sq_cli_note(cli, "task %lld is %s: waiting for it to start", (long long)task_id,
                    sq_cli_member(task, "status"));
    return 0;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t task_id, execution_id = 0;
    bool follow = sq_args_has(&cli->args, "follow");
    int rc = sq_find(cli, &sq_kind_task, SQ_FIND_NEWEST, &task_id, err);
    if (rc == 0)
        rc = find_latest(cli, task_id, &execution_id, err);
    for (bool first = true; rc == 0 && !execution_id; first = false) {
        rc = not_started(cli, task_id, follow, first, err);
        if (rc != 0)
            return rc;
        if (!first)
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        rc = find_latest(cli, task_id, &execution_id, err);
    }
    return rc == 0 ? sq_output_show(cli, execution_id, follow, err) : rc;
}

const struct sq_verb sq_verb_task_output = {
    .name = "output",
    .help = "print what a task's latest execution wrote",
    .options = options,
    .run = run,
};
