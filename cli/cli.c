/* The ground commands stand on: the server's connection, what is said, JSON output. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/visible.h"

/* As 1.3: long enough for any list, short enough to notice a dead server. */
enum { ANSWER_S = 150 };
enum { TEXT_BYTES = 256 << 20 };

/* A standard stream that the caller closed would be the number of the next file or
 * connection, which would then get what we print.  Opened the wrong way round, so that
 * using it is an error. */
static void hold_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void sq_cli_init(struct sq_cli *cli, const char *program, FILE *out)
{
    hold_streams();
    memset(cli, 0, sizeof *cli);
    cli->program = program;
    cli->out = out;
    cli->timeout_s = ANSWER_S;
    sq_args_init(&cli->args);
}

void sq_cli_fini(struct sq_cli *cli)
{
    sq_http_close(cli->http);
    sq_args_fini(&cli->args);
}

int sq_cli_misuse(struct sq_cli *cli, struct sq_err *err, const char *fmt, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cli->misused = true;
    return sq_fail(err, SQ_EINVAL, "%s", text);
}

static void print_visible(FILE *out, const char *text, bool lines)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf shown;
    sq_buf_init(&shown, TEXT_BYTES);
    sq_visible_add(&shown, text, lines);
    if (sq_buf_ok(&shown) && shown.len)
        fwrite(shown.data, 1, shown.len, out);
}

void sq_cli_print_text(FILE *out, const char *text)
{
    print_visible(out, text, true);
}

static void print_args(FILE *out, bool lines, const char *fmt, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0)
        return;
    print_visible(out, text, lines);
    free(text);
}

void sq_cli_say(const struct sq_cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_args(cli->out, false, fmt, args);
    va_end(args);
    fputc('\n', cli->out);
}

void sq_cli_note(const struct sq_cli *cli, const char *fmt, ...)
{
    va_list args;
    fflush(cli->out);
    fprintf(stderr, "%s: ", cli->program);
    va_start(args, fmt);
    print_args(stderr, true, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

int sq_cli_usage_error(struct sq_cli *cli, const char *command, const char *text)
{
    sq_cli_note(cli, "%s", text);
    fprintf(stderr, "try '%s --help'\n", command);
    return SQ_EXIT_USAGE;
}

const char *sq_cli_server_name(struct sq_cli *cli)
{
    const char *server = sq_args_text(&cli->args, "server");
    if (!server)
        server = getenv("SCITQ_SERVER");
    return server && *server ? server : "127.0.0.1";
}

int sq_cli_server(struct sq_cli *cli, struct sq_http **ret, struct sq_err *err)
{
    if (!cli->http) {
        int rc = sq_http_open(sq_cli_server_name(cli), cli->timeout_s, &cli->http, err);
        if (rc != 0)
            return rc;
        sq_http_hint(cli->http, "-s names another", cli->longer);
    }
    *ret = cli->http;
    return 0;
}

int sq_cli_call_take(struct sq_cli *cli, const char *method, const char *path,
                     json_t *body, json_t **ret, struct sq_err *err)
{
    struct sq_http *http;
    int rc = sq_cli_server(cli, &http, err);
    if (rc == 0)
        rc = sq_http_call(http, method, path, body, ret, err);
    json_decref(body);
    return rc;
}

void sq_cli_print_json(struct sq_cli *cli, const json_t *v)
{
    json_dumpf(v, cli->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
    fputc('\n', cli->out);
}

const char *sq_cli_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void sq_json_unref(json_t **v)
{
    json_decref(*v);
}

void sq_cli_print_version(struct sq_cli *cli)
{
    fprintf(cli->out, "%s %s\n", cli->program, PACKAGE_VERSION);
}

int sq_cli_end(struct sq_cli *cli, int rc, const char *command, struct sq_err *err)
{
    if (rc == 0 && (fflush(cli->out) != 0 || ferror(cli->out)))
        rc = sq_fail(err, SQ_EIO, "cannot write the output: %s", strerror(errno));
    if (rc == 0)
        return cli->exit_code;
    if (cli->misused)
        return sq_cli_usage_error(cli, command, err->text);
    sq_cli_note(cli, "%s", err->text);
    return SQ_EXIT_TROUBLE;
}
