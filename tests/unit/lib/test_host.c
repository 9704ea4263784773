/* What a plugin gets from its host: settings, the log without secrets, a program run.
 */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/host.h"
#include "tests/unit/lib/scratch.h"

static const struct sq_setting settings[] = {
    {"SQ_TEST_TEXT", SQ_SETTING_TEXT, "some text", 0, "a text"},
    {"SQ_TEST_SECRET", SQ_SETTING_TEXT, NULL, 1, "a secret"},
    {"SQ_TEST_COUNT", SQ_SETTING_INT, "7", 0, "a number"},
    {"SQ_TEST_NONE", SQ_SETTING_INT, NULL, 0, "a number"},
    {"SQ_TEST_FLAG", SQ_SETTING_BOOL, "yes", 0, "a flag"},
    {NULL}};
static const struct sq_storage_ops ops = {.settings = settings};
static const struct sq_storage_ops bare_ops = {0};
static const struct sq_plugin plugin = {.name = (char *)"tst", .storage = &ops};
static const struct sq_plugin bare = {.name = (char *)"bare", .storage = &bare_ops};

static char last[3000];

static void keep(void *arg, enum sq_log_kind kind, const char *name, const char *text)
{
    (void)arg;
    snprintf(last, sizeof last, "%d %s: %s", (int)kind, name, text);
}

static void test_settings(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    struct sq_host *h = NULL;
    static const char text[] =
        "SQ_TEST_COUNT=12\nSQ_TEST_SECRET=hunter22\nOF_OTHERS=1\n";
    struct sq_host_conf conf = {
        .settings = scratch_write(s, "conf", text, sizeof text - 1), .log = keep};
    setenv("SQ_TEST_FLAG", "off", 1);
    OK(err, sq_host_new(&plugin, &conf, &h, &err));
    unsetenv("SQ_TEST_FLAG");
    assert_string_equal(h->name, "tst");
    assert_string_equal(h->setting(h, "SQ_TEST_TEXT"), "some text");
    assert_string_equal(h->setting(h, "SQ_TEST_SECRET"), "hunter22");
    assert_int_equal(h->setting_int(h, "SQ_TEST_COUNT"), 12);
    assert_true(h->setting_int(h, "SQ_TEST_NONE") == SQ_UNKNOWN);
    assert_int_equal(h->setting_int(h, "SQ_TEST_FLAG"), 0);
    assert_true(h->setting_int(h, "SQ_TEST_TEXT") == SQ_UNKNOWN);
    assert_null(h->setting(h, "SQ_TEST_OTHER"));
    assert_true(h->setting_int(h, "OF_OTHERS") == SQ_UNKNOWN);
    sq_host_free(h);

    setenv("SQ_TEST_COUNT", "-3", 1);
    h = NULL;
    assert_int_equal(sq_host_new(&plugin, &conf, &h, &err), SQ_EINVAL);
    unsetenv("SQ_TEST_COUNT");
    assert_non_null(
        strstr(err.text, "the environment: SQ_TEST_COUNT must be between 0"));
    assert_null(h);
    OK(err, sq_host_new(&bare, &conf, &h, &err));
    assert_null(h->setting(h, "SQ_TEST_TEXT"));
    sq_host_free(h);
    sq_host_free(NULL);
}

static void test_secrets(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_host *h = NULL;
    struct sq_host_conf conf = {.log = keep};
    setenv("SQ_TEST_SECRET", "hunter22", 1);
    OK(err, sq_host_new(&plugin, &conf, &h, &err));
    unsetenv("SQ_TEST_SECRET");
    h->hide(h, "abc"); /* too short */
    h->hide(h, "wxyz");
    h->hide(h, "wxyz");
    h->hide(h, NULL);
    h->log(h, SQ_SAY_WARNING, "%s", "hunter22, xwxyz, hunter22hunter22 abc");
    assert_string_equal(last, "1 tst: ***, x***, ****** abc");
    sq_fail(&err, SQ_EAUTH, "the key wxyz is refused: wxyz");
    sq_host_redact(h, err.text);
    assert_string_equal(err.text, "the key *** is refused: ***");
    h->hide(h, "sig=begins-alike-one");
    h->hide(h, "sig=begins-alike-two");
    sq_fail(&err, SQ_EIO, "x?sig=begins-alike-two: cut at x?sig=begins-alike-t: sig=x");
    sq_host_redact(h, err.text);
    assert_string_equal(err.text, "x?***: cut at x?***: sig=x");
    sq_host_free(h);
}

static void test_run(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_host *h = NULL;
    struct sq_host_conf conf = {.log = keep};
    int status = -99;
    const char *const argv[] = {"sh", "-c", "exit 3", NULL};
    struct sq_run run = {.argv = argv};
    OK(err, sq_host_new(&plugin, &conf, &h, &err));
    OK(err, h->run(h, NULL, &run, &status, &err));
    assert_int_equal(status, 3);
    sq_host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_settings, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
