/* The log: lines, levels, rotation, reopening, many threads. */
#include "tests/test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "tests/unit/lib/scratch.h"

static void read_text(const char *path, struct sq_buf *b)
{
    struct sq_err err;
    sq_buf_init(b, 1 << 20);
    OK(err, sq_file_read(path, b, &err));
}

static int lines_in(const char *path)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    int n = 0;
    read_text(path, &b);
    for (size_t i = 0; i < b.len; i++)
        n += b.data[i] == '\n';
    return n;
}

static void open_log(const char *path, int64_t max, int keep, enum sq_level level)
{
    struct sq_err err;
    OK(err, sq_log_open(&(struct sq_log_conf){path, max, keep, level, NULL}, &err));
}

static void test_a_line(void **state)
{
    const char *path = scratch_path(*state, "log");
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    open_log(path, 0, 0, SQ_LOG_INFO);
    errno = EAGAIN;
    sq_log(SQ_LOG_WARNING, "http", "two\nlines\tand %d", 7);
    assert_int_equal(errno, EAGAIN);
    sq_log(SQ_LOG_DEBUG, "http", "not wanted");
    sq_log_close();
    read_text(path, &b);
    assert_true(b.len > 27);
    assert_string_equal(b.data + 26, " warning [http] two lines and 7\n");
    int64_t t;
    b.data[26] = 0;
    assert_true(sq_time_parse(b.data, &t));
}

static void test_long_messages_are_cut(void **state)
{
    const char *path = scratch_path(*state, "log");
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    open_log(path, 0, 0, SQ_LOG_DEBUG);
    sq_log(SQ_LOG_DEBUG, "x", "%100000d", 1);
    sq_log(SQ_LOG_DEBUG, "x", "after");
    sq_log_close();
    read_text(path, &b);
    assert_int_equal(lines_in(path), 2);
    assert_true(b.len < 5000);
}

static void test_rotation_keeps_so_many(void **state)
{
    struct scratch *s = *state;
    const char *path = scratch_path(s, "log");
    open_log(path, 200, 2, SQ_LOG_INFO);
    for (int i = 0; i < 50; i++)
        sq_log(SQ_LOG_INFO, "x", "a message of some length, number %d", i);
    sq_log_close();
    assert_true(lines_in(path) <= 2);
    assert_int_equal(lines_in(scratch_path(s, "log.1")), 2);
    assert_int_equal(lines_in(scratch_path(s, "log.2")), 2);
    assert_int_not_equal(access(scratch_path(s, "log.3"), F_OK), 0);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    read_text(scratch_path(s, "log"), &b);
    assert_non_null(strstr(b.data, "number 49"));
}

static void test_rotation_without_keeping(void **state)
{
    struct scratch *s = *state;
    const char *path = scratch_path(s, "log");
    open_log(path, 100, 0, SQ_LOG_INFO);
    for (int i = 0; i < 20; i++)
        sq_log(SQ_LOG_INFO, "x", "a message of some length, number %d", i);
    sq_log_close();
    assert_int_equal(lines_in(path), 1);
    assert_int_not_equal(access(scratch_path(s, "log.1"), F_OK), 0);
}

static void test_reopen_after_outside_rotation(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    const char *path = scratch_path(s, "log"), *moved = scratch_path(s, "moved");
    open_log(path, 0, 0, SQ_LOG_INFO);
    sq_log(SQ_LOG_INFO, "x", "one");
    assert_int_equal(rename(path, moved), 0);
    sq_log(SQ_LOG_INFO, "x", "two");
    OK(err, sq_log_reopen(&err));
    sq_log(SQ_LOG_INFO, "x", "three");
    sq_log_close();
    assert_int_equal(lines_in(moved), 2);
    assert_int_equal(lines_in(path), 1);
}

static void test_open_fails_in_words(void **state)
{
    struct sq_err err;
    struct sq_log_conf conf = {.path = scratch_path(*state, "no/log")};
    assert_int_equal(sq_log_open(&conf, &err), SQ_ENOENT);
    assert_non_null(strstr(err.text, "cannot open the log file"));
    OK(err, sq_log_reopen(&err));
}

static void *log_much(void *arg)
{
    for (int i = 0; i < 500; i++)
        sq_log(SQ_LOG_INFO, arg, "message %d", i);
    return NULL;
}

static void test_threads_lose_nothing(void **state)
{
    struct scratch *s = *state;
    enum { THREADS = 4 };
    static char rooms[THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];
    open_log(scratch_path(s, "log"), 30000, 20, SQ_LOG_INFO);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, log_much, rooms[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    sq_log_close();
    int n = lines_in(scratch_path(s, "log"));
    for (int i = 1; i <= 20; i++) {
        char name[20];
        snprintf(name, sizeof name, "log.%d", i);
        if (access(scratch_path(s, name), F_OK) == 0)
            n += lines_in(scratch_path(s, name));
    }
    assert_int_equal(n, 500 * THREADS);
}

static void test_level_names(void **state)
{
    (void)state;
    enum sq_level level = SQ_LOG_INFO;
    assert_true(sq_log_level_parse("debug", &level));
    assert_int_equal(level, SQ_LOG_DEBUG);
    assert_true(sq_log_level_parse("error", &level));
    assert_int_equal(level, SQ_LOG_ERROR);
    assert_false(sq_log_level_parse("loud", &level));
    assert_int_equal(level, SQ_LOG_ERROR);
}

#define SCRATCH(test)                                                                  \
    cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(test_a_line),
        SCRATCH(test_long_messages_are_cut),
        SCRATCH(test_rotation_keeps_so_many),
        SCRATCH(test_rotation_without_keeping),
        SCRATCH(test_reopen_after_outside_rotation),
        SCRATCH(test_open_fails_in_words),
        SCRATCH(test_threads_lose_nothing),
        cmocka_unit_test(test_level_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
