/* scitq-manage task output: what the task's latest execution wrote.
 *
 * With --follow, what each writes as it comes; with --json too, one object once the
 * task has ended. */
#include "cli/find.h"
#include "cli/manage/commands.h"
#include "cli/manage/task_follow.h"
#include "cli/output.h"
#include "cli/rows.h"

static const struct sq_opt options[] = {
    SQ_OPT_ID("task"),
    SQ_OPT_NAME("task"),
    SQ_OPT_OUTPUT,
    SQ_OPT_ERROR,
    {.name = "follow", .letter = 'f', .help = "wait for more until the task has ended"},
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
static int not_started(struct sq_cli *cli, int64_t task_id, struct sq_err *err)
{
    const char *path = sq_find_path(cli, &sq_kind_task, task_id, "");
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_cli_call_take(cli, "GET", path, NULL, &task, err);
    if (rc != 0)
        return rc;
    return sq_fail(err, SQ_ENOENT,
                   "task %lld has no output yet: it is %s ('task why -i %lld' tells "
                   "more, --follow waits)",
                   (long long)task_id, sq_cli_member(task, "status"),
                   (long long)task_id);
}

static int follow(struct sq_cli *cli, int64_t task_id, struct sq_err *err)
{
    struct sq_log_outs outs = {cli->out, stderr};
    if (sq_args_has(&cli->args, "output"))
        outs.err = NULL;
    if (sq_args_has(&cli->args, "error"))
        outs = (struct sq_log_outs){.err = cli->out};
    return sq_task_follow(cli, task_id, &outs, NULL, err);
}

/* An object can only be printed when it is whole: null where nothing was run, as with a
 * result from the cache.  A task that failed is told after it. */
static int follow_json(struct sq_cli *cli, int64_t task_id, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *answer = NULL;
    struct sq_err failed = {0};
    int64_t execution_id = 0;
    bool has_failed = false;
    int ended = sq_task_follow(cli, task_id, NULL, &has_failed, &failed);
    int rc = has_failed ? 0 : ended;
    if (rc != 0) {
        *err = failed;
        return rc;
    }
    rc = find_latest(cli, task_id, &execution_id, err);
    if (rc == 0 && execution_id)
        rc = sq_output_json(cli, execution_id, &answer, err);
    if (rc != 0)
        return rc;
    sq_cli_print_json(cli, answer ? answer : json_null());
    if (ended)
        *err = failed;
    return ended;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    int64_t task_id, execution_id = 0;
    bool follows = sq_args_has(&cli->args, "follow");
    int rc = sq_find(cli, &sq_kind_task, SQ_FIND_NEWEST, &task_id, err);
    if (rc == 0 && follows)
        return sq_args_has(&cli->args, "json") ? follow_json(cli, task_id, err)
                                               : follow(cli, task_id, err);
    if (rc == 0)
        rc = find_latest(cli, task_id, &execution_id, err);
    if (rc == 0 && !execution_id)
        rc = not_started(cli, task_id, err);
    return rc == 0 ? sq_output_show(cli, execution_id, err) : rc;
}

const struct sq_verb sq_verb_task_output = {
    .name = "output",
    .help = "print what a task's latest execution wrote",
    .options = options,
    .run = run,
};
