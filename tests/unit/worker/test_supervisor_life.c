/* The supervisor outlives its client, gives every exit until it is forgotten, and when
 * it dies itself its commands die with it.  It leaks nothing over many commands. */
#include "tests/unit/worker/supervisor_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_command_goes_on_without_a_client(void **state)
{
    struct world *w = *state;
    char line[40];
    int fd = fifo_new(w, "f"), go = fifo_new(w, "go");
    world_sh(w, 1, "exec 3>$W/f; echo up >&3; read x <> $W/go; echo $x; exit 3");
    pid_t pid = world_wait(w, SQ_SUP_STARTED, 1).pid;
    fifo_line(fd, line, sizeof line);
    world_close(w);
    world_open(w);
    assert_int_equal(world_wait(w, SQ_SUP_RUNNING, 1).pid, pid);
    assert_false(world_has(w, SQ_SUP_EXITED, 1));
    world_write(w, "go", "found\n", 1);
    assert_int_equal(WEXITSTATUS(world_end(w, 1)), 3);
    assert_string_equal(world_out(w, "out", NULL), "found\n");
    close(fd);
    close(go);
}

static void test_exit_is_repeated_until_forgotten(void **state)
{
    struct world *w = *state;
    int fd = fifo_new(w, "f");
    world_sh(w, 1, "exec 3>$W/f; exit 6");
    world_sh(w, 2, "exit 8");
    world_wait(w, SQ_SUP_STARTED, 1);
    world_close(w);
    fifo_end(fd); /* it ended while nobody was there */
    for (int i = 0; i < 2; i++) {
        world_open(w);
        struct sq_sup_event e = world_wait(w, SQ_SUP_EXITED, 1);
        assert_int_equal(WEXITSTATUS(e.exit.status), 6);
        assert_true(e.exit.end >= e.exit.start && e.exit.start > 0);
        assert_int_equal(WEXITSTATUS(world_wait(w, SQ_SUP_EXITED, 2).exit.status), 8);
        world_close(w);
    }
    world_open(w);
    world_end(w, 1);
    world_sync(w);
    world_close(w);
    world_open(w);
    assert_false(world_has(w, SQ_SUP_EXITED, 1));
    world_end(w, 2);
}

/* Another process connects, starts a command and is killed at once. */
static void run_doomed_client(struct world *w)
{
    pid_t pid = fork();
    if (pid == 0) {
        world_open(w);
        world_sh(w, 1, "exec 3>$W/f; echo up >&3; read x <> $W/go; exit 2");
        world_wait(w, SQ_SUP_STARTED, 1);
        kill(getpid(), SIGKILL);
    }
    assert_true(pid > 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void test_client_killed(void **state)
{
    struct world *w = *state;
    char line[40];
    int fd = fifo_new(w, "f"), go = fifo_new(w, "go");
    world_close(w);
    run_doomed_client(w);
    fifo_line(fd, line, sizeof line);
    world_open(w);
    assert_true(world_has(w, SQ_SUP_RUNNING, 1));
    world_write(w, "go", "x\n", 1);
    assert_int_equal(WEXITSTATUS(world_end(w, 1)), 2);
    close(fd);
    close(go);
}

static void stop_supervisor(struct world *w, int signal)
{
    pid_t pid = world_supervisor(w);
    kill(pid, signal);
    wait_pid_end(pid);
    world_wait(w, SQ_SUP_LOST, -1);
    world_close(w);
}

static void test_exits_survive_the_supervisor(void **state)
{
    static const int signals[] = {SIGKILL, SIGTERM};
    struct world *w = *state;
    for (size_t i = 0; i < SQ_LEN(signals); i++) {
        world_sh(w, 10, "exit 1");
        world_sh(w, 11, "exit 2");
        world_end(w, 10);
        world_wait(w, SQ_SUP_EXITED, 11);
        world_sync(w);
        stop_supervisor(w, signals[i]);
        world_open(w);
        assert_false(world_has(w, SQ_SUP_EXITED, 10));
        assert_int_equal(WEXITSTATUS(world_end(w, 11)), 2);
    }
}

static void test_stop_ends_the_commands(void **state)
{
    struct world *w = *state;
    char line[40];
    int fd = fifo_new(w, "f");
    world_sh(w, 1, "exec 3>$W/f; setsid sleep 1000 & echo up >&3; wait");
    fifo_line(fd, line, sizeof line);
    kill(world_supervisor(w), SIGTERM);
    assert_int_equal(WTERMSIG(world_wait(w, SQ_SUP_EXITED, 1).exit.status), SIGTERM);
    world_wait(w, SQ_SUP_LOST, -1);
    world_close(w);
    fifo_end(fd);
    world_open(w); /* still there for the next */
    assert_int_equal(WTERMSIG(world_end(w, 1)), SIGTERM);
}

static void test_supervisor_killed(void **state)
{
    struct world *w = *state;
    char line[40];
    int direct = fifo_new(w, "direct"), strays = fifo_new(w, "strays");
    world_sh(w, 1, "exec 3>$W/direct; echo up >&3; exec sleep 1000");
    world_sh(
        w, 2,
        "exec 3>$W/strays; (setsid sh -c 'echo up >&3; exec sleep 1000' &)\n"
        "setsid setsid sh -c 'trap \"\" TERM; echo up >&3; sleep 1000; sleep 1' &\n"
        "exec 3>&-; while :; do sleep 1000; done");
    fifo_line(direct, line, sizeof line);
    fifo_line(strays, line, sizeof line);
    fifo_line(strays, line, sizeof line);
    stop_supervisor(w, SIGKILL);
    fifo_end(direct); /* before anybody comes */
    world_open(w);
    fifo_end(strays);
    assert_false(world_has(w, SQ_SUP_RUNNING, -1));
    assert_false(world_has(w, SQ_SUP_EXITED, -1));
    world_sh(w, 1, "exit 0"); /* and life goes on */
    assert_int_equal(world_end(w, 1), 0);
}

static void append(struct world *w, const char *text)
{
    char path[120];
    snprintf(path, sizeof path, "%s/supervisor.journal", w->state_dir);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_torn_and_damaged_journal(void **state)
{
    struct world *w = *state;
    world_sh(w, 1, "exit 9");
    world_wait(w, SQ_SUP_EXITED, 1);
    stop_supervisor(w, SIGKILL);
    append(w, "E 5 6 0 0 1 2 3 4 00000000\n\nE\n E 1\nrubbish\nE 7 100 0 0 17");
    world_open(w);
    assert_int_equal(WEXITSTATUS(world_wait(w, SQ_SUP_EXITED, 1).exit.status), 9);
    assert_false(world_has(w, SQ_SUP_EXITED, 5));
    assert_false(world_has(w, SQ_SUP_EXITED, 7));
    world_sh(w, 8, "exit 4"); /* written where the torn line was */
    world_wait(w, SQ_SUP_EXITED, 8);
    stop_supervisor(w, SIGKILL);
    world_open(w);
    assert_int_equal(WEXITSTATUS(world_end(w, 8)), 4);
    assert_int_equal(WEXITSTATUS(world_end(w, 1)), 9);
}

static void test_quit_when_idle(void **state)
{
    struct world *w = *state;
    int go = fifo_new(w, "go");
    pid_t pid = world_supervisor(w);
    world_sh(w, 1, "read x <> $W/go");
    sq_sup_quit_when_idle(w->s, NULL);
    world_wait(w, SQ_SUP_STARTED, 1);
    world_close(w);
    world_open(w); /* whoever comes meanwhile keeps it */
    assert_int_equal(world_supervisor(w), pid);
    sq_sup_quit_when_idle(w->s, NULL);
    world_write(w, "go", "x\n", 1);
    world_wait(w, SQ_SUP_EXITED, 1);
    world_wait(w, SQ_SUP_LOST, -1);
    wait_pid_end(pid);
    world_close(w);
    world_open(w);
    assert_int_not_equal(world_supervisor(w), pid);
    world_end(w, 1);
    close(go);
}

static int run_program(const char *arg, char *said, size_t size)
{
    char command[400];
    int status;
    snprintf(command, sizeof command, "%s", getenv("SCITQ_SUPERVISOR"));
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        execl(command, command, arg, NULL);
        _exit(99);
    }
    close(fds[1]);
    size_t n = 0;
    ssize_t got;
    while ((got = read(fds[0], said + n, size - 1 - n)) > 0)
        n += (size_t)got;
    said[n] = 0;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void test_second_instance_is_refused(void **state)
{
    struct world *w = *state;
    char said[400], expected[200];
    assert_int_equal(run_program(w->state_dir, said, sizeof said), 1);
    snprintf(expected, sizeof expected,
             "scitq-supervisor: a supervisor already serves %s\n", w->state_dir);
    assert_string_equal(said, expected);
    assert_int_equal(run_program("/no/such/folder", said, sizeof said), 1);
    assert_non_null(strstr(said, "cannot use /no/such/folder"));
    assert_int_equal(run_program(NULL, said, sizeof said), 2);
    assert_non_null(strstr(said, "usage"));
    world_sh(w, 1, "exit 0");
    assert_int_equal(world_end(w, 1), 0);
}

static void test_program_that_is_absent_is_named(void **state)
{
    struct world *w = *state;
    struct sq_err err = {0};
    struct sq_sup *s = NULL;
    char program[400];
    snprintf(program, sizeof program, "%s", getenv("SCITQ_SUPERVISOR"));
    setenv("SCITQ_SUPERVISOR", "/no/such/program", 1);
    assert_int_equal(sq_sup_open(w->dir, NULL, NULL, &s, &err), SQ_EIO);
    assert_non_null(strstr(err.text, "/no/such/program"));
    setenv("SCITQ_SUPERVISOR", program, 1);
    assert_int_equal(sq_sup_open("/no/such/folder", NULL, NULL, &s, &err), SQ_EIO);
    assert_non_null(strstr(err.text, "/no/such/folder"));
    assert_null(s);
}

/* A client that speaks nonsense loses its connection and nothing else. */
static void test_nonsense_is_dropped(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"GET / HTTP/1.0\r\n\r\n", 18},
        {"\xff\xff\xff\xff\1\0\0\0", 8}, /* a length over the limit */
        {"\0\0\0\0\x63\0\0\0", 8},       /* no such kind */
        {"\4\0\0\0\2\0\0\0abcd", 12},    /* too short a signal */
        {"\4\0\0\0\3\0\0\0abcd", 12},
    };
    struct world *w = *state;
    int go = fifo_new(w, "go");
    world_sh(w, 1, "read x <> $W/go");
    world_wait(w, SQ_SUP_STARTED, 1);
    for (size_t turn = 0; turn < 2 * SQ_LEN(rows); turn++) {
        size_t i = turn / 2;
        bool attached = turn % 2;
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        char sink[4096];
        snprintf(a.sun_path, sizeof a.sun_path, "%s/supervisor.sock", w->state_dir);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
        if (attached)
            assert_int_equal(send(fd, "\0\0\0\0\5\0\0\0", 8, MSG_NOSIGNAL), 8);
        assert_int_equal(send(fd, rows[i].bytes, rows[i].len, MSG_NOSIGNAL),
                         rows[i].len);
        while (recv(fd, sink, sizeof sink, 0) > 0)
            ; /* until it hangs up */
        close(fd);
    }
    world_close(w);
    world_open(w);
    assert_true(world_has(w, SQ_SUP_RUNNING, 1));
    world_write(w, "go", "x\n", 1);
    assert_int_equal(world_end(w, 1), 0);
    close(go);
}

/* A spawn whose counts lie about its texts fails, and says so. */
static void test_lying_spawns_fail(void **state)
{
    static const struct {
        unsigned argc, envc;
        const char *texts;
        size_t len;
    } rows[] = {
        {0, 0, "/\0o\0e\0", 6},
        {1, 0, "/\0o\0e\0", 6},
        {1, 0, "/\0o\0e\0true", 10}, /* no final 0 */
        {1, 0, "/\0o\0e\0true\0more\0", 16},
        {0xffffffff, 0xffffffff, "/\0o\0e\0true\0", 11},
    };
    struct world *w = *state;
    world_sync(w);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct {
            unsigned len, kind;
            int64_t id;
            unsigned argc, envc;
        } head = {16 + (unsigned)rows[i].len, 1, 5, rows[i].argc, rows[i].envc};
        int fd = sq_sup_fd(w->s);
        assert_int_equal(send(fd, &head, sizeof head, 0), sizeof head);
        assert_int_equal(send(fd, rows[i].texts, rows[i].len, 0), rows[i].len);
        assert_string_equal(world_wait(w, SQ_SUP_FAILED, 5).text,
                            "a malformed request to start a command");
    }
}

static int count_entries(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int count_groups(struct world *w)
{
    char base[600];
    snprintf(base, sizeof base, "%s", world_out(w, "state/supervisor.groups", NULL));
    base[strcspn(base, "\n")] = 0;
    return base[0] ? count_entries(base) : 0;
}

static void run_burst(struct world *w, int64_t first, int n, int at_once)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    char *const envp[] = {(char[]){"PATH=/bin"}, NULL};
    int started = 0, ended = 0;
    while (ended < n) {
        while (started < n && started - ended < at_once)
            world_spawn(w, first + started++, argv, envp);
        struct sq_sup_event e = world_wait(w, SQ_SUP_EXITED, -1);
        assert_int_equal(e.exit.status, 0);
        sq_sup_forget(w->s, e.id, NULL);
        world_wait(w, SQ_SUP_STARTED, e.id);
        ended++;
    }
}

static void test_ten_thousand_commands_leave_nothing(void **state)
{
    enum { AT_ONCE = 8 };
    struct world *w = *state;
    char fds[40];
    run_burst(w, 1, 100, AT_ONCE); /* now everything that is made once is made */
    snprintf(fds, sizeof fds, "/proc/%d/fd", world_supervisor(w));
    int n_fds = count_entries(fds), n_files = count_entries(w->state_dir);
    int n_groups = w->without_groups ? 0 : count_groups(w);
    run_burst(w, 1000, w->without_groups ? 1000 : 10000, AT_ONCE);
    world_sync(w);
    assert_int_equal(count_entries(fds), n_fds);
    assert_int_equal(count_entries(w->state_dir), n_files);
    if (!w->without_groups)
        assert_int_equal(count_groups(w), n_groups);
    size_t len;
    world_out(w, "state/supervisor.journal", &len);
    assert_in_range(len, 0, 100000);
    world_close(w);
    world_open(w);
    assert_false(world_has(w, SQ_SUP_EXITED, -1));
}

static void test_it_is_small(void **state)
{
    struct world *w = *state;
    char path[40], line[200];
    long kb = 0;
    run_burst(w, 1, 200, 8);
    snprintf(path, sizeof path, "/proc/%d/status", world_supervisor(w));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    fclose(f);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    assert_in_range(kb, 1, 2048);
#endif
}

/* Whoever started it: lib/slice.h. */
static void test_it_asks_for_short_slices(void **state)
{
    struct world *w = *state;
    /* struct sched_attr, of which the slice is the fourth eight bytes */
    uint64_t ours[6] = {0}, its[6] = {0};
    assert_int_equal(syscall(SYS_sched_getattr, 0, ours, sizeof ours, 0), 0);
    if (ours[3] == 0)
        skip(); /* this kernel has none to ask for */
    pid_t pid = world_supervisor(w);
    assert_int_equal(syscall(SYS_sched_getattr, pid, its, sizeof its, 0), 0);
    assert_int_equal(its[3], 100000);
    assert_int_not_equal(ours[3], its[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_command_goes_on_without_a_client),
        WORLD_TEST(test_exit_is_repeated_until_forgotten),
        WORLD_TEST(test_client_killed),
        WORLD_TEST(test_exits_survive_the_supervisor),
        WORLD_TEST(test_stop_ends_the_commands),
        WORLD_TEST(test_supervisor_killed),
        WORLD_TEST(test_torn_and_damaged_journal),
        WORLD_TEST(test_quit_when_idle),
        WORLD_TEST(test_second_instance_is_refused),
        WORLD_TEST(test_program_that_is_absent_is_named),
        WORLD_TEST(test_nonsense_is_dropped),
        WORLD_TEST(test_lying_spawns_fail),
        WORLD_TEST(test_ten_thousand_commands_leave_nothing),
        WORLD_TEST(test_it_is_small),
        WORLD_TEST(test_it_asks_for_short_slices),
    };
    return world_run(tests, SQ_LEN(tests));
}
