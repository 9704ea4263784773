/* Signals and ends reach the whole tree of a command, whatever it does to hide, and
 * nobody else.  Processes hold a fifo open: its end says that the last of them is gone.
 */
#include "tests/unit/worker/supervisor_world.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A command of several processes that all hold the fifo `f`, each having said its
 * number on it: shell, child, grandchild, one in a session of its own. */
#define FAMILY                                                                         \
    "exec 3>$W/f\n"                                                                    \
    "member='echo $$ >&3; while :; do sleep 1000; done'\n"                             \
    "sh -c \"$member\" & sh -c \"sh -c '$member' & wait\" &\n"                         \
    "setsid sh -c \"$member\" &\n"

enum { FAMILY_SIZE = 3 };

static void read_family(int fd, pid_t pids[FAMILY_SIZE])
{
    char line[40];
    for (int i = 0; i < FAMILY_SIZE; i++) {
        fifo_line(fd, line, sizeof line);
        pids[i] = atoi(line);
        assert_true(pids[i] > 1);
    }
}

static void test_signals_reach_the_whole_tree(void **state)
{
    static const int signals[] = {SIGTERM, SIGKILL, SIGQUIT, SIGINT};
    struct world *w = *state;
    char line[40];
    for (size_t i = 0; i < SQ_LEN(signals); i++) {
        int fd = fifo_new(w, "f");
        world_sh(w, (int64_t)i,
                 "trap '' INT QUIT; " FAMILY "trap - INT QUIT; echo 0 >&3; wait");
        for (int k = 0; k <= FAMILY_SIZE; k++)
            fifo_line(fd, line, sizeof line);
        /* Only what a shell starts with & ignores these: then the end of the command
         * takes them. */
        sq_sup_signal(w->s, (int64_t)i, signals[i], NULL);
        assert_int_equal(WTERMSIG(world_end(w, (int64_t)i)), signals[i]);
        fifo_end(fd);
        fifo_remove(w, "f");
    }
}

/* As systemd-run --scope does, and what gives a login a session. */
#define LEAVE                                                                          \
    "leave() { for g in unified/ memory/ ''; do "                                      \
    "sh -c \"echo $1 >/sys/fs/cgroup/${g}cgroup.procs\" 2>/dev/null; done; }; "
static void test_signals_find_who_left_its_control_group(void **state)
{
    static const char *const scripts[] = {
        "leave $$; echo 0 >&3; while :; do sleep 1000; done",
        "setsid sleep 1000 & leave $!; echo 0 >&3; wait",
    };
    static const int signals[] = {SIGTERM, SIGKILL};
    struct world *w = *state;
    char line[40], script[600];
    world_sh(w, 99, "exec sleep 1000"); /* with another one, no orphan is looked for */
    for (size_t i = 0; i < SQ_LEN(scripts) * SQ_LEN(signals); i++) {
        int signal = signals[i / SQ_LEN(scripts)], fd = fifo_new(w, "f");
        snprintf(script, sizeof script, "exec 3>$W/f; %s%s", LEAVE,
                 scripts[i % SQ_LEN(scripts)]);
        world_sh(w, (int64_t)i, script);
        fifo_line(fd, line, sizeof line);
        sq_sup_signal(w->s, (int64_t)i, signal, NULL);
        assert_int_equal(WTERMSIG(world_end(w, (int64_t)i)), signal);
        fifo_end(fd);
        fifo_remove(w, "f");
    }
    sq_sup_signal(w->s, 99, SIGKILL, NULL);
    world_end(w, 99);
}

static void test_what_is_left_dies_with_the_command(void **state)
{
    static const char *const ends[] = {
        /* in its group; in a group of its own; in a session of its own; a daemon as
         * daemons are made; one that ignores what can be ignored; without environment
         */
        "sh -c 'exec sleep 1000' & ",
        "set -m; sh -c 'exec sleep 1000' & ",
        "setsid sh -c 'exec sleep 1000' & ",
        "setsid sh -c 'cd /; (setsid sleep 1000 &) &' ",
        "setsid sh -c 'trap \"\" TERM INT HUP QUIT; sleep 1000; sleep 1000' & ",
        "env -i setsid /bin/sh -c '(/usr/bin/setsid /bin/sleep 1000 &)' ",
    };
    struct world *w = *state;
    for (size_t i = 0; i < SQ_LEN(ends); i++) {
        char script[200];
        int fd = fifo_new(w, "f");
        snprintf(script, sizeof script, "exec 3>$W/f; %s\nexit 4", ends[i]);
        world_sh(w, (int64_t)i, script);
        assert_int_equal(WEXITSTATUS(world_end(w, (int64_t)i)), 4);
        fifo_end(fd);
        fifo_remove(w, "f");
    }
}

/* One without our marks might be another command's, were it not of this one's process
 * group: it is not spared until the other has ended. */
static void test_the_process_group_dies_under_another_command(void **state)
{
    struct world *w = *state;
    char line[40];
    int other = fifo_new(w, "other"), fd = fifo_new(w, "f");
    world_sh(w, 1, "exec 3>$W/other; echo up >&3; exec sleep 1000");
    fifo_line(other, line, sizeof line);
    world_sh(w, 2, "exec 3>$W/f; env -i /bin/sleep 1000 & echo up >&3; exit 4");
    fifo_line(fd, line, sizeof line);
    assert_int_equal(WEXITSTATUS(world_end(w, 2)), 4);
    fifo_end(fd);
    sq_sup_signal(w->s, 1, SIGKILL, NULL);
    assert_int_equal(WTERMSIG(world_end(w, 1)), SIGKILL);
    fifo_end(other);
}

static void test_daemons_get_signals_while_the_command_runs(void **state)
{
    struct world *w = *state;
    char line[40];
    int fd = fifo_new(w, "f"), said = fifo_new(w, "said");
    /* The daemon, twice forked, answers SIGUSR1 and lives on; so does the command. */
    world_sh(w, 1,
             "exec 3>$W/f 4>$W/said\n"
             "d='trap \"echo daemon >&4\" USR1; echo up >&4; while :; do sleep 0.1; "
             "done'\n"
             "setsid sh -c \"setsid sh -c '$d' &\"\n"
             "trap 'echo command >&4' USR1; echo up >&4; while :; do sleep 0.1; done");
    fifo_line(said, line, sizeof line);
    fifo_line(said, line, sizeof line);
    sq_sup_signal(w->s, 1, SIGUSR1, NULL);
    char first[40];
    fifo_line(said, first, sizeof first);
    fifo_line(said, line, sizeof line);
    assert_string_not_equal(first, line);
    sq_sup_signal(w->s, 1, SIGKILL, NULL);
    assert_int_equal(WTERMSIG(world_end(w, 1)), SIGKILL);
    fifo_end(fd);
    fifo_end(said);
}

static void test_ignoring_term_ends_by_kill(void **state)
{
    struct world *w = *state;
    char line[40];
    int fd = fifo_new(w, "f");
    world_sh(w, 1,
             "trap '' TERM; exec 3>$W/f; echo up >&3\n"
             "sh -c 'echo up >&3; while :; do sleep 1000; done' & wait");
    fifo_line(fd, line, sizeof line);
    fifo_line(fd, line, sizeof line);
    sq_sup_signal(w->s, 1, SIGTERM, NULL);
    world_sync(w);
    assert_false(world_has(w, SQ_SUP_EXITED, 1));
    sq_sup_signal(w->s, 1, SIGKILL, NULL);
    assert_int_equal(WTERMSIG(world_end(w, 1)), SIGKILL);
    fifo_end(fd);
}

/* The state letter of /proc/PID/stat; 0 when there is no such process. */
static char state_of(pid_t pid)
{
    char path[40], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    char *end = strrchr(text, ')');
    return end && end[1] ? end[2] : 0;
}

/* A shell whose child was stopped between vfork and exec waits for it in state D. */
static bool is_stopped(pid_t pid)
{
    char c = state_of(pid);
    assert_int_not_equal(c, 0);
    return c == 'T' || c == 'D';
}

/* Stopping and going on are asynchronous and nobody is told: look until it is so. */
static void wait_stopped(pid_t pid, bool stopped)
{
    for (int i = 0; is_stopped(pid) != stopped; i++) {
        assert_in_range(i, 0, 30000);
        poll(NULL, 0, 1);
    }
}

static void test_pause_and_resume_the_tree(void **state)
{
    struct world *w = *state;
    pid_t pids[FAMILY_SIZE];
    int fd = fifo_new(w, "f"), go = fifo_new(w, "go");
    world_sh(w, 1, FAMILY "read x <> $W/go; exit 5");
    pid_t pid = world_wait(w, SQ_SUP_STARTED, 1).pid;
    read_family(fd, pids);
    for (int turn = 0; turn < 2; turn++) {
        sq_sup_signal(w->s, 1, SIGTSTP, NULL);
        wait_stopped(pid, true);
        for (int i = 0; i < FAMILY_SIZE; i++)
            wait_stopped(pids[i], true);
        sq_sup_signal(w->s, 1, SIGCONT, NULL);
        wait_stopped(pid, false);
        for (int i = 0; i < FAMILY_SIZE; i++)
            wait_stopped(pids[i], false);
    }
    world_write(w, "go", "x\n", 1);
    assert_int_equal(WEXITSTATUS(world_end(w, 1)), 5);
    fifo_end(fd);
    close(go);
}

static void test_a_paused_command_can_be_ended(void **state)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    struct world *w = *state;
    pid_t pids[FAMILY_SIZE];
    for (size_t i = 0; i < SQ_LEN(signals); i++) {
        int fd = fifo_new(w, "f");
        world_sh(w, (int64_t)i, FAMILY "wait");
        pid_t pid = world_wait(w, SQ_SUP_STARTED, (int64_t)i).pid;
        read_family(fd, pids);
        sq_sup_signal(w->s, (int64_t)i, SIGTSTP, NULL);
        wait_stopped(pid, true);
        sq_sup_signal(w->s, (int64_t)i, signals[i], NULL);
        assert_int_equal(WTERMSIG(world_end(w, (int64_t)i)), signals[i]);
        fifo_end(fd);
        fifo_remove(w, "f");
    }
}

static void test_kill_outruns_forking(void **state)
{
    struct world *w = *state;
    char line[40];
    int fd = fifo_new(w, "f");
    /* Each generation forks the next in a session of its own and ends. */
    world_sh(w, 1,
             "exec 3>$W/f\n"
             "cat > run <<'END'\n"
             "n=$1\n"
             "test $n = 50 && echo up >&3\n"
             "test $n -lt 2000 && setsid sh ./run $((n + 1)) &\n"
             "END\n"
             "sh ./run 0; while :; do sleep 1000; done");
    fifo_line(fd, line, sizeof line);
    sq_sup_signal(w->s, 1, SIGKILL, NULL);
    assert_int_equal(WTERMSIG(world_end(w, 1)), SIGKILL);
    fifo_end(fd);
}

static void test_commands_of_others_are_spared(void **state)
{
    struct world *w = *state;
    struct world *other;
    void *other_state = w->without_groups ? w : NULL;
    char line[40];
    int fd = fifo_new(w, "f"), dead = fifo_new(w, "dead"), go = fifo_new(w, "go");
    world_setup(&other_state);
    other = other_state;
    world_sh(w, 1, "exec 3>$W/f; echo up >&3; read x <> $W/go; echo fine >&3");
    /* The same id under another supervisor, one that dies and is cleaned up after. */
    world_sh(other, 1, "setsid sleep 1000 & wait");
    world_wait(other, SQ_SUP_STARTED, 1);
    fifo_line(fd, line, sizeof line);
    pid_t supervisor = world_supervisor(other);
    kill(supervisor, SIGKILL);
    world_wait(other, SQ_SUP_LOST, -1);
    world_close(other);
    world_open(other);
    world_sh(w, 2, "exec 3>$W/dead; setsid sleep 1000 & exit 0");
    world_end(w, 2); /* its leftovers are hunted, too */
    fifo_end(dead);
    world_write(w, "go", "x\n", 1);
    fifo_line(fd, line, sizeof line);
    assert_string_equal(line, "fine");
    assert_int_equal(world_end(w, 1), 0);
    fifo_end(fd);
    close(go);
    world_teardown(&other_state);
}

static void test_unknown_ids_and_signals_are_ignored(void **state)
{
    struct world *w = *state;
    sq_sup_signal(w->s, 77, SIGKILL, NULL);
    sq_sup_signal(w->s, 77, 9999, NULL);
    sq_sup_signal(w->s, 77, -9, NULL);
    sq_sup_forget(w->s, 77, NULL);
    world_sync(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_signals_reach_the_whole_tree),
        WORLD_TEST(test_signals_find_who_left_its_control_group),
        WORLD_TEST(test_what_is_left_dies_with_the_command),
        WORLD_TEST(test_the_process_group_dies_under_another_command),
        WORLD_TEST(test_daemons_get_signals_while_the_command_runs),
        WORLD_TEST(test_ignoring_term_ends_by_kill),
        WORLD_TEST(test_pause_and_resume_the_tree),
        WORLD_TEST(test_a_paused_command_can_be_ended),
        WORLD_TEST(test_kill_outruns_forking),
        WORLD_TEST(test_commands_of_others_are_spared),
        WORLD_TEST(test_unknown_ids_and_signals_are_ignored),
    };
    return world_run(tests, SQ_LEN(tests));
}
