/* What is read of rclone.conf: types through remotes that stand for others, and what is
 * secret, in the file and in the environment. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/rclone/conf.h"
#include "plugins/rclone/reveal.h"
#include "tests/unit/lib/scratch.h"

static char hidden[8192]; /* what the host was told, each on a line */

static void hide(struct sq_host *host, const char *secret)
{
    size_t len = strlen(hidden);
    snprintf(hidden + len, sizeof hidden - len, "%s\n", secret);
}

static struct sq_host host = {.name = "rclone", .hide = hide};

static const char text[] =
    "# [not] = a section\n"
    "[s3]\ntype = s3\naccess_key_id = AKIDEXAMPLE\n"
    "secret_access_key = wJalrXUtnFEMI/K7MDENG\nendpoint = http://127.0.0.1:9000\n"
    "region=us-east-1\nenv_auth = false\n"
    "[ftp one]\ntype = ftp\nhost = files.example\nuser = lab\nkey_file = /etc/one.key\n"
    "pass = mc0vj-AzTdPjPaiyJOp0FVvrXYvdG6lZ9SGUpKhgOjDnj0ChxNPwvg\n"
    "[behind]\ntype = alias\nremote = ftp one:below/it\n"
    "[sealed]\ntype = crypt\nremote = behind:x\n"
    "[circle]\ntype = alias\nremote = circle:\n"
    "[drive]\ntype = drive\n"
    "token = {\"access_token\":\"ya29.A0ARrdaM-k9Vq7Gz\",\"expiry\":\"2026\"}\n"
    "[sas]\ntype = azureblob\n"
    "sas_url = https://acc.blob.example/lab?sv=2020-08-04&sig=Zm9v%2BmFyc2Vj%3D&sp=r\n"
    "[web]\r\ntype = http\r\nurl = https://lab:w%20rd-of-mouth@web.example/x\r\n";

static struct conf *open_conf(struct scratch *s, const char *data, size_t len)
{
    struct sq_err err;
    struct conf *c = NULL;
    hidden[0] = 0;
    OK(err, conf_open(&host, scratch_write(s, "rclone.conf", data, len), &c, &err));
    return c;
}

static void test_types(void **state)
{
    struct conf *c = open_conf(*state, text, strlen(text));
    static const struct {
        const char *remote, *type;
        int is;
    } rows[] = {
        {"s3", "s3", 1},      {"s3", "ftp", 0},     {"ftp one", "ftp", 1},
        {"behind", "ftp", 1}, {"sealed", "ftp", 1}, {"sealed", "crypt", 1},
        {"sealed", "s3", 0},  {"circle", "ftp", 0}, {"nobody", "ftp", 0},
        {"", "ftp", 0},       {"web", "http", 1},   {"not", "ftp", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (conf_is(c, rows[i].remote, rows[i].type) != rows[i].is)
            fail_msg("%s is %s: not %d", rows[i].remote, rows[i].type, rows[i].is);
    conf_close(c);
}

static void test_secrets(void **state)
{
    setenv("RCLONE_CONFIG_PASS", "of the environment", 1);
    setenv("AWS_SESSION_TOKEN", "of-the-session", 1);
    struct conf *c = open_conf(*state, text, strlen(text));
    static const struct {
        const char *said, *shown;
    } rows[] = {
        {"key AKIDEXAMPLE of wJalrXUtnFEMI/K7MDENG.", "key *** of ***."},
        {"in us-east-1 http://127.0.0.1:9000 false", NULL},
        {"lab files.example /etc/one.key", NULL},
        {"mc0vj-AzTdPjPaiyJOp0FVvrXYvdG6lZ9SGUpKhgOjDnj0ChxNPwvg", "***"},
        {"login lab/topsecret-password-plain failed", "login lab/*** failed"},
        {"Bearer ya29.A0ARrdaM-k9Vq7Gz: no", "Bearer ***: no"},
        {"HEAD https://acc.blob.example/lab?sp=r&sig=Zm9v%2BmFyc2Vj%3D",
         "HEAD https://acc.blob.example/lab?sp=r&sig=***"},
        {"sig Zm9v+mFyc2Vj= twice Zm9v+mFyc2Vj=", "sig *** twice ***"},
        {"https://lab:w%20rd-of-mouth@web.example/x", "https://lab:***@web.example/x"},
        {"lab: w rd-of-mouth", "lab: ***"},
        {"of the environment, of-the-session", "***, ***"},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[200];
        snprintf(line, sizeof line, "%s", rows[i].said);
        conf_redact(c, line);
        assert_string_equal(line, rows[i].shown ? rows[i].shown : rows[i].said);
    }
    assert_non_null(strstr(hidden, "\nwJalrXUtnFEMI/K7MDENG\n"));
    assert_non_null(strstr(hidden, "\ntopsecret-password-plain\n"));
    conf_close(c);
    unsetenv("RCLONE_CONFIG_PASS");
    unsetenv("AWS_SESSION_TOKEN");
}

static void test_no_file(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    struct conf *c = NULL;
    OK(err, conf_open(&host, scratch_path(s, "none"), &c, &err));
    assert_int_equal(conf_is(c, "s3", "s3"), 0);
    conf_close(c);
    conf_close(NULL);
    char *large = calloc(1, 2 << 20);
    memset(large, '\n', 2 << 20);
    assert_int_equal(
        conf_open(&host, scratch_write(s, "large", large, 2 << 20), &c, &err),
        SQ_EINVAL);
    free(large);
}

/* Cut anywhere, and with any one byte another. */
static void test_damaged(void **state)
{
    char copy[sizeof text];
    for (size_t i = 0; i < sizeof text - 1; i += 3) {
        memcpy(copy, text, sizeof text);
        copy[i] = (char)(i * 7);
        conf_close(open_conf(*state, copy, sizeof text - 1));
        conf_close(open_conf(*state, text, i));
    }
}

static void test_reveal(void **state)
{
    static const struct {
        const char *obscured, *plain;
    } rows[] = {
        {"2gNGWPrUc-yR5uAkdDrUHwYjqw", "lab"},
        {"mc0vj-AzTdPjPaiyJOp0FVvrXYvdG6lZ9SGUpKhgOjDnj0ChxNPwvg",
         "topsecret-password-plain"},
        {"", NULL},
        {"AAAAAAAAAAAAAAAAAAAAAA", NULL}, /* the counter alone */
        {"not base64 at all, for it has blanks", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *plain = reveal(rows[i].obscured, strlen(rows[i].obscured));
        if (rows[i].plain)
            assert_string_equal(plain, rows[i].plain);
        else
            assert_null(plain);
        free(plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_types, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_secrets, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_no_file, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_damaged, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_reveal),
    };
    return cmocka_run_group_tests_name("rclone.conf", tests, NULL, NULL);
}
