/* Messages: answers of every shape are taken or refused whole. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/jsonio.h"
#include "worker/facts.h"
#include "worker/message.h"

static int parse(const char *text, struct sq_arena *arena, struct sq_answer *a,
                 struct sq_err *err)
{
    sq_arena_init(arena, 1 << 20);
    return sq_answer_parse(text, strlen(text), arena, a, err);
}

static void test_a_whole_answer(void **state)
{
    struct sq_arena arena SQ_CLEANUP(sq_arena_fini);
    struct sq_answer a;
    struct sq_err err;
    OK(err, parse("{\"acked\":45,\"worker\":{\"worker_id\":3,\"concurrency\":8,"
                  "\"permanent\":false,\"name\":\"w\",\"task_properties\":\"{}\"},"
                  "\"executions\":[{\"execution_id\":9,\"task\":{\"task_id\":5,"
                  "\"command\":\"echo \\u00e9\",\"container\":null,\"input\":\"\","
                  "\"output\":\"s3://x/\",\"batch\":\"b\",\"more\":[1]}}],"
                  "\"signals\":[{\"signal_id\":4,\"execution_id\":8,\"signal\":15},"
                  "{\"signal_id\":5,\"execution_id\":null,\"signal\":-1}],"
                  "\"withdrawn\":[8,10],\"settings\":{\"idle_delay_s\":300,"
                  "\"first_task_delay_s\":3600,\"poll_s\":10,\"stats_s\":4},\"new\":1}",
                  &arena, &a, &err));
    assert_int_equal(a.acked, 45);
    assert_int_equal(a.worker_id, 3);
    assert_int_equal(a.concurrency, 8);
    assert_int_equal(a.permanent, 0);
    assert_int_equal(a.n_executions, 1);
    assert_int_equal(a.executions[0].execution_id, 9);
    assert_int_equal(a.executions[0].task_id, 5);
    assert_string_equal(a.executions[0].command, "echo é");
    assert_null(a.executions[0].container);
    assert_null(a.executions[0].input); /* empty is none */
    assert_string_equal(a.executions[0].output, "s3://x/");
    assert_string_equal(a.executions[0].batch, "b");
    assert_string_equal(a.weights, "{}");
    assert_int_equal(a.n_signals, 2);
    assert_int_equal(a.signals[0].execution_id, 8);
    assert_true(a.signals[1].execution_id == SQ_NULL);
    assert_int_equal(a.signals[1].signal, -1);
    assert_int_equal(a.n_withdrawn, 2);
    assert_int_equal(a.withdrawn[1], 10);
    assert_int_equal(a.poll_s, 10);
}

static void test_an_empty_answer(void **state)
{
    struct sq_arena arena SQ_CLEANUP(sq_arena_fini);
    struct sq_answer a;
    struct sq_err err;
    OK(err, parse("{\"executions\":null,\"signals\":[]}", &arena, &a, &err));
    assert_true(a.acked == SQ_NULL && a.worker_id == SQ_NULL);
    assert_int_equal(a.permanent, -1);
    assert_int_equal(a.n_executions + a.n_signals + a.n_withdrawn, 0);
}

static void test_wrong_shapes_are_refused(void **state)
{
    static const struct {
        const char *text, *names;
    } rows[] = {
        {"", "answer"},
        {"[]", "not an object"},
        {"{\"acked\":\"x\"}", "acked"},
        {"{\"acked\":-1}", "acked"},
        {"{\"acked\":9223372036854775807}", "acked"},
        {"{\"executions\":{}}", "executions"},
        {"{\"executions\":[3]}", "execution_id"},
        {"{\"executions\":[{\"execution_id\":1}]}", "task_id"},
        {"{\"executions\":[{\"execution_id\":0,\"task\":{\"task_id\":1}}]}",
         "execution_id"},
        {"{\"executions\":[{\"execution_id\":1,\"task\":{\"task_id\":1,"
         "\"command\":[]}}]}",
         "command"},
        {"{\"signals\":[{\"signal_id\":1}]}", "signal"},
        {"{\"withdrawn\":[null,\"a\"]}", "withdrawn"},
        {"{\"settings\":{\"poll_s\":{}}}", "poll_s"},
        {"{\"worker\":{\"permanent\":7}}", "permanent"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_arena arena SQ_CLEANUP(sq_arena_fini);
        struct sq_answer a;
        struct sq_err err = {0};
        if (parse(rows[i].text, &arena, &a, &err) == 0)
            fail_msg("taken: %s", rows[i].text);
        if (!strstr(err.text, rows[i].names))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

static void test_too_much_for_the_arena(void **state)
{
    struct sq_arena arena SQ_CLEANUP(sq_arena_fini);
    struct sq_answer a;
    struct sq_err err;
    sq_arena_init(&arena, 64);
    const char *text = "{\"withdrawn\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}";
    assert_int_equal(sq_answer_parse(text, strlen(text), &arena, &a, &err), SQ_ETOOBIG);
}

static void test_error_messages(void **state)
{
    static const struct {
        const char *body, *message;
    } rows[] = {
        {"{\"message\":\"no\"}", "no"},
        {"{\"message\":3}", ""},
        {"<html>", ""},
        {"", ""},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_arena arena SQ_CLEANUP(sq_arena_fini);
        sq_arena_init(&arena, 1000);
        assert_string_equal(
            sq_answer_message(rows[i].body, strlen(rows[i].body), &arena),
            rows[i].message);
    }
}

static void test_registration(void **state)
{
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    struct sq_err err;
    json_t *root = NULL;
    const struct sq_registration r = {.name = "n\xff",
                                      .hostname = "h",
                                      .spool = "id",
                                      .launch_token = "w7-1",
                                      .concurrency = 4,
                                      .base_workdir = "/"};
    sq_buf_init(&out, 10000);
    sq_message_register(&r, &out);
    OK(err, sq_json_parse(out.data, out.len, &root, &err));
    assert_string_equal(json_string_value(json_object_get(root, "hostname")), "h");
    assert_int_equal(json_integer_value(json_object_get(root, "concurrency")), 4);
    assert_string_equal(json_string_value(json_object_get(root, "launch_token")),
                        "w7-1");
    assert_null(json_object_get(root, "status")); /* as it is */
    assert_true(json_is_false(json_object_get(root, "permanent")));
    json_t *facts = json_object_get(root, "facts");
    assert_true(json_integer_value(json_object_get(facts, "cores")) > 0);
    assert_true(json_integer_value(json_object_get(facts, "memory_bytes")) > 0);
    assert_true(json_integer_value(json_object_get(facts, "disk_bytes")) > 0);
    assert_true(json_is_string(json_object_get(facts, "gpu")));
    json_decref(root);
}

static void put_device(const char *folder, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/information", folder, name);
    FILE *f = text ? fopen(path, "w") : NULL;
    assert_true(!text || (f && fputs(text, f) >= 0 && fclose(f) == 0));
}

static void remove_devices(const char *folder)
{
    static const char *const paths[] = {"/0000:81:00.0/information",
                                        "/0000:01:00.0/information",
                                        "/0000:81:00.0",
                                        "/0000:01:00.0",
                                        "/0000:a1:00.0",
                                        ""};
    for (size_t i = 0; i < SQ_LEN(paths); i++) {
        char path[200];
        snprintf(path, sizeof path, "%s%s", folder, paths[i]);
        assert_int_equal(remove(path), 0);
    }
}

/* The devices of a machine, in the order of their buses; a file that tells nothing. */
static void test_gpus(void **state)
{
    char folder[] = "/tmp/scitq-gpus-XXXXXX";
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    struct sq_jw w;
    (void)state;
    assert_non_null(mkdtemp(folder));
    put_device(folder, "0000:81:00.0", "Model: \t\t NVIDIA L4\nIRQ:   \t\t 5\n");
    put_device(folder, "0000:01:00.0", "IRQ: 4\nModel: NVIDIA A100-SXM4-40GB\n");
    put_device(folder, "0000:a1:00.0", NULL);
    sq_buf_init(&out, 10000);
    sq_jw_init(&w, &out);
    sq_jw_open(&w, '{');
    sq_facts_write(&w, "/nowhere at all", folder);
    sq_jw_close(&w);
    assert_non_null(strstr(out.data, "\"gpu\":\"NVIDIA A100-SXM4-40GB,NVIDIA L4\""));
    assert_non_null(strstr(out.data, "\"disk_bytes\":null"));
    sq_buf_clear(&out);
    sq_jw_init(&w, &out);
    sq_jw_open(&w, '{');
    sq_facts_write(&w, "/", "/nowhere at all");
    sq_jw_close(&w);
    assert_non_null(strstr(out.data, "\"gpu\":\"\""));
    remove_devices(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_answer),
        cmocka_unit_test(test_an_empty_answer),
        cmocka_unit_test(test_wrong_shapes_are_refused),
        cmocka_unit_test(test_too_much_for_the_arena),
        cmocka_unit_test(test_error_messages),
        cmocka_unit_test(test_registration),
        cmocka_unit_test(test_gpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
