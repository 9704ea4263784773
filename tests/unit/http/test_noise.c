/* The bodies of requests, damaged: what the routes read before anything is written.  As
 * tests/unit/worker/test_noise.c does it: no crash, and what was read is within its
 * limits and its memory. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/lift.h"
#include "core/http/steps.h"
#include "core/http/task_array.h"
#include "core/model/entity.h"
#include "core/store/sync.h"
#include "tests/unit/lib/damage.h"

enum { ROUNDS = 2000, BYTES = 1 << 20 };

static struct rng rng = {1};
static const struct sq_tuning tuning = {.offline_us = 15000000};
static struct sq_tuned tuned = {&tuning};
static struct sq_http_server server = {
    .conf = {.tuned = &tuned, .database_id = "77e1"}};

/* As request.c does it for a route that lifts; false when it is no JSON. */
static bool parse(struct sq_request *r, const char *text, size_t len)
{
    struct sq_err err;
    struct sq_buf rest;
    sq_buf_init(&rest, 2 * BYTES);
    sq_buf_init(&r->body, BYTES);
    sq_buf_add(&r->body, text, len);
    int code = sq_lift("data", r->body.data ? r->body.data : "", r->body.len, &r->arena,
                       &rest, &r->lifted, &err);
    if (code == 0)
        code = sq_json_parse(rest.data ? rest.data : "", rest.len, &r->json, &err);
    sq_buf_fini(&rest);
    return code == 0;
}

static void request_open(struct sq_request *r)
{
    *r = (struct sq_request){.server = &server, .match = {.ids = {7}}};
    sq_arena_init(&r->arena, BYTES);
}

static void request_close(struct sq_request *r)
{
    if (r->undo)
        r->undo(r);
    json_decref(r->json);
    sq_buf_fini(&r->body);
    sq_buf_fini(&r->out);
    sq_arena_fini(&r->arena);
}

/* Feed `prepare` damaged copies of the seed; how many it took. */
static int feed(const char *seed,
                int (*prepare)(struct sq_request *r, struct sq_err *err))
{
    int taken = 0;
    for (int k = damage_rounds(ROUNDS); k; k--) {
        struct sq_request r;
        struct sq_err err = {0};
        size_t len;
        char *text = damage_copy(&rng, seed, strlen(seed), &len);
        request_open(&r);
        int code = parse(&r, text, len) ? prepare(&r, &err) : SQ_EINVAL;
        assert_true(code <= 0);
        if (code != 0 && r.json)
            assert_true(err.text[0] != 0);
        taken += code == 0;
        request_close(&r);
        free(text);
    }
    return taken;
}

/* Some of the undamaged ones are taken, so the seeds are bodies; not all, so damage is
 * seen. */
static void check_taken(int taken)
{
    assert_in_range(taken, 1, damage_rounds(ROUNDS) - 1);
}

static void test_syncs(void **state)
{
    static const char *const seeds[] = {
        "{\"spool\":\"9f0c\",\"wait\":10,\"stats\":{\"load\":\"12 / 0.3\",\"memory\":"
        "31.5,\"stats\":\"{}\"},\"records\":[{\"seq\":42,\"execution_id\":7,\"status\":"
        "\"accepted\"},{\"seq\":43,\"execution_id\":7,\"status\":\"running\",\"pid\":"
        "\"1234\"},{\"seq\":44,\"execution_id\":7,\"stream\":\"stdout\",\"offset\":0,"
        "\"data\":\"aGVsbG8K\"},{\"seq\":45,\"execution_id\":7,\"status\":"
        "\"succeeded\","
        "\"return_code\":0,\"output_files\":\"a b\",\"stdout_bytes\":6,"
        "\"stderr_bytes\":0}],\"holding\":[7,8],\"signals_seen\":[3],\"row_date\":"
        "\"2026-11-22T00:39:58.356026\",\"leaving\":false}",
        "{\"spool\":\"s\",\"database\":\"77e1\",\"records\":[{\"data\":\"YQ==\","
        "\"seq\":"
        "1,\"offset\":9007199254740993,\"stream\":\"stderr\",\"execution_id\":1}]}",
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(seeds); i++)
        check_taken(feed(seeds[i], sq_sync_prepare));
}

static void test_registrations(void **state)
{
    (void)state;
    check_taken(
        feed("{\"name\":\"node1\",\"hostname\":\"node1\",\"concurrency\":4,\"batch\":"
             "\"Default\",\"default_flavor\":\"local\",\"status\":\"running\","
             "\"permanent\":true,\"spool\":\"9f0c\",\"database\":\"77e1\",\"facts\":{"
             "\"cores\":8}}",
             sq_register_prepare));
}

/* Every type is read from, and written to, any object. */
static int read_records(struct sq_request *r, struct sq_err *err)
{
    static const struct sq_type *const types[] = {&sq_task_type, &sq_worker_type,
                                                  &sq_execution_type, &sq_signal_type};
    int taken = SQ_EINVAL;
    for (size_t i = 0; i < SQ_LEN(types); i++) {
        struct sq_jw w;
        uint64_t mask;
        void *rec;
        assert_int_equal(sq_request_alloc(r, types[i]->size, &rec, err), 0);
        if (!json_is_object(r->json) ||
            sq_record_from_json(types[i], r->json, SQ_READ_REFERENCES, &r->arena, rec,
                                &mask, err) != 0)
            continue;
        sq_buf_init(&r->out, BYTES);
        sq_jw_init(&w, &r->out);
        sq_record_to_json(&w, types[i], sq_record_visible(types[i]), rec);
        assert_true(sq_buf_ok(&r->out));
        sq_buf_fini(&r->out);
        taken = 0;
    }
    return taken ? sq_fail(err, taken, "no type has these fields") : 0;
}

static void test_records(void **state)
{
    static const char *const seeds[] = {
        "{\"command\":\"sh -c "
        "'x'\",\"batch\":\"b\",\"input\":\"s3://b/k|untar\",\"retry\""
        ":2,\"run_timeout\":30,\"required_task_ids\":[\"#0\",1],\"use_cache\":true}",
        "{\"name\":\"n\",\"concurrency\":2,\"prefetch\":null,\"permanent\":false,"
        "\"status\":\"paused\",\"memory\":1e3}",
        "{\"status\":\"running\",\"pid\":\"12\",\"return_code\":-9,\"output\":"
        "\"\\u00e9\"}",
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(seeds); i++)
        check_taken(feed(seeds[i], read_records));
}

/* An array of tasks arrives in pieces. */
static bool read_array(const char *text, size_t len)
{
    struct sq_err err;
    struct sq_task_array *a = sq_task_array_new();
    assert_non_null(a);
    size_t piece = 1 + rng_below(&rng, 64);
    int code = 0;
    for (size_t at = 0; code == 0 && at < len; at += piece)
        code =
            sq_task_array_feed(a, text + at, len - at < piece ? len - at : piece, &err);
    if (code == 0)
        code = sq_task_array_end(a, &err);
    for (size_t i = 0; code == 0 && i < a->n; i++)
        assert_non_null(a->tasks[i].command);
    sq_task_array_free(a);
    return code == 0;
}

static void test_task_arrays(void **state)
{
    static const char seed[] = "[{\"command\":\"a\",\"status\":\"paused\"},"
                               "{\"command\":\"b\",\"required_task_ids\":[\"#0\"]},"
                               "{\"command\":\"\\ud83d\\ude00\",\"retry\":1}]";
    int taken = 0;
    (void)state;
    for (int k = damage_rounds(ROUNDS); k; k--) {
        size_t len;
        char *text = damage_copy(&rng, seed, sizeof seed - 1, &len);
        taken += read_array(text, len);
        free(text);
    }
    check_taken(taken);
}

/* 1.3's workers send output as it is: whatever is mended can be parsed or not, within
 * its size. */
static void test_mended(void **state)
{
    static const char seed[] = "{\"text\":\"a \x01 b\\u0000 \xff \\ud800\"}";
    (void)state;
    for (int k = damage_rounds(ROUNDS); k; k--) {
        size_t len;
        json_t *json = NULL;
        struct sq_buf out;
        char *text = damage_copy(&rng, seed, sizeof seed - 1, &len);
        sq_buf_init(&out, 3 * len + 1);
        sq_json_mend(text, len, &out);
        assert_true(sq_buf_ok(&out));
        sq_json_parse(out.data ? out.data : "", out.len, &json, NULL);
        json_decref(json);
        sq_buf_fini(&out);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syncs),   cmocka_unit_test(test_registrations),
        cmocka_unit_test(test_records), cmocka_unit_test(test_task_arrays),
        cmocka_unit_test(test_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
