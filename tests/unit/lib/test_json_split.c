/* The array scanner: whatever the sizes of the pieces, the same elements or the same
 * error; and it accepts every array that the parser accepts. */
#include "tests/test.h"

#include <string.h>

#include "lib/jsonio.h"
#include "tests/unit/lib/rng.h"

enum { ELEMENT_MAX = 50 };

/* Elements seen, each ended by a line feed. */
struct seen {
    struct sq_buf text;
    int64_t next, refuse_at;
};

static int on_element(void *arg, int64_t index, const char *text, size_t len,
                      struct sq_err *err)
{
    struct seen *s = arg;
    assert_int_equal(index, s->next++);
    if (index == s->refuse_at)
        return sq_fail(err, SQ_ENOENT, "element %d is not wanted", (int)index);
    sq_buf_add(&s->text, text, len);
    sq_buf_addc(&s->text, '\n');
    return 0;
}

static int split(const char *text, size_t len, size_t piece, struct seen *seen,
                 struct sq_err *err)
{
    struct sq_json_split s;
    int rc = 0;
    *err = (struct sq_err){0};
    sq_json_split_init(&s, "things", ELEMENT_MAX);
    seen->next = 0;
    sq_buf_clear(&seen->text);
    sq_buf_adds(&seen->text, "");
    for (size_t i = 0; !rc && i < len; i += piece)
        rc = sq_json_split_feed(&s, text + i, len - i < piece ? len - i : piece,
                                on_element, seen, err);
    if (rc) {
        struct sq_err again;
        assert_int_not_equal(sq_json_split_feed(&s, " ", 1, on_element, seen, &again),
                             0);
    }
    if (!rc)
        rc = sq_json_split_end(&s, err);
    sq_json_split_fini(&s);
    return rc;
}

static void test_splits(void **state)
{
    (void)state;
    static const struct {
        const char *text, *elements;
    } rows[] = {
        {"[]", ""},
        {" \r\n[ \t] \n", ""},
        {"[1]", "1\n"},
        {"[ 1 , 2,3 ]", "1\n2\n3\n"},
        {"[{\"a\":[1,2]},[3],\"x\"]", "{\"a\":[1,2]}\n[3]\n\"x\"\n"},
        {"[\"],[\", \"\\\"],\", \"\\\\\"]", "\"],[\"\n\"\\\"],\"\n\"\\\\\"\n"},
        {"[{\"a\" : \"}\"} ]", "{\"a\" : \"}\"}\n"},
        {"[nonsense,{]]", "nonsense\n{]\n"},
    };
    struct seen seen = {.refuse_at = -1};
    struct sq_err err;
    sq_buf_init(&seen.text, 10000);
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        for (size_t piece = 1; piece < 30; piece++) {
            OK(err, split(rows[i].text, strlen(rows[i].text), piece, &seen, &err));
            assert_string_equal(seen.text.data, rows[i].elements);
        }
    sq_buf_fini(&seen.text);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *why;
    } rows[] = {
        {"", SQ_EINVAL, "there is no array"},
        {"  ", SQ_EINVAL, "there is no array"},
        {"{}", SQ_EINVAL, "at things[0]: it does not begin with ["},
        {"[", SQ_EINVAL, "at things[0]: the text ends before"},
        {"[1", SQ_EINVAL, "at things[0]: the text ends before"},
        {"[1,", SQ_EINVAL, "at things[1]: the text ends before"},
        {"[\"]", SQ_EINVAL, "at things[0]: the text ends before"},
        {"[,1]", SQ_EINVAL, "at things[0]: a value is missing"},
        {"[1,]", SQ_EINVAL, "at things[1]: a value is missing"},
        {"[1,,2]", SQ_EINVAL, "at things[1]: a value is missing"},
        {"[1,2}", SQ_EINVAL, "at things[1]: a } that nothing opened"},
        {"[}", SQ_EINVAL, "a value is missing"},
        {"[1] x", SQ_EINVAL, "something comes after its end"},
        {"[][]", SQ_EINVAL, "something comes after its end"},
        {"[1,\"012345678901234567890123456789012345678901234567890\"]", SQ_ETOOBIG,
         "things[1] is larger than 50 bytes"},
        {"[0,1,2,3,4]", SQ_ENOENT, "element 3 is not wanted"},
    };
    struct seen seen = {.refuse_at = 3};
    struct sq_err err;
    sq_buf_init(&seen.text, 10000);
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        for (size_t piece = 1; piece < 60; piece++) {
            int rc = split(rows[i].text, strlen(rows[i].text), piece, &seen, &err);
            if (rc != rows[i].code || !strstr(err.text, rows[i].why))
                fail_msg("%s in pieces of %zu: %d %s", rows[i].text, piece, rc,
                         err.text);
        }
    sq_buf_fini(&seen.text);
}

static const char *const atoms[] = {
    "1",       "-2.5e3",       "null",         "\"x\"",      "{}",
    "[]",      "{\"a\":[{}]}", "\"\\\\\"",     "\"\\\"\"",   "\"],}{[\"",
    "[[1],2]", "true",         "\"\xc3\xa9\"", "\"\\u00e9\""};

static void add_blanks(struct rng *r, struct sq_buf *b)
{
    for (size_t n = rng_below(r, 3); n; n--)
        sq_buf_addc(b, " \t\n\r"[rng_below(r, 4)]);
}

/* An array of random elements; `elements` as on_element() would see them. */
static void random_array(struct rng *r, struct sq_buf *json, struct sq_buf *elements)
{
    size_t n = rng_below(r, 8);
    add_blanks(r, json);
    sq_buf_addc(json, '[');
    for (size_t i = 0; i < n; i++) {
        const char *atom = atoms[rng_below(r, SQ_LEN(atoms))];
        if (i)
            sq_buf_addc(json, ',');
        add_blanks(r, json);
        sq_buf_adds(json, atom);
        add_blanks(r, json);
        sq_buf_addf(elements, "%s\n", atom);
    }
    add_blanks(r, json);
    sq_buf_addc(json, ']');
    add_blanks(r, json);
}

static void test_random_arrays_in_random_pieces(void **state)
{
    (void)state;
    struct rng r = {21};
    struct sq_err err;
    struct seen seen = {.refuse_at = -1};
    SQ_CLEANUP(sq_buf_fini) struct sq_buf json, elements;
    sq_buf_init(&json, 10000);
    sq_buf_init(&elements, 10000);
    sq_buf_init(&seen.text, 10000);
    for (int round = 0; round < 50000; round++) {
        sq_buf_clear(&json);
        sq_buf_clear(&elements);
        sq_buf_adds(&elements, "");
        random_array(&r, &json, &elements);
        OK(err, split(json.data, json.len, 1 + rng_below(&r, 40), &seen, &err));
        assert_string_equal(seen.text.data, elements.data);
    }
    sq_buf_fini(&seen.text);
}

/* True when every element seen is JSON. */
static bool all_json(const struct seen *seen)
{
    const char *p = seen->text.data;
    for (int64_t i = 0; i < seen->next; i++) {
        const char *end = strchr(p, '\n');
        json_t *v = NULL;
        if (!end || sq_json_parse(p, (size_t)(end - p), &v, NULL) != 0)
            return false;
        json_decref(v);
        p = end + 1;
    }
    return true;
}

/* Damaged arrays: pieces make no difference, and "an array of JSON" means the same to
 * the scanner with the parser behind it as to the parser alone. */
static void test_random_damage(void **state)
{
    (void)state;
    static const char set[] = "[]{},:\"\\ 1x";
    struct rng r = {22};
    struct sq_err one, other;
    struct seen whole = {.refuse_at = -1}, pieces = {.refuse_at = -1};
    int accepted = 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf json, unused;
    sq_buf_init(&json, 10000);
    sq_buf_init(&unused, 10000);
    sq_buf_init(&whole.text, 10000);
    sq_buf_init(&pieces.text, 10000);
    for (int round = 0; round < 100000; round++) {
        json_t *v = NULL;
        sq_buf_clear(&json);
        sq_buf_clear(&unused);
        random_array(&r, &json, &unused);
        for (size_t n = rng_below(&r, 3); n; n--)
            json.data[rng_below(&r, json.len)] = set[rng_below(&r, sizeof set - 1)];
        if (rng_below(&r, 10) == 0)
            json.len = rng_below(&r, json.len);
        if (memchr(json.data, '\n', json.len))
            continue; /* would be mistaken for the end of an element */
        int rc = split(json.data, json.len, json.len + 1, &whole, &one);
        int rc2 = split(json.data, json.len, 1 + rng_below(&r, 9), &pieces, &other);
        assert_int_equal(rc, rc2);
        assert_string_equal(one.text, other.text);
        assert_string_equal(whole.text.data, pieces.text.data);
        if (rc == SQ_ETOOBIG)
            continue;
        bool parsed = sq_json_parse(json.data, json.len, &v, NULL) == 0;
        bool array = parsed && json_is_array(v);
        if (array != (rc == 0 && all_json(&whole)))
            fail_msg("parser %d, scanner %d: %.*s", array, rc, (int)json.len,
                     json.data);
        accepted += array;
        json_decref(v);
    }
    assert_true(accepted > 1000);
    sq_buf_fini(&whole.text);
    sq_buf_fini(&pieces.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_random_arrays_in_random_pieces),
        cmocka_unit_test(test_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
