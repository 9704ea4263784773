/* posix_spawn, a pidfd, two pipes: four events, of which the pidfd's ends it all. */
#include "worker/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"

enum { PIECE = 16 << 10, LINE_MAX_BYTES = 4000 };

struct stream {
    struct sq_watch watch;
    struct sq_buf text;
    struct sq_child *child;
};

struct sq_child {
    struct sq_loop *loop;
    pid_t pid;
    struct sq_watch end; /* its pidfd */
    struct stream streams[2];
    struct sq_timer limit;
    bool timed_out;
    sq_child_fn *fn;
    sq_child_line_fn *line; /* NULL: standard error is kept */
    void *arg;
};

static void close_watch(struct sq_loop *l, struct sq_watch *w)
{
    int fd = w->fd;
    sq_loop_unwatch(l, w);
    sq_closep(&fd);
}

static void destroy(struct sq_child *c)
{
    sq_timer_stop(c->loop, &c->limit);
    close_watch(c->loop, &c->end);
    for (size_t i = 0; i < SQ_LEN(c->streams); i++) {
        close_watch(c->loop, &c->streams[i].watch);
        sq_buf_fini(&c->streams[i].text);
    }
    free(c);
}

/* One read; false: nothing more now, or ever. */
static bool read_some(struct stream *s)
{
    if (s->text.len > SQ_CHILD_OUTPUT - PIECE)
        sq_buf_consume(&s->text, SQ_CHILD_OUTPUT / 2);
    char *to = s->watch.fd < 0 ? NULL : sq_buf_room(&s->text, PIECE);
    if (!to)
        return false;
    ssize_t n = read(s->watch.fd, to, PIECE - 1);
    if (n > 0) {
        s->text.len += (size_t)n;
        s->text.data[s->text.len] = 0;
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_watch(s->child->loop, &s->watch);
    return n < 0 && errno == EINTR;
}

/* What is whole of it; with `all` the rest too. */
static void tell_lines(struct stream *s, bool all)
{
    struct sq_child *c = s->child;
    if (!c->line || s != &c->streams[1])
        return;
    for (;;) {
        char *text = s->text.len ? s->text.data : (char *)"";
        char *end = memchr(text, '\n', s->text.len);
        if (!end && s->text.len < (all ? 1 : LINE_MAX_BYTES))
            return;
        size_t len = end ? (size_t)(end - text) + 1 : s->text.len;
        if (end)
            *end = 0;
        c->line(c->arg, text);
        sq_buf_consume(&s->text, len);
    }
}

static void on_output(void *arg, unsigned events)
{
    read_some(arg);
    tell_lines(arg, false);
}

static const char *text_of(const struct stream *s)
{
    return s->text.len ? s->text.data : "";
}

static void on_end(void *arg, unsigned events)
{
    struct sq_child *c = arg;
    struct sq_child_end end = {.timed_out = c->timed_out};
    pid_t got;
    while ((got = waitpid(c->pid, &end.status, WNOHANG)) < 0 && errno == EINTR)
        ;
    if (got == 0)
        return;
    c->pid = 0;
    for (size_t i = 0; i < SQ_LEN(c->streams); i++)
        for (int n = 0; n < SQ_CHILD_OUTPUT / PIECE && read_some(&c->streams[i]); n++)
            ;
    tell_lines(&c->streams[1], true);
    end.out = text_of(&c->streams[0]);
    end.err = text_of(&c->streams[1]);
    c->fn(c->arg, &end);
    destroy(c);
}

static void on_limit(void *arg)
{
    struct sq_child *c = arg;
    c->timed_out = true;
    sq_child_kill(c);
}

/* In a session of its own, with the signals of any process. */
static int spawn(pid_t *ret, char *const *argv, char *const *envp, const int fds[2])
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, pipe_signal;
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    int e = posix_spawn_file_actions_init(&files);
    if (e)
        return e;
    e = posix_spawnattr_init(&attr);
    if (!e) {
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &pipe_signal);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&files, fds[0], 1);
        posix_spawn_file_actions_adddup2(&files, fds[1], 2);
        e = posix_spawn(ret, argv[0], &files, &attr, argv, envp);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return e;
}

static int watch(struct sq_child *c, int i, int fd, struct sq_err *err)
{
    struct stream *s = &c->streams[i];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    int rc = sq_loop_watch(c->loop, &s->watch, fd, EPOLLIN, err);
    if (rc)
        close(fd);
    return rc;
}

static int start(struct sq_child *c, char *const *argv, char *const *envp,
                 struct sq_err *err)
{
    int out[2] = {-1, -1}, errors[2] = {-1, -1};
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0) {
        int e = errno;
        sq_closep(&out[0]);
        sq_closep(&out[1]);
        return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(e));
    }
    int e = spawn(&c->pid, argv, envp, (const int[]){out[1], errors[1]});
    close(out[1]);
    close(errors[1]);
    int rc = watch(c, 0, out[0], err), rc2 = watch(c, 1, errors[0], err);
    if (e) {
        c->pid = 0;
        return sq_fail(err, SQ_EIO, "cannot run %s: %s", argv[0], strerror(e));
    }
    return rc ? rc : rc2;
}

int sq_child_start(struct sq_loop *l, char *const *argv, char *const *envp, int limit_s,
                   sq_child_fn *fn, void *arg, struct sq_child **ret,
                   struct sq_err *err)
{
    struct sq_child *c = calloc(1, sizeof *c);
    if (!c)
        return sq_fail(err, SQ_ENOMEM, "no memory to run %s", argv[0]);
    c->loop = l;
    c->fn = fn;
    c->arg = arg;
    c->end = (struct sq_watch){-1, on_end, c};
    c->limit = (struct sq_timer){.fn = on_limit, .arg = c};
    for (size_t i = 0; i < SQ_LEN(c->streams); i++) {
        c->streams[i].child = c;
        c->streams[i].watch = (struct sq_watch){-1, on_output, &c->streams[i]};
        sq_buf_init(&c->streams[i].text, SQ_CHILD_OUTPUT + 1);
    }
    int rc = start(c, argv, envp, err);
    int fd = rc ? -1 : (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (!rc && fd < 0)
        rc = sq_fail(err, SQ_EIO, "cannot watch a process: %s", strerror(errno));
    if (!rc && (rc = sq_loop_watch(l, &c->end, fd, EPOLLIN, err)) != 0)
        close(fd);
    if (rc) {
        sq_child_free(c);
        return rc;
    }
    if (limit_s)
        sq_timer_set(l, &c->limit, (int64_t)limit_s * 1000000);
    *ret = c;
    return 0;
}

void sq_child_lines(struct sq_child *c, sq_child_line_fn *fn)
{
    c->line = fn;
}

void sq_child_kill(struct sq_child *c)
{
    kill(-c->pid, SIGKILL);
    kill(c->pid, SIGKILL);
}

void sq_child_free(struct sq_child *c)
{
    if (!c)
        return;
    if (c->pid > 0) {
        sq_child_kill(c);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    destroy(c);
}
