/* Calls on batches by name.  The server takes any name; a person's slip of the pen
 * deserves to be told. */
#include "cli/manage/batch.h"

enum { PATH_BYTES = 64 * 1024 };

/* Does the collection at `path` hold anything of this batch? */
static int any_in(struct sq_cli *cli, const char *path, const char *key,
                  const char *batch, bool *ret, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *list = NULL;
    json_t *filter =
        json_pack("{s:s, s:i, s:s}", "batch", batch, "limit", 1, "fields", key);
    if (!filter)
        return sq_fail(err, SQ_EINVAL, "a batch name is not valid UTF-8");
    int rc = sq_cli_call_take(cli, "GET", path, filter, &list, err);
    if (rc == 0)
        *ret = json_array_size(list) > 0;
    return rc;
}

int sq_batch_known(struct sq_cli *cli, const char *batch, struct sq_err *err)
{
    bool known = false;
    int rc = any_in(cli, "/tasks/", "task_id", batch, &known, err);
    if (rc == 0 && !known)
        rc = any_in(cli, "/workers/", "worker_id", batch, &known, err);
    if (rc == 0 && !known)
        rc = any_in(cli, "/recruiter/", "batch", batch, &known, err);
    if (rc == 0 && !known)
        return sq_fail(err, SQ_ENOENT,
                       "no task, worker or recruiter is of a batch named '%s'", batch);
    return rc;
}

static int call(struct sq_cli *cli, const char *method, const char *batch,
                const char *rest, int64_t signal, json_t **ret, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf path;
    sq_buf_init(&path, PATH_BYTES);
    sq_buf_adds(&path, "/batch/");
    sq_http_escape(batch, &path);
    sq_buf_adds(&path, rest);
    if (!sq_buf_ok(&path))
        return sq_fail(err, SQ_ETOOBIG, "a batch name is too long");
    json_t *body = signal < 0 ? NULL : json_pack("{s:I}", "signal", (json_int_t)signal);
    return sq_cli_call_take(cli, method, path.data, body, ret, err);
}

int sq_batch_each(struct sq_cli *cli, const char *method, const char *rest,
                  int64_t signal, const char *done, struct sq_err *err)
{
    const char *const *names;
    size_t n = sq_args_all(&cli->args, "name", &names);
    SQ_CLEANUP(sq_json_unref) json_t *answers = json_object();
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = sq_batch_known(cli, names[i], err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        json_t *answer = NULL;
        rc = call(cli, method, names[i], rest, signal, &answer, err);
        json_object_set_new(answers, names[i], answer ? answer : json_null());
        if (rc == 0 && !sq_args_has(&cli->args, "json"))
            fprintf(cli->out, "Batch %s %s\n", names[i], done);
    }
    if (rc == 0 && sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, answers);
    return rc;
}
