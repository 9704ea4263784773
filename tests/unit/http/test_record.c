/* The generic reader and writer: every kind of field, every defect with its field
 * named, and the round trip of each type. */
#include "tests/test.h"

#include <string.h>

#include "core/http/record.h"
#include "core/model/entity.h"

struct world {
    struct sq_arena arena;
    struct sq_err err;
    struct sq_task task;
    uint64_t mask;
};

static int read_task(struct world *w, const char *text, unsigned flags)
{
    json_t *json = NULL;
    sq_arena_init(&w->arena, 1 << 20);
    OK(w->err, sq_json_parse(text, strlen(text), &json, &w->err));
    int code = sq_record_from_json(&sq_task_type, json, flags, &w->arena, &w->task,
                                   &w->mask, &w->err);
    json_decref(json);
    return code;
}

static const struct {
    const char *json;
    unsigned flags;
    int code;
    const char *says;
} defects[] = {
    {"[]", 0, SQ_EINVAL, "Task must be a JSON object"},
    {"3", 0, SQ_EINVAL, "Task must be a JSON object"},
    {"{\"bogus\":1}", 0, SQ_EINVAL, "Task has no field bogus"},
    {"{\"waits_on\":1}", 0, SQ_EINVAL, "Task has no field waits_on"},
    {"{}", SQ_READ_CREATE, SQ_EINVAL, "Task needs the field command"},
    {"{\"command\":null}", SQ_READ_CREATE, SQ_EINVAL, "Task needs the field command"},
    {"{\"command\":null}", 0, SQ_EINVAL, "command cannot be null"},
    {"{\"status\":null}", 0, SQ_EINVAL, "status cannot be null"},
    {"{\"command\":{}}", 0, SQ_EINVAL, "command"},
    {"{\"command\":true}", 0, SQ_EINVAL, "command"},
    {"{\"retry\":\"x\"}", 0, SQ_EINVAL, "retry"},
    {"{\"retry\":1.5}", 0, SQ_EINVAL, "retry"},
    {"{\"retry\":[1]}", 0, SQ_EINVAL, "retry"},
    {"{\"retry\":2147483648}", 0, SQ_EINVAL, "retry: 2147483648 is out of range"},
    {"{\"retry\":\"-2147483649\"}", 0, SQ_EINVAL, "retry"},
    {"{\"use_cache\":\"maybe\"}", 0, SQ_EINVAL, "use_cache"},
    {"{\"required_task_ids\":3}", 0, SQ_EINVAL, "required_task_ids must be a list"},
    {"{\"required_task_ids\":[null]}", 0, SQ_EINVAL, "required_task_ids"},
    {"{\"required_task_ids\":[-1]}", 0, SQ_EINVAL, "required_task_ids: -1 is no id"},
    {"{\"required_task_ids\":[\"#0\"]}", 0, SQ_EINVAL, "required_task_ids"},
    {"{\"required_task_ids\":[\"#\"]}", SQ_READ_REFERENCES, SQ_EINVAL,
     "required_task_ids"},
    {"{\"required_task_ids\":[\"#-1\"]}", SQ_READ_REFERENCES, SQ_EINVAL,
     "required_task_ids"},
    {"{\"required_task_ids\":[\"#99999999999999999999\"]}", SQ_READ_REFERENCES,
     SQ_EINVAL, "required_task_ids"},
    {"{\"status\":\"bogus\"}", 0, SQ_ESTATE,
     "Status bogus is not possible (only paused waiting pending assigned accepted "
     "running failed succeeded debug)"},
    {"{\"status\":5}", 0, SQ_ESTATE, "Status 5 is not possible"},
};

static void test_each_defect_names_its_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(defects); i++) {
        struct world w = {0};
        int code = read_task(&w, defects[i].json, defects[i].flags);
        if (code != defects[i].code || !strstr(w.err.text, defects[i].says))
            fail_msg("%s: %s: %s", defects[i].json, sq_code_name(code), w.err.text);
        sq_arena_fini(&w.arena);
    }
}

static void test_every_kind_is_read(void **state)
{
    (void)state;
    struct world w = {0};
    OK(w.err, read_task(&w,
                        "{\"command\":12,\"name\":null,\"status\":\"waiting\","
                        "\"retry\":\"3\",\"use_cache\":true,"
                        "\"required_task_ids\":[7,\"8\",\"#0\",\"#12\"]}",
                        SQ_READ_REFERENCES));
    assert_string_equal(w.task.command, "12");
    assert_null(w.task.name);
    assert_int_equal(w.task.status, SQ_TASK_WAITING);
    assert_int_equal(w.task.retry, 3);
    assert_int_equal(w.task.use_cache, 1);
    assert_int_equal(w.task.required_task_ids.n, 4);
    assert_int_equal(w.task.required_task_ids.v[1], 8);
    assert_int_equal(w.task.required_task_ids.v[2], -1);
    assert_int_equal(w.task.required_task_ids.v[3], -13);
    assert_true(w.task.run_timeout == SQ_NULL);
    assert_int_equal(w.mask, SQ_BIT(SQ_TASK_F_COMMAND) | SQ_BIT(SQ_TASK_F_NAME) |
                                 SQ_BIT(SQ_TASK_F_STATUS) | SQ_BIT(SQ_TASK_F_RETRY) |
                                 SQ_BIT(SQ_TASK_F_USE_CACHE) |
                                 SQ_BIT(SQ_TASK_F_REQUIRED));
    sq_arena_fini(&w.arena);
}

/* What a client got, it may send back whole. */
static void test_what_only_the_server_sets_is_ignored(void **state)
{
    (void)state;
    struct world w = {0};
    OK(w.err, read_task(&w,
                        "{\"task_id\":7,\"creation_date\":\"nonsense\","
                        "\"status_date\":null,\"command\":\"c\"}",
                        0));
    assert_int_equal(w.mask, SQ_BIT(SQ_TASK_F_COMMAND));
    assert_true(w.task.task_id == SQ_NULL);
    sq_arena_fini(&w.arena);
}

static void test_null_at_creation_is_absence(void **state)
{
    (void)state;
    struct world w = {0};
    OK(w.err, read_task(&w, "{\"command\":\"c\",\"status\":null,\"retry\":null}",
                        SQ_READ_CREATE));
    assert_int_equal(w.mask, SQ_BIT(SQ_TASK_F_COMMAND));
    sq_arena_fini(&w.arena);
}

static void test_wide_integers_only_where_allowed(void **state)
{
    (void)state;
    struct world w = {0};
    OK(w.err, read_task(&w, "{\"retry\":5000000000}", SQ_READ_WIDE));
    assert_true(w.task.retry == 5000000000);
    sq_arena_fini(&w.arena);
}

static void test_a_record_is_written_in_the_tables_order(void **state)
{
    (void)state;
    int64_t ids[] = {1, 2};
    struct sq_task t;
    struct sq_buf out;
    struct sq_jw w;
    sq_record_clear(&sq_task_type, &t);
    t.task_id = 3;
    t.command = (char *)"echo \"h\xc3\xa9\"\n";
    t.status = SQ_TASK_PENDING;
    t.use_cache = 0;
    t.creation_date = 1000000;
    t.required_task_ids = (struct sq_ints){ids, 2};
    sq_buf_init(&out, 10000);
    sq_jw_init(&w, &out);
    sq_record_to_json(&w, &sq_task_type, sq_record_visible(&sq_task_type), &t);
    assert_string_equal(
        out.data,
        "{\"task_id\":3,\"name\":null,\"status\":\"pending\","
        "\"command\":\"echo \\\"h\xc3\xa9\\\"\\n\","
        "\"creation_date\":\"1970-01-01T00:00:01\",\"modification_date\":null,"
        "\"status_date\":null,\"batch\":null,\"input\":null,\"output\":null,"
        "\"container\":null,\"container_options\":null,\"resource\":null,"
        "\"required_task_ids\":[1,2],\"retry\":null,\"download_timeout\":null,"
        "\"run_timeout\":null,\"use_cache\":false}");
    sq_buf_fini(&out);
}

static void test_a_list_of_fields(void **state)
{
    (void)state;
    struct sq_err err = {0};
    uint64_t mask = 0;
    OK(err, sq_record_fields(&sq_task_type, "name,task_id", &mask, &err));
    assert_int_equal(mask, SQ_BIT(SQ_TASK_F_ID) | SQ_BIT(SQ_TASK_F_NAME));
    static const char *const bad[] = {
        "", ",", "nam", "name,", "name,,status", "waits_on", "name status"};
    for (size_t i = 0; i < SQ_LEN(bad); i++)
        if (strcmp(bad[i], "name,") != 0)
            assert_int_equal(sq_record_fields(&sq_task_type, bad[i], &mask, &err),
                             SQ_EINVAL);
    OK(err, sq_record_fields(&sq_task_type, "name,", &mask, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_defect_names_its_field),
        cmocka_unit_test(test_every_kind_is_read),
        cmocka_unit_test(test_what_only_the_server_sets_is_ignored),
        cmocka_unit_test(test_null_at_creation_is_absence),
        cmocka_unit_test(test_wide_integers_only_where_allowed),
        cmocka_unit_test(test_a_record_is_written_in_the_tables_order),
        cmocka_unit_test(test_a_list_of_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
