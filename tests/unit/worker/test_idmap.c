/* The map of ids, against a plain array. */
#include "tests/test.h"

#include <stdlib.h>

#include "worker/idmap.h"

static void test_empty(void **state)
{
    struct sq_idmap m = {0};
    assert_null(sq_idmap_get(&m, 1));
    assert_null(sq_idmap_remove(&m, 1));
    sq_idmap_fini(&m);
}

static void test_put_replaces(void **state)
{
    struct sq_idmap m = {0};
    int a, b;
    assert_true(sq_idmap_put(&m, 7, &a));
    assert_true(sq_idmap_put(&m, 7, &b));
    assert_ptr_equal(sq_idmap_get(&m, 7), &b);
    assert_int_equal(m.len, 1);
    assert_ptr_equal(sq_idmap_remove(&m, 7), &b);
    assert_int_equal(m.len, 0);
    sq_idmap_fini(&m);
}

/* Random puts and removes; ids that collide (multiples of a power of two) and large
 * ones among them. */
static void test_random_against_array(void **state)
{
    enum { IDS = 300, STEPS = 60000 };
    struct sq_idmap m = {0};
    int64_t ids[IDS];
    char there[IDS] = {0};
    srand(1);
    for (int i = 0; i < IDS; i++)
        ids[i] = i < 100   ? i + 1
                 : i < 200 ? (int64_t)(i + 1) << 32
                           : (int64_t)(i + 1) * 1024;
    for (int step = 0; step < STEPS; step++) {
        int i = rand() % IDS;
        if (rand() % 2) {
            assert_true(sq_idmap_put(&m, ids[i], &ids[i]));
            there[i] = 1;
        } else {
            assert_ptr_equal(sq_idmap_remove(&m, ids[i]), there[i] ? &ids[i] : NULL);
            there[i] = 0;
        }
        i = rand() % IDS;
        assert_ptr_equal(sq_idmap_get(&m, ids[i]), there[i] ? &ids[i] : NULL);
    }
    size_t n = 0;
    for (int i = 0; i < IDS; i++) {
        n += (size_t)there[i];
        assert_ptr_equal(sq_idmap_get(&m, ids[i]), there[i] ? &ids[i] : NULL);
    }
    assert_int_equal(m.len, n);
    sq_idmap_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_put_replaces),
        cmocka_unit_test(test_random_against_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
