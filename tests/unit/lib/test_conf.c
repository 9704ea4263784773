/* Settings: the file's syntax, the environment, the errors with their lines. */
#include "tests/test.h"

#include <string.h>

#include "lib/conf.h"
#include "tests/unit/lib/scratch.h"

static const struct sq_conf_key keys[] = {
    {.name = "T_TEXT", .kind = SQ_CONF_TEXT, .fallback = "dflt"},
    {.name = "T_BARE", .kind = SQ_CONF_TEXT},
    {.name = "T_INT", .kind = SQ_CONF_INT, .fallback = "5", .min = 0, .max = 100},
    {.name = "T_NOINT", .kind = SQ_CONF_INT, .min = 0, .max = 100},
    {.name = "T_BOOL", .kind = SQ_CONF_BOOL, .fallback = "1"},
    {.name = "T_LIST", .kind = SQ_CONF_LIST, .fallback = "a b"},
    {.name = "T_SECRET", .kind = SQ_CONF_INT, .min = 0, .max = 9, .secret = true},
    {.name = "T_OLD", .kind = SQ_CONF_IGNORED},
    {0},
};

struct world {
    struct scratch *scratch;
    struct sq_conf *conf;
    struct sq_buf notes;
};

static void on_note(void *arg, const char *text, const char *stranger)
{
    struct world *w = arg;
    sq_buf_addf(&w->notes, "%s\n%s", text, stranger ? stranger : "");
}

static void clear_environment(void)
{
    for (int i = 0; keys[i].name; i++)
        unsetenv(keys[i].name);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    void *scratch = NULL;
    if (!w || scratch_setup(&scratch) != 0)
        return -1;
    w->scratch = scratch;
    sq_buf_init(&w->notes, 10000);
    sq_buf_adds(&w->notes, "");
    clear_environment();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *scratch = w->scratch;
    sq_conf_free(w->conf);
    sq_buf_fini(&w->notes);
    free(w);
    return scratch_teardown(&scratch);
}

static int load_bytes(struct world *w, const char *text, size_t len, struct sq_err *err)
{
    const char *path = scratch_write(w->scratch, "x.conf", text, len);
    sq_conf_free(w->conf);
    w->conf = NULL;
    return sq_conf_load(keys, path, on_note, w, &w->conf, err);
}

static int load(struct world *w, const char *text, struct sq_err *err)
{
    return load_bytes(w, text, strlen(text), err);
}

static void test_defaults(void **state)
{
    struct world *w = *state;
    struct sq_err err;
    OK(err, sq_conf_load(keys, NULL, NULL, NULL, &w->conf, &err));
    assert_string_equal(sq_conf_text(w->conf, "T_TEXT"), "dflt");
    assert_null(sq_conf_text(w->conf, "T_BARE"));
    assert_int_equal(sq_conf_int(w->conf, "T_INT"), 5);
    assert_true(sq_conf_int(w->conf, "T_NOINT") == SQ_NULL);
    assert_true(sq_conf_bool(w->conf, "T_BOOL"));
    assert_string_equal(sq_conf_text(w->conf, "T_LIST"), "a b");
    assert_false(sq_conf_given(w->conf, "T_TEXT"));
    assert_false(sq_conf_in_file(w->conf, "T_OLD"));
}

static void test_syntax(void **state)
{
    static const struct {
        const char *line, *value;
    } rows[] = {
        {"T_TEXT=plain", "plain"},
        {"T_TEXT=", ""},
        {"  export T_TEXT = spaced out  ", "spaced out"},
        {"export\tT_TEXT=x", "x"},
        {"T_TEXT=x # comment", "x"},
        {"T_TEXT= # comment", ""},
        {"T_TEXT=#x", "#x"},
        {"T_TEXT=a#b=c", "a#b=c"},
        {"T_TEXT='a # \"b\\' # c", "a # \"b\\"},
        {"T_TEXT=\"a \\\"b\\\" \\$c \\\\ \\n 'd'\"", "a \"b\" $c \\ \\n 'd'"},
        {"T_TEXT=\"\"", ""},
        {"T_TEXT=it's", "it's"},
        {"T_TEXT=dos\r", "dos"},
        {"# T_TEXT=no", "dflt"},
        {"   ", "dflt"},
        {"T_TEXT=one\nT_TEXT=two", "two"},
        {"T_TEXT=postgresql://u@/db?host=/run", "postgresql://u@/db?host=/run"},
    };
    struct world *w = *state;
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        OK(err, load(w, rows[i].line, &err));
        assert_string_equal(sq_conf_text(w->conf, "T_TEXT"), rows[i].value);
    }
    OK(err, load(w, "", &err));
}

static void test_bad_lines(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"\n\nnonsense", "x.conf line 3: expected KEY=value"},
        {"=x", "line 1: expected KEY=value"},
        {"T-TEXT=x", "line 1: expected KEY=value"},
        {"export", "line 1: expected KEY=value"},
        {"T_TEXT='x", "line 1: a quote is never closed"},
        {"T_TEXT=\"x\\\"", "line 1: a quote is never closed"},
        {"T_TEXT='x'y", "line 1: something comes after the closing quote"},
        {"\nT_INT=ten",
         "line 2: T_INT must be an integer between 0 and 100, not \"ten\""},
        {"T_INT=", "T_INT must be an integer between 0 and 100, not \"\""},
        {"T_INT=1.5", "T_INT must be an integer"},
        {"T_INT=-1", "T_INT must be between 0 and 100, not -1"},
        {"T_INT=101", "T_INT must be between 0 and 100, not 101"},
        {"T_INT=99999999999999999999", "T_INT must be an integer"},
        {"T_BOOL=maybe", "T_BOOL must be 1 or 0 (yes or no), not \"maybe\""},
        {"T_SECRET=hunter2", "T_SECRET must be an integer between 0 and 9, not \"its"},
        {"T_SECRET=12345", "T_SECRET must be between 0 and 9, not its value"},
    };
    struct world *w = *state;
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        assert_int_equal(load(w, rows[i].text, &err), SQ_EINVAL);
        if (!strstr(err.text, rows[i].why))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
    assert_int_equal(load_bytes(w, "T_TEXT=a\0b\n", 11, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "line 1: it holds a NUL"));
}

static void test_file_errors(void **state)
{
    struct world *w = *state;
    struct sq_err err;
    const char *absent = scratch_path(w->scratch, "no.conf");
    assert_int_equal(sq_conf_load(keys, absent, NULL, NULL, &w->conf, &err), SQ_ENOENT);
    assert_non_null(strstr(err.text, "no.conf"));
    assert_int_not_equal(
        sq_conf_load(keys, w->scratch->dir, NULL, NULL, &w->conf, &err), 0);
    assert_null(w->conf);
}

static void test_bools_and_lists(void **state)
{
    static const struct {
        const char *text;
        bool value;
    } rows[] = {{"1", true},   {"0", false},  {"true", true}, {"FALSE", false},
                {"Yes", true}, {"no", false}, {"on", true},   {"off", false}};
    struct world *w = *state;
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char line[40];
        snprintf(line, sizeof line, "T_BOOL=%s", rows[i].text);
        OK(err, load(w, line, &err));
        assert_int_equal(sq_conf_bool(w->conf, "T_BOOL"), rows[i].value);
    }
    OK(err, load(w, "T_LIST=x\nT_TEXT=t\nT_LIST='y z'\n", &err));
    assert_string_equal(sq_conf_text(w->conf, "T_LIST"), "x y z");
    setenv("T_LIST", "e f", 1);
    OK(err, load(w, "T_LIST=x\n", &err));
    assert_string_equal(sq_conf_text(w->conf, "T_LIST"), "e f");
}

static void test_notes(void **state)
{
    struct world *w = *state;
    struct sq_err err;
    OK(err, load(w, "T_TEXT=a\n\nFOO=1\nT_OLD=x\nT_TEXT=b\n", &err));
    assert_non_null(strstr(w->notes.data, "unknown setting FOO in "));
    assert_non_null(strstr(w->notes.data, "/x.conf line 3: ignored\nFOOsetting T_OLD"));
    assert_non_null(strstr(w->notes.data, "setting T_OLD in "));
    assert_non_null(strstr(w->notes.data, "x.conf line 4: "));
    assert_non_null(strstr(w->notes.data, "x.conf line 5: given again"));
    assert_true(sq_conf_in_file(w->conf, "T_OLD"));
    assert_false(sq_conf_given(w->conf, "T_OLD"));
    assert_true(sq_conf_in_file(w->conf, "T_TEXT"));
    assert_false(sq_conf_in_file(w->conf, "T_INT"));
}

static void test_environment_wins(void **state)
{
    struct world *w = *state;
    struct sq_err err;
    setenv("T_TEXT", "env", 1);
    setenv("T_BARE", "", 1);
    setenv("T_INT", "", 1);
    setenv("T_OLD", "x", 1);
    setenv("T_NOTHING", "x", 1);
    OK(err, load(w, "T_TEXT=file\nT_BARE=file\nT_INT=7\n", &err));
    assert_string_equal(sq_conf_text(w->conf, "T_TEXT"), "env");
    assert_string_equal(sq_conf_text(w->conf, "T_BARE"), "");
    assert_int_equal(sq_conf_int(w->conf, "T_INT"), 7);
    assert_false(sq_conf_given(w->conf, "T_OLD"));
    assert_string_equal(w->notes.data, "");
    setenv("T_INT", "x", 1);
    assert_int_equal(load(w, "", &err), SQ_EINVAL);
    assert_string_equal(err.text,
                        "the environment: T_INT must be an integer between 0 and 100, "
                        "not \"x\"");
    unsetenv("T_NOTHING");
}

/* What only the program can judge is refused where it stands, too. */
static void test_refuse(void **state)
{
    struct world *w = *state;
    struct sq_err err;
    OK(err, load(w, "T_LIST=x\nT_TEXT=odd\nT_LIST=y\n", &err));
    assert_int_equal(sq_conf_refuse(w->conf, "T_TEXT", &err, "must be even, not %s",
                                    sq_conf_text(w->conf, "T_TEXT")),
                     SQ_EINVAL);
    assert_non_null(strstr(err.text, "/x.conf line 2: T_TEXT must be even, not odd"));
    sq_conf_refuse(w->conf, "T_LIST", &err, "is long");
    assert_non_null(strstr(err.text, "/x.conf line 1, "));
    assert_non_null(strstr(err.text, "/x.conf line 3: T_LIST is long"));
    setenv("T_TEXT", "env", 1);
    OK(err, load(w, "T_TEXT=odd\n", &err));
    sq_conf_refuse(w->conf, "T_TEXT", &err, "is bad");
    assert_string_equal(err.text, "the environment: T_TEXT is bad");
}

static void list_change(void *arg, const struct sq_conf_key *key, const char *in_a,
                        const char *in_b)
{
    sq_buf_addf(arg, "%s %s %s\n", key->name, in_a ? in_a : "-", in_b ? in_b : "-");
}

/* While the program runs: the file may be another, the environment is what it was. */
static void test_again(void **state)
{
    struct world *w = *state;
    struct sq_conf *again, *kept;
    struct sq_err err = {0};
    setenv("T_TEXT", "of the environment", 1);
    OK(err, load(w, "T_TEXT=of the file\nT_INT=7\n", &err));
    setenv("T_TEXT", "told to children", 1);
    setenv("T_LIST", "too", 1);
    const char *path = scratch_write(w->scratch, "y.conf", "T_INT=8\nT_NOINT=1\n", 18);
    OK(err, sq_conf_load_again(w->conf, path, NULL, NULL, &again, &err));
    assert_string_equal(sq_conf_text(again, "T_TEXT"), "of the environment");
    sq_buf_clear(&w->notes);
    sq_conf_compare(w->conf, again, list_change, &w->notes);
    assert_string_equal(w->notes.data, "T_INT 7 8\nT_NOINT - 1\n");
    OK(err, sq_conf_keep(again, w->conf, "T_NOINT", &err));
    OK(err, sq_conf_part(keys, again, &kept, &err));
    sq_buf_clear(&w->notes);
    sq_conf_compare(w->conf, kept, list_change, &w->notes);
    assert_string_equal(w->notes.data, "T_INT 7 8\n");
    assert_false(sq_conf_given(kept, "T_NOINT"));
    sq_conf_refuse(kept, "T_INT", &err, "is bad");
    assert_non_null(strstr(err.text, "y.conf line 1: T_INT is bad"));
    sq_conf_free(kept);
    sq_conf_free(again);
    path = scratch_write(w->scratch, "z.conf", "T_INT=many\n", 11);
    assert_int_equal(sq_conf_load_again(w->conf, path, NULL, NULL, &again, &err),
                     SQ_EINVAL);
}

/* Of fewer keys, with a default and a range of their own. */
static void test_part(void **state)
{
    static const struct sq_conf_key few[] = {
        {.name = "T_INT", .kind = SQ_CONF_INT, .min = 0, .max = 10},
        {.name = "T_OWN", .kind = SQ_CONF_TEXT, .fallback = "own"},
        {0}};
    struct world *w = *state;
    struct sq_conf *part;
    struct sq_err err = {0};
    OK(err, load(w, "T_INT=7\n", &err));
    OK(err, sq_conf_part(few, w->conf, &part, &err));
    assert_int_equal(sq_conf_int(part, "T_INT"), 7);
    assert_string_equal(sq_conf_text(part, "T_OWN"), "own");
    sq_conf_free(part);
    OK(err, load(w, "T_INT=70\n", &err));
    assert_int_equal(sq_conf_part(few, w->conf, &part, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "line 1: T_INT must be between 0 and 10"));
}

static void test_items(void **state)
{
    static const char *const wanted[] = {"a", "bc", "d=e"};
    const char *list = " ,a, bc\t,,d=e ,", *item;
    size_t len, n = 0;
    (void)state;
    for (; (item = sq_conf_item(&list, &len)); n++)
        assert_memory_equal(item, wanted[n], len);
    assert_int_equal(n, SQ_LEN(wanted));
    assert_int_equal(*list, 0);
}

static void test_places(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_freep) char *found = sq_conf_find("passwd");
    SQ_CLEANUP(sq_freep) char *absent = sq_conf_find("no-such-file.conf");
    SQ_CLEANUP(sq_freep) char *state_dir = sq_conf_state_dir();
    assert_string_equal(found, "/etc/passwd");
    assert_null(absent);
    assert_int_equal(state_dir[0], '/');
    assert_string_equal(strrchr(state_dir, '/'), "/scitq");
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_defaults),
        WORLD(test_syntax),
        WORLD(test_bad_lines),
        WORLD(test_file_errors),
        WORLD(test_bools_and_lists),
        WORLD(test_notes),
        WORLD(test_environment_wins),
        WORLD(test_refuse),
        WORLD(test_again),
        WORLD(test_part),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
