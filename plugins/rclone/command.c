/* Runs rclone: see command.h.  With --use-json-log it writes a JSON object a line on
 * standard error: events with the name of an object, and every second the figures. What
 * fails before that is set up comes as plain lines, and so does its last word. */
#include "plugins/rclone/command.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/rclone/conf.h"
#include "plugins/rclone/words.h"

/* Settings that would change what rclone does or prints behind our back; and
 * AWS_CA_BUNDLE, with which every S3 remote of rclone 1.60 fails. */
#define ENVIRONMENT                                                                    \
    "AWS_CA_BUNDLE", "RCLONE_DRY_RUN", "RCLONE_INTERACTIVE", "RCLONE_LOG_FILE",        \
        "RCLONE_LOG_FORMAT", "RCLONE_USE_JSON_LOG", "RCLONE_VERBOSE", "RCLONE_QUIET",  \
        "RCLONE_PROGRESS", "RCLONE_STATS", "RCLONE_STATS_LOG_LEVEL",                   \
        "RCLONE_STATS_ONE_LINE", "RCLONE_RC", "RCLONE_SYSLOG"
static const char *const environment[] = {ENVIRONMENT, "RCLONE_LOG_LEVEL=INFO",
                                          "RCLONE_DUMP", NULL};

/* Azure's SDK in rclone tries four times by itself, with pauses of 4, 12 and 28 s, and
 * rclone repeats that: minutes without a word where an account is misspelt or nobody
 * listens.  What its log for debugging says of each request tells at the first. */
static const char *const watched[] = {ENVIRONMENT, "RCLONE_LOG_LEVEL=DEBUG",
                                      "RCLONE_DUMP=headers", NULL};
enum { DEAF_TRIES = 2 };

/* One try: the host is who tries again.  Some requests in a transfer of many parts may
 * fail and be repeated all the same. */
static const char *const options[] = {"--use-json-log",
                                      "--stats",
                                      "1s",
                                      "--retries",
                                      "1",
                                      "--low-level-retries",
                                      "3",
                                      "--contimeout",
                                      "20s",
                                      "--ask-password=false",
                                      "--no-unicode-normalization"};

void command_init(struct command *c, struct sq_storage *s, struct sq_call *call,
                  const char *verb)
{
    size_t i;
    memset(c, 0, sizeof *c);
    c->s = s;
    c->call = call;
    command_add(c, "rclone");
    command_add(c, verb);
    command_add(c, "--config");
    command_add(c, s->config);
    for (i = 0; i < sizeof options / sizeof options[0]; i++)
        command_add(c, options[i]);
}

void command_fini(struct command *c)
{
    size_t i;
    for (i = 0; i < c->n; i++)
        free(c->owned[i]);
}

/* The last place stays NULL. */
void command_add(struct command *c, const char *arg)
{
    if (c->n + 1 >= COMMAND_ARGS || !arg)
        c->failed = 1;
    else
        c->argv[c->n++] = arg;
}

void command_addf(struct command *c, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    if (text && c->n + 1 < COMMAND_ARGS)
        c->owned[c->n] = text;
    else
        free(text);
    command_add(c, text);
}

/* With any filter rclone does not take a file for the folder asked for.  This one lets
 * everything pass and, unlike one on names, leaves it free to list a tree at once. */
void command_folder(struct command *c)
{
    command_add(c, "--max-size");
    command_add(c, "8191P");
}

void command_streams(struct command *c, const char *proto)
{
    if (conf_is(c->s->conf, proto, "ftp"))
        command_add(c, "--multi-thread-streams=0");
}

/* The end of what it said is kept: the last word is the one that counts. */
static void say(struct command *c, char *text)
{
    size_t len;
    conf_redact(c->s->conf, text);
    len = strlen(text);
    if (len > COMMAND_SAID / 2)
        len = COMMAND_SAID / 2;
    if (c->said_len + len + 2 > COMMAND_SAID) {
        size_t keep = COMMAND_SAID / 4;
        memmove(c->said, c->said + c->said_len - keep, keep);
        c->said_len = keep;
    }
    memcpy(c->said + c->said_len, text, len);
    c->said_len += len;
    c->said[c->said_len++] = '\n';
    c->said[c->said_len] = '\0';
}

static void progress(struct command *c, int64_t bytes, int64_t total)
{
    static const int64_t unknown = SQ_UNKNOWN;
    if (bytes < c->done_bytes)
        bytes = c->done_bytes; /* it counts from 0 when it repeats a part */
    c->done_bytes = bytes;
    if (c->call && !c->is_quiet)
        c->call->progress(c->call, bytes,
                          total >= bytes && total > 0 ? total : unknown);
}

static void trouble(struct command *c, const char *object, const char *said)
{
    char *text = strdup(said);
    if (!text)
        return;
    say(c, text);
    c->s->host->log(c->s->host, SQ_SAY_INFO, "rclone: %s: %s", object ? object : "",
                    text);
    free(text);
}

/* What is said of one request: its answer begins with HTTP/.  Once one was answered,
 * the storage is there, and how long it takes is its own affair. */
static void request_event(struct command *c, const char *said)
{
    char *text;
    if (strncmp(said, "HTTP/", 5) == 0)
        c->is_answered = 1;
    if (c->is_answered || strncmp(said, "Error: ", 7) != 0 ||
        ++c->n_failed < DEAF_TRIES)
        return;
    text = strdup(said + 7);
    if (text)
        say(c, text);
    free(text);
    c->is_deaf = 1;
}

static void event(struct command *c, const json_t *line)
{
    const char *level = json_string_value(json_object_get(line, "level"));
    const char *said = json_string_value(json_object_get(line, "msg"));
    const char *object = json_string_value(json_object_get(line, "object"));
    const json_t *stats = json_object_get(line, "stats");
    if (stats) {
        progress(c, json_integer_value(json_object_get(stats, "bytes")),
                 json_integer_value(json_object_get(stats, "totalBytes")));
        return;
    }
    if (!level || !said)
        return;
    if (strcmp(level, "debug") == 0) {
        request_event(c, said);
    } else if (strcmp(level, "error") == 0 || strcmp(level, "fatal") == 0) {
        trouble(c, object, said);
    } else if (object &&
               (strncmp(said, "Copied (", 8) == 0 || strncmp(said, "Moved (", 7) == 0 ||
                strncmp(said, "Multi-thread Copied (", 21) == 0)) {
        c->n_moved++;
        if (c->moved)
            c->moved(c->arg, object);
    }
}

static int on_line(void *arg, int stream, const char *line, size_t len)
{
    struct command *c = arg;
    json_t *json;
    char *text = NULL;
    if (stream == 1) {
        c->stopped = c->out ? c->out(c->arg, line, len) != 0 : 0;
        return c->stopped;
    }
    json = line[0] == '{' ? json_loadb(line, len, 0, NULL) : NULL;
    if (json)
        event(c, json);
    else if (!strstr(line, "NOTICE: ") && !strstr(line, "DEBUG : ") &&
             (text = strdup(line)) != NULL)
        say(c, text);
    free(text);
    json_decref(json);
    return c->is_deaf ? SQ_EIO : 0;
}

int command_run(struct command *c, const char *doing, const struct sq_location *at,
                struct sq_err *err)
{
    struct sq_run run = {
        .argv = c->argv,
        .env = conf_is(c->s->conf, at->proto, "azureblob") ? watched : environment,
        .input = c->input,
        .input_len = c->input_len,
        .line = on_line,
        .arg = c};
    int status = 0, rc;
    if (c->failed)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    rc = c->s->host->run(c->s->host, c->call, &run, &status, err);
    if (c->stopped)
        return 0;
    if (c->is_deaf)
        return words_fail(doing, at, 1, c->said, c->s->config, err);
    if (rc == SQ_ENOENT)
        return sq_fail(
            err, SQ_EINVAL,
            "cannot %s %s://%.200s: rclone is not installed on this machine, "
            "and only it knows the remotes of %s",
            doing, at->proto, at->path, c->s->config);
    if (rc || status == 0)
        return rc;
    return words_fail(doing, at, status, c->said, c->s->config, err);
}
