/* Recruiters that cannot act are told of once, and again when their row or the reason
 * is another. */
#include "tests/test.h"

#include "core/sched/told.h"

static const struct sq_recruiter row = {.batch = (char *)"b",
                                        .rank = 1,
                                        .tasks_per_worker = 1,
                                        .worker_flavor = (char *)"auto:cpus>>x",
                                        .worker_provider = (char *)"auto",
                                        .worker_region = (char *)"auto",
                                        .worker_concurrency = 1,
                                        .worker_prefetch = 0,
                                        .minimum_tasks = SQ_NULL,
                                        .maximum_workers = SQ_NULL};

static void test_once(void **state)
{
    struct sq_told t = {0};
    (void)state;
    for (int sweep = 0; sweep < 3; sweep++) {
        sq_told_seen(&t, &row);
        assert_int_equal(sq_told_new(&t, &row, "no such item"), sweep == 0);
    }
    assert_true(sq_told_new(&t, &row, "no room"));
    assert_false(sq_told_new(&t, &row, "no room"));
    sq_told_fini(&t);
    assert_true(sq_told_new(&t, &row, "no room"));
    sq_told_fini(&t);
}

/* Each field of a row is part of it; batch and rank say which row it is. */
static void test_changes(void **state)
{
    struct sq_recruiter rows[11];
    struct sq_told t = {0};
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        rows[i] = row;
    rows[1].batch = (char *)"c";
    rows[2].rank = 2;
    rows[3].tasks_per_worker = 2;
    rows[4].worker_flavor = (char *)"";
    rows[5].worker_provider = NULL;
    rows[6].worker_region = NULL;
    rows[7].worker_concurrency = 2;
    rows[8].worker_prefetch = 2;
    rows[9].minimum_tasks = 2;
    rows[10].maximum_workers = 2;
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        assert_true(sq_told_new(&t, &rows[i], "why"));
    assert_int_equal(t.n, 3); /* one row was changed again and again */
    sq_told_fini(&t);
}

/* A row that was mended and is spoilt again in the same way is told of again. */
static void test_mended(void **state)
{
    struct sq_recruiter mended = row;
    struct sq_told t = {0};
    (void)state;
    mended.worker_flavor = (char *)"auto:cpu>=1";
    assert_true(sq_told_new(&t, &row, "why"));
    sq_told_seen(&t, &mended);
    assert_true(sq_told_new(&t, &row, "why"));
    sq_told_fini(&t);
}

static void test_many(void **state)
{
    struct sq_recruiter r = row;
    struct sq_told t = {0};
    (void)state;
    for (r.rank = 0; r.rank < 5000; r.rank++)
        assert_true(sq_told_new(&t, &r, "why"));
    assert_true(t.n <= 1000);
    r.rank--;
    assert_false(sq_told_new(&t, &r, "why"));
    sq_told_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_mended), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
