/* task_properties: texts that people edit by hand. */
#include "tests/test.h"

#include "lib/weights.h"

static void test_weights(void **state)
{
    (void)state;
    static const struct {
        const char *text, *batch;
        double weight;
    } rows[] = {
        {"{\"a\": [0.5, 1]}", "a", 0.5},
        {"{\"a\": [0.5, 1]}", "b", 1},
        {"{\"a\": [0.5, 1], \"b\": [2, 3]}", "b", 2},
        {" {\n \"a\": [3, 1]}", "a", 3},
        {"{\"a\": 0.25}", "a", 0.25},
        {"{\"a\": [0, 1]}", "a", 0},
        {"{\"a\": [-1, 1]}", "a", 1},
        {"{\"a\": [\"x\"]}", "a", 1},
        {"{\"a\": []}", "a", 1},
        {"{\"a\": [0.5, 1]}", NULL, 1},
        {"{\"a\": [0.5", "a", 1},
        {"[0.5]", "a", 1},
        {"{}", "a", 1},
        {" { } ", "a", 1},
        {"", "a", 1},
        {"null", "a", 1},
        {NULL, "a", 1},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        json_t *weights = sq_weights_parse(rows[i].text);
        double w = sq_weight(weights, rows[i].batch);
        json_decref(weights);
        if (w != rows[i].weight)
            fail_msg("%s, %s: %g", rows[i].text, rows[i].batch, w);
    }
}

static void test_none_is_cheap(void **state)
{
    (void)state;
    assert_false(sq_weights_any(NULL));
    assert_false(sq_weights_any("{}"));
    assert_false(sq_weights_any(" {  }"));
    assert_false(sq_weights_any("nonsense"));
    assert_true(sq_weights_any("{\"a\": [0.5, 1]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_none_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
