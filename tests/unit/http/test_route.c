/* Finding a route: a small table of our own against every kind of path. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "core/http/route.h"

static const struct sq_route table[] = {
    {.method = SQ_GET, .path = "/"},
    {.method = SQ_GET, .path = "/things/"},
    {.method = SQ_POST, .path = "/things/"},
    {.method = SQ_GET, .path = "/things/status"},
    {.method = SQ_GET, .path = "/things/<id>"},
    {.method = SQ_PUT, .path = "/things/<id>"},
    {.method = SQ_GET, .path = "/things/<id>/freeze/<id>"},
    {.method = SQ_PUT, .path = "/batch/<name>/stop"},
    {.method = SQ_DELETE, .path = "/batch/<name>"},
};

static const struct {
    enum sq_method method;
    const char *path;
    enum sq_match_kind kind;
    int row; /* of SQ_MATCH_ROUTE */
    int64_t id, id2;
    const char *name; /* or the Location, or the Allow */
} cases[] = {
    {SQ_GET, "/", SQ_MATCH_ROUTE, 0, 0, 0, NULL},
    {SQ_PUT, "/", SQ_MATCH_METHOD, 0, 0, 0, "GET, HEAD"},
    {SQ_GET, "/things/", SQ_MATCH_ROUTE, 1, 0, 0, NULL},
    {SQ_POST, "/things/", SQ_MATCH_ROUTE, 2, 0, 0, NULL},
    {SQ_GET, "/things", SQ_MATCH_REDIRECT, 0, 0, 0, "/things/"},
    {SQ_POST, "/things", SQ_MATCH_REDIRECT, 0, 0, 0, "/things/"},
    {SQ_DELETE, "/things/", SQ_MATCH_METHOD, 0, 0, 0, "GET, HEAD, POST"},
    {SQ_METHODS, "/things/", SQ_MATCH_METHOD, 0, 0, 0, "GET, HEAD, POST"},
    {SQ_GET, "/things/status", SQ_MATCH_ROUTE, 3, 0, 0, NULL},
    {SQ_GET, "/things/status/", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_GET, "/things/12", SQ_MATCH_ROUTE, 4, 12, 0, NULL},
    {SQ_GET, "/things/%31%32", SQ_MATCH_ROUTE, 4, 12, 0, NULL},
    {SQ_PUT, "/things/2147483647", SQ_MATCH_ROUTE, 5, 2147483647, 0, NULL},
    {SQ_PUT, "/things/2147483648", SQ_MATCH_ROUTE, 5, 2147483648, 0, NULL},
    {SQ_PUT, "/things/000000000000000000012", SQ_MATCH_ROUTE, 5, 12, 0, NULL},
    {SQ_PUT, "/things/99999999999999999999999", SQ_MATCH_ROUTE, 5, INT64_MAX, 0, NULL},
    {SQ_GET, "/things/12/", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_GET, "/things/-1", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_GET, "/things/1x", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_GET, "/things//", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_GET, "//", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_POST, "/things/12", SQ_MATCH_METHOD, 0, 0, 0, "GET, HEAD, PUT"},
    {SQ_GET, "/things/3/freeze/4", SQ_MATCH_ROUTE, 6, 3, 4, NULL},
    {SQ_GET, "/things/3/freeze/", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_PUT, "/batch/a%20b/stop", SQ_MATCH_ROUTE, 7, 0, 0, "a b"},
    {SQ_PUT, "/batch/a%2Fb/stop", SQ_MATCH_ROUTE, 7, 0, 0, "a/b"},
    {SQ_PUT, "/batch/caf\xc3\xa9/stop", SQ_MATCH_ROUTE, 7, 0, 0, "caf\xc3\xa9"},
    {SQ_DELETE, "/batch/stop", SQ_MATCH_ROUTE, 8, 0, 0, "stop"},
    {SQ_DELETE, "/batch/a%00b", SQ_MATCH_BAD, 0, 0, 0, NULL},
    {SQ_DELETE, "/batch/%ff", SQ_MATCH_BAD, 0, 0, 0, NULL},
    {SQ_DELETE, "/batch/%4", SQ_MATCH_BAD, 0, 0, 0, NULL},
    {SQ_DELETE, "/batch/%zz", SQ_MATCH_BAD, 0, 0, 0, NULL},
    {SQ_DELETE, "/batch/", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_DELETE, "/batch//", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_GET, "/a/b/c/d/e/f/g/h/i/j", SQ_MATCH_NONE, 0, 0, 0, NULL},
    {SQ_GET, "things", SQ_MATCH_BAD, 0, 0, 0, NULL},
    {SQ_GET, "", SQ_MATCH_BAD, 0, 0, 0, NULL},
};

static void check_text(const char *got, const char *want, const char *path)
{
    if (!got || !want || strcmp(got, want) != 0)
        fail_msg("%s: got %s, not %s", path, got ? got : "-", want ? want : "-");
}

static void test_each_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_arena arena;
        struct sq_match m = {0};
        sq_arena_init(&arena, 100000);
        int kind = sq_route_match(table, SQ_LEN(table), cases[i].method, cases[i].path,
                                  &arena, &m);
        if (kind != (int)cases[i].kind)
            fail_msg("%s: kind %d, not %d", cases[i].path, kind, cases[i].kind);
        if (kind == SQ_MATCH_ROUTE) {
            assert_ptr_equal(m.route, &table[cases[i].row]);
            if (cases[i].id)
                assert_int_equal(m.ids[0], cases[i].id);
            if (cases[i].id2)
                assert_int_equal(m.ids[1], cases[i].id2);
            if (cases[i].name)
                check_text(m.name, cases[i].name, cases[i].path);
        } else if (kind == SQ_MATCH_REDIRECT) {
            check_text(m.location, cases[i].name, cases[i].path);
        } else if (kind == SQ_MATCH_METHOD) {
            check_text(sq_methods_text(m.methods, &arena), cases[i].name,
                       cases[i].path);
        }
        sq_arena_fini(&arena);
    }
}

static void test_long_path_is_refused(void **state)
{
    (void)state;
    char path[6000];
    struct sq_arena arena;
    struct sq_match m = {0};
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    sq_arena_init(&arena, 100000);
    assert_int_equal(sq_route_match(table, SQ_LEN(table), SQ_GET, path, &arena, &m),
                     SQ_MATCH_BAD);
    sq_arena_fini(&arena);
}

static void test_methods(void **state)
{
    (void)state;
    assert_int_equal(sq_method_parse("GET"), SQ_GET);
    assert_int_equal(sq_method_parse("HEAD"), SQ_GET);
    assert_int_equal(sq_method_parse("DELETE"), SQ_DELETE);
    assert_int_equal(sq_method_parse("get"), SQ_METHODS);
    assert_int_equal(sq_method_parse("PATCH"), SQ_METHODS);
    assert_int_equal(sq_method_parse(""), SQ_METHODS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_path),
        cmocka_unit_test(test_long_path_is_refused),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
