/* What a key does to a row, by the calls that every client has. */
#include "cli/top/model.h"

#include <stdio.h>
#include <string.h>

#include "cli/relaunch.h"

enum { CONTINUE = 18, STOP = 20, KILL = 9, PATH_BYTES = 4096, CELL_BYTES = 200 };

static const char *const words[] = {
    [SQ_TOP_PAUSE] = "pause", [SQ_TOP_RESUME] = "resume", [SQ_TOP_KILL] = "kill"};

void sq_top_question(const struct sq_top *t, const json_t *row, enum sq_top_act act,
                     char *ret, size_t size)
{
    static const char *const kinds[] = {"batch", "worker", "task"};
    static const char *const ids[] = {"batch", "worker_id", "task_id"};
    char id[CELL_BYTES], name[CELL_BYTES];
    sq_top_cell(row, ids[t->pane], id, sizeof id);
    if (t->pane == SQ_TOP_BATCHES)
        snprintf(ret, size, "%s batch %s%s?", words[act], id,
                 act == SQ_TOP_KILL ? " with all that it runs" : "");
    else
        snprintf(ret, size, "%s %s %s (%s)?", words[act], kinds[t->pane], id,
                 sq_top_cell(row, "name", name, sizeof name));
}

static int act_on_batch(struct sq_top *t, const json_t *row, enum sq_top_act act,
                        struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf path;
    static const int signals[] = {
        [SQ_TOP_PAUSE] = 0, [SQ_TOP_RESUME] = CONTINUE, [SQ_TOP_KILL] = KILL};
    sq_buf_init(&path, PATH_BYTES);
    sq_buf_adds(&path, "/batch/");
    sq_http_escape(sq_cli_member(row, "batch"), &path);
    sq_buf_adds(&path, act == SQ_TOP_RESUME ? "/go" : "/stop");
    if (!sq_buf_ok(&path))
        return sq_fail(err, SQ_ETOOBIG, "the batch's name is too long");
    return sq_cli_call_take(t->cli, "PUT", path.data,
                            json_pack("{s:i}", "signal", signals[act]), NULL, err);
}

static int act_on_worker(struct sq_top *t, const json_t *row, enum sq_top_act act,
                         struct sq_err *err)
{
    char path[60];
    if (act == SQ_TOP_KILL)
        return sq_fail(err, SQ_EINVAL,
                       "a worker is not killed from here: 'scitq-manage worker delete' "
                       "ends it");
    snprintf(path, sizeof path, "/workers/%lld",
             (long long)json_integer_value(json_object_get(row, "worker_id")));
    const char *status = act == SQ_TOP_PAUSE ? "paused" : "running";
    return sq_cli_call_take(t->cli, "PUT", path, json_pack("{s:s}", "status", status),
                            NULL, err);
}

static int set_task(struct sq_top *t, int64_t task_id, const char *status,
                    struct sq_err *err)
{
    char path[60];
    snprintf(path, sizeof path, "/tasks/%lld", (long long)task_id);
    return sq_cli_call_take(t->cli, "PUT", path, json_pack("{s:s}", "status", status),
                            NULL, err);
}

/* To the execution that a worker has of it. */
static int send_signal(struct sq_top *t, int64_t task_id, int signal,
                       struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL;
    char path[80];
    json_t *filter = json_pack("{s:I, s:[s, s, s], s:b, s:b, s:i}", "task_id",
                               (json_int_t)task_id, "status", "pending", "accepted",
                               "running", "reverse", 1, "no_output", 1, "limit", 1);
    int rc = sq_cli_call_take(t->cli, "GET", "/executions/", filter, &list, err);
    if (rc)
        return rc;
    const json_t *e = json_array_get(list, 0);
    if (!e)
        return sq_fail(err, SQ_ENOENT, "task %lld does not run any more",
                       (long long)task_id);
    snprintf(path, sizeof path, "/workers/%lld/signals",
             (long long)json_integer_value(json_object_get(e, "worker_id")));
    return sq_cli_call_take(t->cli, "POST", path,
                            json_pack("{s:O, s:i}", "execution_id",
                                      json_object_get(e, "execution_id"), "signal",
                                      signal),
                            NULL, err);
}

static int act_on_task(struct sq_top *t, const json_t *row, enum sq_top_act act,
                       struct sq_err *err)
{
    static const int signals[] = {
        [SQ_TOP_PAUSE] = STOP, [SQ_TOP_RESUME] = CONTINUE, [SQ_TOP_KILL] = KILL};
    const char *status = sq_cli_member(row, "status");
    int64_t id = json_integer_value(json_object_get(row, "task_id"));
    bool runs = strcmp(status, "running") == 0;
    if (runs || (act == SQ_TOP_KILL && sq_word_among("assigned accepted", status)))
        return send_signal(t, id, signals[act], err);
    if (act == SQ_TOP_PAUSE && strcmp(status, "failed") != 0)
        return set_task(t, id, "paused", err);
    if (act == SQ_TOP_RESUME && sq_word_among("paused failed", status))
        return sq_relaunch(t->cli, id, NULL, err);
    if (act == SQ_TOP_RESUME)
        return sq_fail(err, SQ_EINVAL, "task %lld is %s: it is not held up",
                       (long long)id, status);
    return sq_fail(err, SQ_EINVAL, "task %lld is %s: it does not run", (long long)id,
                   status);
}

int sq_top_act(struct sq_top *t, const json_t *row, enum sq_top_act act,
               struct sq_err *err)
{
    static int (*const acts[])(struct sq_top *, const json_t *, enum sq_top_act,
                               struct sq_err *) = {act_on_batch, act_on_worker,
                                                   act_on_task};
    return acts[t->pane](t, row, act, err);
}
