/* Starting commands: what they get, what becomes known of their end, why they could not
 * start.  Every test runs with control groups where the machine has them, and without.
 */
#include "tests/unit/worker/supervisor_world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lacking.h"

static void test_exit_statuses(void **state)
{
    static const struct {
        const char *script;
        int code, signal;
    } rows[] = {
        {"exit 0", 0, 0},
        {"exit 7", 7, 0},
        {"exit 255", 255, 0},
        {"kill -9 $$", 0, SIGKILL},
        {"kill -15 $$", 0, SIGTERM},
        {"kill -11 $$", 0, SIGSEGV},
        {"no-such-thing", 127, 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        world_sh(w, (int64_t)i, rows[i].script);
        struct sq_sup_event started = world_wait(w, SQ_SUP_STARTED, (int64_t)i);
        assert_true(started.pid > 0);
        struct sq_sup_event e = world_wait(w, SQ_SUP_EXITED, (int64_t)i);
        if (rows[i].signal)
            assert_int_equal(WTERMSIG(e.exit.status), rows[i].signal);
        else
            assert_int_equal(WEXITSTATUS(e.exit.status), rows[i].code);
        assert_int_equal(WIFSIGNALED(e.exit.status), rows[i].signal != 0);
        assert_false(e.exit.oom);
        assert_true(e.exit.start > 0 && e.exit.end >= e.exit.start);
        assert_int_equal(sq_sup_forget(w->s, (int64_t)i, NULL), 0);
    }
}

static void write_file(struct world *w, const char *name, const char *text, mode_t mode)
{
    char path[120];
    snprintf(path, sizeof path, "%s/work/%s", w->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_what_cannot_start_says_why(void **state)
{
    static const struct {
        const char *command, *path, *why;
    } rows[] = {
        {"scitq-absent", "/usr/bin:/bin", "no such command: scitq-absent"},
        {"scitq-absent", "", "no such command: scitq-absent"},
        {"sh", "/nowhere:/proc/version", "no such command: sh"},
        {"/no/such/file", "/bin", "no such command: /no/such/file"},
        {"./plain", "/bin", "permission denied: ./plain"},
        {"plain", "/bin:.", "permission denied: plain"},
        {"/proc", "/bin", "permission denied: /proc"},
        {"./text", "/bin",
         "cannot run ./text: not a program (a script starts with #!)"},
        {"./orphan", "/bin", "cannot run ./orphan: its interpreter does not exist"},
        {"orphan", "/bin:.", "cannot run orphan: its interpreter does not exist"},
        {"", "/bin", "no such command: "},
    };
    struct world *w = *state;
    write_file(w, "plain", "#!/bin/sh\n", 0644);
    write_file(w, "text", "echo hello\n", 0755);
    write_file(w, "orphan", "#!/no/such/interpreter\n", 0755);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char path[100];
        snprintf(path, sizeof path, "PATH=%s", rows[i].path);
        char *const argv[] = {(char *)rows[i].command, NULL};
        char *const envp[] = {path, NULL};
        world_spawn(w, (int64_t)i, argv, envp);
        struct sq_sup_event e = world_wait(w, SQ_SUP_FAILED, (int64_t)i);
        assert_string_equal(e.text, rows[i].why);
    }
}

static void test_folders_and_files_that_fail_are_named(void **state)
{
    static const struct {
        const char *workdir, *out, *error, *why;
    } rows[] = {
        {"/no/such", "/dev/null", "/dev/null",
         "cannot enter directory /no/such: No such file or directory"},
        {"/proc/version", "/dev/null", "/dev/null",
         "cannot enter directory /proc/version: Not a directory"},
        {"/", "/no/out", "/dev/null",
         "cannot write /no/out: No such file or directory"},
        {"/", "/dev/null", "/proc", "cannot write /proc: Is a directory"},
    };
    struct world *w = *state;
    struct sq_err err = {0};
    char *const argv[] = {(char[]){"true"}, NULL};
    char *const envp[] = {NULL};
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_spawn req = {.id = (int64_t)i,
                               .argv = argv,
                               .envp = envp,
                               .workdir = rows[i].workdir,
                               .stdout_path = rows[i].out,
                               .stderr_path = rows[i].error};
        OK(err, sq_sup_spawn(w->s, &req, &err));
        assert_string_equal(world_wait(w, SQ_SUP_FAILED, (int64_t)i).text, rows[i].why);
    }
}

static void test_command_is_found_in_the_path_of_its_environment(void **state)
{
    struct world *w = *state;
    write_file(w, "tool", "#!/bin/sh\necho here $1\n", 0755);
    char path[100];
    snprintf(path, sizeof path, "PATH=/nowhere:%s/work:/bin", w->dir);
    char *const argv[] = {(char[]){"tool"}, (char[]){"a b"}, NULL};
    char *const envp[] = {path, NULL};
    world_spawn(w, 1, argv, envp);
    assert_int_equal(world_end(w, 1), 0);
    assert_string_equal(world_out(w, "out", NULL), "here a b\n");
    char *const none[] = {NULL}; /* a usual PATH stands in for an absent one */
    char *const echo[] = {(char[]){"echo"}, (char[]){"x"}, NULL};
    world_spawn(w, 2, echo, none);
    assert_int_equal(world_end(w, 2), 0);
    assert_string_equal(world_out(w, "out", NULL), "x\n");
}

static void test_command_gets_a_clean_world(void **state)
{
    struct world *w = *state;
    /* The numbers of its descriptors (3 is the shell's, reading that folder), its
     * signals, session, folder, input, score and mark. */
    world_sh(w, 1,
             "for f in /proc/$$/fd/*; do echo -n \"${f##*/} \"; done\n"
             "grep -E '^Sig(Blk|Ign)' /proc/$$/status | tr -s '\\t\\n' '  '\n"
             "set -- $(cat /proc/$$/stat); test $5 = $$ && echo -n 'leader '\n"
             "test \"$PWD\" = \"$W/work\" && echo -n 'work '; readlink /proc/$$/fd/0\n"
             "cat /proc/$$/oom_score_adj; echo $SCITQ_EXECUTION");
    assert_int_equal(world_end(w, 1), 0);
    assert_string_equal(world_out(w, "err", NULL), "");
    assert_string_equal(world_out(w, "out", NULL),
                        "0 1 2 3 SigBlk: 0000000000000000 SigIgn: 0000000000000000 "
                        "leader work /dev/null\n0\n1\n");
}

static void test_output_keeps_every_byte(void **state)
{
    struct world *w = *state;
    size_t len, copied;
    world_sh(w, 1, "printf 'old and long enough to show'");
    world_end(w, 1);
    world_sh(w, 2, "printf 'a\\000\\377\\n'; printf '\\200\\000' >&2");
    assert_int_equal(world_end(w, 2), 0);
    assert_memory_equal(world_out(w, "out", &len), "a\0\377\n", 4);
    assert_int_equal(len, 4);
    assert_memory_equal(world_out(w, "err", &len), "\200\0", 2);
    assert_int_equal(len, 2);
    world_sh(w, 3, "head -c 3000000 /dev/urandom | tee $W/copy");
    assert_int_equal(world_end(w, 3), 0);
    char *copy = malloc(3000000);
    memcpy(copy, world_out(w, "copy", &copied), 3000000);
    assert_memory_equal(world_out(w, "out", &len), copy, 3000000);
    assert_int_equal(len, copied);
    free(copy);
}

/* A command may open its streams anew, try to empty them, to wind them back. */
static void test_output_cannot_be_taken_back(void **state)
{
    enum { BLOCK = 10000000 };
    struct world *w = *state;
    size_t len;
    world_sh(w, 1,
             "echo one >&2; echo one\n"
             "echo two > /dev/stderr; echo two > /dev/stdout\n"
             "echo three > /proc/self/fd/2; : > /dev/stdout; : > /dev/stderr\n"
             "head -c 10000000 /dev/zero | tee /dev/stderr\n"
             "echo four > /dev/stderr; echo four > /dev/stdout\n"
             "python3 -c '\n"
             "import os\n"
             "for fd in 1, 2:\n"
             "    for what in (os.ftruncate, fd, 0), (os.lseek, fd, 0, 0):\n"
             "        try: what[0](*what[1:])\n"
             "        except OSError: pass\n"
             "        os.write(fd, b\"x\")\n"
             "    os.write(os.open(\"/dev/fd/%d\" % fd, os.O_RDWR), b\"y\")\n"
             "'\n"
             "dd if=/dev/null of=/dev/stdout bs=1 seek=0 2> /dev/null; exit 0");
    assert_int_equal(world_end(w, 1), 0);
    const char *out = world_out(w, "out", &len);
    assert_int_equal(len, 8 + BLOCK + 5 + 3);
    assert_memory_equal(out, "one\ntwo\n\0", 9);
    assert_memory_equal(out + 8 + BLOCK - 1, "\0four\nxxy", 9);
    out = world_out(w, "err", &len);
    assert_int_equal(len, 14 + BLOCK + 5 + 3);
    assert_memory_equal(out, "one\ntwo\nthree\n\0", 15);
    assert_memory_equal(out + 14 + BLOCK - 1, "\0four\nxxy", 9);
}

/* What was written before the end is there at the end, though others may still hold the
 * pipes: here this test itself, which opens them while the command runs. */
static void test_a_pipe_held_elsewhere_delays_nothing(void **state)
{
    struct world *w = *state;
    char path[40], line[20];
    int here = fifo_new(w, "here"), gate = fifo_new(w, "gate"), fds[2];
    /* A shell that redirects its own echo has the fifo as its output meanwhile. */
    world_sh(w, 1,
             "exec 3>$W/here; (echo >&3); read x <> $W/gate\n"
             "head -c 65536 /dev/zero; echo end >&2");
    pid_t pid = world_wait(w, SQ_SUP_STARTED, 1).pid;
    fifo_line(here, line, sizeof line);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, i + 1);
        fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    world_write(w, "gate", "go\n", 1);
    assert_int_equal(world_end(w, 1), 0);
    size_t len;
    world_out(w, "out", &len);
    assert_int_equal(len, 65536);
    assert_string_equal(world_out(w, "err", NULL), "end\n");
    for (int i = 0; i < 2; i++) { /* and soon nobody reads them any more */
        struct pollfd held = {.fd = fds[i]};
        assert_int_equal(poll(&held, 1, 60000), 1);
        assert_int_equal(held.revents, POLLERR);
        assert_int_equal(write(fds[i], "late", 4), -1);
        close(fds[i]);
    }
    assert_string_equal(world_out(w, "err", NULL), "end\n");
    fifo_end(here);
    close(gate);
}

/* /dev/full is a disk without room.  What can be written is, a command that writes on
 * fails, and the exit says that output is missing, whatever the command said. */
static void test_output_that_cannot_be_written_is_told(void **state)
{
    static const struct {
        const char *script;
        int status, unwritten;
    } rows[] = {
        {"true", 0, 0},
        {"echo lost", 0, ENOSPC},
        {"exec yes", SIGPIPE, ENOSPC},
        {"yes; exit 7", 7 << 8, ENOSPC},
    };
    struct world *w = *state;
    char work[100], errors[100];
    struct sq_err err = {0};
    snprintf(work, sizeof work, "%s/work", w->dir);
    snprintf(errors, sizeof errors, "%s/err", w->dir);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char script[100];
        snprintf(script, sizeof script, "echo kept >&2; %s", rows[i].script);
        char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, script, NULL};
        char *const envp[] = {NULL};
        struct sq_spawn req = {.id = (int64_t)i,
                               .argv = argv,
                               .envp = envp,
                               .workdir = work,
                               .stdout_path = "/dev/full",
                               .stderr_path = errors};
        OK(err, sq_sup_spawn(w->s, &req, &err));
        struct sq_sup_event e = world_wait(w, SQ_SUP_EXITED, (int64_t)i);
        assert_int_equal(e.exit.status, rows[i].status);
        assert_int_equal(e.exit.unwritten, rows[i].unwritten);
        assert_memory_equal(world_out(w, "err", NULL), "kept\n", 5);
    }
}

/* Nobody reads a fifo: opening it must not stop everything else. */
static void test_a_fifo_in_place_of_a_file_is_refused(void **state)
{
    struct world *w = *state;
    char *const argv[] = {(char[]){"true"}, NULL};
    char *const envp[] = {NULL};
    char path[100];
    snprintf(path, sizeof path, "%s/out", w->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    world_spawn(w, 1, argv, envp);
    assert_non_null(strstr(world_wait(w, SQ_SUP_FAILED, 1).text, "cannot write"));
    assert_int_equal(unlink(path), 0);
}

/* An environment of `n` variables of 100 kB. */
static char **big_environment(int n)
{
    enum { EACH = 100000 };
    char **envp = calloc((size_t)n + 2, sizeof *envp);
    for (int i = 0; i < n; i++) {
        envp[i] = malloc(EACH);
        memset(envp[i], 'x', EACH);
        snprintf(envp[i], 8, "V%05d", i);
        envp[i][6] = '=';
        envp[i][EACH - 1] = 0;
    }
    envp[n] = strdup("PATH=/usr/bin:/bin");
    return envp;
}

static void free_environment(char **envp)
{
    for (char **e = envp; *e; e++)
        free(*e);
    free(envp);
}

static void test_large_environments_pass_or_are_refused_in_words(void **state)
{
    struct world *w = *state;
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"env | wc -c"},
                          NULL};
    char **envp = big_environment(19);
    world_spawn(w, 1, argv, envp);
    assert_int_equal(world_end(w, 1), 0);
    assert_true(atoi(world_out(w, "out", NULL)) >= 1900000);
    free_environment(envp);

    envp = big_environment(38); /* more than the kernel takes */
    world_spawn(w, 2, argv, envp);
    assert_string_equal(world_wait(w, SQ_SUP_FAILED, 2).text,
                        "too long a command or environment: sh");
    free_environment(envp);

    envp = big_environment(50); /* more than a frame holds */
    struct sq_err err = {0};
    struct sq_spawn req = {.id = 3,
                           .argv = argv,
                           .envp = envp,
                           .workdir = "/",
                           .stdout_path = "/dev/null",
                           .stderr_path = "/dev/null"};
    assert_int_equal(sq_sup_spawn(w->s, &req, &err), SQ_ETOOBIG);
    free_environment(envp);
    world_sync(w); /* and the connection goes on */
}

static void test_resources_are_measured(void **state)
{
    struct world *w = *state;
    world_sh(w, 1,
             "python3 -c 'a = bytearray(50000000); sum(i for i in range(300000))'");
    struct sq_sup_event e = world_wait(w, SQ_SUP_EXITED, 1);
    assert_int_equal(e.exit.status, 0);
    assert_true(e.exit.cpu_us > 1000);
    assert_in_range(e.exit.peak_bytes, 50000000, 500000000);
    sq_sup_forget(w->s, 1, NULL);
}

/* Enter a memory group of version 1 with little memory: the supervisor's own where it
 * counts in one, else one of the test's. */
#define SMALL_MEMORY                                                                   \
    "m=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)\n"      \
    "case $m in */scitq-*) ;; *) m=$m/test-$$; mkdir $m; echo 0 > $m/tasks;; esac\n"   \
    "echo $m > $W/group; echo 30000000 > $m/memory.limit_in_bytes\n"

static void remove_memory_group(struct world *w)
{
    char path[512];
    snprintf(path, sizeof path, "%s", world_out(w, "group", NULL));
    path[strcspn(path, "\n")] = 0;
    if (strstr(path, "/test-"))
        assert_int_equal(rmdir(path), 0);
}

static void test_out_of_memory_is_told_from_other_kills(void **state)
{
#define EAT "python3 -c 'x = b\"x\" * 200000000'"
    static const struct {
        const char *script;
        bool oom;
    } rows[] = {
        {SMALL_MEMORY "exec " EAT, true},
        {SMALL_MEMORY EAT "; exit $?", true}, /* the shell tells of its child: 137 */
        {SMALL_MEMORY "kill -9 $$", false},
        {SMALL_MEMORY "exit 137", false},
        {SMALL_MEMORY EAT "; exit 0", false}, /* no failure, no explanation */
    };
    struct world *w = *state;
    if (access("/sys/fs/cgroup/memory/tasks", W_OK) < 0)
        lacking_root("control group of version 1 to write to");
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        world_sh(w, (int64_t)i, rows[i].script);
        struct sq_sup_event e = world_wait(w, SQ_SUP_EXITED, (int64_t)i);
        remove_memory_group(w);
        assert_int_equal(e.exit.oom, rows[i].oom);
        assert_int_equal(sq_sup_forget(w->s, (int64_t)i, NULL), 0);
    }
}

static void test_many_at_once(void **state)
{
    enum { N = 60 };
    struct world *w = *state;
    char line[20];
    int here = fifo_new(w, "here"), gate = fifo_new(w, "gate");
    /* All wait at the gate, so all run at the same time. */
    for (int i = 0; i < N; i++)
        world_sh(w, i, "exec 3>$W/here; echo >&3; read x <> $W/gate");
    for (int i = 0; i < N; i++)
        fifo_line(here, line, sizeof line);
    for (int i = 0; i < N; i++)
        assert_true(world_wait(w, SQ_SUP_STARTED, i).pid > 0);
    world_write(w, "gate", "go\n", N);
    for (int i = 0; i < N; i++)
        assert_int_equal(world_end(w, i), 0);
    fifo_end(here);
    close(gate);
}

static void test_an_empty_command_is_refused_here(void **state)
{
    struct world *w = *state;
    struct sq_err err = {0};
    char *const none[] = {NULL};
    struct sq_spawn req = {.id = 1,
                           .argv = none,
                           .envp = none,
                           .workdir = "/",
                           .stdout_path = "/dev/null",
                           .stderr_path = "/dev/null"};
    assert_int_equal(sq_sup_spawn(w->s, &req, &err), SQ_EINVAL);
    world_sync(w);
}

static void test_asked_twice_starts_once(void **state)
{
    struct world *w = *state;
    char line[20];
    int fd = fifo_new(w, "f");
    world_sh(w, 1, "exec 3>$W/f; echo x >&3; exec sleep 1000");
    pid_t pid = world_wait(w, SQ_SUP_STARTED, 1).pid;
    fifo_line(fd, line, sizeof line);
    world_sh(w, 1, "echo twice > $W/twice");
    assert_int_equal(world_wait(w, SQ_SUP_STARTED, 1).pid, pid);
    sq_sup_signal(w->s, 1, SIGKILL, NULL);
    world_wait(w, SQ_SUP_EXITED, 1);
    world_sh(w, 1, "echo twice > $W/twice");
    assert_int_equal(WTERMSIG(world_end(w, 1)), SIGKILL);
    char path[100];
    snprintf(path, sizeof path, "%s/twice", w->dir);
    assert_int_equal(access(path, F_OK), -1);
    fifo_end(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_exit_statuses),
        WORLD_TEST(test_what_cannot_start_says_why),
        WORLD_TEST(test_folders_and_files_that_fail_are_named),
        WORLD_TEST(test_command_is_found_in_the_path_of_its_environment),
        WORLD_TEST(test_command_gets_a_clean_world),
        WORLD_TEST(test_output_keeps_every_byte),
        WORLD_TEST(test_output_cannot_be_taken_back),
        WORLD_TEST(test_a_pipe_held_elsewhere_delays_nothing),
        WORLD_TEST(test_output_that_cannot_be_written_is_told),
        WORLD_TEST(test_a_fifo_in_place_of_a_file_is_refused),
        WORLD_TEST(test_large_environments_pass_or_are_refused_in_words),
        WORLD_TEST(test_resources_are_measured),
        WORLD_TEST(test_out_of_memory_is_told_from_other_kills),
        WORLD_TEST(test_many_at_once),
        WORLD_TEST(test_an_empty_command_is_refused_here),
        WORLD_TEST(test_asked_twice_starts_once),
    };
    return world_run(tests, SQ_LEN(tests));
}
