/* scitq-launch: from command lines to the task that is sent, and refusals. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/launch/request.h"

enum { WORDS = 16 };

/* Run a command line with --test: its exit code, what it printed in *ret. */
static int launch(const char *const *words, char **ret)
{
    struct sq_cli cli;
    size_t len;
    FILE *out = open_memstream(ret, &len);
    char *argv[WORDS + 2] = {(char *)"-t"};
    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = (char *)words[i];
    sq_cli_init(&cli, "scitq-launch", out);
    int code = sq_launch_run(&cli, argv);
    sq_cli_fini(&cli);
    fclose(out);
    return code;
}

static void test_what_is_sent(void **state)
{
    static const struct {
        const char *words[WORDS];
        const char *task;
    } rows[] = {
        /* Requoting: only words with white space, and empty ones. */
        {{"echo", "Hello world!"}, "command: echo 'Hello world!'\n"},
        {{"echo", "it's here"}, "command: echo \"it's here\"\n"},
        {{"echo", "it's"}, "command: echo it's\n"},
        {{"echo", "$HOME", "*", "a|b"}, "command: echo $HOME * a|b\n"},
        {{"sh", "-c", "echo a | wc"}, "command: sh -c 'echo a | wc'\n"},
        {{"echo", ""}, "command: echo ''\n"},
        {{"--", "-x", "y"}, "command: -x y\n"},
        {{"ls", "-d", "x", "-b"}, "command: ls -d x -b\n"},
        {{"ls", "--", "-b"}, "command: ls -- -b\n"},
        /* Users. */
        {{"-u", "5", "-g", "6", "id"}, "command: sudo -u \"#5\" -g \"#6\" id\n"},
        {{"-u", "0", "id"}, "command: sudo -u \"#0\" id\n"},
        {{"-g", "6", "id"}, "command: sudo -g \"#6\" id\n"},
        {{"-d", "img", "-u", "5", "-g", "6", "id"},
         "command: id\ncontainer: img\ncontainer_options: -u 5:6\n"},
        {{"-d", "img", "-u", "5", "-O", "-v /a:/b --rm", "id"},
         "command: id\ncontainer: img\ncontainer_options: -u 5 -v /a:/b --rm\n"},
        {{"-d", "img", "-O", "--rm", "id"},
         "command: id\ncontainer: img\ncontainer_options: --rm\n"},
        {{"-d", "img", "id"}, "command: id\ncontainer: img\n"},
        /* Lists. */
        {{"-i", "s3://b/x s3://b/y", "--input", "/data/z", "true"},
         "command: true\ninput: s3://b/x s3://b/y /data/z\n"},
        {{"-r", "s3://b/x.tgz|untar", "-o", "s3://b/out/", "true"},
         "command: true\nresource: s3://b/x.tgz|untar\noutput: s3://b/out/\n"},
        {{"-R", "1,2", "-R", "3 4", "true"},
         "command: true\nrequired_task_ids: [1, 2, 3, 4]\n"},
        {{"-n", "N", "-b", "B", "--retry", "2", "--run-timeout=3",
          "--download-timeout=4", "--use-cache", "true"},
         "command: true\nname: N\nbatch: B\nretry: 2\nrun_timeout: 3\n"
         "download_timeout: 4\nuse_cache: true\n"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char *text;
        assert_int_equal(launch(rows[i].words, &text), 0);
        assert_string_equal(text, rows[i].task);
        free(text);
    }
}

static void test_what_is_refused(void **state)
{
    static const char *const rows[][WORDS] = {
        {NULL},
        {"--"},
        {""},
        {"-n", "x"},
        {"-n", "x", "-n", "y", "true"},
        {"-b", "x", "--batch=y", "true"},
        {"--use-cache", "--use-cache", "true"},
        {"-O", "--rm", "true"},
        {"-d", "", "true"},
        {"-i", "s3://", "true"},
        {"-i", "", "true"},
        {"-i", " \n", "true"},
        {"-i", "/a", "-i", "", "true"},
        {"-r", "", "true"},
        {"-o", "", "true"},
        {"-o", " ", "true"},
        {"-i", "a://b|frobnicate", "true"},
        {"-i", "/a|mv:../b", "true"},
        {"-o", "s3://", "true"},
        {"-i", "s3:/bucket/key", "true"},
        {"-i", "reads/a.fq", "true"},
        {"-i", "s3://b/\xff", "true"},
        {"-d", "\xff", "true"},
        {"-o", "/a|gunzip", "true"},
        {"-o", "results/", "true"},
        {"-o", "s3://a/ s3://b/", "true"},
        {"-o", "s3://a/\xff", "true"},
        {"-r", "://x", "true"},
        {"-R", "a", "true"},
        {"-R", "", "true"},
        {"-R", " , ", "true"},
        {"-R", "0", "true"},
        {"-u", "root", "true"},
        {"-u", "-1", "true"},
        {"-u", "4294967295", "true"},
        {"--retry", "-1", "true"},
        {"--retry", "1.5", "true"},
        {"--frobnicate", "true"},
        {"-Z", "true"},
        {"-n"},
        {"echo", "\xff"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char *text;
        int code = launch(rows[i], &text);
        if (code != 2)
            fail_msg("row %zu: exit %d: %s", i, code, text);
        assert_string_equal(text, "");
        free(text);
    }
}

static void test_help_and_version(void **state)
{
    static const char *const help[] = {"--help", NULL}, *const version[] = {"--version",
                                                                            NULL};
    char *text;
    (void)state;
    assert_int_equal(launch(help, &text), 0);
    for (const struct sq_opt *o = sq_launch_options; o->name; o++) {
        char option[40];
        snprintf(option, sizeof option, "--%s", o->name);
        assert_non_null(strstr(text, option));
    }
    free(text);
    assert_int_equal(launch(version, &text), 0);
    assert_memory_equal(text, "scitq-launch ", 13);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_help_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
