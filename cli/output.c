/* Raw logs, copied as they arrive, in constant memory. */
#include "cli/output.h"

#include <errno.h>
#include <string.h>

struct copy {
    FILE *out;
    int error; /* errno of a failed write */
};

static int copy_piece(void *arg, const char *data, size_t len)
{
    struct copy *c = arg;
    if (fwrite(data, 1, len, c->out) != len || fflush(c->out) != 0) {
        c->error = errno;
        return -1;
    }
    return 0;
}

static int copy_stream(struct sq_cli *cli, int64_t id, const char *stream, FILE *out,
                       struct sq_err *err)
{
    struct sq_http *http;
    struct copy c = {out, 0};
    char path[80];
    snprintf(path, sizeof path, "/executions/%lld/log/%s", (long long)id, stream);
    int rc = sq_cli_server(cli, &http, err);
    if (rc == 0)
        rc = sq_http_stream(http, path, copy_piece, &c, err);
    if (c.error)
        return sq_fail(err, SQ_EIO, "cannot write the output: %s", strerror(c.error));
    return rc;
}

int sq_output_json(struct sq_cli *cli, int64_t execution_id, json_t **ret,
                   struct sq_err *err)
{
    json_t *answer = NULL;
    char path[60];
    snprintf(path, sizeof path, "/executions/%lld/output", (long long)execution_id);
    json_t *body = json_pack("{s:b, s:b}", "output", !sq_args_has(&cli->args, "error"),
                             "error", !sq_args_has(&cli->args, "output"));
    int rc = sq_cli_call_take(cli, "GET", path, body, &answer, err);
    if (rc != 0)
        return rc;
    json_object_set_new(answer, "execution_id", json_integer(execution_id));
    *ret = answer;
    return 0;
}

static int show_json(struct sq_cli *cli, int64_t id, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *answer = NULL;
    int rc = sq_output_json(cli, id, &answer, err);
    if (rc == 0)
        sq_cli_print_json(cli, answer);
    return rc;
}

int sq_output_show(struct sq_cli *cli, int64_t execution_id, struct sq_err *err)
{
    bool only_output = sq_args_has(&cli->args, "output");
    bool only_error = sq_args_has(&cli->args, "error");
    if (sq_args_has(&cli->args, "json"))
        return show_json(cli, execution_id, err);
    if (only_output || only_error)
        return copy_stream(cli, execution_id, only_error ? "stderr" : "stdout",
                           cli->out, err);
    int rc = copy_stream(cli, execution_id, "stdout", cli->out, err);
    if (rc == 0)
        rc = copy_stream(cli, execution_id, "stderr", stderr, err);
    return rc;
}
