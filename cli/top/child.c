/* Processes rather than threads: each is killed at will in the middle of a call. */
#include "cli/top/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Lists are short (model.h), but a command may have megabytes. */
enum { ANSWER_BYTES = 512 * 1024 * 1024, PIECE_BYTES = 65536 };

const struct sq_top_child sq_top_no_child = {0, -1};

static void be_child(struct sq_cli *cli, int fd, sq_top_child_fn *fn, void *arg,
                     pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cli->http = NULL; /* the parent's connection: never ours to use or close */
    if (getppid() == parent)
        fn(cli, fd, arg);
    _exit(0);
}

bool sq_top_child_start(struct sq_top_child *c, struct sq_cli *cli, sq_top_child_fn *fn,
                        void *arg)
{
    int fds[2];
    pid_t parent = getpid();
    if (c->pid || pipe2(fds, O_CLOEXEC) != 0)
        return false;
    c->pid = fork();
    if (c->pid == 0)
        be_child(cli, fds[1], fn, arg, parent);
    close(fds[1]);
    if (c->pid < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
        close(fds[0]);
        c->fd = -1;
        c->pid = c->pid < 0 ? 0 : c->pid;
        sq_top_child_end(c);
        return false;
    }
    c->fd = fds[0];
    return true;
}

void sq_top_child_end(struct sq_top_child *c)
{
    if (c->pid) {
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (c->fd >= 0)
        close(c->fd);
    *c = sq_top_no_child;
}

void sq_top_call_init(struct sq_top_call *c)
{
    c->child = sq_top_no_child;
    sq_buf_init(&c->said, ANSWER_BYTES);
}

void sq_top_call_fini(struct sq_top_call *c)
{
    sq_top_child_end(&c->child);
    sq_buf_fini(&c->said);
}

bool sq_top_call_start(struct sq_top_call *c, struct sq_cli *cli, sq_top_child_fn *fn,
                       void *arg)
{
    if (c->child.pid)
        return false;
    sq_buf_clear(&c->said);
    return sq_top_child_start(&c->child, cli, fn, arg);
}

bool sq_top_call_take(struct sq_top_call *c, json_t **ret)
{
    char piece[PIECE_BYTES];
    ssize_t n;
    while ((n = read(c->child.fd, piece, sizeof piece)) > 0)
        sq_buf_add(&c->said, piece, (size_t)n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    sq_top_child_end(&c->child);
    *ret = sq_buf_ok(&c->said) && c->said.len
               ? json_loadb(c->said.data, c->said.len, 0, NULL)
               : NULL;
    if (!*ret)
        *ret = json_pack("{s:s}", "message", "the call was broken off");
    return true;
}

void sq_top_call_answer_take(int fd, json_t *answer, const struct sq_err *err)
{
    json_t *v = err->code ? json_pack("{s:s}", "message", err->text) : answer;
    if (v)
        json_dumpfd(v, fd, JSON_COMPACT);
    if (v != answer)
        json_decref(v);
    json_decref(answer);
}
