/* What stays selected in top's lists while the server's answers change. */
#include "tests/test.h"

#include "cli/top/model.h"

enum { N_ANSWERS = 4, N_TASKS = 4 };

static void take(struct sq_top *top, const int *tasks)
{
    json_t *rows = json_array();
    for (int i = 0; i < N_TASKS && tasks[i]; i++)
        json_array_append_new(rows, json_pack("{s:i}", "task_id", tasks[i]));
    json_t *answer =
        json_pack("{s:[], s:[], s:o}", "batches", "workers", "tasks", rows);
    sq_top_take(top, answer);
    json_decref(answer);
}

static int selected(const struct sq_top *top)
{
    return (int)json_integer_value(json_object_get(sq_top_selected(top), "task_id"));
}

/* After each answer (its tasks) the row is that of `on`; then the keys move by `step`.
 */
static void test_selected(void **state)
{
    static const struct {
        const char *what;
        struct {
            int tasks[N_TASKS], on, step;
        } answers[N_ANSWERS];
    } rows[] = {
        {"it stays on its task", {{{1, 2, 3}, 1, 1}, {{3, 1, 2}, 2, 0}, {{2}, 2, 0}}},
        {"the next one takes the place of one that has gone",
         {{{1, 2, 3}, 1, 1}, {{1, 3}, 3, 0}, {{1, 4, 3}, 3, 0}}},
        {"the last one does where there is no next",
         {{{1, 2, 3}, 1, 2}, {{1, 2}, 2, 0}, {{4, 1, 2}, 2, 0}}},
        {"one that is missing once comes back",
         {{{1, 2}, 1, 0}, {{2}, 2, 0}, {{1, 2}, 1, 0}, {{2, 1}, 1, 0}}},
        {"from an empty list too", {{{1, 2}, 1, 1}, {{0}, 0, 0}, {{1, 2}, 2, 0}}},
        {"not after a second answer without it",
         {{{1, 2}, 1, 0}, {{2}, 2, 0}, {{2}, 2, 0}, {{1, 2}, 2, 0}}},
        {"not when another has been chosen",
         {{{1, 2, 3}, 1, 0}, {{2, 3}, 2, 1}, {{1, 2, 3}, 3, 0}}},
        {"up and down end where the list does",
         {{{1, 2, 3}, 1, 9}, {{1, 2, 3}, 3, -9}, {{1, 2, 3}, 1, 0}}},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_top top;
        sq_top_init(&top, NULL);
        top.pane = SQ_TOP_TASKS;
        for (int k = 0; k < N_ANSWERS && (k == 0 || rows[i].answers[k].tasks[0] ||
                                          rows[i].answers[k - 1].tasks[0]);
             k++) {
            take(&top, rows[i].answers[k].tasks);
            if (selected(&top) != rows[i].answers[k].on)
                fail_msg("%s: answer %d: task %d is selected, not %d", rows[i].what,
                         k + 1, selected(&top), rows[i].answers[k].on);
            if (rows[i].answers[k].step)
                sq_top_move(&top, rows[i].answers[k].step);
        }
        sq_top_fini(&top);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_selected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
