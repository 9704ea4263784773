/* Programs in the foreground.
 *
 * They belong to our process group, which the terminal sends Ctrl-C and Ctrl-\ to:
 * those are ignored here while a program runs, and its end decides.  A SIGTERM or
 * SIGHUP of ours is passed on to it. */
#include "cli/manage/debug.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/uri.h"
#include "lib/words.h"

enum { WORDS_BYTES = 64 << 20, NOT_FOUND = 127, NOT_RUN = 126 };

static volatile sig_atomic_t child;

static void pass_on(int number)
{
    if (child > 0)
        kill((pid_t)child, number);
}

static const struct {
    int number;
    void (*handler)(int);
} ours[] = {
    {SIGINT, SIG_IGN}, {SIGQUIT, SIG_IGN}, {SIGTERM, pass_on}, {SIGHUP, pass_on}};

/* How signals were taken before. */
struct before {
    struct sigaction actions[SQ_LEN(ours)];
    sigset_t mask;
};

/* Take them our way; none comes before let_signals: there is nobody to pass it on to.
 */
static void hold_signals(struct before *b)
{
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < SQ_LEN(ours); i++) {
        struct sigaction now = {.sa_handler = ours[i].handler};
        sigaddset(&held, ours[i].number);
        sigaction(ours[i].number, &now, &b->actions[i]);
    }
    sigprocmask(SIG_BLOCK, &held, &b->mask);
}

static void let_signals(const struct before *b)
{
    sigprocmask(SIG_SETMASK, &b->mask, NULL);
}

static void restore_actions(const struct before *b)
{
    for (size_t i = 0; i < SQ_LEN(ours); i++)
        sigaction(ours[i].number, &b->actions[i], NULL);
}

/* In the child. */
static void become(const struct sq_debug *d, char *const *words, char *const *env,
                   const struct before *b, pid_t parent)
{
    restore_actions(b);
    let_signals(b);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || fchdir(d->dir) != 0 ||
        (d->json && dup2(STDERR_FILENO, STDOUT_FILENO) < 0))
        _exit(NOT_RUN);
    execvpe(words[0], words, env);
    int e = errno;
    sq_cli_note(d->cli, "cannot run %s: %s", words[0], strerror(e));
    _exit(e == ENOENT ? NOT_FOUND : NOT_RUN);
}

/* Wait for its end.  Until it is reaped its number is nobody else's. */
static int wait_for(pid_t pid, int *ret_status)
{
    siginfo_t info;
    int rc;
    do
        rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    while (rc != 0 && errno == EINTR);
    child = 0;
    if (rc == 0)
        while ((rc = waitpid(pid, ret_status, 0)) < 0 && errno == EINTR)
            ;
    return rc < 0 ? -errno : 0;
}

int sq_debug_program(struct sq_debug *d, char *const *words, char *const *env,
                     int *ret_status, struct sq_err *err)
{
    struct before before;
    pid_t parent = getpid(), pid;
    int e = 0;
    fflush(d->cli->out);
    hold_signals(&before);
    pid = fork();
    if (pid == 0)
        become(d, words, env, &before, parent);
    e = pid < 0 ? errno : 0;
    child = pid > 0 ? pid : 0;
    let_signals(&before);
    if (pid > 0)
        e = -wait_for(pid, ret_status);
    restore_actions(&before);
    if (pid < 0)
        return sq_fail(err, SQ_ENOMEM, "cannot start %s: %s", words[0], strerror(e));
    if (e)
        return sq_fail(err, SQ_EIO, "cannot wait for %s: %s", words[0], strerror(e));
    return 0;
}

static int fetch_one(struct sq_debug *d, char *uri, const char *name,
                     struct sq_err *err)
{
    struct sq_arena *arena = &d->cli->args.arena;
    const char *program = sq_task_fetch_program();
    char *to = sq_arena_printf(arena, "%s/%s/", d->folder, name);
    char *words[8] = {sq_arena_strdup(arena, program)};
    size_t n = 1;
    int status = 0;
    if (d->settings) {
        words[n++] = sq_arena_strdup(arena, "-c");
        words[n++] = d->settings;
    }
    words[n++] = sq_arena_strdup(arena, "copy");
    words[n++] = sq_arena_strdup(arena, "--");
    words[n++] = uri;
    words[n++] = to;
    for (size_t i = 0; i < n; i++)
        if (!words[i])
            return sq_fail(err, SQ_ENOMEM, "out of memory");
    sq_cli_note(d->cli, "fetching %.300s into %s", uri, name);
    /* It reads settings of ours, which a task's environment lacks. */
    int rc = sq_debug_program(d, words, environ, &status, err);
    if (rc == 0 && status != 0)
        rc = sq_fail(err, SQ_EIO, "the %s %.300s cannot be had: nothing was run", name,
                     uri);
    return rc;
}

int sq_debug_fetch(struct sq_debug *d, const char *uris, const char *name,
                   struct sq_err *err)
{
    const char *at;
    size_t len;
    int rc = 0;
    while (rc == 0 && (at = sq_uri_next(&uris, &len))) {
        char *uri = sq_arena_memdup(&d->cli->args.arena, at, len);
        rc = uri ? fetch_one(d, uri, name, err)
                 : sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    return rc;
}

int sq_debug_command(struct sq_debug *d, int *ret_code, struct sq_err *err)
{
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    char **words, **env;
    size_t n;
    int status = 0;
    sq_arena_init(&arena, WORDS_BYTES);
    int rc = sq_words_split(d->command ? d->command : "", &arena, &words, &n, err);
    if (rc == 0 && n == 0)
        rc = sq_fail(err, SQ_EINVAL, "the command is empty");
    if (rc)
        return rc;
    env = sq_task_env_make(&d->env, d->folder, sq_task_cores(), &arena);
    if (!env)
        return sq_fail(err, SQ_ENOMEM, "no memory for the environment");
    rc = sq_debug_program(d, words, env, &status, err);
    if (rc == 0 && WIFSIGNALED(status))
        sq_cli_note(d->cli, "the command was killed by signal %d (%s)",
                    WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (rc == 0)
        *ret_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return rc;
}
