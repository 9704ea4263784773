/* Tables: alignment, cutting, what a cell may show. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

static const char *const columns[] = {"id", "name", "batch", NULL};

static char *print(const char *const rows[][3], size_t n, bool header, bool cut)
{
    char *text = NULL;
    size_t len;
    struct sq_err err = {0};
    struct sq_table *t;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    OK(err, sq_table_open(out, columns, header, cut, &t, &err));
    for (size_t i = 0; i < n; i++)
        OK(err, sq_table_row(t, rows[i], &err));
    sq_table_close(t, true);
    fclose(out);
    return text;
}

static void check(const char *const rows[][3], size_t n, bool header, bool cut,
                  const char *want)
{
    char *text = print(rows, n, header, cut);
    assert_string_equal(text, want);
    free(text);
}

static void test_columns_are_aligned(void **state)
{
    static const char *const rows[][3] = {{"1", "a", "Default"},
                                          {"1000", "bcdef", "B"}};
    (void)state;
    check(rows, 2, true, true,
          "id    name   batch\n1     a      Default\n1000  bcdef  B\n");
    check(rows, 2, false, true, "1     a      Default\n1000  bcdef  B\n");
    check(rows, 0, true, true, "id  name  batch\n");
    check(rows, 0, false, true, "");
}

static void test_characters_are_counted_not_bytes(void **state)
{
    static const char *const rows[][3] = {{"1", "éé↓", "x"}, {"2", "abcdef", "y"}};
    (void)state;
    check(rows, 2, false, true, "1  éé↓     x\n2  abcdef  y\n");
}

static void test_every_cell_is_visible_and_on_one_line(void **state)
{
    static const char *const rows[][3] = {{NULL, "", "a\nb\tc\x1b[31m\x7f"},
                                          {"2", "\u202e", "\xc2\x9bm"}};
    (void)state;
    check(rows, 2, false, true,
          "-  -       a\\nb\\tc\\x1b[31m\\x7f\n2  \\u202e  \\u009bm\n");
}

static void test_long_values_are_cut(void **state)
{
    static const char fifty[] = "12345678901234567890123456789012345678901234567890";
    static const char over[] = "123456789012345678901234567890123456789012345678901";
    static const char cut[] = "1234567890123456789012345678901234567890123456789...";
    char want[300], accents[60 * 2 + 1] = "", cut_accents[60 * 2] = "";
    (void)state;
    for (int i = 0; i < 60; i++)
        strcat(accents, "é");
    memcpy(cut_accents, accents, 49 * 2);
    const char *const rows[][3] = {{fifty, over, accents}};
    snprintf(want, sizeof want, "%s  %s  %s...\n", fifty, cut, cut_accents);
    check(rows, 1, false, true, want);
    snprintf(want, sizeof want, "%s  %s  %s\n", fifty, over, accents);
    check(rows, 1, false, false, want);
}

/* Longer than a block: every row is there, in order, one header. */
static void test_more_rows_than_are_kept(void **state)
{
    enum { N = 2 * SQ_TABLE_BLOCK + 5 };
    char *text = NULL;
    size_t len;
    struct sq_err err = {0};
    struct sq_table *t;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    OK(err, sq_table_open(out, columns, true, true, &t, &err));
    for (int i = 0; i < N; i++) {
        char id[20];
        snprintf(id, sizeof id, "%d", i);
        const char *row[] = {id, "n", i == N - 1 ? "last" : "b"};
        OK(err, sq_table_row(t, row, &err));
    }
    sq_table_close(t, true);
    fclose(out);
    char *rest = text;
    assert_memory_equal(strsep(&rest, "\n"), "id ", 3);
    for (int i = 0; i < N; i++) {
        const char *line = strsep(&rest, "\n");
        assert_int_equal(atoi(line), i);
    }
    assert_string_equal(rest, "");
    free(text);
}

static void test_a_dropped_table_writes_nothing(void **state)
{
    char *text = NULL;
    size_t len;
    struct sq_err err = {0};
    struct sq_table *t;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    OK(err, sq_table_open(out, columns, true, true, &t, &err));
    sq_table_close(t, false);
    fclose(out);
    assert_int_equal(len, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_aligned),
        cmocka_unit_test(test_characters_are_counted_not_bytes),
        cmocka_unit_test(test_every_cell_is_visible_and_on_one_line),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_more_rows_than_are_kept),
        cmocka_unit_test(test_a_dropped_table_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
