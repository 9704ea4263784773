/* Raw logs on their way to the user: what cannot be written, or cannot be followed, is
 * exit 1 and said in words. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/manage/commands.h"
#include "tests/unit/cli/standin.h"

enum { SAID_MAX = 2000, WORDS = 10 };

#define EXECUTION(id)                                                                  \
    "[{\"execution_id\":" id ",\"status\":\"succeeded\",\"latest\":true}]"
#define TASK(id) "{\"task_id\":" id ",\"status\":\"succeeded\"}"
#define READY "event: ready\nid: 0-1\ndata: {}\n\n"

/* Task 7 has both streams, 8 no error stream, 9 no output. */
static const struct rule rules[] = {
    {"GET", "/tasks/7", NULL, 200, TASK("7")},
    {"GET", "/tasks/8", NULL, 200, TASK("8")},
    {"GET", "/tasks/9", NULL, 200, TASK("9")},
    {"GET", "/events?kind=task&task_id=7", NULL, 200, READY},
    {"GET", "/events?kind=task&task_id=8", NULL, 200, READY},
    {"GET", "/events?kind=task&task_id=9", NULL, 200, READY},
    {"GET", "/executions/", "\"after\":17", 200, "[]"},
    {"GET", "/executions/", "\"execution_id\":17", 200, EXECUTION("17")},
    {"GET", "/executions/", "\"execution_id\":18", 200, EXECUTION("18")},
    {"GET", "/executions/", "\"execution_id\":19", 200, EXECUTION("19")},
    {"GET", "/executions/", "\"task_id\":7", 200, EXECUTION("17")},
    {"GET", "/executions/", "\"task_id\":8", 200, EXECUTION("18")},
    {"GET", "/executions/", "\"task_id\":9", 200, EXECUTION("19")},
    {"GET", "/executions/17/log/stdout", NULL, 200, "out\n"},
    {"GET", "/executions/17/log/stderr", NULL, 200, "err\n"},
    {"GET", "/executions/17/log/stdout?follow=1", NULL, 200, "out\n"},
    {"GET", "/executions/17/log/stderr?follow=1", NULL, 200, "err\n"},
    {"GET", "/executions/18/log/stdout?follow=1", NULL, 200, "out\n"},
    {"GET", "/executions/19/log/stderr?follow=1", NULL, 200, "err\n"},
    {0},
};

static struct standin *server;

/* Run a command line with its output on `out` and its standard error on `error_fd`;
 * its exit code. */
static int run(const char *const *words, FILE *out, int error_fd)
{
    struct sq_cli cli;
    char *argv[WORDS + 3] = {(char *)"-s", (char *)standin_address(server)};
    for (size_t i = 0; words[i]; i++)
        argv[i + 2] = (char *)words[i];
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(error_fd, STDERR_FILENO) >= 0);
    sq_cli_init(&cli, "scitq-manage", out);
    int code = sq_manage_run(&cli, argv);
    sq_cli_fini(&cli);
    fflush(stderr);
    clearerr(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    fclose(out);
    return code;
}

/* The same; what it said on standard error. */
static int run_saying(const char *const *words, FILE *out, char said[SAID_MAX])
{
    int fd = memfd_create("said", MFD_CLOEXEC);
    assert_non_null(out);
    assert_true(fd >= 0);
    int code = run(words, out, fd);
    ssize_t n = pread(fd, said, SAID_MAX - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    close(fd);
    return code;
}

static void test_output_that_cannot_be_written(void **state)
{
    static const char *const rows[][WORDS] = {
        {"task", "output", "-i", "7"},
        {"task", "output", "-i", "7", "-o"},
        {"task", "output", "-i", "7", "-e"},
        {"task", "output", "-i", "7", "--follow"},
        {"task", "output", "-i", "7", "-e", "--follow"},
    };
    char said[SAID_MAX];
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        int code = run_saying(rows[i], fopen("/dev/full", "w"), said);
        if (code != 1 ||
            !strstr(said, "cannot write the output: No space left on device"))
            fail_msg("row %zu: exit %d, said %s", i, code, said);
    }
}

static void test_an_error_stream_that_cannot_be_written(void **state)
{
    static const char *const rows[][WORDS] = {
        {"task", "output", "-i", "7"},
        {"task", "output", "-i", "7", "--follow"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        FILE *full = fopen("/dev/full", "w"), *out = fopen("/dev/null", "w");
        assert_non_null(full);
        assert_non_null(out);
        assert_int_equal(run(rows[i], out, fileno(full)), 1);
        fclose(full);
    }
}

static void test_a_stream_that_cannot_be_followed(void **state)
{
    static const struct {
        const char *words[WORDS], *says;
        const char *prints; /* NULL: whatever came before */
    } rows[] = {
        {{"task", "output", "-i", "8", "--follow"}, "nothing here", NULL},
        {{"task", "output", "-i", "9", "--follow"}, "nothing here", ""},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char said[SAID_MAX], *text;
        size_t len;
        int code = run_saying(rows[i].words, open_memstream(&text, &len), said);
        if (code != 1 || !strstr(said, rows[i].says) || !strstr(said, "nothing here") ||
            (rows[i].prints && strcmp(text, rows[i].prints) != 0))
            fail_msg("row %zu: exit %d, printed %s, said %s", i, code, text, said);
        free(text);
    }
}

static void test_both_streams_are_followed(void **state)
{
    static const char *const words[] = {"task", "output", "-i", "7", "--follow", NULL};
    char said[SAID_MAX], *text;
    size_t len;
    (void)state;
    assert_int_equal(run_saying(words, open_memstream(&text, &len), said), 0);
    assert_string_equal(text, "out\n");
    assert_string_equal(said, "err\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_that_cannot_be_written),
        cmocka_unit_test(test_an_error_stream_that_cannot_be_written),
        cmocka_unit_test(test_a_stream_that_cannot_be_followed),
        cmocka_unit_test(test_both_streams_are_followed),
    };
    return standin_run(tests, SQ_LEN(tests), rules, &server);
}
