/* Programs run to their end from the loop. */
#include "tests/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/child.h"

extern char **environ;

struct seen {
    struct sq_loop *loop;
    struct sq_child *child;
    int n, status;
    bool timed_out;
    size_t out_len;
    char out[64], err[64];
};

static void ended(void *arg, const struct sq_child_end *end)
{
    struct seen *s = arg;
    s->n++;
    s->status = end->status;
    s->timed_out = end->timed_out;
    s->out_len = strlen(end->out);
    strncpy(s->out, end->out, sizeof s->out - 1);
    strncpy(s->err, end->err, sizeof s->err - 1);
    s->child = NULL;
    sq_loop_stop(s->loop);
}

static sq_child_line_fn *told_line;

static void run(struct seen *s, const char *script, int limit_s, bool kill_it)
{
    struct sq_loop loop;
    struct sq_err err;
    char sh[] = "/bin/sh", c[] = "-c", *const argv[] = {sh, c, strdup(script), NULL};
    OK(err, sq_loop_init(&loop, &err));
    *s = (struct seen){.loop = &loop};
    OK(err, sq_child_start(&loop, argv, environ, limit_s, ended, s, &s->child, &err));
    if (told_line)
        sq_child_lines(s->child, told_line);
    if (kill_it)
        sq_child_kill(s->child);
    OK(err, sq_loop_run(&loop, &err));
    free(argv[2]);
    assert_int_equal(s->n, 1);
    sq_loop_fini(&loop);
}

static void test_ends(void **state)
{
    struct seen s;
    run(&s, "echo out; echo err >&2; exit 3", 0, false);
    assert_int_equal(WEXITSTATUS(s.status), 3);
    assert_string_equal(s.out, "out\n");
    assert_string_equal(s.err, "err\n");
    run(&s, "kill -9 $$", 0, false);
    assert_int_equal(WTERMSIG(s.status), SIGKILL);
    run(&s, "sleep 1000", 1, false);
    assert_true(s.timed_out);
    run(&s, "sleep 1000", 0, true);
    assert_false(s.timed_out);
    assert_int_equal(WTERMSIG(s.status), SIGKILL);
}

/* Its end is that of the process, though what it started keeps the pipes. */
static void test_a_leftover_keeps_the_pipe(void **state)
{
    struct seen s;
    run(&s, "sleep 1000 & echo $!", 0, false);
    assert_int_equal(s.status, 0);
    pid_t left = (pid_t)strtol(s.out, NULL, 10);
    assert_true(left > 0);
    assert_int_equal(kill(left, SIGKILL), 0);
}

static void test_much_output_keeps_its_end(void **state)
{
    struct seen s;
    run(&s, "head -c 3000000 /dev/zero | tr '\\0' x; echo; exit 0", 0, false);
    assert_true(s.out_len > SQ_CHILD_OUTPUT / 4 && s.out_len <= SQ_CHILD_OUTPUT);
}

static char lines[200];

static void on_line(void *arg, const char *line)
{
    struct seen *s = arg;
    assert_int_equal(s->n, 0);
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%.20s|", line);
}

/* As they come, the unfinished last one too; a long one in pieces. */
static void test_lines_are_told(void **state)
{
    static const struct {
        const char *script, *lines;
    } rows[] = {{"echo a >&2; echo out; printf 'b\\n\\nc' >&2", "a|b||c|"},
                {"true", ""},
                {"printf %05000d 7 >&2", "00000000000000000000|"}};
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct seen s;
        told_line = on_line;
        lines[0] = 0;
        run(&s, rows[i].script, 0, false);
        assert_string_equal(lines, rows[i].lines);
        assert_string_equal(s.out, i ? "" : "out\n");
        assert_string_equal(s.err, "");
    }
    told_line = NULL;
}

static void test_signals_are_as_in_any_process(void **state)
{
    struct seen s;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    run(&s, "kill -TERM $$; echo alive", 0, false);
    assert_true(WIFSIGNALED(s.status));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_no_such_program(void **state)
{
    struct sq_loop loop;
    struct sq_err err;
    struct sq_child *child;
    char absent[] = "/no/such/program", *const argv[] = {absent, NULL};
    OK(err, sq_loop_init(&loop, &err));
    assert_int_equal(sq_child_start(&loop, argv, environ, 0, ended, NULL, &child, &err),
                     SQ_EIO);
    assert_non_null(strstr(err.text, "/no/such/program"));
    char program[] = "/bin/sleep", time[] = "1000";
    char *const sleep_line[] = {program, time, NULL};
    OK(err, sq_child_start(&loop, sleep_line, environ, 9, ended, NULL, &child, &err));
    sq_child_free(child); /* nothing is told */
    sq_child_free(NULL);
    sq_loop_fini(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_a_leftover_keeps_the_pipe),
        cmocka_unit_test(test_much_output_keeps_its_end),
        cmocka_unit_test(test_lines_are_told),
        cmocka_unit_test(test_signals_are_as_in_any_process),
        cmocka_unit_test(test_no_such_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
