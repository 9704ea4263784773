/* scitq-supervisor STATE_DIR: the parent of a worker's commands.
 *
 * It goes into the background once it is ready (or says why it cannot be and exits 1),
 * in a session of its own, and serves one worker at a time on a unix socket in the
 * state directory.  The worker may die and come back; this process knows what runs and
 * what ended.  It has no network, reads no settings and does nothing that takes long,
 * so that it need hardly ever change.  One thread, one epoll loop: socket, SIGCHLD, a
 * timer that is armed only when something was seen, and groups being emptied.
 *
 * Killed with -9 it takes its direct children along (PR_SET_PDEATHSIG); the next one
 * kills the rest before it serves. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/slice.h"
#include "worker/supervisor/run.h"
#include "worker/supervisor/tree.h"

enum {
    STARTED_US = 2000,
    STOP_US = 5000000,    /* between a stop's SIGTERM and its SIGKILL */
    TAKEOVER_S = 10,      /* for another supervisor to finish ending */
    OUT_MAX = 64 << 20,   /* a client that reads nothing is dropped here */
    BUF_KEPT = 256 << 10, /* a larger buffer is given back after use */
    LOG_MAX = 64 << 10
};

enum tag { LISTEN, COMER, CLIENT, SIGNAL, TIMER };

static void drop_client(struct sq_supervisor *s)
{
    if (s->client_fd >= 0)
        close(s->client_fd); /* epoll forgets it */
    s->client_fd = -1;
    s->out_waiting = false;
    sq_buf_fini(&s->in);
    sq_buf_fini(&s->out);
}

static void drop_comer(struct sq_supervisor *s)
{
    sq_closep(&s->comer_fd);
    s->comer_fd = -1;
}

static int watch(struct sq_supervisor *s, int fd, uint32_t tag, uint32_t events, int op)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};
    return epoll_ctl(s->epoll_fd, op, fd, &event);
}

/* Who connects may only want to know whether somebody listens (is_served): it does not
 * take the place of the client before it says that it is one. */
static bool accept_comer(struct sq_supervisor *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    sq_closep(&s->comer_fd);
    s->comer_fd = fd;
    if (watch(s, fd, COMER, EPOLLIN, EPOLL_CTL_ADD) < 0)
        drop_comer(s);
    return true;
}

/* The latest client is the one that counts: the one before is dead or about to be. */
static void attach(struct sq_supervisor *s)
{
    struct sq_frame_event hello = {.id = SQ_FRAME_VERSION, .pid = getpid()};
    drop_client(s);
    s->client_fd = s->comer_fd;
    s->comer_fd = -1;
    s->quitting = false;
    sq_frame_buf_init(&s->in);
    sq_buf_init(&s->out, OUT_MAX);
    if (watch(s, s->client_fd, CLIENT, EPOLLIN, EPOLL_CTL_MOD) < 0) {
        drop_client(s);
        return;
    }
    sq_run_say(s, SQ_FRAME_HELLO, &hello, NULL);
    sq_run_tell_all(s);
}

static void read_comer(struct sq_supervisor *s)
{
    int attaches = s->comer_fd < 0 ? 0 : sq_frame_is_attach(s->comer_fd);
    if (attaches > 0)
        attach(s);
    else if (attaches < 0)
        drop_comer(s);
}

/* False when the client does not speak our language. */
static bool handle(struct sq_supervisor *s, const struct sq_frame *f)
{
    struct sq_frame_signal req;
    switch (f->kind) {
    case SQ_FRAME_SPAWN: sq_run_spawn(s, f); return true;
    case SQ_FRAME_QUIT: s->quitting = true; return true;
    case SQ_FRAME_SIGNAL:
        if (!sq_frame_fixed(f, &req, sizeof req))
            return false;
        if (req.signal > 0 && req.signal < NSIG)
            sq_run_signal(s, req.id, (int)req.signal);
        return true;
    case SQ_FRAME_FORGET:
        if (!sq_frame_fixed(f, &req, sizeof req))
            return false;
        sq_run_forget(s, req.id);
        return true;
    default: return false;
    }
}

static void read_client(struct sq_supervisor *s)
{
    struct sq_frame f;
    size_t at = 0;
    int more = 0, got = sq_frame_receive(s->client_fd, &s->in, SQ_FRAME_READ);
    while (got >= 0 && (more = sq_frame_next(&s->in, &at, &f)) > 0)
        if (!handle(s, &f))
            break;
    if (got < 0 || more != 0) {
        drop_client(s);
        return;
    }
    sq_buf_consume(&s->in, at);
    if (!s->in.len && s->in.cap > BUF_KEPT)
        sq_buf_fini(&s->in);
}

static void flush_client(struct sq_supervisor *s)
{
    bool was_waiting = s->out_waiting;
    if (s->client_fd < 0)
        return;
    if (!sq_buf_ok(&s->out) ||
        (s->out.len && sq_frame_flush(s->client_fd, &s->out) < 0)) {
        drop_client(s);
        return;
    }
    s->out_waiting = s->out.len > 0;
    s->urgent = false;
    if (s->out_waiting != was_waiting)
        watch(s, s->client_fd, CLIENT, EPOLLIN | (s->out_waiting ? EPOLLOUT : 0),
              EPOLL_CTL_MOD);
    if (!s->out.len && s->out.cap > BUF_KEPT)
        sq_buf_fini(&s->out);
}

static void read_signals(struct sq_supervisor *s)
{
    struct signalfd_siginfo info[4]; /* one of each can wait */
    ssize_t n = read(s->signal_fd, info, sizeof info);
    for (int i = 0; i < (int)(n / (ssize_t)sizeof *info); i++) {
        if (info[i].ssi_signo != SIGTERM && info[i].ssi_signo != SIGINT)
            continue;
        if (!s->kill_at) { /* the machine goes down: end the commands, then us */
            s->kill_at = sq_monotonic() + STOP_US;
            sq_run_signal_all(s, SIGTERM);
        }
    }
    sq_run_reap(s);
}

static void run_timers(struct sq_supervisor *s)
{
    uint64_t ticks;
    int64_t now = sq_monotonic();
    if (read(s->timer_fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
        return;
    sq_run_drain(s);
    if (s->scan_at && now >= s->scan_at)
        sq_run_scan(s);
    if (s->kill_at && now >= s->kill_at) {
        s->kill_at = now + STOP_US;
        sq_run_signal_all(s, SIGKILL);
    }
}

/* The earliest of what has a time; 0 disarms. */
static void arm_timer(struct sq_supervisor *s)
{
    int64_t at = s->scan_at;
    if (s->kill_at && (!at || s->kill_at < at))
        at = s->kill_at;
    int64_t drain_at = sq_run_drain_time(s);
    if (drain_at && (!at || drain_at < at))
        at = drain_at;
    if (at == s->timer_at)
        return;
    struct itimerspec when = {.it_value = {at / 1000000, at % 1000000 * 1000}};
    timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    s->timer_at = at;
}

static void dispatch(struct sq_supervisor *s, const struct epoll_event *event)
{
    switch (event->data.u64) {
    case LISTEN: accept_comer(s); break;
    case COMER: read_comer(s); break;
    case CLIENT:
        if (s->client_fd >= 0 && event->events & ~(uint32_t)EPOLLOUT)
            read_client(s);
        break;
    case SIGNAL: read_signals(s); break;
    case TIMER:
        s->timer_at = 0;
        run_timers(s);
        break;
    case SQ_SUP_TAG_DRAIN: sq_run_drain(s); break;
    default: sq_output_copy(event->data.ptr);
    }
}

/* A worker may have come while we decided to go: then we stay. */
static bool may_end(struct sq_supervisor *s)
{
    if (s->live || !(s->quitting || s->kill_at))
        return false;
    return s->kill_at || (s->comer_fd < 0 && !accept_comer(s));
}

/* That a command started can wait a moment for its end, or another's start: a short
 * command then costs the worker one wakeup and not two.  How long; -1: not at all. */
static int patience_ms(const struct sq_supervisor *s)
{
    if (!s->out.len || s->urgent || s->out_waiting)
        return -1;
    int64_t left = s->out_since + STARTED_US - sq_monotonic();
    return left > 0 ? (int)(left / 1000) + 1 : -1;
}

static void loop(struct sq_supervisor *s)
{
    struct epoll_event events[16];
    while (!may_end(s)) {
        arm_timer(s);
        int wait_ms = patience_ms(s);
        if (wait_ms < 0)
            flush_client(s);
        int n = epoll_wait(s->epoll_fd, events, (int)SQ_LEN(events), wait_ms);
        if (n < 0 && errno != EINTR)
            break;
        for (int i = 0; i < n; i++)
            dispatch(s, &events[i]);
    }
    flush_client(s);
}

/* The address of the socket through the folder's descriptor: state directories may have
 * names longer than a socket's. */
static struct sockaddr_un socket_address(int dir_fd)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir_fd,
             SQ_SUP_SOCKET);
    return a;
}

static bool is_served(int dir_fd)
{
    struct sockaddr_un a = socket_address(dir_fd);
    SQ_CLEANUP(sq_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
}

static int open_dir(struct sq_supervisor *s, const char *path, struct sq_err *err)
{
    if (!realpath(path, s->state_dir))
        return sq_fail(err, SQ_EIO, "cannot use %s: %s", path, strerror(errno));
    s->dir_fd = open(s->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return sq_fail(err, SQ_EIO, "cannot open %s: %s", path, strerror(errno));
    return 0;
}

/* One supervisor a state directory.  Who holds the lock but does not serve is starting,
 * or ending: it is waited for. */
static int lock_dir(struct sq_supervisor *s, struct sq_err *err)
{
    s->lock_fd = openat(s->dir_fd, SQ_SUP_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return sq_fail(err, SQ_EIO, "cannot open %s/%s: %s", s->state_dir, SQ_SUP_LOCK,
                       strerror(errno));
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (!is_served(s->dir_fd)) {
        alarm(TAKEOVER_S); /* ends us: whoever started us sees it */
        int locked = flock(s->lock_fd, LOCK_EX);
        alarm(0);
        if (locked == 0)
            return 0;
    }
    return sq_fail(err, SQ_EBUSY, "a supervisor already serves %s", s->state_dir);
}

/* Ignored signals would stay so in every command; handlers do not survive an exec.  Not
 * by signal(): glibc refuses two numbers it keeps for itself. */
static void stop_ignoring(void)
{
    struct {
        uintptr_t handler;
        unsigned long rest[7]; /* flags, restorer, mask: at most */
    } action;
    for (int i = 1; i < NSIG; i++) {
        memset(&action, 0, sizeof action);
        if (syscall(SYS_rt_sigaction, i, NULL, &action, NSIG / 8) < 0 ||
            action.handler != (uintptr_t)SIG_IGN)
            continue;
        memset(&action, 0, sizeof action);
        syscall(SYS_rt_sigaction, i, &action, NULL, NSIG / 8);
    }
}

/* A session, signals, descriptors of our own; a child subreaper. */
static int detach(struct sq_supervisor *s, struct sq_err *err)
{
    sigset_t all;
    setsid();
    if (chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return sq_fail(err, SQ_EIO, "cannot detach: %s", strerror(errno));
    stop_ignoring();
    sigfillset(&all);
    /* A fault of our own must end us, not hang us. */
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGABRT);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&all);
    sigaddset(&all, SIGCHLD);
    sigaddset(&all, SIGTERM);
    sigaddset(&all, SIGINT);
    s->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signal_fd < 0)
        return sq_fail(err, SQ_EIO, "cannot watch signals: %s", strerror(errno));
    return 0;
}

/* stdin and stdout are nothing, stderr a file for what must not be lost in silence. */
static int redirect(struct sq_supervisor *s, struct sq_err *err)
{
    struct stat st;
    SQ_CLEANUP(sq_closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    SQ_CLEANUP(sq_closep)
    int log =
        openat(s->dir_fd, SQ_SUP_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null < 0 || log < 0)
        return sq_fail(err, SQ_EIO, "cannot open %s/%s: %s", s->state_dir, SQ_SUP_LOG,
                       strerror(errno));
    if (fstat(log, &st) == 0 && st.st_size > LOG_MAX && ftruncate(log, 0) < 0)
        return sq_fail(err, SQ_EIO, "cannot empty %s: %s", SQ_SUP_LOG, strerror(errno));
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
        return sq_fail(err, SQ_EIO, "cannot redirect: %s", strerror(errno));
    return 0;
}

/* We are the last the kernel should take when memory runs out; commands are not. */
static void protect(struct sq_supervisor *s)
{
    char text[16] = "";
    SQ_CLEANUP(sq_closep)
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "-900", 4) < 0 && pread(fd, text, sizeof text - 1, 0) <= 0)
        return;
    s->reset_oom_score = !text[0] || atoi(text) != 0;
}

/* A running command takes us some ten descriptors, and the usual 1,024 is for programs
 * that select(): we take what we may, commands keep what we got. */
static void want_files(struct sq_supervisor *s)
{
    struct rlimit more;
    if (getrlimit(RLIMIT_NOFILE, &s->files) < 0)
        return;
    more = s->files;
    more.rlim_cur = more.rlim_max;
    setrlimit(RLIMIT_NOFILE, &more); /* else fewer commands can run at a time */
}

static int listen_socket(struct sq_supervisor *s, struct sq_err *err)
{
    struct sockaddr_un a = socket_address(s->dir_fd);
    unlinkat(s->dir_fd, SQ_SUP_SOCKET, 0);
    s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(077);
    int bound =
        s->listen_fd < 0 ? -1 : bind(s->listen_fd, (struct sockaddr *)&a, sizeof a);
    umask(mask);
    if (bound < 0 || listen(s->listen_fd, 8) < 0)
        return sq_fail(err, SQ_EIO, "cannot listen on %s/%s: %s", s->state_dir,
                       SQ_SUP_SOCKET, strerror(errno));
    return 0;
}

static int open_loop(struct sq_supervisor *s, struct sq_err *err)
{
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->timer_fd < 0 ||
        watch(s, s->listen_fd, LISTEN, EPOLLIN, EPOLL_CTL_ADD) < 0 ||
        watch(s, s->signal_fd, SIGNAL, EPOLLIN, EPOLL_CTL_ADD) < 0 ||
        watch(s, s->timer_fd, TIMER, EPOLLIN, EPOLL_CTL_ADD) < 0)
        return sq_fail(err, SQ_EIO, "cannot make the loop: %s", strerror(errno));
    return 0;
}

/* Everything up to the first accept.  What another supervisor left is dead before. */
static int start(struct sq_supervisor *s, const char *path, struct sq_err *err)
{
    int code;
    if ((code = open_dir(s, path, err)) < 0 || (code = lock_dir(s, err)) < 0 ||
        (code = detach(s, err)) < 0 || (code = redirect(s, err)) < 0)
        return code;
    protect(s);
    sq_slice_shorten();
    want_files(s);
    sq_groups_sweep(s->dir_fd, SQ_SUP_GROUPS);
    sq_tree_sweep(s->state_dir);
    if ((code = sq_journal_open(&s->journal, s->dir_fd, SQ_SUP_JOURNAL, sq_run_restore,
                                s, err)) < 0)
        return code;
    if (!getenv("SCITQ_NO_CGROUP"))
        sq_groups_open(&s->groups, s->dir_fd, SQ_SUP_GROUPS);
    if ((code = listen_socket(s, err)) < 0)
        return code;
    return open_loop(s, err);
}

static void finish(struct sq_supervisor *s)
{
    drop_client(s);
    drop_comer(s);
    sq_closep(&s->listen_fd);
    unlinkat(s->dir_fd, SQ_SUP_SOCKET, 0);
    sq_groups_close(&s->groups);
    sq_journal_close(&s->journal);
    sq_run_free_all(s);
    sq_outputs_free(&s->outputs);
    sq_closep(&s->epoll_fd);
    sq_closep(&s->timer_fd);
    sq_closep(&s->signal_fd);
    sq_closep(&s->lock_fd);
    sq_closep(&s->dir_fd);
}

/* The process in the background; its starter reads one sentence, or "" when ready. */
static int serve(const char *path, int starter_fd)
{
    static struct sq_supervisor s = {.dir_fd = -1,
                                     .lock_fd = -1,
                                     .listen_fd = -1,
                                     .client_fd = -1,
                                     .comer_fd = -1,
                                     .signal_fd = -1,
                                     .timer_fd = -1,
                                     .epoll_fd = -1,
                                     .journal = {.fd = -1}};
    struct sq_err err = {0};
    bool started = start(&s, path, &err) == 0;
    if (write(starter_fd, err.text, strlen(err.text) + 1) < 0)
        started = started && errno == EPIPE; /* it is gone: the next worker will come */
    close(starter_fd);
    if (started)
        loop(&s);
    finish(&s);
    return started ? 0 : 1;
}

/* Wait for the background process to be ready. */
static int await(int fd)
{
    char text[sizeof((struct sq_err *)0)->text + 1];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text - 1 &&
           ((n = read(fd, text + len, sizeof text - 1 - len)) > 0 ||
            (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    if (len == 1)
        return 0;
    text[len] = 0;
    fprintf(stderr, "scitq-supervisor: %s\n", len ? text : "it died while starting");
    return 1;
}

int main(int argc, char **argv)
{
    int fds[2];
    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: scitq-supervisor STATE_DIR\n"
                        "It is started by scitq-worker.\n");
        return 2;
    }
    close_range(3, ~0u, 0); /* nothing of who started us reaches a command */
    if (pipe2(fds, O_CLOEXEC) < 0) {
        perror("scitq-supervisor: pipe");
        return 1;
    }
    pid_t pid = fork();
    if (pid < 0) {
        perror("scitq-supervisor: fork");
        return 1;
    }
    close(fds[pid ? 1 : 0]);
    return pid ? await(fds[0]) : serve(argv[1], fds[1]);
}
