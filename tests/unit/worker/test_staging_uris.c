/* The list of URIs of a task: each is moved once, be it named twice. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/staging_impl.h"

/* So many that comparing each with each would outlast the limit of every test
 * (tests/run.sh). */
enum { MANY = 1000000, DIFFERENT = MANY - MANY / 4 };

static void test_repeats(void **state)
{
    static const struct {
        const char *first;
        bool first_is_check;
        const char *second;
        const char *done; /* a letter each: moved or done already */
    } rows[] = {
        {"", false, "", ""},
        {NULL, false, "s3://b/a", "-"},
        {"s3://b/a", true, "s3://b/a", "--"}, /* looked at, and fetched */
        {"s3://b/a", false, "s3://b/a", "-d"},
        {"s3://b/b s3://b/a", false, "s3://b/a s3://b/b s3://b/b", "--ddd"},
        {"s3://b/a s3://b/a|gunzip", false, "s3://b/A s3://b/a", "---d"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_stage_uri *v = NULL;
        size_t n = 0;
        assert_true(sq_uris_add(rows[i].first, rows[i].first_is_check, &v, &n));
        assert_true(sq_uris_add(rows[i].second, false, &v, &n));
        assert_int_equal(n, strlen(rows[i].done));
        for (size_t k = 0; k < n; k++)
            if (v[k].done != (rows[i].done[k] == 'd'))
                fail_msg("row %zu: %s, number %zu", i, v[k].text, k);
        sq_uris_free(v, n);
    }
}

static void test_many(void **state)
{
    enum { EACH = sizeof "s3://bucket/reads/0123456 " };
    char *text = malloc((size_t)MANY * EACH + 1), *at = text;
    struct sq_stage_uri *v = NULL;
    size_t n = 0, n_done = 0;
    assert_non_null(text);
    for (int i = 0; i < MANY; i++)
        at += sprintf(at, "s3://bucket/reads/%07d ", i % DIFFERENT);
    assert_true(sq_uris_add(text, false, &v, &n));
    assert_int_equal(n, MANY);
    for (size_t i = 0; i < n; i++) {
        if (v[i].done != (i >= DIFFERENT))
            fail_msg("%s, number %zu", v[i].text, i);
        n_done += v[i].done;
    }
    assert_int_equal(n_done, MANY - DIFFERENT);
    sq_uris_free(v, n);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
