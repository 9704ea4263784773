/* One command line from its words to its exit code: finds object and verb, reads the
 * options, runs the command, and says in one sentence what went wrong.
 *
 * Exit codes: 0 done (debug run: the task's own), 1 trouble (the server, an unknown
 * name), 2 a command line that makes no sense: the sentence comes first and alone,
 * since a page of help would push it out of sight. */
#include "cli/manage/lines.h"

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

/* The words there are: the verbs of `object`, or (NULL) the objects. */
static const char *names_of(struct sq_cli *cli, const struct sq_object *object)
{
    const char *all = "";
    for (size_t i = 0; object && object->verbs[i]; i++)
        all = sq_arena_printf(&cli->args.arena, "%s %s", all, object->verbs[i]->name);
    for (const struct sq_object *o = sq_objects; !object && o->name; o++)
        all = sq_arena_printf(&cli->args.arena, "%s %s", all, o->name);
    return all;
}

/* "db -c FILE init" is "db init -c FILE": the verb, which says what options there are,
 * goes first.  A word right after an option may be its value and is none. */
static void put_verb_first(const struct sq_object *object, char **argv)
{
    size_t at = 1;
    if (!*argv || **argv != '-')
        return;
    while (argv[at] && (argv[at - 1][0] == '-' || !sq_verb_find(object, argv[at])))
        at++;
    char *verb = argv[at];
    if (!verb)
        return;
    memmove(argv + 1, argv, at * sizeof *argv);
    argv[0] = verb;
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
            return sq_fail(err, SQ_EINVAL, "there is no object '%.100s' (there are:%s)",
                           *argv, names_of(cli, NULL));
        c->verb = sq_object_alone(c->object);
        argv++;
        put_verb_first(c->object, argv);
        rc = sq_args_parse(&cli->args, &argv, err);
    }
    if (rc == 0 && *argv && !c->verb) {
        c->verb = sq_verb_find(c->object, *argv);
        if (!c->verb)
            return sq_fail(err, SQ_EINVAL, "%s has no verb '%.100s' (there are:%s)",
                           c->object->name, *argv, names_of(cli, c->object));
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
    if (c->verb->lines && sq_args_has(&cli->args, "json"))
        return sq_lines_run(cli, c->verb, command);
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
    if (!c.verb) {
        sq_fail(&err, SQ_EINVAL,
                c.object ? "which verb? (there are:%s)"
                         : "which object and verb? (there are:%s)",
                names_of(cli, c.object));
        return usage_error(cli, &c, err.text);
    }
    return run_verb(cli, &c);
}
