/* The option parser: what is taken, what is refused and in which words. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "cli/options.h"

static const struct sq_opt global[] = {
    {.name = "server", .letter = 's', .kind = SQ_OPT_TEXT, .value = "S", .help = "h"},
    {.name = "json", .help = "h"},
    {0},
};
static const struct sq_opt local[] = {
    {.name = "id",
     .letter = 'i',
     .kind = SQ_OPT_INT,
     .value = "ID",
     .help = "the id",
     .min = 1,
     .flags = SQ_OPT_REQUIRED,
     .group = 1},
    {.name = "name",
     .letter = 'n',
     .kind = SQ_OPT_TEXT,
     .value = "NAME",
     .help = "the name",
     .flags = SQ_OPT_REQUIRED,
     .group = 1},
    {.name = "no-header", .letter = 'H', .help = "no header"},
    {.name = "long", .letter = 'L', .help = "long"},
    {.name = "limit",
     .letter = 'l',
     .kind = SQ_OPT_INT,
     .value = "N",
     .help = "how many",
     .max = 10,
     .fallback = "7"},
    {.name = "back", .kind = SQ_OPT_INT, .value = "N", .help = "x", .min = -5},
    {.name = "status",
     .letter = 'S',
     .kind = SQ_OPT_TEXT,
     .value = "S",
     .help = "status",
     .choices = "on off"},
    {.name = "input",
     .letter = 'j',
     .kind = SQ_OPT_TEXT,
     .value = "URIS",
     .help = "uris",
     .flags = SQ_OPT_MANY},
    {.name = "batch",
     .letter = 'b',
     .kind = SQ_OPT_TEXT,
     .value = "B",
     .help = "batches",
     .flags = SQ_OPT_MANY | SQ_OPT_GREEDY},
    {0},
};

enum { WORDS = 12 };

static int parse(struct sq_args *a, char *const *words, char ***rest,
                 struct sq_err *err)
{
    *rest = (char **)words;
    sq_args_init(a);
    assert_int_equal(sq_args_add(a, global, err), 0);
    assert_int_equal(sq_args_add(a, local, err), 0);
    int rc = sq_args_parse(a, rest, err);
    return rc == 0 ? sq_args_check(a, err) : rc;
}

static void test_refusals_say_what_is_wrong(void **state)
{
    static const struct {
        const char *words[WORDS];
        const char *text;
    } rows[] = {
        {{"-H"}, "--id or --name is required"},
        {{"-i", "1", "-n", "x"}, "give only one of --id or --name"},
        {{"-i", "1", "-i", "2"}, "--id is given twice"},
        {{"-i", "1", "-HH"}, "--no-header is given twice"},
        {{"-i", "x"}, "--id takes a whole number, not 'x'"},
        {{"-i", ""}, "--id takes a whole number, not ''"},
        {{"-i", " 1"}, "--id takes a whole number, not ' 1'"},
        {{"-i", "+1"}, "--id takes a whole number, not '+1'"},
        {{"-i", "1x"}, "--id takes a whole number, not '1x'"},
        {{"-i", "99999999999999999999"},
         "--id takes a whole number, not '99999999999999999999'"},
        {{"-i", "0"}, "--id is at least 1, not 0"},
        {{"-i1", "-l", "11"}, "--limit is at most 10, not 11"},
        {{"-i1", "-l", "-1"}, "--limit is at least 0, not -1"},
        {{"-i1", "--back", "1"}, "--back is at most 0, not 1"},
        {{"-i1", "-S", "of"}, "--status is one of on off, not 'of'"},
        {{"-i1", "-S", "on off"}, "--status is one of on off, not 'on off'"},
        {{"-i1", "-S", ""}, "--status is one of on off, not ''"},
        {{"-i"}, "--id needs a value"},
        {{"-i1", "-x"}, "unknown option -x"},
        {{"-i1", "-Hx"}, "unknown option -x"},
        {{"-i1", "--bogus"}, "unknown option --bogus"},
        {{"-i1", "--bogus=3"}, "unknown option --bogus"},
        {{"-i1", "--long=3"}, "--long takes no value"},
        {{"-i1", "--l"}, "--l is ambiguous: --long or --limit?"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_args a;
        struct sq_err err = {0};
        char **rest;
        int rc = parse(&a, (char *const *)rows[i].words, &rest, &err);
        assert_int_equal(rc, SQ_EINVAL);
        assert_string_equal(err.text, rows[i].text);
        sq_args_fini(&a);
    }
}

static void test_forms_that_mean_the_same(void **state)
{
    static const char *const rows[][WORDS] = {
        {"-H", "-i", "12", "-s", "srv", "word", "-L"},
        {"-Hi12", "-ssrv", "word", "-L"},
        {"--no-header", "--id=12", "--server=srv", "word"},
        {"--no-h", "--id", "12", "--ser", "srv", "--", "word"},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_args a;
        struct sq_err err = {0};
        char **rest;
        OK(err, parse(&a, (char *const *)rows[i], &rest, &err));
        assert_true(sq_args_has(&a, "no-header"));
        assert_false(sq_args_has(&a, "long"));
        assert_int_equal(sq_args_int(&a, "id"), 12);
        assert_string_equal(sq_args_text(&a, "server"), "srv");
        assert_string_equal(*rest, "word");
        sq_args_fini(&a);
    }
}

static void test_values_that_look_like_options(void **state)
{
    static const char *const words[] = {"-n", "-x",     "--back", "-3",
                                        "-j", "--long", NULL};
    struct sq_args a;
    struct sq_err err = {0};
    char **rest;
    (void)state;
    OK(err, parse(&a, (char *const *)words, &rest, &err));
    assert_string_equal(sq_args_text(&a, "name"), "-x");
    assert_string_equal(sq_args_text(&a, "input"), "--long");
    assert_int_equal(sq_args_int(&a, "back"), -3);
    assert_false(sq_args_has(&a, "long"));
    sq_args_fini(&a);
}

static void test_absent_ones_have_their_default(void **state)
{
    static const char *const words[] = {"-n", "", NULL};
    struct sq_args a;
    struct sq_err err = {0};
    char **rest;
    (void)state;
    OK(err, parse(&a, (char *const *)words, &rest, &err));
    assert_int_equal(sq_args_int(&a, "limit"), 7);
    assert_int_equal(sq_args_int(&a, "id"), SQ_NULL);
    assert_null(sq_args_text(&a, "status"));
    assert_null(sq_args_joined(&a, "input"));
    assert_string_equal(sq_args_text(&a, "name"), "");
    sq_args_fini(&a);
}

static void test_repeated_values(void **state)
{
    static const char *const words[] = {"-n", "x",  "-j", "a b", "-b", "p",
                                        "q",  "-j", "c",  "-b",  "r",  NULL};
    struct sq_args a;
    struct sq_err err = {0};
    const char *const *texts;
    char **rest;
    (void)state;
    OK(err, parse(&a, (char *const *)words, &rest, &err));
    assert_string_equal(sq_args_joined(&a, "input"), "a b c");
    assert_int_equal(sq_args_all(&a, "batch", &texts), 3);
    assert_string_equal(texts[0], "p");
    assert_string_equal(texts[1], "q");
    assert_string_equal(texts[2], "r");
    sq_args_fini(&a);
}

static void test_lists_of_ids(void **state)
{
    static const struct {
        const char *text;
        int n; /* -1: refused */
    } rows[] = {{"1", 1},  {"1 2,3", 3}, {" 4 ,\t5\n", 2}, {"", 0},      {",", 0},
                {"0", -1}, {"1,x", -1},  {"1;2", -1},      {"-1 2", -1}, {"1.5", -1}};
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *words[] = {"-n", "x", "-j", rows[i].text, NULL};
        struct sq_args a;
        struct sq_err err = {0};
        int64_t *ids;
        size_t n;
        char **rest;
        OK(err, parse(&a, (char *const *)words, &rest, &err));
        int rc = sq_args_ids(&a, "input", &ids, &n, &err);
        assert_int_equal(rc, rows[i].n < 0 ? SQ_EINVAL : 0);
        if (rc == 0)
            assert_int_equal(n, rows[i].n);
        if (n == 3)
            assert_int_equal(ids[2], 3);
        sq_args_fini(&a);
    }
}

/* A great many values: the arrays grow, nothing is lost. */
static void test_thousands_of_values(void **state)
{
    enum { N = 5000 };
    static const char *words[2 * N + 3];
    struct sq_args a;
    struct sq_err err = {0};
    const char *const *texts;
    char **rest;
    (void)state;
    words[0] = "-nx";
    for (size_t i = 0; i < N; i++) {
        words[1 + 2 * i] = "-j";
        words[2 + 2 * i] = i % 2 ? "odd" : "even";
    }
    OK(err, parse(&a, (char *const *)words, &rest, &err));
    assert_int_equal(sq_args_all(&a, "input", &texts), N);
    for (size_t i = 0; i < N; i++)
        assert_string_equal(texts[i], i % 2 ? "odd" : "even");
    sq_args_fini(&a);
}

static void test_usage_and_help(void **state)
{
    struct sq_buf text;
    (void)state;
    sq_buf_init(&text, 10000);
    sq_options_usage(local, &text);
    assert_string_equal(text.data,
                        "(-i ID | -n NAME) [-H] [-L] [-l N] [--back N] [-S S] "
                        "[-j URIS]... [-b B ...]");
    sq_buf_clear(&text);
    sq_options_usage_line("scitq-manage an-object a-verb", local, "WORD", &text);
    assert_string_equal(text.data,
                        "usage: scitq-manage an-object a-verb (-i ID | -n NAME) [-H] "
                        "[-L] [-l N] [--back N]\n          [-S S] [-j URIS]... "
                        "[-b B ...] WORD\n");
    sq_buf_clear(&text);
    sq_options_help(local, &text);
    assert_non_null(
        strstr(text.data,
               "  -i, --id ID                 the id (one of these is required)\n"));
    assert_non_null(
        strstr(text.data, "  -l, --limit N               how many (default 7)\n"));
    assert_non_null(
        strstr(text.data, "  -S, --status S              status: on off\n"));
    assert_non_null(strstr(text.data, "      --back N                x\n"));
    sq_buf_clear(&text);
    sq_options_man(local, &text);
    assert_non_null(
        strstr(text.data, ".TP\n\\fB\\-H\\fR, \\fB\\-\\-no\\-header\\fR\nno header\n"));
    sq_buf_fini(&text);
}

static void test_long_help_is_wrapped(void **state)
{
    static const struct sq_opt table[] = {
        {.name = "a-very-long-option-name-indeed",
         .kind = SQ_OPT_TEXT,
         .value = "VALUE",
         .help =
             "one two three four five six seven eight nine ten eleven twelve "
             "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"},
        {0},
    };
    struct sq_buf text;
    (void)state;
    sq_buf_init(&text, 10000);
    sq_options_help(table, &text);
    char *rest = text.data;
    size_t lines = 0;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line; lines++) {
        assert_true(strlen(line) <= 88);
        assert_true(line[strlen(line) - 1] != ' ');
    }
    assert_int_equal(lines, 4);
    sq_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_say_what_is_wrong),
        cmocka_unit_test(test_forms_that_mean_the_same),
        cmocka_unit_test(test_values_that_look_like_options),
        cmocka_unit_test(test_absent_ones_have_their_default),
        cmocka_unit_test(test_repeated_values),
        cmocka_unit_test(test_lists_of_ids),
        cmocka_unit_test(test_thousands_of_values),
        cmocka_unit_test(test_usage_and_help),
        cmocka_unit_test(test_long_help_is_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
