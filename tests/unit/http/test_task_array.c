/* Arrays of tasks in pieces of every size, and what is refused in them. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "core/http/task_array.h"

static int feed(struct sq_task_array *a, const char *text, size_t piece,
                struct sq_err *err)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        int code = sq_task_array_feed(a, text + at, n, err);
        if (code != 0)
            return code;
    }
    return sq_task_array_end(a, err);
}

static void test_any_pieces_give_the_same_tasks(void **state)
{
    (void)state;
    const char *text = " [ {\"command\":\"a]\\\"\"} ,\n{\"command\":\"b\","
                       "\"required_task_ids\":[\"#0\",7]},{\"command\":\"c\"}]\n";
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct sq_err err = {0};
        struct sq_task_array *a = sq_task_array_new();
        OK(err, feed(a, text, piece, &err));
        assert_int_equal(a->n, 3);
        assert_string_equal(a->tasks[0].command, "a]\"");
        assert_int_equal(a->tasks[1].required_task_ids.v[0], -1);
        assert_int_equal(a->tasks[1].required_task_ids.v[1], 7);
        assert_string_equal(a->tasks[2].command, "c");
        sq_task_array_free(a);
    }
}

static const struct {
    const char *text;
    int code;
    const char *says;
} bad[] = {
    {"[{\"command\":\"a\"},{\"commando\":1}]", SQ_EINVAL,
     "tasks[1]: Task has no field"},
    {"[{\"command\":\"a\"},7]", SQ_EINVAL, "tasks[1]: "},
    {"[{\"command\":\"a\"},{}]", SQ_EINVAL, "tasks[1]: Task needs the field command"},
    {"[{\"command\":\"a\",\"required_task_ids\":[\"#1\"]}]", SQ_EINVAL,
     "the array has no #1"},
    {"[{\"command\":\"a\",\"status\":\"x\"}]", SQ_ESTATE,
     "tasks[0]: Status x is not possible"},
    {"[{\"command\":\"a\"}", SQ_EINVAL, "tasks[0]: the text ends"},
    {"[{\"command\":\"a\"},]", SQ_EINVAL, "tasks[1]: a value is missing"},
    {"[{\"command\":\"a\"},{\"x\":\"\\u0000\"}]", SQ_EINVAL, "tasks[1]: malformed"},
    {"[{\"command\":\"a\"}] x", SQ_EINVAL, "tasks[1]: something comes after"},
    {"[", SQ_EINVAL, "tasks[0]: the text ends"},
};

static void test_each_defect_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(bad); i++) {
        struct sq_err err = {0};
        struct sq_task_array *a = sq_task_array_new();
        int code = feed(a, bad[i].text, 3, &err);
        if (code != bad[i].code || !strstr(err.text, bad[i].says))
            fail_msg("%s: %s: %s", bad[i].text, sq_code_name(code), err.text);
        sq_task_array_free(a);
    }
}

static void test_an_empty_array_has_no_tasks(void **state)
{
    (void)state;
    struct sq_err err = {0};
    struct sq_task_array *a = sq_task_array_new();
    OK(err, feed(a, "[]", 1, &err));
    assert_int_equal(a->n, 0);
    sq_task_array_free(a);
}

static void test_more_than_the_maximum_is_too_big(void **state)
{
    (void)state;
    struct sq_err err = {0};
    struct sq_task_array *a = sq_task_array_new();
    static const char one[] = "{\"command\":\"a\"},";
    int code = sq_task_array_feed(a, "[", 1, &err);
    for (int i = 0; code == 0 && i <= SQ_TASK_ARRAY_MAX; i++)
        code = sq_task_array_feed(a, one, sizeof one - 1, &err);
    assert_int_equal(code, SQ_ETOOBIG);
    assert_non_null(strstr(err.text, "tasks[1000000]: more than 1000000 tasks"));
    sq_task_array_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_pieces_give_the_same_tasks),
        cmocka_unit_test(test_each_defect_is_named),
        cmocka_unit_test(test_an_empty_array_has_no_tasks),
        cmocka_unit_test(test_more_than_the_maximum_is_too_big),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
