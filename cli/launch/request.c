/* From a command line to a task.
 *
 * The command's words become one text again: those with spaces are quoted, nothing
 * else is touched, since the worker splits the text as a shell would and expands
 * nothing.  Everything is checked here, before the server is asked. */
#include "cli/launch/request.h"
#include "cli/rows.h"

#include <ctype.h>
#include <string.h>

#include "lib/uri.h"
#include "lib/words.h"

/* Linux gives a command line at most 2 MiB; quotes and sudo come on top. */
enum { COMMAND_BYTES = 4 * 1024 * 1024 };

const struct sq_opt sq_launch_options[] = {
    {.name = "docker",
     .letter = 'd',
     .kind = SQ_OPT_TEXT,
     .value = "IMAGE",
     .help = "run the command in a container of this image"},
    {.name = "option",
     .letter = 'O',
     .kind = SQ_OPT_TEXT,
     .value = "OPTIONS",
     .help = "options of the container, as one word (with --docker only)"},
    {.name = "uid",
     .letter = 'u',
     .kind = SQ_OPT_INT,
     .value = "N",
     .max = UINT32_MAX - 1,
     .help = "run as this user"},
    {.name = "gid",
     .letter = 'g',
     .kind = SQ_OPT_INT,
     .value = "N",
     .max = UINT32_MAX - 1,
     .help = "run as this group"},
    SQ_OPT_SERVER,
    {.name = "test", .letter = 't', .help = "print the task instead of queueing it"},
    {.name = "name",
     .letter = 'n',
     .kind = SQ_OPT_TEXT,
     .value = "NAME",
     .help = "a name for the task"},
    SQ_OPT_BATCH("the batch it belongs to; else Default"),
    {.name = "input",
     .letter = 'i',
     .kind = SQ_OPT_TEXT,
     .value = "URIS",
     .flags = SQ_OPT_MANY,
     .help = "input URIs, separated by spaces"},
    {.name = "resource",
     .letter = 'r',
     .kind = SQ_OPT_TEXT,
     .value = "URIS",
     .flags = SQ_OPT_MANY,
     .help = "resource URIs, separated by spaces"},
    {.name = "output",
     .letter = 'o',
     .kind = SQ_OPT_TEXT,
     .value = "URI",
     .help = "the folder its output files go to"},
    {.name = "requirements",
     .letter = 'R',
     .kind = SQ_OPT_TEXT,
     .value = "IDS",
     .flags = SQ_OPT_MANY,
     .help = "ids of the tasks that must succeed first, separated by spaces or commas"},
    {.name = "retry",
     .kind = SQ_OPT_INT,
     .value = "N",
     .max = INT32_MAX,
     .help = "how many times a failure is tried again"},
    {.name = "run-timeout",
     .kind = SQ_OPT_INT,
     .value = "SECONDS",
     .max = INT32_MAX,
     .help = "kill it when it runs longer"},
    {.name = "download-timeout",
     .kind = SQ_OPT_INT,
     .value = "SECONDS",
     .max = INT32_MAX,
     .help = "fail it when fetching its data takes longer"},
    {.name = "use-cache", .help = "reuse the output of an identical earlier success"},
    {.name = "help", .letter = 'h', .help = "print this help"},
    {.name = "version", .help = "print the version"},
    {0},
};

void sq_launch_usage(struct sq_buf *out)
{
    sq_options_usage_line("scitq-launch", sq_launch_options, "[--] COMMAND...", out);
}

void sq_launch_help(struct sq_buf *out)
{
    sq_launch_usage(out);
    sq_buf_adds(out,
                "\nqueue a command as a task; no shell reads it: pipes, $VAR and * "
                "need sh -c '...'\n\noptions:\n");
    sq_options_help(sq_launch_options, out);
}

/* "-u 5:6" for the container, or "sudo -u ..." in front of the command. */
static const char *as_user(struct sq_cli *cli, bool container)
{
    const char *uid = sq_args_text(&cli->args, "uid");
    const char *gid = sq_args_text(&cli->args, "gid");
    struct sq_arena *arena = &cli->args.arena;
    if (!uid && !gid)
        return "";
    if (container)
        return sq_arena_printf(arena, "-u %s%s%s", uid ? uid : "", gid ? ":" : "",
                               gid ? gid : "");
    return sq_arena_printf(arena, "sudo %s%s%s%s%s%s", uid ? "-u \"#" : "",
                           uid ? uid : "", uid ? "\" " : "", gid ? "-g \"#" : "",
                           gid ? gid : "", gid ? "\" " : "");
}

static int add_command(struct sq_cli *cli, char *const *words, json_t *task,
                       struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    size_t n = 0;
    sq_buf_init(&text, COMMAND_BYTES);
    while (words[n])
        n++;
    if (n == 0 || !*words[0])
        return sq_cli_misuse(cli, err, "no command");
    if (n == 1 && strpbrk(words[0], " \t\n"))
        sq_cli_note(cli,
                    "the whole command is one word, '%s': if no program is called "
                    "so, take off the quotes",
                    words[0]);
    if (!sq_args_has(&cli->args, "docker"))
        sq_buf_adds(&text, as_user(cli, false));
    sq_words_join(words, n, &text);
    if (!sq_buf_ok(&text))
        return sq_cli_misuse(cli, err, "the command is too long");
    json_t *command = json_stringn(text.data, text.len);
    if (!command)
        return sq_cli_misuse(cli, err, "the command is not valid UTF-8");
    return json_object_set_new(task, "command", command) == 0
               ? 0
               : sq_fail(err, SQ_ENOMEM, "out of memory");
}

static int add_container(struct sq_cli *cli, json_t *task, struct sq_err *err)
{
    const char *image = sq_args_text(&cli->args, "docker");
    const char *options = sq_args_text(&cli->args, "option");
    if (!image)
        return options ? sq_cli_misuse(cli, err, "--option needs --docker") : 0;
    if (!*image)
        return sq_cli_misuse(cli, err, "--docker needs the name of an image");
    const char *user = as_user(cli, true);
    const char *all =
        sq_arena_printf(&cli->args.arena, "%s%s%s", user, *user && options ? " " : "",
                        options ? options : "");
    json_object_set_new(task, "container", json_string(image));
    if (*all)
        json_object_set_new(task, "container_options", json_string(all));
    return 0;
}

static int add_uris(struct sq_cli *cli, json_t *task, const char *option,
                    struct sq_err *err)
{
    const char *const *given, *list = sq_args_joined(&cli->args, option);
    size_t n = sq_args_all(&cli->args, option, &given);
    /* Meant to name something: a variable of the shell that was not set. */
    for (size_t i = 0; i < n; i++)
        if (sq_uri_count(given[i]) == 0)
            return sq_cli_misuse(
                cli, err, "--%s is given without a URI: leave it out for none", option);
    if (!list)
        return 0;
    if (sq_uri_check_list(list, 0, err) != 0)
        return sq_cli_misuse(cli, err, "--%s: %s", option, err->text);
    json_object_set_new(task, option, json_string(list));
    return 0;
}

static int add_output(struct sq_cli *cli, json_t *task, struct sq_err *err)
{
    const char *output = sq_args_text(&cli->args, "output");
    if (output && !*output)
        return sq_cli_misuse(cli, err,
                             "--output is given without a URI: leave it out for none");
    if (output && sq_uri_check_output(output, 0, err) != 0)
        return sq_cli_misuse(cli, err, "--output: %s", err->text);
    if (output)
        json_object_set_new(task, "output", json_string(output));
    return 0;
}

static int add_requirements(struct sq_cli *cli, json_t *task, struct sq_err *err)
{
    int64_t *ids;
    size_t n;
    if (sq_args_ids(&cli->args, "requirements", &ids, &n, err) != 0)
        return sq_cli_misuse(cli, err, "%s", err->text);
    if (n == 0 && sq_args_has(&cli->args, "requirements"))
        return sq_cli_misuse(
            cli, err, "--requirements is given without an id: leave it out for none");
    if (n == 0)
        return 0;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    json_object_set_new(task, "required_task_ids", list);
    return 0;
}

static void add_plain(struct sq_cli *cli, json_t *task)
{
    static const struct {
        const char *option, *field;
    } texts[] = {{"name", "name"}, {"batch", "batch"}},
      numbers[] = {{"retry", "retry"},
                   {"run-timeout", "run_timeout"},
                   {"download-timeout", "download_timeout"}};
    for (size_t i = 0; i < SQ_LEN(texts); i++) {
        const char *text = sq_args_text(&cli->args, texts[i].option);
        if (text)
            json_object_set_new(task, texts[i].field, json_string(text));
    }
    for (size_t i = 0; i < SQ_LEN(numbers); i++)
        if (sq_args_has(&cli->args, numbers[i].option))
            json_object_set_new(
                task, numbers[i].field,
                json_integer(sq_args_int(&cli->args, numbers[i].option)));
    if (sq_args_has(&cli->args, "use-cache"))
        json_object_set_new(task, "use_cache", json_true());
}

int sq_launch_request(struct sq_cli *cli, char *const *words, json_t **ret,
                      struct sq_err *err)
{
    json_t *task = json_object();
    int rc = add_command(cli, words, task, err);
    if (rc == 0)
        rc = add_container(cli, task, err);
    if (rc == 0)
        rc = add_uris(cli, task, "input", err);
    if (rc == 0)
        rc = add_uris(cli, task, "resource", err);
    if (rc == 0)
        rc = add_output(cli, task, err);
    if (rc == 0)
        rc = add_requirements(cli, task, err);
    if (rc != 0) {
        json_decref(task);
        return rc;
    }
    add_plain(cli, task);
    *ret = task;
    return 0;
}
