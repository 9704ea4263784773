/* Lifting texts out of JSON: what is left, what is found again, and that nothing
 * malformed becomes well-formed. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/http/lift.h"
#include "lib/jsonio.h"

static const struct {
    const char *json, *left;
    size_t n;
    const char *first; /* the first text lifted */
} cases[] = {
    {"", "", 0, NULL},
    {"{}", "{}", 0, NULL},
    {"{\"data\":\"abc\"}", "{\"data\":\"@0\"}", 1, "abc"},
    {"{\"data\":\"\"}", "{\"data\":\"@0\"}", 1, ""},
    {"{\"data\" \n:\t\"abc\" , \"x\":1}", "{\"data\" \n:\t\"@0\" , \"x\":1}", 1, "abc"},
    {"[{\"data\":\"a\"},{\"data\":\"b\"}]", "[{\"data\":\"@0\"},{\"data\":\"@1\"}]", 2,
     "a"},
    {"{\"data\":\"@0\"}", "{\"data\":\"@0\"}", 1, "@0"},
    {"{\"data\":3,\"x\":\"y\"}", "{\"data\":3,\"x\":\"y\"}", 0, NULL},
    {"{\"data\":null}", "{\"data\":null}", 0, NULL},
    {"{\"data\":[\"a\"]}", "{\"data\":[\"a\"]}", 0, NULL},
    {"{\"data\":{\"data\":\"q\"}}", "{\"data\":{\"data\":\"@0\"}}", 1, "q"},
    {"[\"data\",\"abc\"]", "[\"data\",\"abc\"]", 0, NULL},
    {"{\"x\":\"data\",\"y\":\"z\"}", "{\"x\":\"data\",\"y\":\"z\"}", 0, NULL},
    {"{\"mydata\":\"z\"}", "{\"mydata\":\"z\"}", 0, NULL},
    {"{\"data\":\"a\\/b\"}", "{\"data\":\"a\\/b\"}", 0, NULL},
    {"{\"data\":\"a\\\"b\"}", "{\"data\":\"a\\\"b\"}", 0, NULL},
    {"{\"x\\\\\":\"\\\\\",\"data\":\"q\"}", "{\"x\\\\\":\"\\\\\",\"data\":\"@0\"}", 1,
     "q"},
    {"{\"a\":\"\\\"data\\\":\\\"x\\\"\"}", "{\"a\":\"\\\"data\\\":\\\"x\\\"\"}", 0,
     NULL},
    {"{\"data\":\"abc", "{\"data\":\"abc", 0, NULL},
    {"{\"data\":\"abc\\", "{\"data\":\"abc\\", 0, NULL},
    {"{\"data\"::\"abc\"}", "{\"data\"::\"abc\"}", 0, NULL},
    {"{\"data\" \"abc\"}", "{\"data\" \"abc\"}", 0, NULL},
    {"\"", "\"", 0, NULL},
};

static void test_each_document(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_arena arena;
        struct sq_buf out;
        struct sq_lifted l;
        struct sq_err err = {0};
        sq_arena_init(&arena, 100000);
        sq_buf_init(&out, 100000);
        OK(err, sq_lift("data", cases[i].json, strlen(cases[i].json), &arena, &out, &l,
                        &err));
        assert_string_equal(out.data ? out.data : "", cases[i].left);
        assert_int_equal(l.n, cases[i].n);
        if (l.n) {
            assert_int_equal(l.texts[0].len, strlen(cases[i].first));
            assert_memory_equal(l.texts[0].text, cases[i].first, l.texts[0].len);
        }
        sq_buf_fini(&out);
        sq_arena_fini(&arena);
    }
}

static void test_values_are_found_again(void **state)
{
    (void)state;
    const char *text = "[{\"data\":\"one\"},{\"data\":\"t\\/o\"},{\"data\":\"three\"},"
                       "{\"data\":7}]";
    const char *const want[] = {"one", "t/o", "three", NULL};
    struct sq_arena arena;
    struct sq_buf out;
    struct sq_lifted l;
    struct sq_err err = {0};
    json_t *json = NULL;
    sq_arena_init(&arena, 100000);
    sq_buf_init(&out, 100000);
    OK(err, sq_lift("data", text, strlen(text), &arena, &out, &l, &err));
    OK(err, sq_json_parse(out.data, out.len, &json, &err));
    for (size_t i = 0; i < SQ_LEN(want); i++) {
        struct sq_lifted_text got =
            sq_lifted_get(&l, json_object_get(json_array_get(json, i), "data"));
        if (!want[i]) {
            assert_null(got.text);
            continue;
        }
        assert_int_equal(got.len, strlen(want[i]));
        assert_memory_equal(got.text, want[i], got.len);
    }
    json_decref(json);
    sq_buf_fini(&out);
    sq_arena_fini(&arena);
}

/* Random texts of the characters that matter: what does not parse without lifting must
 * not parse with it, unless only the inside of a lifted text was wrong. */
static void test_the_malformed_stays_malformed(void **state)
{
    static const char *const parts[] = {"\"data\"", ":", "\"", "\\", "{",     "}", "[",
                                        "]",        ",", "x",  " ",  "\"x\"", "1"};
    (void)state;
    srand(12);
    for (int round = 0; round < 20000; round++) {
        char text[200] = "";
        for (int k = rand() % 12; k >= 0; k--)
            strcat(text, parts[(size_t)rand() % SQ_LEN(parts)]);
        struct sq_arena arena;
        struct sq_buf out;
        struct sq_lifted l;
        struct sq_err err = {0};
        json_t *a = NULL, *b = NULL;
        sq_arena_init(&arena, 100000);
        sq_buf_init(&out, 100000);
        OK(err, sq_lift("data", text, strlen(text), &arena, &out, &l, &err));
        int plain = sq_json_parse(text, strlen(text), &a, &err);
        int lifted = sq_json_parse(out.data ? out.data : "", out.len, &b, &err);
        if ((plain == 0) != (lifted == 0))
            fail_msg("%s became %s", text, out.data);
        json_decref(a);
        json_decref(b);
        sq_buf_fini(&out);
        sq_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_document),
        cmocka_unit_test(test_values_are_found_again),
        cmocka_unit_test(test_the_malformed_stays_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
