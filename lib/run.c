/* One program from its start to its end, in one poll loop.
 *
 * The child leads a process group and dies with the thread that runs it
 * (PR_SET_PDEATHSIG).  Its exit is seen through a pidfd, not through the end of its
 * output: a grandchild may hold the pipes open, so that what is in them once the child
 * is gone is the rest, and the group is killed then.  Canceled, the group gets SIGTERM
 * and a moment (a multipart upload is given up, a lock removed), then SIGKILL. */
#include "lib/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"

/* A line longer than this comes in pieces; a canceled call ends within 500 ms. */
enum { LINE_MAX_BYTES = 1 << 20, READ_BYTES = 64 << 10, GRACE_MS = 300 };

/* Not closed by the kernel when it should be, only by us. */
struct stream {
    int fd; /* -1: ended */
    struct sq_buf line;
};

struct child {
    const struct sq_run *run;
    pid_t pid;
    int pidfd;
    int in; /* writing end of its standard input; -1: all given */
    size_t given;
    struct stream out[2];
    bool gone;    /* not reaped yet */
    bool refused; /* by run->line: its code is the plugin's */
};

/* The environment of the host with the changes of `edits`.  The array is the caller's
 * to free, its strings are borrowed. */
static char **environment(const char *const *edits)
{
    size_t n = 0, n_edits = 0;
    while (environ[n])
        n++;
    while (edits && edits[n_edits])
        n_edits++;
    char **env = calloc(n + n_edits + 1, sizeof *env);
    size_t used = 0;
    for (size_t i = 0; env && i < n; i++) {
        bool replaced = false;
        for (size_t e = 0; e < n_edits && !replaced; e++) {
            size_t len = strcspn(edits[e], "=");
            replaced =
                strncmp(environ[i], edits[e], len) == 0 && environ[i][len] == '=';
        }
        if (!replaced)
            env[used++] = environ[i];
    }
    for (size_t e = 0; env && e < n_edits; e++)
        if (strchr(edits[e], '='))
            env[used++] = (char *)edits[e];
    return env;
}

/* In the child, between fork and exec: nothing that allocates or locks. */
static void become(const struct sq_run *run, char **env, const int fds[4], pid_t parent)
{
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    for (int i = 0; i < 3; i++)
        dup2(fds[i], i);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!run->dir || chdir(run->dir) == 0)
        execvpe(run->argv[0], (char *const *)run->argv, env);
    int e = errno;
    ssize_t n = write(fds[3], &e, sizeof e);
    _exit(n < 0 ? 126 : 127);
}

static void drop(int *fd)
{
    sq_closep(fd);
    *fd = -1;
}

/* Pipes of a child: [0] ours, [1] its own, but for its input the other way round. */
enum { IN, OUT, ERR, EXEC, PIPES };

static void close_pipes(int pipes[PIPES][2])
{
    for (int i = 0; i < PIPES; i++)
        for (int k = 0; k < 2; k++)
            drop(&pipes[i][k]);
}

/* Pipes whose numbers stay clear of 0, 1 and 2, where the child's ends go. */
static int open_pipes(int pipes[PIPES][2])
{
    for (int i = 0; i < PIPES; i++)
        pipes[i][0] = pipes[i][1] = -1;
    for (int i = 0; i < PIPES; i++) {
        if (pipe2(pipes[i], O_CLOEXEC))
            return -1;
        for (int k = 0; k < 2; k++) {
            int fd = pipes[i][k];
            if (fd > 2)
                continue;
            pipes[i][k] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
            close(fd);
            if (pipes[i][k] < 0)
                return -1;
        }
    }
    return 0;
}

static void take_end(int *to, int *from)
{
    *to = *from;
    *from = -1;
    fcntl(*to, F_SETFL, O_NONBLOCK);
}

/* What exec said through its pipe: 0 when it succeeded. */
static int exec_errno(int fd)
{
    int e;
    ssize_t n;
    do
        n = read(fd, &e, sizeof e);
    while (n < 0 && errno == EINTR);
    return n == sizeof e ? e : 0;
}

static int start(struct child *c, struct sq_err *err)
{
    int pipes[PIPES][2], e = 0;
    SQ_CLEANUP(sq_freep) char **env = environment(c->run->env);
    if (!env)
        return sq_fail(err, SQ_ENOMEM, "out of memory to run %s", c->run->argv[0]);
    pid_t parent = getpid();
    c->pid = open_pipes(pipes) ? -1 : fork();
    if (c->pid == 0) {
        const int fds[] = {pipes[IN][0], pipes[OUT][1], pipes[ERR][1], pipes[EXEC][1]};
        become(c->run, env, fds, parent);
    }
    if (c->pid < 0) {
        e = errno;
        close_pipes(pipes);
        return sq_fail(err, SQ_EIO, "cannot run %s: %s", c->run->argv[0], strerror(e));
    }
    setpgid(c->pid, c->pid);
    drop(&pipes[EXEC][1]);
    e = exec_errno(pipes[EXEC][0]);
    c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    take_end(&c->in, &pipes[IN][1]);
    take_end(&c->out[0].fd, &pipes[OUT][0]);
    take_end(&c->out[1].fd, &pipes[ERR][0]);
    close_pipes(pipes);
    if (e)
        return sq_fail(err, e == ENOENT ? SQ_ENOENT : sq_errno_code(e),
                       "cannot run %s: %s%s", c->run->argv[0], strerror(e),
                       e == ENOENT ? " (is it installed?)" : "");
    return c->pidfd < 0 ? sq_fail(err, SQ_EIO, "cannot watch %s: %s", c->run->argv[0],
                                  strerror(errno))
                        : 0;
}

static int tell(struct child *c, int i)
{
    struct sq_buf *line = &c->out[i].line;
    int rc = line->len && c->run->line
                 ? c->run->line(c->run->arg, i + 1, line->data, line->len)
                 : 0;
    c->refused = rc != 0;
    sq_buf_clear(line);
    return rc;
}

/* Cut what was read into lines. */
static int take_bytes(struct child *c, int i, const char *data, size_t len)
{
    struct sq_buf *line = &c->out[i].line;
    int rc = 0;
    for (size_t at = 0; !rc && at < len;) {
        size_t n = 0;
        while (at + n < len && data[at + n] != '\n' && data[at + n] != '\r')
            n++;
        size_t fits = line->len + n > LINE_MAX_BYTES ? LINE_MAX_BYTES - line->len : n;
        sq_buf_add(line, data + at, fits);
        if (!sq_buf_ok(line))
            return SQ_ENOMEM;
        at += fits;
        if (fits < n || (at < len && (data[at] == '\n' || data[at] == '\r')))
            rc = tell(c, i);
        if (fits == n)
            at++;
    }
    return rc;
}

/* One read; at the end of the stream its last line. */
static int read_stream(struct child *c, int i)
{
    char data[READ_BYTES];
    ssize_t n = read(c->out[i].fd, data, sizeof data);
    if (n > 0)
        return take_bytes(c, i, data, (size_t)n);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    drop(&c->out[i].fd);
    return tell(c, i);
}

/* What is left in the pipes once the child is gone, and no more than a pipe holds. */
static int read_rest(struct child *c, int i)
{
    int rc = 0;
    struct pollfd p = {.fd = c->out[i].fd, .events = POLLIN};
    for (size_t n = 0; !rc && c->out[i].fd >= 0 && n < LINE_MAX_BYTES / READ_BYTES;
         n++) {
        if (poll(&p, 1, 0) <= 0)
            break;
        rc = read_stream(c, i);
    }
    return rc ? rc : tell(c, i);
}

static void give_input(struct child *c)
{
    const char *data = c->run->input;
    ssize_t n = c->given < c->run->input_len
                    ? write(c->in, data + c->given, c->run->input_len - c->given)
                    : 0;
    if (n > 0)
        c->given += (size_t)n;
    bool later = n < 0 && (errno == EINTR || errno == EAGAIN);
    if (!later && (n < 0 || c->given == c->run->input_len))
        drop(&c->in); /* all given, or it does not want more */
}

/* End the whole group, and only then reap its leader: until that its number is its own.
 */
static int stop(struct child *c)
{
    struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
    int status = 0;
    if (!c->gone) {
        kill(-c->pid, SIGTERM);
        if (c->pidfd >= 0)
            poll(&p, 1, GRACE_MS);
    }
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool canceled(const struct sq_call *call)
{
    return call && call->canceled && call->canceled(call);
}

/* Wait for something to happen and do what follows from it. */
static int step(struct child *c, struct sq_call *call)
{
    enum { EXIT = 2, INPUT, CANCEL, N };
    struct pollfd p[N] = {
        {.fd = c->out[0].fd, .events = POLLIN},
        {.fd = c->out[1].fd, .events = POLLIN},
        [EXIT] = {.fd = c->pidfd, .events = POLLIN},
        [INPUT] = {.fd = c->in, .events = POLLOUT},
        [CANCEL] = {.fd = call ? call->cancel_fd : -1, .events = POLLIN},
    };
    if (poll(p, N, -1) < 0)
        return errno == EINTR ? 0 : SQ_EIO;
    if (canceled(call))
        return SQ_ECANCELED;
    int rc = 0;
    for (int i = 0; !rc && i < 2; i++)
        if (p[i].revents)
            rc = read_stream(c, i);
    if (p[INPUT].revents)
        give_input(c);
    c->gone = p[EXIT].revents != 0;
    return rc;
}

static void fini(struct child *c)
{
    drop(&c->pidfd);
    drop(&c->in);
    for (int i = 0; i < 2; i++) {
        drop(&c->out[i].fd);
        sq_buf_fini(&c->out[i].line);
    }
}

/* From the start to the end of its output: 0, or why it is stopped. */
static int follow(struct child *c, struct sq_call *call)
{
    int why = 0;
    while (!why && !c->gone)
        why = step(c, call);
    for (int i = 0; !why && i < 2; i++)
        why = read_rest(c, i);
    return why;
}

static int explain(const struct child *c, int why, struct sq_err *err)
{
    const char *name = c->run->argv[0];
    if (!why || c->refused)
        return why;
    if (why == SQ_ECANCELED)
        return sq_fail(err, why, "%s was canceled", name);
    return sq_fail(err, why, "cannot read what %s says", name);
}

/* A program that does not read its input to the end must not end us: SIGPIPE waits, and
 * is taken away. */
static void quiet_pipes(sigset_t *before)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, before);
}

static void restore_pipes(const sigset_t *before)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    while (!sigismember(before, SIGPIPE) &&
           sigtimedwait(&set, NULL, &(struct timespec){0}) == SIGPIPE)
        ;
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

int sq_run_program(struct sq_call *call, const struct sq_run *run, int *ret_status,
                   struct sq_err *err)
{
    struct child c = {
        .run = run, .pidfd = -1, .in = -1, .out = {{.fd = -1}, {.fd = -1}}};
    sigset_t before;
    int status = 0;
    if (canceled(call))
        return explain(&c, SQ_ECANCELED, err);
    for (int i = 0; i < 2; i++)
        sq_buf_init(&c.out[i].line, LINE_MAX_BYTES + 1);
    quiet_pipes(&before);
    int rc = start(&c, err);
    if (!rc)
        rc = explain(&c, follow(&c, call), err);
    if (c.pid > 0)
        status = stop(&c);
    restore_pipes(&before);
    fini(&c);
    if (!rc)
        *ret_status = status;
    return rc;
}
