/* scitq-launch from its words to its exit code: 0 queued, 1 the server could not be
 * reached or refused, 2 a command line that makes no sense. */
#include "cli/launch/request.h"

#include <stdio.h>

enum { HELP_BYTES = 64 * 1024 };

static void print_help(FILE *out)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, HELP_BYTES);
    sq_launch_help(&text);
    fputs(sq_buf_ok(&text) ? text.data : "out of memory\n", out);
}

/* --test: each field that would be sent, one a line. */
static void print_task(struct sq_cli *cli, json_t *task)
{
    const char *key;
    json_t *value;
    json_object_foreach(task, key, value)
    {
        fprintf(cli->out, "%s: ", key);
        if (json_is_string(value))
            fputs(json_string_value(value), cli->out);
        else
            json_dumpf(value, cli->out, JSON_ENCODE_ANY);
        fputc('\n', cli->out);
    }
}

static int queue(struct sq_cli *cli, json_t *task, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *made = NULL;
    int rc = sq_cli_call_take(cli, "POST", "/tasks/", json_incref(task), &made, err);
    if (rc != 0)
        return rc;
    const json_t *id = json_object_get(made, "task_id");
    if (!json_is_integer(id))
        return sq_fail(err, SQ_EPROTO, "the server answered without a task id");
    fprintf(cli->out, "Task queued with task id: %lld\n",
            (long long)json_integer_value(id));
    return 0;
}

/* The one misuse whose maker may not know the program at all. */
static int no_command(struct sq_cli *cli)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, HELP_BYTES);
    sq_launch_usage(&text);
    sq_cli_note(cli, "no command");
    fprintf(stderr, "%stry '%s --help'\n", sq_buf_ok(&text) ? text.data : "",
            cli->program);
    return SQ_EXIT_USAGE;
}

static int launch(struct sq_cli *cli, char *const *words)
{
    struct sq_err err = {0};
    SQ_CLEANUP(sq_json_unref) json_t *task = NULL;
    int rc = sq_launch_request(cli, words, &task, &err);
    if (rc == 0 && sq_args_has(&cli->args, "test"))
        print_task(cli, task);
    else if (rc == 0)
        rc = queue(cli, task, &err);
    return sq_cli_end(cli, rc, cli->program, &err);
}

int sq_launch_run(struct sq_cli *cli, char **argv)
{
    struct sq_err err = {0};
    if (sq_args_add(&cli->args, sq_launch_options, &err) != 0 ||
        sq_args_parse(&cli->args, &argv, &err) != 0 ||
        sq_args_check_utf8(&cli->args, &err) != 0)
        return sq_cli_usage_error(cli, cli->program, err.text);
    if (sq_args_has(&cli->args, "help")) {
        print_help(cli->out);
        return SQ_EXIT_DONE;
    }
    if (sq_args_has(&cli->args, "version")) {
        sq_cli_print_version(cli);
        return SQ_EXIT_DONE;
    }
    return *argv ? launch(cli, argv) : no_command(cli);
}
