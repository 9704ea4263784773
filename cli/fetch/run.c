/* One command line from its words to its exit code: 0 done, 1 trouble, 2 a command line
 * that makes no sense, 128 + N stopped by signal N. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fetch/bar.h"
#include "cli/fetch/stores.h"
#include "cli/fetch/verbs.h"
#include "cli/fetch/watch.h"
#include "cli/fetch/worker.h"
#include "lib/conf.h"
#include "lib/log.h"

enum { EXIT_SIGNALED = 128, HELP_BYTES = 64 * 1024, COMMAND_SIZE = 80 };

static const struct sq_opt no_options[] = {{0}};

/* What scitq-fetch itself reads; plugins read theirs (lib/host.h). */
static const struct sq_conf_key keys[] = {
    {.name = "SCITQ_PLUGIN_PATH", .kind = SQ_CONF_TEXT, .help = "folders of plugins"},
    {0},
};

static const struct sq_fetch_verb *find_verb(const char *name)
{
    for (const struct sq_fetch_verb *v = sq_fetch_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

/* Options may stand between the words. */
static int read_line(struct sq_fetch_line *line, char **argv, struct sq_err *err)
{
    struct sq_args *args = &line->cli->args;
    size_t n = 0;
    int rc = sq_args_add(args, sq_fetch_options, err);
    if (rc == 0)
        rc = sq_args_parse(args, &argv, err);
    if (rc == 0 && *argv) {
        line->verb = find_verb(*argv);
        if (!line->verb)
            return sq_fail(err, SQ_EINVAL, "there is no verb '%s'", *argv);
        argv++;
    }
    if (rc == 0)
        rc = sq_args_add(args, line->verb ? line->verb->options : no_options, err);
    if (rc == 0)
        rc = sq_args_parse(args, &argv, err);
    while (rc == 0 && *argv) {
        if (!line->verb || n == line->verb->max_words)
            return sq_fail(err, SQ_EINVAL, "unexpected word '%s'", *argv);
        line->words[n++] = *argv++;
        rc = sq_args_parse(args, &argv, err);
    }
    if (rc == 0 && line->verb && n < line->verb->min_words &&
        !sq_args_has(args, "help"))
        return sq_fail(err, SQ_EINVAL, "it takes %s", line->verb->words);
    return rc;
}

static void name_of(const struct sq_fetch_line *line, char ret[COMMAND_SIZE])
{
    snprintf(ret, COMMAND_SIZE, "scitq-fetch%s%s", line->verb ? " " : "",
             line->verb ? line->verb->name : "");
}

static int misused(struct sq_fetch_line *line, const char *text)
{
    char command[COMMAND_SIZE];
    name_of(line, command);
    return sq_cli_usage_error(line->cli, command, text);
}

static void print_help(struct sq_fetch_line *line)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, HELP_BYTES);
    sq_fetch_help(line->verb, &text);
    fputs(sq_buf_ok(&text) ? text.data : "out of memory\n", line->cli->out);
}

/* The settings file: -c's, or the first one there is; NULL when there is none. */
static char *settings_file(struct sq_cli *cli)
{
    const char *given = sq_args_text(&cli->args, "config");
    if (given)
        return strdup(given);
    char *found = sq_conf_find("scitq-worker.conf");
    return found ? found : sq_conf_find("scitq.conf");
}

static int open_stores(struct sq_fetch *f, const char *settings, struct sq_err *err)
{
    struct sq_conf *conf = NULL;
    int rc = sq_conf_load(keys, settings, NULL, NULL, &conf, err);
    if (rc == 0)
        rc = sq_stores_open(sq_conf_text(conf, "SCITQ_PLUGIN_PATH"), settings,
                            &f->stores, err);
    sq_conf_free(conf);
    return rc;
}

struct running {
    struct sq_fetch_line *line;
    struct sq_err err;
};

static int run_verb(void *arg)
{
    struct running *r = arg;
    return r->line->verb->run(r->line, &r->err);
}

static int watch_verb(struct sq_fetch_line *line)
{
    struct running r = {.line = line};
    int signal_came = 0;
    int rc = sq_job_open(&line->fetch, 0, line->words[0], &line->job, &r.err);
    if (rc == 0) {
        sq_bar_init(&line->bar);
        struct sq_watch w = {.fetch = &line->fetch,
                             .work = run_verb,
                             .arg = &r,
                             .every_ms = SQ_BAR_MS,
                             .tick = NULL};
        if (line->bar.shown) {
            w.tick = sq_bar_tick;
            w.tick_arg = &line->bar;
        }
        struct sq_err why = {0};
        rc = sq_watch_run(&w, &signal_came, &why);
        if (why.code)
            r.err = why;
        sq_bar_fini(&line->bar);
        sq_job_close(&line->job);
    }
    char command[COMMAND_SIZE];
    name_of(line, command);
    int code = sq_cli_end(line->cli, rc, command, &r.err);
    return code == SQ_EXIT_TROUBLE && signal_came ? EXIT_SIGNALED + signal_came : code;
}

static int run_line(struct sq_fetch_line *line)
{
    struct sq_err err = {0};
    struct sq_cli *cli = line->cli;
    bool worker = sq_args_has(&cli->args, "worker");
    struct sq_log_conf log = {
        .level = sq_args_has(&cli->args, "verbose") ? SQ_LOG_INFO : SQ_LOG_WARNING,
        .before = isatty(STDERR_FILENO) ? SQ_BAR_WIPE : NULL};
    if (worker == (line->verb != NULL))
        return misused(line, worker ? "--worker takes no verb" : "which verb?");
    sq_log_open(&log, NULL);
    sq_watch_block_signals();
    SQ_CLEANUP(sq_freep) char *settings = settings_file(cli);
    int rc = sq_fetch_init(&line->fetch, &err);
    if (rc == 0)
        rc = open_stores(&line->fetch, settings, &err);
    line->fetch.parallel = (int)sq_args_int(&cli->args, "parallel");
    int code = SQ_EXIT_TROUBLE;
    if (rc)
        sq_cli_note(cli, "%s", err.text);
    else
        code = worker ? sq_fetch_worker(&line->fetch) : watch_verb(line);
    sq_stores_close(line->fetch.stores);
    sq_fetch_fini(&line->fetch);
    return code;
}

int sq_fetch_run(struct sq_cli *cli, char **argv)
{
    struct sq_fetch_line line = {.cli = cli};
    struct sq_err err = {0};
    setlocale(LC_CTYPE, "C.UTF-8"); /* names in archives are read as UTF-8 */
    if (read_line(&line, argv, &err) != 0)
        return misused(&line, err.text);
    if (sq_args_has(&cli->args, "help")) {
        print_help(&line);
        return SQ_EXIT_DONE;
    }
    if (sq_args_has(&cli->args, "version")) {
        sq_cli_print_version(cli);
        return SQ_EXIT_DONE;
    }
    return run_line(&line);
}
