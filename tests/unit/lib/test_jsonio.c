/* The JSON writer, the readers of values, and the parser's limits.  Random texts go out
 * through the writer and come back through the parser. */
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/jsonio.h"
#include "lib/utf8.h"
#include "tests/unit/lib/rng.h"

static void test_writer(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    struct sq_jw w;
    sq_buf_init(&b, 1000);
    sq_jw_init(&w, &b);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "a");
    sq_jw_int(&w, -3);
    sq_jw_key(&w, "empty");
    sq_jw_open(&w, '[');
    sq_jw_close(&w);
    sq_jw_key(&w, "l");
    sq_jw_open(&w, '[');
    sq_jw_null(&w);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "k\"");
    sq_jw_bool(&w, 1);
    sq_jw_close(&w);
    sq_jw_open(&w, '{');
    sq_jw_close(&w);
    sq_jw_raw(&w, "[1]", 3);
    sq_jw_close(&w);
    sq_jw_key(&w, "t");
    sq_jw_time(&w, 1);
    sq_jw_key(&w, "x");
    sq_jw_text(&w, "y");
    sq_jw_close(&w);
    assert_string_equal(b.data,
                        "{\"a\":-3,\"empty\":[],\"l\":[null,{\"k\\\"\":true},{},"
                        "[1]],\"t\":\"1970-01-01T00:00:00.000001\",\"x\":\"y\"}");
    assert_int_equal(w.depth, 0);
}

static void test_writer_nulls_and_numbers(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    struct sq_jw w;
    sq_buf_init(&b, 1000);
    sq_jw_init(&w, &b);
    sq_jw_open(&w, '[');
    sq_jw_int(&w, SQ_NULL);
    sq_jw_real(&w, NAN);
    sq_jw_real(&w, -INFINITY);
    sq_jw_bool(&w, -1);
    sq_jw_text(&w, NULL);
    sq_jw_time(&w, SQ_NULL);
    sq_jw_int(&w, 0);
    sq_jw_int(&w, INT64_MAX);
    sq_jw_int(&w, INT64_MIN + 1);
    sq_jw_bool(&w, 0);
    sq_jw_real(&w, 2);
    sq_jw_real(&w, 0.1);
    sq_jw_real(&w, -1e300);
    sq_jw_real(&w, 31.5);
    sq_jw_close(&w);
    assert_string_equal(b.data, "[null,null,null,null,null,null,0,9223372036854775807,"
                                "-9223372036854775807,false,2.0,0.1,-1e+300,31.5]");
}

static void test_reals_read_back(void **state)
{
    (void)state;
    struct rng r = {11};
    for (int i = 0; i < 20000; i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        struct sq_jw w;
        double v =
            ldexp((double)rng_below(&r, 1u << 31) * 1.1, (int)rng_below(&r, 200) - 100);
        sq_buf_init(&b, 100);
        sq_jw_init(&w, &b);
        sq_jw_real(&w, v);
        assert_true(strtod(b.data, NULL) == v);
        assert_non_null(strpbrk(b.data, ".e"));
    }
}

static void test_deepest(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    struct sq_jw w;
    sq_buf_init(&b, 1000);
    sq_jw_init(&w, &b);
    for (int i = 0; i < 30; i++)
        sq_jw_open(&w, '[');
    sq_jw_int(&w, 1);
    sq_jw_int(&w, 2);
    for (int i = 0; i < 30; i++)
        sq_jw_close(&w);
    assert_int_equal(b.len, 63);
    assert_non_null(strstr(b.data, "[1,2]"));
}

static void test_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } rows[] = {
        {"", 0, ""},
        {"plain text, long enough for words", 33, "plain text, long enough for words"},
        {"\"\\/\b\f\n\r\t", 8, "\\\"\\\\/\\b\\f\\n\\r\\t"},
        {"\x01\x1f\x7f", 3, "\\u0001\\u001f\x7f"},
        {"a\0b", 3, "ab"},
        {"\xC3\xA9\xF0\x9F\x98\x80", 6, "\xC3\xA9\xF0\x9F\x98\x80"},
        {"x\xFFy", 3, "x" SQ_UTF8_REPLACEMENT "y"},
        {"12345678\xE2\x82", 10, "12345678" SQ_UTF8_REPLACEMENT},
        {"1234567\"12345678\\", 17, "1234567\\\"12345678\\\\"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        sq_buf_init(&b, 100);
        sq_buf_adds(&b, "");
        sq_json_escape(rows[i].text, rows[i].len, &b);
        assert_string_equal(b.data, rows[i].json);
    }
}

/* What comes back is what the decoder makes of the bytes: always valid JSON. */
static void test_random_texts_come_back(void **state)
{
    (void)state;
    static const char set[] =
        "\"\\\n\t\x01\x7f/uab \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF\0";
    struct rng r = {12};
    SQ_CLEANUP(sq_buf_fini) struct sq_buf json, text;
    sq_buf_init(&json, 10000);
    sq_buf_init(&text, 10000);
    for (int round = 0; round < 50000; round++) {
        char in[200];
        size_t len = rng_below(&r, sizeof in);
        size_t plain = rng_below(&r, 30);
        for (size_t i = 0; i < len; i++)
            in[i] = rng_below(&r, plain + 1) ? (char)('a' + rng_below(&r, 26))
                                             : set[rng_below(&r, sizeof set)];
        struct sq_jw w;
        struct sq_err err;
        struct sq_utf8 u = {0};
        json_t *v = NULL;
        sq_buf_clear(&json);
        sq_buf_clear(&text);
        sq_jw_init(&w, &json);
        sq_jw_textn(&w, in, len);
        OK(err, sq_json_parse(json.data, json.len, &v, &err));
        sq_buf_adds(&text, "");
        sq_utf8_feed(&u, in, len, &text, NULL);
        sq_utf8_finish(&u, &text, NULL);
        assert_string_equal(json_string_value(v), text.data);
        json_decref(v);
    }
}

static void test_parse(void **state)
{
    (void)state;
    static const char *const good[] = {"null", "{}", " [1, 2.5, \"x\"] ",
                                       "\"\\u00e9\\ud83d\\ude00\"",
                                       "[\"[[[[ \\\" ]\"]"};
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(good); i++) {
        json_t *v = NULL;
        OK(err, sq_json_parse(good[i], strlen(good[i]), &v, &err));
        json_decref(v);
    }
}

#define BYTES(literal) (literal), sizeof(literal) - 1

static void test_mend(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *mended;
    } cases[] = {
        {BYTES("{\"a\":\"x\\ny\"}"), "{\"a\":\"x\\ny\"}"},
        {BYTES("a\\u0000b\0c"), "abc"},
        {BYTES("\\ud83d\\ude00\\uD83D\\uDE00"), "\\ud83d\\ude00\\uD83D\\uDE00"},
        {BYTES("\\ud83d \\ude00\\udcFF"), "\\ufffd \\ufffd\\ufffd"},
        {BYTES("\\ud83d\\ud83d\\ude00"), "\\ufffd\\ud83d\\ude00"},
        {BYTES("\\\\u0000 \\\\ud800"), "\\\\u0000 \\\\ud800"},
        {BYTES("\xff\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd"},
        {BYTES("\\u00"), "\\u00"},
        {BYTES("\\"), "\\"},
        {BYTES("\\ud8zz"), "\\ud8zz"},
        {BYTES(""), ""},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_buf b;
        sq_buf_init(&b, 1000);
        sq_json_mend(cases[i].text, cases[i].len, &b);
        assert_int_equal(b.len, strlen(cases[i].mended));
        assert_memory_equal(b.data ? b.data : "", cases[i].mended, b.len);
        sq_buf_fini(&b);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "malformed JSON at line 1"},
        {"{", "malformed JSON at line 1"},
        {"{}\n{}", "line 2"},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"[\"a\\u0000\"]",
         "column 10: the character NUL (\\u0000) has no place in a text"},
        {"{\"a\\u0000\":1}", ": the character NUL (\\u0000) has no place in a text"},
        {"[\"\\ud800\"]", "malformed"},
        {"[99999999999999999999]", "too big"},
        {"{'a':1}", "malformed"},
        {"[1,]", "malformed"},
        {"[\"\xff\"]", "decode byte 0xff"},
        {"[nan]", "malformed"},
    };
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        json_t *v = NULL;
        assert_int_equal(sq_json_parse(rows[i].text, strlen(rows[i].text), &v, &err),
                         SQ_EINVAL);
        if (!strstr(err.text, rows[i].why))
            fail_msg("%s: %s", rows[i].text, err.text);
        assert_null(v);
    }
}

static void test_nesting_limit(void **state)
{
    (void)state;
    struct sq_err err;
    char text[2 * 101 + 1];
    json_t *v = NULL;
    memset(text, '[', 101);
    memset(text + 101, ']', 101);
    assert_int_equal(sq_json_parse(text, 202, &v, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "at byte 101: nested more than 100 deep"));
    OK(err, sq_json_parse(text + 1, 200, &v, &err));
    json_decref(v);
}

/* One row: a JSON text, and what each reader makes of it; NULL for an error. */
static const struct {
    const char *json, *as_int, *as_real, *as_bool, *as_text;
} values[] = {
    {"null", "null", "null", "null", "null"},
    {"3", "3", "3", NULL, "3"},
    {"-3", "-3", "-3", NULL, "-3"},
    {"\"3\"", "3", "3", NULL, "3"},
    {"\"-12\"", "-12", "-12", NULL, "-12"},
    {"2.5", NULL, "2.5", NULL, "2.5"},
    {"\"2.5e1\"", NULL, "25", NULL, "2.5e1"},
    {"\"\"", NULL, NULL, NULL, ""},
    {"\" 3\"", NULL, NULL, NULL, " 3"},
    {"\"3x\"", NULL, NULL, NULL, "3x"},
    {"\"0x10\"", NULL, NULL, NULL, "0x10"},
    {"\"nan\"", NULL, NULL, NULL, "nan"},
    {"\"1e999\"", NULL, NULL, NULL, "1e999"},
    {"\"99999999999999999999\"", NULL, "1e+20", NULL, "99999999999999999999"},
    {"9223372036854775807", "9223372036854775807", "9.22337203685478e+18", NULL,
     "9223372036854775807"},
    {"-9223372036854775808", NULL, "-9.22337203685478e+18", NULL,
     "-9223372036854775808"},
    {"true", NULL, NULL, "1", NULL},
    {"false", NULL, NULL, "0", NULL},
    {"\"true\"", NULL, NULL, "1", "true"},
    {"\"False\"", NULL, NULL, "0", "False"},
    {"\"1\"", "1", "1", "1", "1"},
    {"[]", NULL, NULL, NULL, NULL},
    {"{}", NULL, NULL, NULL, NULL},
};

static void expect(const char *json, int rc, const struct sq_err *err, const char *got,
                   const char *wanted)
{
    if (!wanted && rc == SQ_EINVAL && strncmp(err->text, "retry ", 6) == 0)
        return;
    if (!wanted || rc || strcmp(got, wanted) != 0)
        fail_msg("%s: %d %s, not %s (%s)", json, rc, got, wanted ? wanted : "an error",
                 err->text);
}

static void test_readers(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 10000);
    for (size_t i = 0; i < SQ_LEN(values); i++) {
        const char *json = values[i].json;
        struct sq_err err = {0};
        json_t *v = NULL;
        OK(err, sq_json_parse(json, strlen(json), &v, &err));
        char got[64] = "untouched", *text = got;
        int64_t n = 77;
        double d = 77;
        int b = 77;
        int rc = sq_json_to_int(v, "retry", &n, &err);
        snprintf(got, sizeof got, n == SQ_NULL ? "null" : "%lld", (long long)n);
        expect(json, rc, &err, got, values[i].as_int);
        rc = sq_json_to_real(v, "retry", &d, &err);
        snprintf(got, sizeof got, isnan(d) ? "null" : "%.15g", d);
        expect(json, rc, &err, got, values[i].as_real);
        rc = sq_json_to_bool(v, "retry", &b, &err);
        snprintf(got, sizeof got, b < 0 ? "null" : "%d", b);
        expect(json, rc, &err, got, values[i].as_bool);
        rc = sq_json_to_text(v, "retry", &a, &text, &err);
        expect(json, rc, &err, text ? text : "null", values[i].as_text);
        json_decref(v);
    }
}

static void test_errors_in_words(void **state)
{
    (void)state;
    struct sq_err err;
    int64_t n = 77;
    json_t *v = json_string("soon");
    assert_int_equal(sq_json_to_int(v, "retry", &n, &err), SQ_EINVAL);
    assert_string_equal(err.text, "retry must be an integer, not \"soon\"");
    assert_int_equal(sq_json_to_time(v, "since", &n, &err), SQ_EINVAL);
    assert_string_equal(err.text,
                        "since must be a time like 2026-11-22T00:39:58, not \"soon\"");
    assert_int_equal(n, 77);
    json_decref(v);
    v = json_array();
    assert_int_equal(sq_json_to_time(v, "since", &n, &err), SQ_EINVAL);
    assert_string_equal(err.text,
                        "since must be a time like 2026-11-22T00:39:58, not an array");
    json_decref(v);
}

static void test_times(void **state)
{
    (void)state;
    struct sq_err err;
    int64_t t = 77;
    json_t *v = json_string("1970-01-01 00:00:01");
    OK(err, sq_json_to_time(v, "since", &t, &err));
    assert_int_equal(t, 1000000);
    json_decref(v);
    OK(err, sq_json_to_time(NULL, "since", &t, &err));
    assert_true(t == SQ_NULL);
}

static void test_text_over_the_arena(void **state)
{
    (void)state;
    struct sq_err err;
    char *text = NULL;
    json_t *v = json_string("more than sixteen bytes of text");
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 16);
    assert_int_equal(sq_json_to_text(v, "command", &a, &text, &err), SQ_ETOOBIG);
    assert_null(text);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_writer_nulls_and_numbers),
        cmocka_unit_test(test_reals_read_back),
        cmocka_unit_test(test_deepest),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_random_texts_come_back),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_mend),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_nesting_limit),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_errors_in_words),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_text_over_the_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
