/* Lines as JSON.
 *
 * The verb runs in a child whose standard output is a pipe, since some become another
 * program (db.c) and others have children that write (plugin_check.c): what it prints
 * is gathered whatever way it came, and its exit code is ours. */
#include "cli/manage/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/utf8.h"

enum { LINES_BYTES = 16 * 1024 * 1024, SIGNALLED = 128 };

static void run_in_child(struct sq_cli *cli, const struct sq_verb *verb,
                         const char *command, int fd, pid_t parent)
{
    struct sq_err err = {0};
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || dup2(fd, STDOUT_FILENO) < 0)
        _exit(SQ_EXIT_TROUBLE);
    cli->out = stdout;
    int code = sq_cli_end(cli, verb->run(cli, &err), command, &err);
    fflush(stdout);
    _exit(code);
}

/* What is no UTF-8, such as a file's odd name, is replaced as the API does. */
static void print_lines(struct sq_cli *cli, const struct sq_buf *said)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    SQ_CLEANUP(sq_json_unref) json_t *list = json_array();
    struct sq_utf8 utf8 = {0};
    sq_buf_init(&text, LINES_BYTES * 3);
    sq_utf8_feed(&utf8, said->data ? said->data : "", said->len, &text, NULL);
    sq_utf8_finish(&utf8, &text, NULL);
    for (char *line = text.data, *rest = line; line && *line; line = rest) {
        line = strsep(&rest, "\n");
        json_array_append_new(list, json_string(line));
        if (!rest)
            break;
    }
    SQ_CLEANUP(sq_json_unref) json_t *all = json_pack("{s:O}", "lines", list);
    sq_cli_print_json(cli, all);
}

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

int sq_lines_run(struct sq_cli *cli, const struct sq_verb *verb, const char *command)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf said;
    struct sq_err err = {0};
    int pair[2], status = 0;
    pid_t parent = getpid();
    sq_buf_init(&said, LINES_BYTES);
    fflush(NULL);
    if (pipe2(pair, O_CLOEXEC) != 0)
        return sq_cli_end(
            cli, sq_fail(&err, SQ_EIO, "cannot make a pipe: %s", strerror(errno)),
            command, &err);
    pid_t pid = fork();
    if (pid == 0)
        run_in_child(cli, verb, command, pair[1], parent);
    close(pair[1]);
    int rc = pid < 0
                 ? sq_fail(&err, SQ_EIO, "cannot start a process: %s", strerror(errno))
                 : sq_read_all(pair[0], &said, &err);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (rc == 0)
        print_lines(cli, &said);
    rc = sq_cli_end(cli, rc, command, &err);
    return rc ? rc : exit_code(status);
}
