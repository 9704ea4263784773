/* The child: fork and exec, a pipe for its list, one for its lines, one for complaints,
 * a pidfd for its end.  The end of the process is what counts; what it started and left
 * is killed with its group then. */
#include "worker/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/task_env.h"
#include "worker/transfer_event.h"

enum { PIECE = 64 << 10, ERRORS_MAX = 4096, MOST = 4 };

enum { TO, LINES, ERRORS, PIPES };

struct sq_transfer {
    struct sq_transfers *all;
    enum sq_transfer_way way;
    pid_t pid; /* 0: waiting its turn, or ended */
    struct sq_watch pipes[PIPES], end;
    struct sq_timer grace;
    struct sq_buf list, lines, errors, texts;
    size_t written, scanned; /* of the list; of the lines, without a newline */
    bool canceled, dropped;  /* dropped: canceled before it had a child */
    bool ended;              /* its child is gone */
    char why[400];           /* what is wrong with the child; "" */
    sq_transfer_event_fn *event;
    sq_transfer_end_fn *end_fn;
    void *arg;
    TAILQ_ENTRY(sq_transfer) link;  /* of all */
    TAILQ_ENTRY(sq_transfer) queue; /* of those waiting */
};

static void start_next(struct sq_transfers *all, enum sq_transfer_way way);

static void close_watch(struct sq_transfer *t, struct sq_watch *w)
{
    int fd = w->fd;
    sq_loop_unwatch(t->all->loop, w);
    sq_closep(&fd);
}

static void destroy(struct sq_transfer *t)
{
    TAILQ_REMOVE(&t->all->all, t, link);
    sq_timer_stop(t->all->loop, &t->grace);
    close_watch(t, &t->end);
    for (int i = 0; i < PIPES; i++)
        close_watch(t, &t->pipes[i]);
    sq_buf_fini(&t->list);
    sq_buf_fini(&t->lines);
    sq_buf_fini(&t->errors);
    sq_buf_fini(&t->texts);
    free(t);
}

static void kill_group(const struct sq_transfer *t, int signal)
{
    if (t->pid > 0) {
        kill(-t->pid, signal);
        kill(t->pid, signal); /* its group may not be its own yet */
    }
}

/* Of a child that does not keep to what was agreed nothing more is believed. */
static void give_up(struct sq_transfer *t, const char *why)
{
    if (!t->why[0])
        snprintf(t->why, sizeof t->why, "%s", why);
    close_watch(t, &t->pipes[LINES]);
    kill_group(t, SIGKILL);
}

static void take_line(struct sq_transfer *t, const char *line, size_t len)
{
    struct sq_transfer_event event;
    struct sq_err err;
    if (t->canceled)
        return;
    if (sq_transfer_event_read(line, len, &t->texts, &event, &err) != 0)
        give_up(t, err.text);
    else
        t->event(t->arg, &event);
}

static void take_lines(struct sq_transfer *t)
{
    size_t start = 0;
    char *at;
    while (t->lines.len > t->scanned &&
           (at = memchr(t->lines.data + t->scanned, '\n', t->lines.len - t->scanned))) {
        size_t end = (size_t)(at - t->lines.data);
        take_line(t, t->lines.data + start, end - start);
        start = t->scanned = end + 1;
    }
    sq_buf_consume(&t->lines, start);
    t->scanned = t->lines.len;
}

/* One read; false: nothing more now, or ever. */
static bool read_some(struct sq_transfer *t, int which, struct sq_buf *to)
{
    struct sq_watch *w = &t->pipes[which];
    char *room = w->fd < 0 ? NULL : sq_buf_room(to, PIECE);
    if (!room) {
        if (w->fd >= 0)
            give_up(t, "scitq-fetch wrote a line that is too long");
        return false;
    }
    ssize_t n = read(w->fd, room, PIECE);
    if (n > 0)
        to->len += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_watch(t, w);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void on_lines(void *arg, unsigned events)
{
    struct sq_transfer *t = arg;
    if (read_some(t, LINES, &t->lines))
        take_lines(t);
}

/* Its last words are enough. */
static bool read_errors(struct sq_transfer *t)
{
    if (t->errors.len > ERRORS_MAX)
        sq_buf_consume(&t->errors, t->errors.len - ERRORS_MAX);
    return read_some(t, ERRORS, &t->errors);
}

static void on_errors(void *arg, unsigned events)
{
    read_errors(arg);
}

static void on_writable(void *arg, unsigned events)
{
    struct sq_transfer *t = arg;
    ssize_t n =
        write(t->pipes[TO].fd, t->list.data + t->written, t->list.len - t->written);
    if (n > 0)
        t->written += (size_t)n;
    if (t->written == t->list.len ||
        (n < 0 && errno != EAGAIN && errno != EINTR)) /* its end will tell why */
        close_watch(t, &t->pipes[TO]);
}

static void describe_end(struct sq_transfer *t, int status)
{
    char *words = t->errors.len ? t->errors.data : NULL;
    if (t->why[0] || t->canceled || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return;
    if (words) {
        sq_buf_addc(&t->errors, 0);
        words += t->errors.len > 301 ? t->errors.len - 301 : 0;
        words[strcspn(words, "\n")] = 0;
    }
    if (WIFSIGNALED(status))
        snprintf(t->why, sizeof t->why, "scitq-fetch was killed by signal %d%s%s",
                 WTERMSIG(status), words ? ": " : "", words ? words : "");
    else
        snprintf(t->why, sizeof t->why, "scitq-fetch ended with %d%s%s",
                 WEXITSTATUS(status), words ? ": " : "", words ? words : "");
}

static void finish(struct sq_transfer *t)
{
    struct sq_transfers *all = t->all;
    enum sq_transfer_way way = t->way;
    sq_transfer_end_fn *fn = t->end_fn;
    void *arg = t->arg;
    char why[sizeof t->why];
    memcpy(why, t->why, sizeof why);
    destroy(t);
    fn(arg, why[0] ? why : NULL);
    start_next(all, way);
}

static void on_end(void *arg, unsigned events)
{
    struct sq_transfer *t = arg;
    int status;
    pid_t got;
    kill(-t->pid, SIGKILL); /* while the zombie holds the number */
    while ((got = waitpid(t->pid, &status, WNOHANG)) < 0 && errno == EINTR)
        ;
    if (got == 0)
        return;
    t->pid = 0;
    t->ended = true;
    while (read_some(t, LINES, &t->lines))
        take_lines(t);
    while (read_errors(t))
        ;
    describe_end(t, status);
    t->all->running[t->way]--;
    finish(t);
}

static void on_grace(void *arg)
{
    kill_group(arg, SIGKILL);
}

/* In the child, before it is scitq-fetch: only what is safe after fork. */
static void become(const struct sq_transfers *all, const int fds[PIPES], pid_t parent)
{
    const char *program = all->program;
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < PIPES; i++)
        if (dup2(fds[i], i) < 0)
            _exit(1);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (all->settings)
        execl(program, "scitq-fetch", "--worker", "-c", all->settings, (char *)NULL);
    else
        execl(program, "scitq-fetch", "--worker", (char *)NULL);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

/* Ends of three pipes that are none of 0, 1, 2: the child puts its own there. */
static int open_pipes(int ours[PIPES], int theirs[PIPES], struct sq_err *err)
{
    for (int i = 0; i < PIPES; i++) {
        int p[2];
        if (pipe2(p, O_CLOEXEC) != 0)
            return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
        int mine = i == TO ? p[1] : p[0], its = i == TO ? p[0] : p[1];
        theirs[i] = fcntl(its, F_DUPFD_CLOEXEC, 3);
        close(its);
        ours[i] = mine;
        fcntl(mine, F_SETFL, O_NONBLOCK);
        if (theirs[i] < 0)
            return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    }
    return 0;
}

static int watch_all(struct sq_transfer *t, int ours[PIPES], struct sq_err *err)
{
    int rc = 0, pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
    if (pidfd < 0)
        return sq_fail(err, SQ_EIO, "cannot watch a process: %s", strerror(errno));
    rc = sq_loop_watch(t->all->loop, &t->end, pidfd, EPOLLIN, err);
    if (rc)
        close(pidfd);
    for (int i = 0; i < PIPES && !rc; i++) {
        rc = sq_loop_watch(t->all->loop, &t->pipes[i], ours[i],
                           i == TO ? EPOLLOUT : EPOLLIN, err);
        if (!rc)
            ours[i] = -1;
    }
    return rc;
}

static int spawn(struct sq_transfer *t, struct sq_err *err)
{
    int ours[PIPES] = {-1, -1, -1}, theirs[PIPES] = {-1, -1, -1};
    int rc = open_pipes(ours, theirs, err);
    pid_t parent = getpid();
    if (!rc && (t->pid = fork()) < 0) {
        t->pid = 0;
        rc = sq_fail(err, SQ_ENOMEM, "cannot start scitq-fetch: %s", strerror(errno));
    }
    if (!rc && t->pid == 0)
        become(t->all, theirs, parent);
    if (!rc) {
        setpgid(t->pid, t->pid); /* be it first there or here */
        rc = watch_all(t, ours, err);
    }
    for (int i = 0; i < PIPES; i++) {
        sq_closep(&ours[i]);
        sq_closep(&theirs[i]);
    }
    if (rc && t->pid > 0) {
        kill_group(t, SIGKILL);
        while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        t->pid = 0;
    }
    return rc;
}

/* Ended without a child: told from the loop, since the caller is in the midst of
 * something. */
static void drop(struct sq_transfer *t)
{
    t->dropped = true;
    sq_timer_hasten(t->all->loop, &t->all->dropped_timer, 0);
}

static void tell_dropped(void *arg)
{
    struct sq_transfers *all = arg;
    struct sq_transfer *t;
    TAILQ_FOREACH(t, &all->all, link)
    if (t->dropped) {
        sq_timer_set(all->loop, &all->dropped_timer, 0); /* perhaps there are more */
        finish(t);
        return;
    }
}

static void start_next(struct sq_transfers *all, enum sq_transfer_way way)
{
    struct sq_transfer *t;
    struct sq_err err;
    while (all->running[way] < all->most[way] &&
           (t = TAILQ_FIRST(&all->waiting[way]))) {
        TAILQ_REMOVE(&all->waiting[way], t, queue);
        if (spawn(t, &err) == 0) {
            all->running[way]++;
            continue;
        }
        snprintf(t->why, sizeof t->why, "%.300s", err.text);
        drop(t);
    }
}

int sq_transfer_start(struct sq_transfers *all, const struct sq_transfer_request *r,
                      struct sq_transfer **ret, struct sq_err *err)
{
    struct sq_transfer *t = sq_buf_ok(r->list) ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        sq_buf_fini(r->list);
        return sq_fail(err, SQ_ENOMEM, "no memory for a transfer");
    }
    t->all = all;
    t->way = r->way;
    t->list = *r->list;
    sq_buf_init(r->list, 0);
    sq_buf_init(&t->lines, SQ_TRANSFER_LINE);
    sq_buf_init(&t->errors, ERRORS_MAX + 2 * PIECE);
    sq_buf_init(&t->texts, SQ_TRANSFER_LINE);
    t->event = r->event;
    t->end_fn = r->end;
    t->arg = r->arg;
    t->pipes[TO] = (struct sq_watch){-1, on_writable, t};
    t->pipes[LINES] = (struct sq_watch){-1, on_lines, t};
    t->pipes[ERRORS] = (struct sq_watch){-1, on_errors, t};
    t->end = (struct sq_watch){-1, on_end, t};
    t->grace = (struct sq_timer){.fn = on_grace, .arg = t};
    TAILQ_INSERT_TAIL(&all->all, t, link);
    TAILQ_INSERT_TAIL(&all->waiting[t->way], t, queue);
    *ret = t;
    start_next(all, t->way);
    return 0;
}

void sq_transfer_cancel(struct sq_transfer *t)
{
    if (t->canceled)
        return;
    t->canceled = true;
    t->why[0] = 0;
    if (t->pid > 0) {
        kill_group(t, SIGTERM);
        sq_timer_set(t->all->loop, &t->grace, SQ_TRANSFER_GRACE_US);
        return;
    }
    if (t->dropped || t->ended)
        return;
    TAILQ_REMOVE(&t->all->waiting[t->way], t, queue);
    drop(t);
}

int sq_transfers_init(struct sq_transfers *all, struct sq_loop *loop,
                      const char *settings, struct sq_err *err)
{
    *all = (struct sq_transfers){.loop = loop, .settings = settings};
    all->dropped_timer = (struct sq_timer){.fn = tell_dropped, .arg = all};
    TAILQ_INIT(&all->all);
    for (int i = 0; i < SQ_TRANSFER_WAYS; i++) {
        TAILQ_INIT(&all->waiting[i]);
        all->most[i] = MOST;
    }
    all->program = strdup(sq_task_fetch_program());
    return all->program ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory");
}

void sq_transfers_fini(struct sq_transfers *all)
{
    struct sq_transfer *t;
    if (!all->loop)
        return;
    sq_timer_stop(all->loop, &all->dropped_timer);
    while ((t = TAILQ_FIRST(&all->all))) {
        kill_group(t, SIGKILL);
        while (t->pid > 0 && waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        destroy(t);
    }
    sq_freep(&all->program);
    all->loop = NULL;
}
