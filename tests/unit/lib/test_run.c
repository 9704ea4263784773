/* Programs run for plugins: lines, exits, input, environment, cancellation. */
#include "tests/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "lib/run.h"
#include "tests/unit/lib/scratch.h"

/* What a program said, "1:line|2:line|", and what to do at its first line. */
struct said {
    char text[4000];
    size_t n, longest;
    int answer;
    struct sq_call *cancel;
};

static int canceled_now;

static int canceled(const struct sq_call *call)
{
    (void)call;
    return canceled_now;
}

static int take(void *arg, int stream, const char *line, size_t len)
{
    struct said *s = arg;
    char one[200];
    s->n++;
    if (len > s->longest)
        s->longest = len;
    snprintf(one, sizeof one, "%d:%.150s|", stream, line);
    if (strlen(s->text) + strlen(one) < sizeof s->text)
        strcat(s->text, one);
    if (s->cancel) {
        uint64_t v = 1;
        canceled_now = 1;
        assert_int_equal(write(s->cancel->cancel_fd, &v, sizeof v), sizeof v);
    }
    return s->answer;
}

static int shell(const char *script, struct said *s, struct sq_run *run,
                 struct sq_call *call, int *status, struct sq_err *err)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    run->argv = argv;
    run->line = take;
    run->arg = s;
    return sq_run_program(call, run, status, err);
}

static const struct {
    const char *script, *said;
    int status;
} cases[] = {
    {"echo a; echo b >&2; exit 0", NULL, 0},
    {"printf 'a\\nb\\n\\nc'", "1:a|1:b|1:c|", 0},
    {"printf '1%%\\r2%%\\r\\n3%%' >&2; exit 255", "2:1%|2:2%|2:3%|", 255},
    {"kill -9 $$", "", -SIGKILL},
    {"cat", "", 0}, /* no input is an empty one */
    {"sleep 1000 & echo a", "1:a|", 0},
    {"trap '' TERM; sleep 1000 & exec 1>&- 2>&-; exit 4", "", 4},
};

static void test_programs(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct said s = {.text = ""};
        struct sq_err err;
        struct sq_run run = {0};
        int status = -99;
        OK(err, shell(cases[i].script, &s, &run, NULL, &status, &err));
        assert_int_equal(status, cases[i].status);
        if (cases[i].said)
            assert_string_equal(s.text, cases[i].said);
    }
}

static void test_environment(void **state)
{
    struct scratch *st = *state;
    struct said s = {.text = ""};
    struct sq_err err;
    const char *const env[] = {"SQ_A=new one", "SQ_B", "SQ_C=", NULL};
    struct sq_run run = {.env = env, .dir = st->dir};
    int status = -99;
    setenv("SQ_A", "old", 1);
    setenv("SQ_B", "old", 1);
    setenv("SQ_BB", "old", 1);
    OK(err, shell("echo \"$SQ_A,${SQ_B-unset},$SQ_BB,${SQ_C-unset}\"; pwd", &s, &run,
                  NULL, &status, &err));
    char expected[300];
    snprintf(expected, sizeof expected, "1:new one,unset,old,|1:%s|", st->dir);
    assert_string_equal(s.text, expected);
}

/* More input than a pipe holds, to a program that reads it and to one that does not. */
static void test_input(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    char *data = malloc(SIZE);
    struct sq_err err;
    struct sq_run run = {.input = data, .input_len = SIZE};
    int status = -99;
    assert_non_null(data);
    memset(data, 'x', SIZE);
    for (size_t i = 0; i < SIZE; i += 100)
        data[i] = '\n';
    struct said s = {.text = ""};
    OK(err, shell("wc -c", &s, &run, NULL, &status, &err));
    assert_string_equal(s.text, "1:3145728|");
    struct said none = {.text = ""};
    OK(err, shell("exec 0<&-; echo a; exit 5", &none, &run, NULL, &status, &err));
    assert_int_equal(status, 5);
    /* and back, a line at a time; the last is not ended */
    struct said echo = {.text = ""};
    OK(err, shell("cat", &echo, &run, NULL, &status, &err));
    assert_int_equal(echo.n, SIZE / 100 + 1);
    memset(data, 'x', SIZE);
    struct said huge = {.text = ""};
    OK(err, shell("cat", &huge, &run, NULL, &status, &err));
    assert_int_equal(huge.longest, 1 << 20);
    assert_int_equal(huge.n, 3);
    free(data);
}

static void test_not_run(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    int status = -99;
    const char *const absent[] = {"sq-no-such-program", "x", NULL};
    struct sq_run run = {.argv = absent};
    assert_int_equal(sq_run_program(NULL, &run, &status, &err), SQ_ENOENT);
    assert_non_null(strstr(err.text, "sq-no-such-program"));
    const char *const plain[] = {scratch_write(s, "plain", "x", 1), NULL};
    run.argv = plain;
    assert_int_equal(sq_run_program(NULL, &run, &status, &err), SQ_EIO);
    const char *const lost[] = {"true", NULL};
    run = (struct sq_run){.argv = lost, .dir = scratch_path(s, "nowhere")};
    assert_int_equal(sq_run_program(NULL, &run, &status, &err), SQ_ENOENT);
    assert_int_equal(status, -99);
}

/* The reader refuses a line: the program ends, its children too. */
static void test_refused_line(void **state)
{
    (void)state;
    struct said s = {.answer = SQ_EIO};
    struct sq_err err;
    struct sq_run run = {0};
    int status = -99;
    sq_fail(&err, SQ_EIO, "mine");
    assert_int_equal(
        shell("echo a; sleep 1000 & sleep 1000", &s, &run, NULL, &status, &err),
        SQ_EIO);
    assert_string_equal(err.text, "mine");
    assert_int_equal(status, -99);
}

/* Canceled at its first line, it has ended when the call returns: the pipe that its
 * whole group holds is closed, even where SIGTERM is ignored. */
static void test_cancel(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "echo a; sleep 1000", "trap '' TERM; echo a; sleep 1000 & wait; sleep 1000"};
    for (size_t i = 0; i < SQ_LEN(scripts); i++) {
        struct sq_call call = {.canceled = canceled,
                               .cancel_fd = eventfd(0, EFD_CLOEXEC)};
        struct said s = {.cancel = &call};
        struct sq_err err;
        struct sq_run run = {0};
        int status = -99, held[2];
        char byte;
        canceled_now = 0;
        assert_int_equal(pipe(held), 0); /* not close-on-exec: the group holds it */
        int rc = shell(scripts[i], &s, &run, &call, &status, &err);
        close(held[1]);
        assert_int_equal(rc, SQ_ECANCELED);
        assert_int_equal(read(held[0], &byte, 1), 0);
        close(held[0]);
        /* Canceled before it starts: nothing runs. */
        assert_int_equal(shell("echo b", &s, &run, &call, &status, &err), SQ_ECANCELED);
        assert_string_equal(s.text, "1:a|");
        assert_int_equal(status, -99);
        close(call.cancel_fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test_setup_teardown(test_environment, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(test_input),
        cmocka_unit_test_setup_teardown(test_not_run, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_refused_line),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
