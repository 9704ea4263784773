/* What of a text a terminal is given. */
#include "tests/test.h"

#include "lib/visible.h"

static void check(const char *text, bool lines, const char *want)
{
    struct sq_buf out;
    sq_buf_init(&out, 4096);
    sq_visible_add(&out, text, lines);
    sq_buf_addc(&out, 0);
    assert_string_equal(out.data, want);
    sq_buf_fini(&out);
}

static void test_what_is_hidden(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"plain \\n", "plain \\n"},
        {"\xc3\xa9\xe2\x86\x93\xf0\x9f\x8d\xba",
         "\xc3\xa9\xe2\x86\x93\xf0\x9f\x8d\xba"},
        {"a\nb\tc\rd", "a\\nb\\tc\\x0dd"},
        {"\x1b]0;title\a\x7f", "\\x1b]0;title\\x07\\x7f"},
        {"\xc2\x9b"
         "31m\xc2\x85",
         "\\u009b31m\\u0085"},
        {"\xc2\xa0", "\xc2\xa0"},
        {"gnp.\xe2\x80\xae"
         "exe",
         "gnp.\\u202eexe"},
        {"\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c",
         "\\u2066\\u2069\\u200f\\u061c"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
        {"\xf3\xa0\x81\xa1", "\\ue0061"},
        {"\xff\x9b\xc3", "\\xff\\x9b\\xc3"},
        {"\xe2\x80", "\\xe2\\x80"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        check(rows[i].text, false, rows[i].want);
}

static void test_lines_are_kept(void **state)
{
    (void)state;
    check("a\nb\tc\rd\x1b", true, "a\nb\tc\\x0dd\\x1b");
}

static void test_where_it_begins_and_ends(void **state)
{
    static const uint32_t hidden[][2] = {
        {0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},     {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2066, 0x2069}, {0xe0000, 0xe007f},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(hidden); i++) {
        assert_true(sq_visible_hides(hidden[i][0]));
        assert_true(sq_visible_hides(hidden[i][1]));
        assert_false(i && sq_visible_hides(hidden[i][0] - 1));
        assert_false(sq_visible_hides(hidden[i][1] + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_hidden),
        cmocka_unit_test(test_lines_are_kept),
        cmocka_unit_test(test_where_it_begins_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
