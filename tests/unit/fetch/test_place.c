/* Places: what a URI becomes for the plugin, and back into a URI. */
#include "tests/test.h"

#include <string.h>

#include "cli/fetch/place.h"

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path;
        bool folder, url;
        const char *name; /* NULL: it has none */
    } rows[] = {
        {"/a/b", "/a/b", false, false, "b"},
        {"/a/b/", "/a/b/", true, false, NULL},
        {"/a/..", "/a/../", true, false, NULL},
        {"file:///a%20b", "/a b", false, false, "a b"},
        {"s3://b/x%2520y%25", "b/x%20y%", false, false, "x%20y%"},
        {"s3://b/x%7Cy%0A%09%41", "b/x|y\n\t%41", false, false, "x|y\n\t%41"},
        {"s3://b", "b", false, false, "b"},
        {"s3://b/..", "b/..", false, false, NULL},
        {"http://h/a%20b?q=/x#f", "h/a%20b?q=/x#f", false, true, "a b"},
        {"https://h/d/", "h/d/", true, true, NULL},
        {"http://h", "h", false, true, NULL},
        {"http://h/a%2Fb", "h/a%2Fb", false, true, NULL},
        {"http://h/%2e%2e", "h/%2e%2e", false, true, NULL},
        {"run+fastq://ERR1", "ERR1", true, false, "ERR1"},
    };
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
        struct sq_place p;
        char *name = NULL;
        sq_arena_init(&arena, 100000);
        OK(err, sq_place_parse(rows[i].text, &arena, &p, &err));
        assert_string_equal(p.path, rows[i].path);
        assert_int_equal(p.folder, rows[i].folder);
        assert_int_equal(p.url, rows[i].url);
        int rc = sq_place_name(&p, &arena, &name, &err);
        assert_int_equal(rc, rows[i].name ? 0 : SQ_EINVAL);
        if (rows[i].name)
            assert_string_equal(name, rows[i].name);
    }
}

static void test_relative(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_place p;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
    sq_arena_init(&arena, 100000);
    OK(err, sq_place_parse("x/y", &arena, &p, &err));
    assert_int_equal(p.path[0], '/');
    assert_non_null(strstr(p.path, "/x/y"));
    OK(err, sq_place_parse(".", &arena, &p, &err));
    assert_true(p.folder && p.local);
}

/* A URI that is printed is parsed into the same place. */
static void test_print(void **state)
{
    (void)state;
    static const char *const folders[] = {"s3://b/d/", "s3@x://b/d", "file:///d/",
                                          "/d/", "ftp://h/d/"};
    static const char *const names[] = {"a",   "sp ace", "50%",        "%20",
                                        "a|b", "n\nl\t", "\xc3\xa9/x", "#?"};
    struct sq_err err;
    for (size_t f = 0; f < SQ_LEN(folders); f++)
        for (size_t n = 0; n < SQ_LEN(names); n++) {
            SQ_CLEANUP(sq_arena_fini) struct sq_arena arena;
            SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
            struct sq_place folder, file;
            sq_arena_init(&arena, 100000);
            sq_buf_init(&text, 10000);
            OK(err, sq_place_parse(folders[f], &arena, &folder, &err));
            sq_place_print(&folder, names[n], &text);
            OK(err, sq_place_parse(text.data, &arena, &file, &err));
            assert_string_equal(file.path, sq_place_below(&folder, names[n], &arena));
            assert_string_equal(file.uri.proto, folder.uri.proto);
            assert_int_equal(file.uri.n_options, folder.uri.n_options);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
