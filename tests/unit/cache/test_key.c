/* The key: everything that it is made of changes it, nothing else does. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "core/cache/key.h"
#include "core/cache/plan.h"

static const struct sq_cache_work base = {.command = "run -a",
                                          .container = "img",
                                          .container_options = "-v /a:/a",
                                          .input = "s3://b/x",
                                          .output = "s3://b/o/"};

/* Parts as "content action;content": at most four. */
static size_t parts(const char *text, struct sq_cache_part v[4], char copy[200])
{
    size_t n = 0;
    strcpy(copy, text);
    for (char *at = copy, *one; (one = strsep(&at, ";")) && *one;) {
        char *content = strsep(&one, " ");
        v[n++] = (struct sq_cache_part){.content = content, .action = one};
    }
    return n;
}

static void key_of(const struct sq_cache_work *w, const char *inputs,
                   const char *resources, char ret[SQ_CACHE_KEY_LEN])
{
    struct sq_cache_part in[4], res[4];
    char text[2][200];
    size_t n = parts(inputs, in, text[0]), k = parts(resources, res, text[1]);
    sq_cache_key(w, in, n, res, k, ret);
}

/* Keys are stored: what this release wrote the next one must find. */
static void test_stays(void **state)
{
    (void)state;
    char key[SQ_CACHE_KEY_LEN];
    key_of(&base, "aa;bb untar", "cc", key);
    assert_string_equal(key, "1:9b9ba72a85e745a345afa0575be216fb");
}

static void test_order_and_place_do_not_count(void **state)
{
    (void)state;
    char one[SQ_CACHE_KEY_LEN], other[SQ_CACHE_KEY_LEN];
    struct sq_cache_work w = base;
    key_of(&w, "aa;bb untar;aa mv:x", "cc;dd", one);
    w.input = "azure://elsewhere/y";
    w.resource = "z";
    w.output = "s3://another/";
    w.id = 7;
    key_of(&w, "aa mv:x;bb untar;aa", "dd;cc", other);
    assert_string_equal(one, other);
}

static void test_everything_else_does(void **state)
{
    (void)state;
    static const struct {
        const char *command, *container, *options, *inputs, *resources;
    } rows[] = {
        {"run -a", "img", "-v /a:/a", "aa;bb", "cc"},
        {"run -a ", "img", "-v /a:/a", "aa;bb", "cc"},
        {"run -b", "img", "-v /a:/a", "aa;bb", "cc"},
        {"run -a", "img2", "-v /a:/a", "aa;bb", "cc"},
        {"run -a", NULL, "-v /a:/a", "aa;bb", "cc"},
        {"run -a", "img", NULL, "aa;bb", "cc"},
        {"run -a", "img", "", "aa;bb", "cc"},
        {"run -a", "img", "-v /b:/a", "aa;bb", "cc"},
        {"run -a", "img-v", " /a:/a", "aa;bb", "cc"},
        {"run -a", "img", "-v /a:/a", "aa", "cc"},
        {"run -a", "img", "-v /a:/a", "aa;bb;bb", "cc"},
        {"run -a", "img", "-v /a:/a", "aa;bd", "cc"},
        {"run -a", "img", "-v /a:/a", "aabb", "cc"},
        {"run -a", "img", "-v /a:/a", "aa untar;bb", "cc"},
        {"run -a", "img", "-v /a:/a", "aa;bb untar", "cc"},
        {"run -a", "img", "-v /a:/a", "aa;bb mv:x", "cc"},
        {"run -a", "img", "-v /a:/a", "aa;bb", ""},
        {"run -a", "img", "-v /a:/a", "aa;bb", "cd"},
        {"run -a", "img", "-v /a:/a", "aa;bb", "cc gunzip"},
        {"run -a", "img", "-v /a:/a", "aa;bb;cc", ""},
        {"run -a", "img", "-v /a:/a", "", "aa;bb;cc"},
        {"run -a", "img", "-v /a:/a", "aa;cc", "bb"},
        {"run -a\ncontainer 3:img", NULL, "-v /a:/a", "aa;bb", "cc"},
    };
    char keys[SQ_LEN(rows)][SQ_CACHE_KEY_LEN];
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const struct sq_cache_work w = {.command = rows[i].command,
                                        .container = rows[i].container,
                                        .container_options = rows[i].options};
        key_of(&w, rows[i].inputs, rows[i].resources, keys[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(keys[i], keys[k]) == 0)
                fail_msg("rows %zu and %zu have one key", k, i);
    }
}

/* Answer every question with its own URI. */
static void answer_all(struct sq_plan *plan)
{
    for (size_t i = 0; i < plan->n_questions; i++) {
        struct sq_question *q = &plan->questions[i];
        q->done = true;
        snprintf(q->content, sizeof q->content, "%s", q->uri);
        snprintf(q->state, sizeof q->state, "%s", q->uri);
    }
}

static void test_plan(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_plan plan;
    struct sq_plan_answer a[2];
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    const struct sq_cache_work works[] = {
        {.command = "x",
         .input = " s3://b/x  s3://b/y|untar ",
         .resource = "s3://b/x",
         .output = "s3://b/o/",
         .output_files = "r"},
        {.command = "x",
         .input = "s3://b/y|untar s3://b/x",
         .resource = "s3://b/x",
         .output = "s3://b/p/"},
        {.command = "x", .input = "s3://b/x", .output = NULL},
        {.command = "x", .input = "s3://b/x", .output = "a b"},
        {.command = "x", .input = "s3://b/x|dance", .output = "a"},
    };
    sq_arena_init(&arena, 1 << 20);
    OK(err, sq_plan_make(works, SQ_LEN(works), false, &arena, &plan, &err));
    assert_int_equal(plan.n_questions, 2); /* each URI once */
    assert_string_equal(plan.questions[0].uri, "s3://b/x");
    assert_string_equal(plan.questions[1].uri, "s3://b/y");
    answer_all(&plan);
    assert_true(sq_plan_answer(&plan, &plan.items[0], &a[0]));
    assert_true(sq_plan_answer(&plan, &plan.items[1], &a[1]));
    assert_string_equal(a[0].key, a[1].key);
    assert_string_not_equal(a[0].state, a[1].state); /* not the same inputs, in order */
    for (size_t i = 2; i < SQ_LEN(works); i++) {
        assert_false(sq_plan_answer(&plan, &plan.items[i], &a[0]));
        assert_non_null(plan.items[i].why);
    }
    plan.questions[1].done = false; /* no hash of it */
    assert_false(sq_plan_answer(&plan, &plan.items[0], &a[0]));
    OK(err, sq_plan_make(works, 3, true, &arena, &plan, &err));
    assert_int_equal(plan.n_questions, 4);
    assert_string_equal(plan.questions[plan.items[0].output].uri, "s3://b/o/");
    assert_string_equal(plan.questions[plan.items[0].output].names, "r");
    assert_string_equal(plan.questions[plan.items[1].output].names, "");
    answer_all(&plan);
    plan.questions[0].here = true;
    assert_true(sq_plan_answer(&plan, &plan.items[1], &a[0]));
    assert_true(a[0].here);
}

static void test_folders(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool folder, storage;
    } rows[] = {
        {"s3://b/o/", "s3://b/o", true, true},
        {"s3://b/o/", "s3://b/o//", true, true},
        {"file:///o/", "/o", true, true},
        {"/", "file:///", true, true},
        {"s3://b/o/", "s3://b/o2/", false, true},
        {"s3://b/o", "s3b://b/o", false, false},
        {"/o", "s3://b/o", false, false},
        {"files://o/", "/o", false, false},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        assert_int_equal(sq_plan_same_folder(rows[i].a, rows[i].b), rows[i].folder);
        assert_int_equal(sq_plan_same_folder(rows[i].b, rows[i].a), rows[i].folder);
        assert_int_equal(sq_plan_same_storage(rows[i].a, rows[i].b), rows[i].storage);
        assert_int_equal(sq_plan_same_storage(rows[i].b, rows[i].a), rows[i].storage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stays),
        cmocka_unit_test(test_order_and_place_do_not_count),
        cmocka_unit_test(test_everything_else_does),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
