/* What an exit means. */
#include "tests/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "worker/tasks_impl.h"

static int exit_status(int code)
{
    return code << 8;
}

static void test_exits(void **state)
{
    static const struct {
        int status;
        bool oom, succeeded;
        int code;
        const char *note; /* how it begins */
        int unwritten;
    } rows[] = {
        {0, false, true, 0, NULL, 0},
        {1 << 8, false, false, 1, NULL, 0},
        {255 << 8, false, false, 255, NULL, 0},
        {SIGKILL, false, false, -9, "scitq: killed by signal 9 (SIGKILL)", 0},
        {SIGSEGV | 0x80, false, false, -11, "scitq: killed by signal 11 (SIGSEGV)", 0},
        {40, false, false, -40, "scitq: killed by signal 40", 0},
        {SIGKILL, true, false, -9, "scitq: out of memory: the kernel killed the comm",
         0},
        {137 << 8, true, false, 137, "scitq: out of memory: the kernel killed a proc",
         0},
        {0, false, false, -1000, "scitq: output is missing here: ", ENOSPC},
        {3 << 8, false, false, 3, "scitq: output is missing here: ", ENOSPC},
        {SIGPIPE, false, false, -13, "scitq: output is missing here: ", ENOSPC},
    };
    assert_int_equal(exit_status(1), rows[1].status);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_execution e = {0};
        const struct sq_exit x = {.status = rows[i].status,
                                  .oom = rows[i].oom,
                                  .unwritten = rows[i].unwritten};
        sq_verdict(&e, &x);
        assert_int_equal(e.succeeded, rows[i].succeeded);
        assert_int_equal(e.return_code, rows[i].code);
        assert_int_equal(!e.note, !rows[i].note);
        if (e.note)
            assert_memory_equal(e.note, rows[i].note, strlen(rows[i].note));
        free(e.note);
    }
}

static void test_a_note_is_one_line_of_text(void **state)
{
    static const struct {
        const char *text, *note;
    } rows[] = {
        {"a\nb\rc", "scitq: a b c"},
        {"é", "scitq: é"},
        {"\xff!", "scitq: ?!"},
        {"%s", "scitq: %s"},
    };
    struct sq_execution e = {0};
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        sq_verdict_note(&e, "%s", rows[i].text);
        assert_string_equal(e.note, rows[i].note);
    }
    free(e.note);
}

static void test_a_note_goes_on(void **state)
{
    struct sq_execution e = {0};
    sq_verdict_add(&e, "the list is cut");
    assert_string_equal(e.note, "scitq: the list is cut");
    sq_verdict_add(&e, "and more");
    assert_string_equal(e.note, "scitq: the list is cut; and more");
    free(e.note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_a_note_is_one_line_of_text),
        cmocka_unit_test(test_a_note_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
