/* Starting one command as posix_spawn() does it: the child shares our memory on a stack
 * of its own while we wait for its exec, so that nothing is copied.  posix_spawn()
 * itself cannot do it all: enter a folder (not everywhere), die with its parent, be
 * born in a cgroup.
 *
 * Being born there (clone3, CLONE_INTO_CGROUP) is free, where writing to cgroup.procs
 * waits for an RCU grace period on most kernels.  glibc has no wrapper for clone3, and
 * a child on a new stack cannot return through syscall(): hence a few lines of
 * assembly, for the two machines people compute on; elsewhere commands run without a
 * group.
 *
 * The child shares everything but descriptors and signal dispositions: it only makes
 * system calls, and writes only its own stack and `struct child`. */
#include "worker/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/slice.h"

enum { STACK_BYTES = 128 << 10 };
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define INTO_CGROUP 0x200000000ull

enum stage { SETUP, FOLDER, OUTPUT, EXEC, INTERPRETER /* it is absent */ };

struct child {
    const struct sq_start *req;
    pid_t parent;
    bool born; /* it ran its first instruction */
    enum stage stage;
    int error; /* errno of what failed; 0 once the command runs */
};

/* As the kernel's first version of struct clone_args, with the cgroup of 5.7. */
struct clone_request {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
        set_tid, set_tid_size, cgroup;
};

static char child_stack[STACK_BYTES] __attribute__((aligned(64)));

#define NO_ASAN __attribute__((no_sanitize("address", "undefined")))

/* Reset to what a process of nobody's special care has. */
static NO_ASAN void reset_oom_score(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "0", 1) < 0)
        return; /* we may not: the command runs all the same */
}

/* A session costs a third of a start where Linux makes a scheduling group of each
 * (sched_autogroup); only without a control group is it needed, to know who belongs to
 * the command. */
static NO_ASAN void lead(const struct sq_start *req)
{
    if (req->group_fd >= 0 || req->join_fd >= 0)
        setpgid(0, 0);
    else
        setsid();
}

static NO_ASAN int setup(struct child *c)
{
    sigset_t none;
    lead(c->req);
    sq_slice_restore();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != c->parent) /* it died before the line above */
        _exit(127);
    if (c->req->join_fd >= 0 && write(c->req->join_fd, "0", 1) < 0)
        return -1;
    if (c->req->reset_oom_score)
        reset_oom_score();
    setrlimit(RLIMIT_NOFILE, c->req->files);
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

static NO_ASAN const char *path_of(char *const *envp)
{
    for (; *envp; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0)
            return *envp + 5;
    return DEFAULT_PATH;
}

/* execve() each candidate of PATH as execvp() would; errno says why none ran. */
static NO_ASAN void exec_in_path(struct child *c)
{
    char *const *argv = c->req->argv, *const *envp = c->req->envp;
    const char *name = argv[0];
    char path[PATH_MAX];
    size_t name_len = strlen(name);
    int error = ENOENT;
    const char *dir = path_of(envp), *end;
    if (!name_len) {
        errno = ENOENT;
        return;
    }
    do {
        end = strchrnul(dir, ':');
        size_t len = (size_t)(end - dir);
        if (len + name_len + 2 > sizeof path)
            continue;
        memcpy(path, dir, len);
        path[len] = '/';
        memcpy(path + len + (len > 0), name, name_len + 1); /* "" is this folder */
        execve(path, argv, envp);
        if (errno == EACCES)
            error = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            return;
        else if (errno == ENOENT && access(path, F_OK) == 0)
            c->stage = INTERPRETER;
    } while (dir = end + 1, *end);
    errno = error;
}

static NO_ASAN int child_main(void *arg)
{
    struct child *c = arg;
    const struct sq_start *req = c->req;
    c->born = true;
    if (setup(c) < 0)
        goto fail;
    c->stage = FOLDER;
    if (chdir(req->workdir) < 0)
        goto fail;
    c->stage = OUTPUT;
    if (dup2(req->stdout_fd, STDOUT_FILENO) < 0 ||
        dup2(req->stderr_fd, STDERR_FILENO) < 0)
        goto fail;
    c->stage = EXEC;
    if (!strchr(req->argv[0], '/')) {
        exec_in_path(c);
    } else {
        execve(req->argv[0], req->argv, req->envp);
        if (errno == ENOENT && access(req->argv[0], F_OK) == 0)
            c->stage = INTERPRETER;
        errno = c->stage == INTERPRETER ? ENOENT : errno;
    }
fail:
    c->error = errno;
    _exit(127);
}

/* clone3() onto a new stack: the child calls fn(arg), which never returns. */
#if defined(__x86_64__)
static long clone3_call(struct clone_request *req, int (*fn)(void *), void *arg)
{
    long ret = SYS_clone3;
    register void *r8 __asm__("r8") = (void *)fn;
    register void *r9 __asm__("r9") = arg;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r9, %%rdi\n\t"
                     "call *%%r8\n\t"
                     "hlt\n"
                     "1:"
                     : "+a"(ret)
                     : "D"(req), "S"(sizeof *req), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory", "cc");
    return ret;
}
#elif defined(__aarch64__)
static long clone3_call(struct clone_request *req, int (*fn)(void *), void *arg)
{
    register long x0 __asm__("x0") = (long)req;
    register long x1 __asm__("x1") = sizeof *req;
    register long x8 __asm__("x8") = SYS_clone3;
    register void *x9 __asm__("x9") = (void *)fn;
    register void *x10 __asm__("x10") = arg;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, 0\n\t"
                     "mov x0, x10\n\t"
                     "blr x9\n\t"
                     "brk 0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x1), "r"(x8), "r"(x9), "r"(x10)
                     : "memory", "cc");
    return x0;
}
#else
static long clone3_call(struct clone_request *req, int (*fn)(void *), void *arg)
{
    return -ENOSYS;
}
#endif

static pid_t clone_into_group(struct child *c)
{
    struct clone_request req = {
        .flags = CLONE_VM | CLONE_VFORK | INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)child_stack,
        .stack_size = sizeof child_stack,
        .cgroup = (uint64_t)c->req->group_fd,
    };
    long pid = clone3_call(&req, child_main, c);
    if (pid < 0)
        errno = (int)-pid;
    return pid < 0 ? -1 : (pid_t)pid;
}

static int say_exec(const char *name, int error, struct sq_err *err)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return sq_fail(err, SQ_ENOENT, "no such command: %s", name);
    case EACCES: return sq_fail(err, SQ_EINVAL, "permission denied: %s", name);
    case E2BIG:
        return sq_fail(err, SQ_EINVAL, "too long a command or environment: %s", name);
    case ENOEXEC:
        return sq_fail(err, SQ_EINVAL,
                       "cannot run %s: not a program (a script starts with #!)", name);
    default: return sq_fail(err, SQ_EIO, "cannot run %s: %s", name, strerror(error));
    }
}

static int say(const struct child *c, struct sq_err *err)
{
    const char *why = strerror(c->error);
    switch (c->stage) {
    case SETUP: return sq_fail(err, SQ_EUNSUPPORTED, "cannot enter a cgroup: %s", why);
    case FOLDER:
        return sq_fail(err, SQ_EIO, "cannot enter directory %s: %s", c->req->workdir,
                       why);
    case OUTPUT: return sq_fail(err, SQ_EIO, "cannot redirect its output: %s", why);
    case INTERPRETER:
        return sq_fail(err, SQ_ENOENT, "cannot run %s: its interpreter does not exist",
                       c->req->argv[0]);
    default: return say_exec(c->req->argv[0], c->error, err);
    }
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int start_in_group(struct child *c, pid_t *ret, struct sq_err *err)
{
    pid_t pid = clone_into_group(c);
    if (pid < 0 && (errno == EAGAIN || errno == ENOMEM))
        return sq_fail(err, SQ_EIO, "cannot start a process: %s", strerror(errno));
    if (pid < 0)
        return sq_fail(err, SQ_EUNSUPPORTED, "cannot start in a cgroup: %s",
                       strerror(errno));
    if (!c->born) { /* see sq_groups_give() */
        reap(pid);
        return sq_fail(err, SQ_EUNSUPPORTED, "what starts in a cgroup is killed");
    }
    *ret = pid;
    return 0;
}

static int start_plain(struct child *c, pid_t *ret, struct sq_err *err)
{
    pid_t pid = clone(child_main, child_stack + sizeof child_stack,
                      CLONE_VM | CLONE_VFORK | SIGCHLD, c);
    if (pid < 0)
        return sq_fail(err, SQ_EIO, "cannot start a process: %s", strerror(errno));
    *ret = pid;
    return 0;
}

int sq_start_command(const struct sq_start *req, pid_t *ret, struct sq_err *err)
{
    struct child c = {.req = req, .parent = getpid()};
    pid_t pid = 0;
    int code =
        req->group_fd >= 0 ? start_in_group(&c, &pid, err) : start_plain(&c, &pid, err);
    if (code < 0)
        return code;
    if (c.error) {
        reap(pid);
        return say(&c, err);
    }
    *ret = pid;
    return 0;
}
