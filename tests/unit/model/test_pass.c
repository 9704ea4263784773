/* Passes: what is written is read again, and nothing else is. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "core/model/pass.h"

static const char key[] = "0123456789abcdef";

static void rounds(void **state)
{
    char text[SQ_PASS_SIZE];
    struct sq_pass got;
    const struct sq_pass worker = {
        .kind = SQ_PASS_WORKER, .worker_id = 42, .machine = "s12-abc"};
    const struct sq_pass job = {.kind = SQ_PASS_JOB, .until_s = 1763800000};
    (void)state;
    sq_pass_write(key, &worker, text);
    assert_memory_equal(text, "w.42.s12-abc.", 13);
    assert_true(sq_pass_read(key, text, &got));
    assert_int_equal(got.kind, SQ_PASS_WORKER);
    assert_int_equal(got.worker_id, 42);
    assert_string_equal(got.machine, "s12-abc");
    sq_pass_write(key, &job, text);
    assert_true(sq_pass_read(key, text, &got));
    assert_int_equal(got.kind, SQ_PASS_JOB);
    assert_int_equal(got.until_s, 1763800000);
    assert_int_equal(got.worker_id, 0);
}

/* Every letter of it counts, and so does the key. */
static void forged(void **state)
{
    char text[SQ_PASS_SIZE], bad[SQ_PASS_SIZE + 2];
    struct sq_pass got;
    const struct sq_pass pass = {
        .kind = SQ_PASS_WORKER, .worker_id = 7, .machine = "m1"};
    (void)state;
    sq_pass_write(key, &pass, text);
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        strcpy(bad, text);
        bad[i] = bad[i] == '8' ? '9' : '8';
        assert_false(sq_pass_read(key, bad, &got));
        bad[i] = 0;
        assert_false(sq_pass_read(key, bad, &got));
    }
    snprintf(bad, sizeof bad, "%s0", text);
    assert_false(sq_pass_read(key, bad, &got));
    assert_false(sq_pass_read("another", text, &got));
    assert_false(sq_pass_read("", text, &got));
    assert_false(sq_pass_read(key, "", &got));
    assert_false(sq_pass_read(key, "w.7.m1.", &got));
}

static void none(void **state)
{
    static const char *const machines[] = {"", "a.b", "UP", "a b", "a/b"};
    char text[SQ_PASS_SIZE];
    (void)state;
    for (size_t i = 0; i < SQ_LEN(machines); i++) {
        struct sq_pass pass = {.kind = SQ_PASS_WORKER, .worker_id = 1};
        strcpy(pass.machine, machines[i]);
        sq_pass_write(key, &pass, text);
        assert_string_equal(text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds), cmocka_unit_test(forged), cmocka_unit_test(none)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
