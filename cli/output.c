/* Raw logs, copied as they arrive, in constant memory.
 *
 * Following both streams takes two answers at once: a child process with a connection
 * of its own copies the error stream.  It dies with its parent. */
#include "cli/output.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

static int stream_to(struct sq_cli *cli, int64_t id, const char *stream, bool follow,
                     sq_http_sink_fn *sink, void *arg, struct sq_err *err)
{
    struct sq_http *http;
    char path[80];
    snprintf(path, sizeof path, "/executions/%lld/log/%s%s", (long long)id, stream,
             follow ? "?follow=1" : "");
    int rc = sq_cli_server(cli, &http, err);
    return rc == 0 ? sq_http_stream(http, path, sink, arg, err) : rc;
}

static int copy_stream(struct sq_cli *cli, int64_t id, const char *stream, bool follow,
                       FILE *out, struct sq_err *err)
{
    struct copy c = {out, 0};
    int rc = stream_to(cli, id, stream, follow, copy_piece, &c, err);
    if (c.error)
        return sq_fail(err, SQ_EIO, "cannot write the output: %s", strerror(c.error));
    return rc;
}

/* The child's life: copy the error stream, say what failed, leave without running the
 * parent's exit handlers. */
static void follow_error(struct sq_cli *cli, int64_t id, pid_t parent)
{
    struct sq_err err = {0};
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    cli->http = NULL; /* the parent's connection: never ours to use or close */
    if (copy_stream(cli, id, "stderr", true, stderr, &err) == 0)
        _exit(0);
    sq_cli_note(cli, "%s", err.text);
    _exit(1);
}

static int follow_both(struct sq_cli *cli, int64_t id, struct sq_err *err)
{
    pid_t parent = getpid();
    int status = 0;
    fflush(cli->out);
    pid_t child = fork();
    if (child < 0)
        return sq_fail(err, SQ_EIO, "cannot start a process: %s", strerror(errno));
    if (child == 0)
        follow_error(cli, id, parent);
    int rc = copy_stream(cli, id, "stdout", true, cli->out, err);
    if (rc != 0)
        kill(child, SIGTERM);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        return sq_fail(err, SQ_EIO, "the error stream could not be followed");
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

static int drop_piece(void *arg, const char *data, size_t len)
{
    (void)arg, (void)data, (void)len;
    return 0;
}

/* Following, an object can only be printed when it is whole. */
static int show_json(struct sq_cli *cli, int64_t id, bool follow, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *answer = NULL;
    int rc = follow ? stream_to(cli, id, "stdout", true, drop_piece, NULL, err) : 0;
    if (rc == 0)
        rc = sq_output_json(cli, id, &answer, err);
    if (rc == 0)
        sq_cli_print_json(cli, answer);
    return rc;
}

int sq_output_show(struct sq_cli *cli, int64_t execution_id, bool follow,
                   struct sq_err *err)
{
    bool only_output = sq_args_has(&cli->args, "output");
    bool only_error = sq_args_has(&cli->args, "error");
    if (sq_args_has(&cli->args, "json"))
        return show_json(cli, execution_id, follow, err);
    if (only_output || only_error)
        return copy_stream(cli, execution_id, only_error ? "stderr" : "stdout", follow,
                           cli->out, err);
    if (follow)
        return follow_both(cli, execution_id, err);
    int rc = copy_stream(cli, execution_id, "stdout", false, cli->out, err);
    if (rc == 0)
        rc = copy_stream(cli, execution_id, "stderr", false, stderr, err);
    return rc;
}
