/* One command line from its words to its exit code: finds object and verb, reads the
 * options, runs the command, and says in one sentence what went wrong.
 *
 * Exit codes: 0 done (debug run: the task's own), 1 trouble (the server, an unknown
 * name), 2 a command line that makes no sense: the sentence comes first and alone,
 * since a page of help would push it out of sight. */
#include "cli/manage/commands.h"

#include <stdio.h>
#include <string.h>

enum { HELP_BYTES = 64 * 1024, COMMAND_SIZE = 80 };

struct command {
    const struct sq_object *object;
    const struct sq_verb *verb;
};

static const struct sq_opt no_options[] = {{0}};

static void print_help(const struct command *c, FILE *out)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, HELP_BYTES);
    sq_manage_help(c->object, c->verb, &text);
    fputs(sq_buf_ok(&text) ? text.data : "out of memory\n", out);
}

/* Read options and words up to the end; the verb's own options become known when it
 * is.  SQ_EINVAL. */
static int read_line(struct sq_cli *cli, char **argv, struct command *c,
                     struct sq_err *err)
{
    int rc = sq_args_add(&cli->args, sq_manage_options, err);
    if (rc == 0)
        rc = sq_args_parse(&cli->args, &argv, err);
    if (rc == 0 && *argv) {
        c->object = sq_object_find(*argv);
        if (!c->object)
            return sq_fail(err, SQ_EINVAL, "there is no object '%s'", *argv);
        c->verb = sq_object_alone(c->object);
        argv++;
        rc = sq_args_parse(&cli->args, &argv, err);
    }
    if (rc == 0 && *argv && !c->verb) {
        c->verb = sq_verb_find(c->object, *argv);
        if (!c->verb)
            return sq_fail(err, SQ_EINVAL, "%s has no verb '%s'", c->object->name,
                           *argv);
        argv++;
    }
    if (rc == 0)
        rc = sq_args_add(&cli->args, c->verb ? c->verb->options : no_options, err);
    if (rc == 0)
        rc = sq_args_parse(&cli->args, &argv, err);
    if (rc == 0 && *argv && c->verb && c->verb->word) {
        cli->word = *argv++;
        rc = sq_args_parse(&cli->args, &argv, err);
    }
    if (rc == 0 && *argv)
        return sq_fail(err, SQ_EINVAL, "unexpected word '%s'", *argv);
    return rc ? rc : sq_args_check_utf8(&cli->args, err);
}

static void name_of(const struct sq_cli *cli, const struct command *c,
                    char ret[COMMAND_SIZE])
{
    bool has_verb = c->verb && *c->verb->name;
    snprintf(ret, COMMAND_SIZE, "%s%s%s%s%s", cli->program, c->object ? " " : "",
             c->object ? c->object->name : "", has_verb ? " " : "",
             has_verb ? c->verb->name : "");
}

static int usage_error(struct sq_cli *cli, const struct command *c, const char *text)
{
    char command[COMMAND_SIZE];
    name_of(cli, c, command);
    return sq_cli_usage_error(cli, command, text);
}

static int run_verb(struct sq_cli *cli, const struct command *c)
{
    struct sq_err err = {0};
    if (sq_args_check(&cli->args, &err) != 0)
        return usage_error(cli, c, err.text);
    if (c->verb->word && !cli->word) {
        sq_fail(&err, SQ_EINVAL, "which %s?", c->verb->word);
        return usage_error(cli, c, err.text);
    }
    char command[COMMAND_SIZE];
    name_of(cli, c, command);
    int rc = c->verb->run(cli, &err);
    return sq_cli_end(cli, rc, command, &err);
}

int sq_manage_run(struct sq_cli *cli, char **argv)
{
    struct command c = {0};
    struct sq_err err = {0};
    if (read_line(cli, argv, &c, &err) != 0)
        return usage_error(cli, &c, err.text);
    if (sq_args_has(&cli->args, "help")) {
        print_help(&c, cli->out);
        return SQ_EXIT_DONE;
    }
    if (sq_args_has(&cli->args, "version")) {
        sq_cli_print_version(cli);
        return SQ_EXIT_DONE;
    }
    cli->timeout_s = (int)sq_args_int(&cli->args, "timeout");
    cli->longer = "-t gives it more time";
    if (!c.verb)
        return usage_error(cli, &c,
                           c.object ? "which verb?" : "which object and verb?");
    return run_verb(cli, &c);
}
