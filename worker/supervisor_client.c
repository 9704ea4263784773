/* The worker's side of the supervisor: finding or starting it, frames out, events in.
 *
 * Opening waits (milliseconds; longer only when a dead supervisor's commands must be
 * killed first); everything after does not.  What cannot be sent at once stays in a
 * buffer, and wanted() then asks for EPOLLOUT. */
#include "worker/supervisor_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/program.h"
#include "worker/supervisor/proto.h"

enum {
    HELLO_MS = 10000,    /* it answers in microseconds unless it is stopped */
    ATTEMPTS = 5,        /* of starting one that somebody else ends or starts */
    OUT_MAX = 256 << 20, /* requests to a supervisor that does not read */
    BUF_KEPT = 256 << 10
};

extern char **environ;

struct sq_sup {
    int fd;
    sq_sup_event_fn *event;
    void *arg;
    struct sq_buf in, out;
    bool dispatching; /* requests made by callbacks go out together at the end */
    bool corked;
    bool lost; /* and told */
};

/* Connect through the folder's descriptor, since socket names are short.  -1: nobody.
 */
static int connect_to(const char *state_dir)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    SQ_CLEANUP(sq_closep) int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/supervisor.sock", dir);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        sq_closep(&fd);
    return fd < 0 ? -1 : fd;
}

/* Read the first frame and no more: what follows must still make the socket readable,
 * since the caller's loop waits for that.  SQ_ENOENT: the supervisor is going. */
static int await_hello(struct sq_sup *s, const char *state_dir, struct sq_err *err)
{
    struct sq_frame f;
    struct sq_frame_event hello;
    size_t at = 0;
    int whole;
    struct pollfd ready = {.fd = s->fd, .events = POLLIN};
    while ((whole = sq_frame_next(&s->in, &at, &f)) == 0) {
        int n = poll(&ready, 1, HELLO_MS);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return sq_fail(err, SQ_ETIMEDOUT,
                           "the supervisor of %s does not answer: is it stopped?",
                           state_dir);
        if (sq_frame_receive(s->fd, &s->in, sq_frame_missing(&s->in)) < 0)
            return sq_fail(err, SQ_ENOENT, "the supervisor of %s ended", state_dir);
    }
    if (whole < 0 || f.kind != SQ_FRAME_HELLO ||
        !sq_frame_fixed(&f, &hello, sizeof hello) || hello.id != SQ_FRAME_VERSION)
        return sq_fail(err, SQ_EPROTO,
                       "the supervisor of %s is of another version: let its commands "
                       "end, or kill it",
                       state_dir);
    sq_buf_consume(&s->in, at);
    return 0;
}

static int try_connect(struct sq_sup *s, const char *state_dir, struct sq_err *err)
{
    s->fd = connect_to(state_dir);
    if (s->fd < 0)
        return sq_fail(err, SQ_ENOENT, "no supervisor serves %s: %s", state_dir,
                       strerror(errno));
    sq_frame_begin(&s->out, SQ_FRAME_ATTACH, 0);
    int code = sq_frame_flush(s->fd, &s->out) < 0
                   ? sq_fail(err, SQ_ENOENT, "the supervisor of %s ended", state_dir)
                   : await_hello(s, state_dir, err);
    if (code < 0) {
        sq_closep(&s->fd);
        s->fd = -1;
        sq_buf_clear(&s->in);
        sq_buf_clear(&s->out);
    }
    return code;
}

static void read_complaint(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && ((n = read(fd, text + len, size - 1 - len)) > 0 ||
                              (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    text[len] = 0;
    text[strcspn(text, "\n")] = 0;
}

static int spawn_program(const char *path, const char *state_dir, int error_fd,
                         pid_t *ret, struct sq_err *err)
{
    char *const argv[] = {(char *)path, (char *)state_dir, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    posix_spawn_file_actions_adddup2(&actions, error_fd, STDERR_FILENO);
    int error = posix_spawn(ret, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return sq_fail(err, SQ_EIO, "cannot run the supervisor %s: %s", path,
                       strerror(error));
    return 0;
}

/* Run the program; it returns once the one in the background serves. */
static int start_one(const char *state_dir, struct sq_err *err)
{
    char path[PATH_MAX], complaint[400];
    int fds[2], status, code;
    pid_t pid;
    sq_program_find("scitq-supervisor", "SCITQ_SUPERVISOR", path);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    code = spawn_program(path, state_dir, fds[1], &pid, err);
    close(fds[1]);
    if (code == 0) {
        read_complaint(fds[0], complaint, sizeof complaint);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            code = sq_fail(err, SQ_EIO, "cannot start the supervisor: %s",
                           complaint[0] ? complaint : path);
    }
    close(fds[0]);
    return code;
}

/* Somebody else may start or end one at the same time: a refusal to start is no failure
 * if there is then one to connect to. */
static int connect_or_start(struct sq_sup *s, const char *state_dir, struct sq_err *err)
{
    struct sq_err connect_err;
    int started = 0, code = try_connect(s, state_dir, &connect_err);
    for (int i = 0; code == SQ_ENOENT && i < ATTEMPTS; i++) {
        started = start_one(state_dir, err);
        code = try_connect(s, state_dir, &connect_err);
    }
    if (code == 0 || (code == SQ_ENOENT && started < 0))
        return code == 0 ? 0 : started;
    return sq_fail(err, code, "%s", connect_err.text);
}

int sq_sup_open(const char *state_dir, sq_sup_event_fn *event, void *arg,
                struct sq_sup **ret, struct sq_err *err)
{
    struct sq_sup *s = calloc(1, sizeof *s);
    if (!s)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    *s = (struct sq_sup){.fd = -1, .event = event, .arg = arg};
    sq_frame_buf_init(&s->in);
    sq_buf_init(&s->out, OUT_MAX);
    int code = connect_or_start(s, state_dir, err);
    if (code < 0) {
        sq_sup_close(s);
        return code;
    }
    *ret = s;
    return 0;
}

void sq_sup_close(struct sq_sup *s)
{
    if (!s)
        return;
    sq_closep(&s->fd);
    sq_buf_fini(&s->in);
    sq_buf_fini(&s->out);
    free(s);
}

int sq_sup_fd(const struct sq_sup *s)
{
    return s->fd;
}

unsigned sq_sup_wanted(const struct sq_sup *s)
{
    return EPOLLIN | (s->out.len ? (unsigned)EPOLLOUT : 0);
}

static void tell(struct sq_sup *s, enum sq_sup_event_kind kind,
                 const struct sq_frame *f)
{
    struct sq_frame_event e;
    if (!sq_frame_fixed(f, &e, sizeof e) || f->len <= sizeof e || f->data[f->len - 1])
        return;
    struct sq_sup_event event = {.kind = kind,
                                 .id = e.id,
                                 .pid = (int)e.pid,
                                 .exit = {.status = (int)e.status,
                                          .oom = e.oom,
                                          .start = e.start,
                                          .end = e.end,
                                          .cpu_us = e.cpu_us,
                                          .peak_bytes = e.peak_bytes,
                                          .unwritten = (int)e.unwritten},
                                 .text = f->data + sizeof e};
    s->event(s->arg, &event);
}

static void handle(struct sq_sup *s, const struct sq_frame *f)
{
    switch (f->kind) {
    case SQ_FRAME_STARTED: tell(s, SQ_SUP_STARTED, f); break;
    case SQ_FRAME_FAILED: tell(s, SQ_SUP_FAILED, f); break;
    case SQ_FRAME_EXITED: tell(s, SQ_SUP_EXITED, f); break;
    case SQ_FRAME_RUNNING: tell(s, SQ_SUP_RUNNING, f); break;
    case SQ_FRAME_READY: tell(s, SQ_SUP_READY, f); break;
    default: break; /* a later version's news */
    }
}

/* Give all whole frames to the callback.  -1: what came makes no sense. */
static int handle_all(struct sq_sup *s)
{
    struct sq_frame f;
    size_t at = 0;
    int more;
    while ((more = sq_frame_next(&s->in, &at, &f)) > 0)
        handle(s, &f);
    sq_buf_consume(&s->in, at);
    if (!s->in.len && s->in.cap > BUF_KEPT)
        sq_buf_fini(&s->in);
    return more;
}

void sq_sup_dispatch(struct sq_sup *s)
{
    int got;
    if (s->lost)
        return;
    s->dispatching = true;
    do { /* what came before the end is told before the end */
        got = sq_frame_receive(s->fd, &s->in, SQ_FRAME_READ);
        if (handle_all(s) < 0)
            got = -1;
    } while (got > 0);
    s->dispatching = false;
    if (got == 0 && sq_frame_flush(s->fd, &s->out) == 0) {
        if (!s->out.len && s->out.cap > BUF_KEPT)
            sq_buf_fini(&s->out);
        return;
    }
    s->lost = true;
    /* The last thing done here: the callback may close `s`. */
    s->event(s->arg, &(struct sq_sup_event){.kind = SQ_SUP_LOST,
                                            .text = "the supervisor ended"});
}

/* Make what was appended go out, now if possible; take it back when it did not fit. */
static int send_out(struct sq_sup *s, size_t before, struct sq_err *err)
{
    if (!sq_buf_ok(&s->out)) {
        s->out.failed = false;
        s->out.len = before;
        return sq_fail(err, SQ_EBUSY, "the supervisor does not take requests");
    }
    if (s->lost)
        return sq_fail(err, SQ_EIO, "the supervisor is dead");
    if (!s->dispatching && !s->corked && !before)
        sq_frame_flush(s->fd, &s->out); /* the next dispatch sees and tells a failure */
    return 0;
}

void sq_sup_cork(struct sq_sup *s, bool corked)
{
    s->corked = corked;
    if (!corked && !s->dispatching && !s->lost && s->out.len)
        sq_frame_flush(s->fd, &s->out); /* a failure: as above */
}

static size_t vector_size(char *const *v, uint32_t *ret_n)
{
    size_t bytes = 0;
    *ret_n = 0;
    for (; v && *v; v++, ++*ret_n)
        bytes += strlen(*v) + 1;
    return bytes;
}

static void add_text(struct sq_buf *out, const char *text)
{
    sq_buf_add(out, text, strlen(text) + 1);
}

int sq_sup_spawn(struct sq_sup *s, const struct sq_spawn *req, struct sq_err *err)
{
    struct sq_frame_spawn head = {.id = req->id};
    size_t before = s->out.len;
    size_t len = sizeof head + strlen(req->workdir) + strlen(req->stdout_path) +
                 strlen(req->stderr_path) + 3;
    len += vector_size(req->argv, &head.argc);
    len += vector_size(req->envp, &head.envc);
    if (!head.argc)
        return sq_fail(err, SQ_EINVAL, "an empty command");
    if (len > SQ_FRAME_MAX)
        return sq_fail(err, SQ_ETOOBIG,
                       "the command and its environment are %zu bytes long: at most %d",
                       len, SQ_FRAME_MAX);
    sq_frame_begin(&s->out, SQ_FRAME_SPAWN, len);
    sq_buf_add(&s->out, &head, sizeof head);
    add_text(&s->out, req->workdir);
    add_text(&s->out, req->stdout_path);
    add_text(&s->out, req->stderr_path);
    for (char *const *v = req->argv; *v; v++)
        add_text(&s->out, *v);
    for (char *const *v = req->envp; v && *v; v++)
        add_text(&s->out, *v);
    return send_out(s, before, err);
}

static int send_small(struct sq_sup *s, enum sq_frame_kind kind, int64_t id, int signal,
                      struct sq_err *err)
{
    struct sq_frame_signal req = {id, signal};
    size_t before = s->out.len;
    sq_frame_add(&s->out, kind, &req, sizeof req, NULL);
    return send_out(s, before, err);
}

int sq_sup_signal(struct sq_sup *s, int64_t id, int signal, struct sq_err *err)
{
    return send_small(s, SQ_FRAME_SIGNAL, id, signal, err);
}

int sq_sup_forget(struct sq_sup *s, int64_t id, struct sq_err *err)
{
    return send_small(s, SQ_FRAME_FORGET, id, 0, err);
}

int sq_sup_quit_when_idle(struct sq_sup *s, struct sq_err *err)
{
    return send_small(s, SQ_FRAME_QUIT, 0, 0, err);
}
