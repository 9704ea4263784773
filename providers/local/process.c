/* Processes of machines.  A worker is started by a child that ends at once, in a
 * session of its own and with an environment that holds nothing of the server's
 * secrets.
 *
 * Whether one lives is told by the machine's lock, which it holds; what belongs to it
 * by the mark in /proc/PID/environ, which its supervisor and its commands inherit. */
#include "providers/local/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKEN_FILE "token"

enum {
    ENV_MAX = 64,
    ENVIRON_BYTES = 1 << 20, /* the mark of a worker is among the first */
    LOOK_MS = 20,
    LIMIT_MS = 20000 /* a process that SIGKILL does not end waits for a disk */
};

int process_lock(const struct folder *f, int *ret_fd, struct sq_err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/lock", (int)sizeof path - 100, f->path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return sq_fail(err, SQ_EIO, "cannot open %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return 0;
    }
    int e = errno;
    close(fd);
    if (e != EWOULDBLOCK)
        return sq_fail(err, SQ_EIO, "cannot lock %s: %s", path, strerror(e));
    *ret_fd = -1;
    return 0;
}

/* ---- starting */

static const char *const inherited[] = {"PATH",
                                        "HOME",
                                        "USER",
                                        "LOGNAME",
                                        "LANG",
                                        "LC_ALL",
                                        "TZ",
                                        "TMPDIR",
                                        "LD_LIBRARY_PATH",
                                        "ASAN_OPTIONS",
                                        "UBSAN_OPTIONS",
                                        "LSAN_OPTIONS",
                                        "SCITQ_SUPERVISOR",
                                        "SCITQ_FETCH",
                                        "SCITQ_WATCH",
                                        "SCITQ_CA",
                                        "SCITQ_PLUGIN_PATH",
                                        "SCITQ_CONTAINER_RUNTIME",
                                        "RCLONE_CONFIG",
                                        "XDG_RUNTIME_DIR",
                                        NULL};

struct start {
    const char *program;
    char *argv[16];
    char *env[ENV_MAX];
    int n_env;
    char log[PATH_MAX];
    bool failed; /* out of memory */
};

static void set(struct start *s, const char *name, const char *value)
{
    if (!value || s->n_env == ENV_MAX - 1)
        return;
    if (asprintf(&s->env[s->n_env], "%s=%s", name, value) < 0)
        s->failed = true;
    else
        s->n_env++;
}

static void set_path(struct start *s, const char *name, const struct folder *f,
                     const char *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/%s", (int)sizeof path - 100, f->path, file);
    set(s, name, path);
}

static void prepare(struct start *s, const struct folder *f,
                    const struct sq_launch *req, char concurrency[12])
{
    snprintf(concurrency, 12, "%d", req->concurrency);
    const char *const argv[] = {"scitq-worker", req->server, concurrency, "-n",
                                req->name,      "-b",        req->batch,  "-f",
                                req->flavor,    "-c",        "/dev/null", NULL};
    for (size_t i = 0; argv[i]; i++)
        s->argv[i] = (char *)argv[i];
    set(s, MARK, f->path);
    for (size_t i = 0; inherited[i]; i++)
        set(s, inherited[i], getenv(inherited[i]));
    if (req->worker_token)
        set_path(s, "SCITQ_TOKEN_FILE", f, TOKEN_FILE);
    set(s, "SCITQ_PERMANENT_WORKER", "0");
    set(s, "SCITQ_LAUNCH_TOKEN", req->token);
    set_path(s, "SCITQ_STATE_DIR", f, "state");
    set_path(s, "BASE_WORKDIR", f, "work");
    snprintf(s->log, sizeof s->log, "%.*s/log", (int)sizeof s->log - 100, f->path);
}

/* In the child and its child, between fork and exec: nothing that allocates or locks.
 */
static void become(const struct start *s, int lock, int tell)
{
    sigset_t none;
    int in = open("/dev/null", O_RDONLY);
    int out = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    setsid();
    if (fork() != 0)
        _exit(0);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
        dup2(tell, 4) < 0 || dup2(lock, 3) < 0)
        goto failed;
    syscall(SYS_close_range, 5u, ~0u, 0u);
    fcntl(4, F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") == 0)
        execve(s->program, s->argv, s->env);
    tell = 4;
failed:;
    int e = errno;
    ssize_t n = write(tell, &e, sizeof e);
    _exit(n < 0 ? 126 : 127);
}

/* The errno of what failed before the worker was one; 0: it is. */
static int wait_exec(pid_t pid, int fd)
{
    int e = 0;
    ssize_t n;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    do
        n = read(fd, &e, sizeof e);
    while (n < 0 && errno == EINTR);
    return n == sizeof e ? e : 0;
}

/* The descriptors the child moves to 3 and 4 must not be these numbers themselves. */
static int move_up(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    close(fd);
    return high;
}

static int spawn(const struct start *s, int lock, struct sq_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    ends[1] = move_up(ends[1]);
    lock = fcntl(lock, F_DUPFD_CLOEXEC, 10);
    pid_t pid = ends[1] < 0 || lock < 0 ? -1 : fork();
    if (pid == 0)
        become(s, lock, ends[1]);
    int e = pid < 0 ? errno : 0;
    close(ends[1]);
    close(lock);
    if (pid > 0)
        e = wait_exec(pid, ends[0]);
    close(ends[0]);
    if (e)
        return sq_fail(err, e == ENOENT || e == EACCES ? SQ_EINVAL : SQ_EIO,
                       "cannot start %s: %s (LOCAL_WORKER names the worker's program)",
                       s->program, strerror(e));
    return 0;
}

const char *process_told(struct sq_host *host)
{
    const char *told = host->setting(host, "LOCAL_WORKER");
    return told && *told ? told : NULL;
}

/* LOCAL_WORKER, or beside the server's own program, or where both are installed. */
static void find_program(struct sq_provider *p, char path[PATH_MAX])
{
    static const char *const places[] = {"", "/..", "/../sbin", "/../bin"};
    const char *told = process_told(p->host);
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; !told && i < sizeof places / sizeof *places; i++) {
        snprintf(path, PATH_MAX, "%.*s%s/scitq-worker", PATH_MAX - 100, self,
                 places[i]);
        if (access(path, X_OK) == 0)
            return;
    }
    snprintf(path, PATH_MAX, "%s", told ? told : "/usr/bin/scitq-worker");
}

/* In a file: an environment is read by whoever is the same user. */
static int write_token(const struct folder *f, const char *token, struct sq_err *err)
{
    char path[PATH_MAX];
    size_t len = token ? strlen(token) : 0;
    if (!len)
        return 0;
    snprintf(path, sizeof path, "%.*s/%s", (int)sizeof path - 100, f->path, TOKEN_FILE);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t n = fd < 0 ? -1 : write(fd, token, len);
    int e = errno;
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)len ? 0
                             : sq_fail(err, SQ_EIO, "cannot write %s: %s", path,
                                       n < 0 ? strerror(e) : "it is cut short");
}

int process_start(struct sq_provider *p, const struct folder *f,
                  const struct sq_launch *req, int lock, struct sq_err *err)
{
    char program[PATH_MAX], concurrency[12];
    struct start s = {.program = program};
    find_program(p, program);
    prepare(&s, f, req, concurrency);
    int rc = s.failed ? sq_fail(err, SQ_ENOMEM, "out of memory for a machine")
                      : write_token(f, req->worker_token, err);
    if (rc == 0)
        rc = spawn(&s, lock, err);
    for (int i = 0; i < s.n_env; i++)
        free(s.env[i]);
    return rc;
}

/* ---- finding and ending */

static bool has_mark(pid_t pid, const char *mark, char *text)
{
    char path[64];
    size_t len = 0, size = strlen(mark) + 1;
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n = 1; fd >= 0 && n > 0 && len < ENVIRON_BYTES; len += (size_t)n) {
        n = read(fd, text + len, ENVIRON_BYTES - len);
        if (n < 0)
            break;
    }
    if (fd >= 0)
        close(fd);
    for (size_t at = 0; at + size <= len; at += strnlen(text + at, len - at) + 1)
        if (memcmp(text + at, mark, size) == 0)
            return true;
    return false;
}

/* SIGKILL to all that bear the mark; how many there were, -1: errno. */
static int kill_marked(const char *mark, char *text)
{
    int n = 0;
    DIR *dir = opendir("/proc");
    if (!dir)
        return -1;
    for (struct dirent *e; (e = readdir(dir));) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid <= 1 || pid == getpid() || !has_mark(pid, mark, text))
            continue;
        /* Held while it is looked at again: the number is nobody else's meanwhile. */
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd >= 0 && has_mark(pid, mark, text) &&
            syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0)
            n++;
        if (fd >= 0)
            close(fd);
    }
    closedir(dir);
    return n;
}

int process_kill(struct sq_provider *p, const struct folder *f, struct sq_call *call,
                 struct sq_err *err)
{
    char mark[PATH_MAX + 40];
    char *text = malloc(ENVIRON_BYTES);
    int rc = text ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory for processes");
    int waited = 0, n = rc ? 0 : 1, lock = -1;
    snprintf(mark, sizeof mark, "%s=%s", MARK, f->path);
    /* A worker between fork and exec has no mark yet, but the lock. */
    while (rc == 0 && (n != 0 || lock < 0)) {
        n = kill_marked(mark, text);
        if (n < 0)
            rc = sq_fail(err, SQ_EIO, "cannot read /proc: %s", strerror(errno));
        if (rc == 0 && n == 0 && lock < 0)
            rc = process_lock(f, &lock, err);
        if (rc == 0 && (n || lock < 0))
            rc = p->host->pause(p->host, call, LOOK_MS, err);
        waited += LOOK_MS;
        if (rc == 0 && waited > LIMIT_MS)
            rc = sq_fail(err, SQ_EIO, "%d processes of %s do not end", n, f->path);
    }
    if (lock >= 0)
        close(lock);
    free(text);
    return rc;
}
