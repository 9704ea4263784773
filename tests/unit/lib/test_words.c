/* Splitting and joining commands: tables, and a random round trip. */
#include "tests/test.h"

#include <string.h>

#include "lib/words.h"
#include "tests/unit/lib/rng.h"

static void test_split(void **state)
{
    (void)state;
    static const struct {
        const char *command, *words; /* each ended by | */
    } rows[] = {
        {"", ""},
        {" \t\n ", ""},
        {"true", "true|"},
        {"  echo  a\tb\nc ", "echo|a|b|c|"},
        {"echo 'Hello world!'", "echo|Hello world!|"},
        {"a'b c'd", "ab cd|"},
        {"'' \"\" x''", "||x|"},
        {"\"it's\" 'a\"b'", "it's|a\"b|"},
        {"a\\ b \\' \\\\ \\n", "a b|'|\\|n|"},
        {"\"\\$ \\` \\\" \\\\ \\n \\'\"", "$ ` \" \\ \\n \\'|"},
        {"'\\n\\'", "\\n\\|"},
        {"one\\\ntwo \\\n three \"fo\\\nur\"", "onetwo|three|four|"},
        {"$HOME * ~ `x` # not", "$HOME|*|~|`x`|#|not|"},
        {"sh -c 'a && b > c; d'", "sh|-c|a && b > c; d|"},
        {"a;b&c<d>e", "a;b&c<d>e|"},
        {"\xc3\xa9t\xc3\xa9 '\xff'", "\xc3\xa9t\xc3\xa9|\xff|"},
    };
    struct sq_err err;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 100000);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        char **words;
        size_t n;
        sq_buf_init(&b, 1000);
        sq_buf_adds(&b, "");
        OK(err, sq_words_split(rows[i].command, &a, &words, &n, &err));
        for (size_t k = 0; k < n; k++)
            sq_buf_addf(&b, "%s|", words[k]);
        assert_string_equal(b.data, rows[i].words);
        assert_null(words[n]);
    }
}

static void test_split_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *command, *why;
    } rows[] = {
        {"echo 'a", "a ' that is never closed"},
        {"echo \"a", "a \" that is never closed"},
        {"echo \"a\\\"", "a \" that is never closed"},
        {"echo \"a\\", "a \" that is never closed"},
        {"echo a\\", "ends with a backslash"},
        {"'", "a ' that is never closed"},
        {"\\", "ends with a backslash"},
    };
    struct sq_err err;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 100000);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char **words = NULL;
        size_t n;
        assert_int_equal(sq_words_split(rows[i].command, &a, &words, &n, &err),
                         SQ_EINVAL);
        assert_non_null(strstr(err.text, rows[i].why));
        assert_null(words);
    }
}

static void test_split_too_long(void **state)
{
    (void)state;
    struct sq_err err;
    char **words;
    size_t n;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 32);
    assert_int_equal(sq_words_split("a b c d e f g h", &a, &words, &n, &err),
                     SQ_ENOMEM);
    sq_arena_reset(&a);
    assert_int_equal(sq_words_split("0123456789012345678901234567890123456789", &a,
                                    &words, &n, &err),
                     SQ_ENOMEM);
}

static void test_join(void **state)
{
    (void)state;
    static struct {
        size_t n;
        char words[3][40];
        const char *command;
    } rows[] = {
        {0, {""}, ""},
        {2, {"echo", "a"}, "echo a"},
        {2, {"echo", "Hello world!"}, "echo 'Hello world!'"},
        {2, {"echo", "it's me"}, "echo \"it's me\""},
        {3, {"echo", "it's", ""}, "echo it's ''"},
        {3, {"sh", "-c", "echo \"$X\" \\n"}, "sh -c 'echo \"$X\" \\n'"},
        {3,
         {"sh", "-c", "awk '{print \"x\"}' $f \\n \\\\"},
         "sh -c \"awk '{print \\\"x\\\"}' $f \\n \\\\\\\\\""},
        {2, {"a\tb", "c\nd"}, "'a\tb' 'c\nd'"},
        {2, {"$HOME", "*.gz"}, "$HOME *.gz"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        char *words[] = {rows[i].words[0], rows[i].words[1], rows[i].words[2]};
        sq_buf_init(&b, 1000);
        sq_buf_adds(&b, "");
        sq_words_join(words, rows[i].n, &b);
        assert_string_equal(b.data, rows[i].command);
    }
}

/* A word without white space is left as it is, so there quotes are the user's. */
static bool is_left_alone(const char *word)
{
    return *word && !strpbrk(word, " \t\n") && strpbrk(word, "'\"\\");
}

static void random_word(struct rng *r, char *word, size_t max)
{
    static const char set[] = "ab '\"\\$`\n\t#*&|;\xc3\xa9";
    size_t len = rng_below(r, max);
    for (size_t i = 0; i < len; i++)
        word[i] = set[rng_below(r, sizeof set - 1)];
    word[len] = 0;
}

static void test_random_round_trip(void **state)
{
    (void)state;
    enum { WORDS = 6, LEN = 12 };
    struct rng r = {5};
    struct sq_err err;
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_arena_init(&a, 100000);
    sq_buf_init(&b, 1000);
    for (int round = 0; round < 100000; round++) {
        char text[WORDS][LEN], *words[WORDS], **back;
        size_t n = rng_below(&r, WORDS), got;
        for (size_t i = 0; i < n; i++) {
            do
                random_word(&r, text[i], LEN);
            while (is_left_alone(text[i]));
            words[i] = text[i];
        }
        sq_buf_clear(&b);
        sq_buf_adds(&b, "");
        sq_arena_reset(&a);
        sq_words_join(words, n, &b);
        OK(err, sq_words_split(b.data, &a, &back, &got, &err));
        assert_int_equal(got, n);
        for (size_t i = 0; i < n; i++)
            assert_string_equal(back[i], words[i]);
    }
}

/* Any text is split or refused; the words never hold more than the text did. */
static void test_random_commands(void **state)
{
    (void)state;
    struct rng r = {6};
    SQ_CLEANUP(sq_arena_fini) struct sq_arena a;
    sq_arena_init(&a, 100000);
    for (int round = 0; round < 100000; round++) {
        char command[40], **words;
        size_t n, total = 0;
        random_word(&r, command, sizeof command);
        sq_arena_reset(&a);
        if (sq_words_split(command, &a, &words, &n, NULL) != 0)
            continue;
        for (size_t i = 0; i < n; i++)
            total += strlen(words[i]) + 1;
        assert_true(total <= strlen(command) + 1);
        assert_null(words[n]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_refuses),
        cmocka_unit_test(test_split_too_long),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_random_round_trip),
        cmocka_unit_test(test_random_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
