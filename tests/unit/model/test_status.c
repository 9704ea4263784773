/* Statuses: the API's words and numbers, and every cell of the table of A.5. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "core/model/status.h"

/* One letter a cell, columns in the order of enum sq_execution_status:
 * p task pending, a accepted, r running, s succeeded, f failed or retried,
 * = nothing, x "from A to B", X "from A (only from…)". */
static const char *const table[] = {
    [SQ_EXEC_PENDING] = "=arpsp",   [SQ_EXEC_ACCEPTED] = "p=rfsp",
    [SQ_EXEC_RUNNING] = "xx=fsx",   [SQ_EXEC_FAILED] = "XXX=XX",
    [SQ_EXEC_SUCCEEDED] = "XXXX=X", [SQ_EXEC_REFUSED] = "XXXXX=",
};

static enum sq_task_effect effect_of(char cell)
{
    switch (cell) {
    case 'p': return SQ_EFFECT_PENDING;
    case 'a': return SQ_EFFECT_ACCEPTED;
    case 'r': return SQ_EFFECT_RUNNING;
    case 's': return SQ_EFFECT_SUCCEEDED;
    case 'f': return SQ_EFFECT_FAILED_OR_RETRIED;
    default: return SQ_EFFECT_NONE;
    }
}

static void check_error(char cell, int from, int to, const char *text)
{
    char want[200];
    const char *f = sq_name(&sq_execution_statuses, from);
    if (cell == 'x')
        snprintf(want, sizeof want, "An execution cannot change status from %s to %s",
                 f, sq_name(&sq_execution_statuses, to));
    else
        snprintf(want, sizeof want,
                 "An execution cannot change status from %s (only from pending, "
                 "running or accepted)",
                 f);
    assert_string_equal(text, want);
}

static void test_every_cell_of_the_table(void **state)
{
    (void)state;
    for (int from = 0; from <= SQ_EXEC_REFUSED; from++)
        for (int to = 0; to <= SQ_EXEC_REFUSED; to++) {
            char cell = table[from][to];
            bool changes = false;
            enum sq_task_effect effect = SQ_EFFECT_NONE;
            struct sq_err err = {0};
            int code = sq_execution_step(from, to, &changes, &effect, &err);
            if (cell == 'x' || cell == 'X') {
                assert_int_equal(code, SQ_ESTATE);
                check_error(cell, from, to, err.text);
                continue;
            }
            assert_int_equal(code, 0);
            assert_int_equal(changes, cell != '=');
            assert_int_equal(effect, effect_of(cell));
        }
}

static void test_numbers_are_the_api_s(void **state)
{
    (void)state;
    const char *words[] = {"paused",  "waiting", "pending",   "assigned", "accepted",
                           "running", "failed",  "succeeded", "debug"};
    for (size_t i = 0; i < SQ_LEN(words); i++) {
        int status = -1;
        assert_int_equal(sq_status_parse(&sq_task_statuses, words[i], &status, NULL),
                         0);
        assert_int_equal(status, i);
    }
}

static void test_unknown_words_answer_as_1_3_did(void **state)
{
    (void)state;
    static const struct {
        const struct sq_names *set;
        const char *text;
    } cases[] = {
        {&sq_task_statuses, "Status bogus is not possible (only paused waiting pending "
                            "assigned accepted running failed succeeded debug)"},
        {&sq_execution_statuses, "Status bogus is not possible (only pending accepted "
                                 "running failed succeeded refused)"},
        {&sq_worker_statuses, "Status bogus is not possible (only paused running "
                              "offline failed evicted)"},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        int status = 42;
        struct sq_err err = {0};
        assert_int_equal(sq_status_parse(cases[i].set, "bogus", &status, &err),
                         SQ_ESTATE);
        assert_string_equal(err.text, cases[i].text);
        assert_int_equal(status, 42);
    }
}

static void test_live_and_held(void **state)
{
    (void)state;
    for (int s = 0; s <= SQ_EXEC_REFUSED; s++)
        assert_int_equal(sq_execution_live(s), s <= SQ_EXEC_RUNNING);
    for (int s = 0; s <= SQ_TASK_DEBUG; s++)
        assert_int_equal(sq_task_held(s),
                         s >= SQ_TASK_ASSIGNED && s <= SQ_TASK_RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell_of_the_table),
        cmocka_unit_test(test_numbers_are_the_api_s),
        cmocka_unit_test(test_unknown_words_answer_as_1_3_did),
        cmocka_unit_test(test_live_and_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
