/* Data URIs: what is taken apart and what is refused. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "lib/uri.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *parts; /* proto [@option…] path [|action] */
    } rows[] = {
        {"/data/x.fa", "file /data/x.fa"},
        {"relative/x", "file relative/x"},
        {"x@y", "file x@y"},
        {"file:///data/dir/", "file /data/dir/"},
        {"s3://bucket/key", "s3 bucket/key"},
        {"s3://bucket/a%20b|gunzip", "s3 bucket/a%20b |gunzip"},
        {"/data/x.tar.gz|untar", "file /data/x.tar.gz |untar"},
        {"azure://c/x.zip|unzip", "azure c/x.zip |unzip"},
        {"https://h:80/p?q=1#f|mv:sub/dir", "https h:80/p?q=1#f |mv:sub/dir"},
        {"https@aria2://h/p", "https @aria2 h/p"},
        {"run+fastq@ftp@filter_r1://ERR1", "run+fastq @ftp @filter_r1 ERR1"},
        {"my-rem.ote_1://x|mv:a/..b/c", "my-rem.ote_1 x |mv:a/..b/c"},
        {"http://h/a://b", "http h/a://b"},
        {"s3://\xc3\xa9/\xff", "s3 \xc3\xa9/\xff"},
    };
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        struct sq_uri u;
        sq_arena_init(&a, 10000);
        sq_buf_init(&b, 1000);
        OK(err, sq_uri_parse(rows[i].text, &a, &u, &err));
        sq_buf_adds(&b, u.proto);
        for (size_t k = 0; k < u.n_options; k++)
            sq_buf_addf(&b, " @%s", u.options[k]);
        sq_buf_addf(&b, " %s", u.path);
        if (u.action)
            sq_buf_addf(&b, " |%s", u.action);
        assert_string_equal(b.data, rows[i].parts);
    }
}

static const struct {
    const char *text, *why;
} refused[] = {
    {"", "the path is empty"},
    {"s3://", "the path is empty"},
    {"|gunzip", "the path is empty"},
    {"s3://|gunzip", "the path is empty"},
    {"://x", "the protocol before ://"},
    {"s 3://x", "the protocol before ://"},
    {"s3@://x", "an option after @"},
    {"s3@a b://x", "an option after @"},
    {"s3@a@b@c@d@e://x", "too many @options"},
    {"s3://x|", "the action is none of"},
    {"s3://x|gunzip|untar", "the action is none of"},
    {"s3://x|rm", "the action is none of"},
    {"s3://x|GUNZIP", "the action is none of"},
    {"s3://x|mv:", "mv: takes a relative folder"},
    {"s3://x|mv:/etc", "mv: takes a relative folder"},
    {"s3://x|mv:..", "mv: takes a relative folder"},
    {"s3://x|mv:a/../../b", "mv: takes a relative folder"},
    {"s3://x|mv:a/..", "mv: takes a relative folder"},
    {"s3://x\ny", "control character"},
    {"s3://x\x7f", "control character"},
};

static void test_refuses(void **state)
{
    (void)state;
    struct sq_err err;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 100000);
    for (size_t i = 0; i < SQ_LEN(refused); i++) {
        struct sq_uri u = {.proto = NULL};
        assert_int_equal(sq_uri_parse(refused[i].text, &a, &u, &err), SQ_EINVAL);
        if (!strstr(err.text, refused[i].why))
            fail_msg("%s: %s", refused[i].text, err.text);
        assert_null(u.proto);
    }
}

static void test_long_ones(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_uri u;
    char text[9000];
    memset(text, 'x', sizeof text);
    text[0] = '/';
    text[8192] = 0;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 100000);
    OK(err, sq_uri_parse(text, &a, &u, &err));
    OK(err, sq_uri_check_list(text, 0, &err));
    text[8192] = 'x';
    text[8193] = 0;
    assert_int_equal(sq_uri_parse(text, &a, &u, &err), SQ_EINVAL);
    assert_int_equal(sq_uri_check_list(text, 0, &err), SQ_EINVAL);
    struct sq_arena small;
    sq_arena_init(&small, 10);
    assert_int_equal(sq_uri_parse("s3://something/long", &small, &u, &err), SQ_ENOMEM);
    sq_arena_fini(&small);
}

static void test_next(void **state)
{
    (void)state;
    static const struct {
        const char *list, *parts; /* each in brackets */
    } rows[] = {
        {NULL, ""},
        {"", ""},
        {" \t\r\n ", ""},
        {"/a", "[/a]"},
        {"  /a ", "[/a]"},
        {"/a s3://b/c|untar", "[/a][s3://b/c|untar]"},
        {"/a  /b\n/c\r\n/d\t/e\n", "[/a][/b][/c][/d][/e]"},
        {"/a%20b /a", "[/a%20b][/a]"},
        {"/a\v/b", "[/a\v/b]"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        const char *at, *list = rows[i].list;
        size_t len, n = 0;
        sq_buf_init(&b, 1000);
        sq_buf_adds(&b, "");
        for (; (at = sq_uri_next(&list, &len)); n++)
            sq_buf_addf(&b, "[%.*s]", (int)len, at);
        assert_string_equal(n ? b.data : "", rows[i].parts);
        assert_int_equal(sq_uri_count(rows[i].list), n);
        assert_null(sq_uri_next(&list, &len));
    }
}

static void test_lists(void **state)
{
    (void)state;
    struct sq_err err;
    OK(err, sq_uri_check_list("", 0, &err));
    OK(err, sq_uri_check_list(" \t\n ", 0, &err));
    OK(err, sq_uri_check_list(" s3://a/b|untar  /data/x%20y file:///z/ ", 0, &err));
    assert_int_equal(sq_uri_check_list("/ok s3://b|rm /ok", 0, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "bad URI s3://b|rm: the action"));
    for (size_t i = 2; i < SQ_LEN(refused); i++)
        if (!strpbrk(refused[i].text, " \n"))
            assert_int_equal(sq_uri_check_list(refused[i].text, 0, &err), SQ_EINVAL);
}

static void test_of_tasks(void **state)
{
    static const struct {
        const char *text, *input, *output; /* what is said of it; NULL: fine */
    } rows[] = {
        {"s3://b/out/", NULL, NULL},
        {"/data/out", NULL, NULL},
        {"", NULL, NULL},
        {"out/", "a path begins with /", "a path begins with /"},
        {"~/out", "a path begins with /", "a path begins with /"},
        {"/a out", "a path begins with /", "an output is one folder"},
        {"s3:/b/out", "followed by ://", "followed by ://"},
        {"s3://a s3://b", NULL, "an output is one folder"},
        {"s3://a\ns3://b\t", NULL, "an output is one folder"},
        {"/data/x|untar", NULL, "an action is for inputs"},
        {"s3://", "the path is empty", "the path is empty"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *said[] = {rows[i].input, rows[i].output};
        for (int k = 0; k < 2; k++) {
            struct sq_err err = {0};
            int rc = k ? sq_uri_check_output(rows[i].text, 0, &err)
                       : sq_uri_check_list(rows[i].text, 0, &err);
            assert_int_equal(rc, said[k] ? SQ_EINVAL : 0);
            rc = k ? sq_uri_check_output(rows[i].text, SQ_URI_RELATIVE, NULL)
                   : sq_uri_check_list(rows[i].text, SQ_URI_RELATIVE, NULL);
            assert_int_equal(
                rc, said[k] && !strstr(said[k], "begins with /") ? SQ_EINVAL : 0);
            if (said[k])
                assert_non_null(strstr(err.text, said[k]));
        }
    }
}

static void test_long_list(void **state)
{
    (void)state;
    struct sq_err err;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 1 << 20);
    for (int i = 0; i < 10000; i++)
        sq_buf_addf(&b, "s3://bucket/some/file-%d.fastq.gz ", i);
    OK(err, sq_uri_check_list(b.data, 0, &err));
}

static void test_hide(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"http://u:secret@h/f", "http://u:***@h/f"},
        {"https@aria2://u:se:c@ret@h:80/f|untar", "https@aria2://u:***@h:80/f|untar"},
        {"HTTPS://h/f?sig=1@x|mv:a", "HTTPS://h/f?***|mv:a"},
        {"ftp://u:p@h", "ftp://u:*@h"},
        {"https://h/f?", "https://h/f?"},
        {"https://h:80/a@b:c", "https://h:80/a@b:c"},
        {"s3://b/what?x:y@z", "s3://b/what?x:y@z"},
        {"/a:b@c?d", "/a:b@c?d"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_freep) char *text = strdup(rows[i][0]);
        sq_uri_hide(text);
        assert_string_equal(text, rows[i][1]);
    }
    struct sq_err err;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    struct sq_uri u;
    sq_arena_init(&a, 10000);
    assert_int_equal(sq_uri_parse("http://u:secret@h/f?key|no", &a, &u, &err),
                     SQ_EINVAL);
    assert_null(strstr(err.text, "secret"));
    assert_null(strstr(err.text, "key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_long_ones), cmocka_unit_test(test_next),
        cmocka_unit_test(test_lists),     cmocka_unit_test(test_of_tasks),
        cmocka_unit_test(test_long_list), cmocka_unit_test(test_hide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
