/* Fixtures of the supervisor's tests.  Nothing here sleeps: a test waits for an event,
 * a fifo or a pidfd, and fails when that takes 30 s. */
#include "tests/unit/worker/supervisor_world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/file.h"

enum { PATIENCE_MS = 30000, SYNC_ID = 900000000 };

static struct world *worlds; /* the latest first */

static void record(void *arg, const struct sq_sup_event *event)
{
    struct world *w = arg;
    assert_in_range(w->n, 0, WORLD_EVENTS - 1);
    struct world_event *e = &w->events[w->n++];
    e->e = *event;
    snprintf(e->text, sizeof e->text, "%s", event->text ? event->text : "");
}

static void wait_readable(int fd, unsigned events)
{
    struct pollfd p = {.fd = fd, .events = (short)events};
    int n;
    do
        n = poll(&p, 1, PATIENCE_MS);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        fail_msg("nothing happened for %d s", PATIENCE_MS / 1000);
}

static int find(const struct world *w, enum sq_sup_event_kind kind, int64_t id)
{
    for (int i = 0; i < w->n; i++)
        if (w->events[i].e.kind == kind && (id == -1 || w->events[i].e.id == id))
            return i;
    return -1;
}

bool world_has(const struct world *w, enum sq_sup_event_kind kind, int64_t id)
{
    return find(w, kind, id) >= 0;
}

struct sq_sup_event world_wait(struct world *w, enum sq_sup_event_kind kind, int64_t id)
{
    static struct world_event found;
    int i;
    while ((i = find(w, kind, id)) < 0) {
        wait_readable(sq_sup_fd(w->s), sq_sup_wanted(w->s));
        sq_sup_dispatch(w->s);
    }
    found = w->events[i];
    memmove(&w->events[i], &w->events[i + 1],
            (size_t)(--w->n - i) * sizeof w->events[0]);
    found.e.text = found.text;
    return found.e;
}

void world_open(struct world *w)
{
    struct sq_err err = {0};
    w->n = 0;
    OK(err, sq_sup_open(w->state_dir, record, w, &w->s, &err));
    sq_closep(&w->pidfd);
    w->pidfd = (int)syscall(SYS_pidfd_open, world_supervisor(w), 0);
    world_wait(w, SQ_SUP_READY, -1);
}

void world_close(struct world *w)
{
    sq_sup_close(w->s);
    w->s = NULL;
}

pid_t world_supervisor(const struct world *w)
{
    struct ucred who;
    socklen_t len = sizeof who;
    assert_int_equal(getsockopt(sq_sup_fd(w->s), SOL_SOCKET, SO_PEERCRED, &who, &len),
                     0);
    return who.pid;
}

void world_spawn(struct world *w, int64_t id, char *const *argv, char *const *envp)
{
    char work[100], out[100], error[100];
    struct sq_err err = {0};
    snprintf(work, sizeof work, "%s/work", w->dir);
    snprintf(out, sizeof out, "%s/out", w->dir);
    snprintf(error, sizeof error, "%s/err", w->dir);
    struct sq_spawn req = {.id = id,
                           .argv = argv,
                           .envp = envp,
                           .workdir = work,
                           .stdout_path = out,
                           .stderr_path = error};
    OK(err, sq_sup_spawn(w->s, &req, &err));
}

void world_sh(struct world *w, int64_t id, const char *script)
{
    char dir[100], *text = strdup(script);
    snprintf(dir, sizeof dir, "W=%s", w->dir);
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, text, NULL};
    char *const envp[] = {(char[]){"PATH=/usr/local/bin:/usr/bin:/bin"}, dir, NULL};
    world_spawn(w, id, argv, envp);
    free(text);
}

int world_end(struct world *w, int64_t id)
{
    struct sq_sup_event e = world_wait(w, SQ_SUP_EXITED, id);
    assert_int_equal(sq_sup_forget(w->s, id, NULL), 0);
    return e.exit.status;
}

void world_sync(struct world *w)
{
    char *const argv[] = {(char[]){"no-such-command"}, NULL};
    char *const envp[] = {NULL};
    world_spawn(w, SYNC_ID, argv, envp);
    world_wait(w, SQ_SUP_FAILED, SYNC_ID);
}

const char *world_out(struct world *w, const char *name, size_t *ret_len)
{
    static struct sq_buf text;
    struct sq_err err = {0};
    char path[100];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    sq_buf_fini(&text);
    sq_buf_init(&text, 64 << 20);
    OK(err, sq_file_read(path, &text, &err));
    sq_buf_add(&text, "", 0); /* a 0 even after nothing */
    if (ret_len)
        *ret_len = text.len;
    return text.data;
}

int fifo_new(struct world *w, const char *name)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(mkfifo(path, 0666), 0);
    /* Without waiting for a writer; fifo_line waits for one. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

void fifo_line(int fd, char *line, size_t size)
{
    size_t n = 0;
    while (n == 0 || line[n - 1] != '\n') {
        assert_true(n < size - 1);
        wait_readable(fd, POLLIN);
        ssize_t got = read(fd, line + n, 1);
        assert_int_equal(got, 1);
        n++;
    }
    line[n - 1] = 0;
}

void fifo_end(int fd)
{
    char c[512];
    ssize_t n;
    do {
        wait_readable(fd, POLLIN);
        n = read(fd, c, sizeof c);
    } while (n > 0 || (n < 0 && errno == EAGAIN));
    assert_int_equal(n, 0);
    close(fd);
}

void fifo_remove(struct world *w, const char *name)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(unlink(path), 0);
}

void world_write(struct world *w, const char *name, const char *text, int times)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "r+"); /* a writer and a reader: does not wait for one */
    assert_non_null(f);
    for (int i = 0; i < times; i++)
        fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

void wait_pid_end(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return; /* gone already */
    wait_readable(fd, POLLIN);
    close(fd);
}

static void choose(bool without_groups)
{
    char path[PATH_MAX];
    const char *top = getenv("top_builddir");
    snprintf(path, sizeof path, "%s/scitq-supervisor", top ? top : ".");
    setenv("SCITQ_SUPERVISOR", path, 1);
    if (without_groups)
        setenv("SCITQ_NO_CGROUP", "1", 1);
    else
        unsetenv("SCITQ_NO_CGROUP");
}

int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[100];
    w->without_groups = *state != NULL;
    w->pidfd = -1;
    w->next = worlds;
    worlds = w;
    choose(w->without_groups);
    signal(SIGPIPE, SIG_IGN);
    strcpy(w->dir, "/tmp/scitq-supervisor-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->state_dir, sizeof w->state_dir, "%s/state", w->dir);
    assert_int_equal(mkdir(w->state_dir, 0700), 0);
    snprintf(path, sizeof path, "%s/work", w->dir);
    assert_int_equal(mkdir(path, 0777), 0);
    world_open(w);
    *state = w;
    return 0;
}

/* No folder of its groups may be left: their names are in the file it removes. */
static void check_nothing_left(struct world *w)
{
    char path[120];
    snprintf(path, sizeof path, "%s/supervisor.groups", w->state_dir);
    assert_int_equal(access(path, F_OK), -1);
    if (!w->leaves_log)
        assert_string_equal(world_out(w, "state/supervisor.log", NULL), "");
}

static bool signal_and_wait(int pidfd, int signal)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    int n;
    syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
    do
        n = poll(&ended, 1, PATIENCE_MS);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/* True when the supervisor obeyed.  Asserts nothing: what follows must be done. */
static bool end_supervisor(struct world *w)
{
    bool obeyed = w->pidfd < 0 || signal_and_wait(w->pidfd, SIGTERM);
    if (!obeyed)
        signal_and_wait(w->pidfd, SIGKILL);
    sq_closep(&w->pidfd);
    w->pidfd = -1;
    return obeyed;
}

/* When a setup failed there is no teardown. */
static void end_all(void)
{
    for (; worlds; worlds = worlds->next)
        end_supervisor(worlds);
}

int world_teardown(void **state)
{
    struct world *w = *state;
    struct sq_err err = {0};
    bool obeyed = true;
    for (bool more = true; more; worlds = worlds->next) {
        more = worlds != w;
        obeyed &= end_supervisor(worlds);
    }
    world_close(w);
    assert_true(obeyed);
    check_nothing_left(w);
    OK(err, sq_dir_remove(w->dir, &err));
    free(w);
    return 0;
}

int world_run_with_groups(const struct CMUnitTest *tests, size_t n)
{
    atexit(end_all);
    return _cmocka_run_group_tests("supervisor", tests, n, NULL, NULL);
}

int world_run(const struct CMUnitTest *tests, size_t n)
{
    enum { MAX = 50 };
    static char names[MAX][120];
    static bool yes = true;
    struct CMUnitTest both[2 * MAX];
    assert_true(n <= MAX);
    memcpy(both, tests, n * sizeof *tests);
    memcpy(both + n, tests, n * sizeof *tests);
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "%s, without groups", tests[i].name);
        both[n + i].name = names[i];
        both[n + i].initial_state = &yes;
    }
    return world_run_with_groups(both, 2 * n);
}
