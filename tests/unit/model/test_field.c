/* Field tables: the API's names in the API's order, positions, nulls. */
#include "tests/test.h"

#include <math.h>
#include <string.h>

#include "core/model/entity.h"

/* http-api.md A.2, word for word; what is hidden, or ours and asked for by name, is not
 * in it. */
static const struct {
    const struct sq_type *type;
    const char *fields;
} api[] = {
    {&sq_task_type,
     "task_id name status command creation_date modification_date status_date batch "
     "input output container container_options resource required_task_ids retry "
     "download_timeout run_timeout use_cache "},
    {&sq_worker_type,
     "worker_id name concurrency prefetch hostname status load memory stats "
     "task_properties creation_date modification_date last_contact_date batch "
     "permanent flavor region provider "},
    {&sq_execution_type,
     "execution_id worker_id task_id status return_code pid creation_date "
     "modification_date output error output_files command freeze latest "},
    {&sq_worker_execution_type,
     "execution_id command status task_id creation_date modification_date pid "
     "output_files latest batch taskstatus "},
    {&sq_signal_type, "execution_id worker_id signal "},
    {&sq_requirement_type, "requirement_id task_id other_task_id "},
    {&sq_batch_type, "batch pending accepted running failed succeeded workers "},
};

static void test_fields_are_the_api_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(api); i++) {
        char got[1000] = "";
        for (int f = 0; f < api[i].type->n_fields; f++) {
            if (api[i].type->fields[f].flags & (SQ_F_HIDDEN | SQ_F_ASKED))
                continue;
            strcat(got, api[i].type->fields[f].name);
            strcat(got, " ");
        }
        assert_string_equal(got, api[i].fields);
    }
}

static void test_positions_match_their_names(void **state)
{
    (void)state;
    assert_int_equal(sq_field_find(&sq_task_type, "status"), SQ_TASK_F_STATUS);
    assert_int_equal(sq_field_find(&sq_task_type, "required_task_ids"),
                     SQ_TASK_F_REQUIRED);
    assert_int_equal(sq_field_find(&sq_task_type, "waits_on"), SQ_TASK_F_WAITS_ON);
    assert_int_equal(sq_field_find(&sq_worker_type, "batch"), SQ_WORKER_F_BATCH);
    assert_int_equal(sq_field_find(&sq_worker_type, "provider"), SQ_WORKER_F_PROVIDER);
    assert_int_equal(sq_field_find(&sq_execution_type, "latest"), SQ_EXEC_F_LATEST);
    assert_int_equal(sq_field_find(&sq_execution_type, "output"), SQ_EXEC_F_OUTPUT);
    assert_int_equal(sq_field_find(&sq_execution_type, "stdout"), -1);
}

static void test_clear_gives_every_kind_its_null(void **state)
{
    (void)state;
    struct sq_task t;
    memset(&t, 'x', sizeof t);
    sq_record_clear(&sq_task_type, &t);
    assert_true(t.task_id == SQ_NULL && t.creation_date == SQ_NULL);
    assert_true(t.waits_on == SQ_NULL);
    assert_null(t.command);
    assert_int_equal(t.status, -1);
    assert_int_equal(t.use_cache, -1);
    assert_int_equal(t.required_task_ids.n, 0);
    struct sq_worker w;
    sq_record_clear(&sq_worker_type, &w);
    assert_true(isnan(w.memory));
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(sq_name_find(&sq_task_statuses, "succeeded"), SQ_TASK_SUCCEEDED);
    assert_int_equal(sq_name_find(&sq_task_statuses, "Succeeded"), -1);
    assert_int_equal(sq_name_find(&sq_task_statuses, NULL), -1);
    assert_string_equal(sq_name(&sq_worker_statuses, SQ_WORKER_EVICTED), "evicted");
    assert_null(sq_name(&sq_worker_statuses, -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_the_api_s),
        cmocka_unit_test(test_positions_match_their_names),
        cmocka_unit_test(test_clear_gives_every_kind_its_null),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
