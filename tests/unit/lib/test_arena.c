/* Arenas: alignment, zeroing, the maximum, and reuse after a reset. */
#include "tests/test.h"

#include <string.h>

#include "lib/arena.h"
#include "tests/unit/lib/rng.h"

static void test_aligned_and_zeroed(void **state)
{
    (void)state;
    struct sq_arena a;
    sq_arena_init(&a, 1 << 20);
    static const char zeros[3000];
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 300; n++) {
            size_t size = n * 10;
            char *p = sq_arena_alloc(&a, size);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 16, 0);
            assert_memory_equal(p, zeros, size);
            memset(p, 0xab, size);
        }
        sq_arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
    }
    sq_arena_fini(&a);
}

static void test_maximum_holds(void **state)
{
    (void)state;
    struct sq_arena a;
    sq_arena_init(&a, 1000);
    assert_null(sq_arena_alloc(&a, 1001));
    assert_null(sq_arena_alloc(&a, SIZE_MAX));
    assert_non_null(sq_arena_alloc(&a, 600));
    assert_null(sq_arena_alloc(&a, 600));
    assert_non_null(sq_arena_alloc(&a, 300));
    sq_arena_reset(&a);
    assert_non_null(sq_arena_alloc(&a, 1000));
    assert_null(sq_arena_alloc(&a, 1));
    sq_arena_fini(&a);
}

static void test_array_overflow(void **state)
{
    (void)state;
    struct sq_arena a;
    sq_arena_init(&a, SIZE_MAX);
    assert_null(sq_arena_array(&a, SIZE_MAX / 2, 4));
    assert_non_null(sq_arena_array(&a, 10, 4));
    assert_non_null(sq_arena_array(&a, 0, 4));
    sq_arena_fini(&a);
}

static void test_arrays_that_grow(void **state)
{
    (void)state;
    struct sq_arena a;
    int *v = NULL, *before = NULL;
    size_t n = 0, cap = 0;
    sq_arena_init(&a, 4000);
    while ((v = sq_arena_more(&a, v, n, &cap, sizeof *v)) != NULL) {
        assert_true(n < cap);
        v[n] = (int)n;
        before = v;
        n++;
    }
    assert_int_equal(n, cap); /* what did not fit is not counted as room */
    assert_true(n > 100);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(before[i], i);
    sq_arena_fini(&a);
}

static void test_copies(void **state)
{
    (void)state;
    struct sq_arena a;
    sq_arena_init(&a, 100000);
    assert_null(sq_arena_strdup(&a, NULL));
    assert_string_equal(sq_arena_strdup(&a, "hello"), "hello");
    assert_memory_equal(sq_arena_memdup(&a, "a\0b", 3), "a\0b\0", 4);
    assert_string_equal(sq_arena_memdup(&a, NULL, 0), "");
    assert_string_equal(sq_arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    char *wide = sq_arena_printf(&a, "%50000d", 1);
    assert_int_equal(strlen(wide), 50000);
    assert_null(sq_arena_printf(&a, "%60000d", 1));
    sq_arena_fini(&a);
}

/* Allocations of any sizes never overlap: each keeps its pattern. */
static void test_random_sizes_keep_their_content(void **state)
{
    (void)state;
    enum { N = 500 };
    struct rng r = {42};
    struct sq_arena a;
    sq_arena_init(&a, SIZE_MAX);
    for (int round = 0; round < 20; round++) {
        struct {
            unsigned char *p;
            size_t len;
        } got[N];
        for (int i = 0; i < N; i++) {
            got[i].len = rng_below(&r, rng_below(&r, 30) ? 300 : 100000);
            got[i].p = sq_arena_alloc(&a, got[i].len);
            assert_non_null(got[i].p);
            memset(got[i].p, i % 251, got[i].len);
        }
        for (int i = 0; i < N; i++)
            for (size_t k = 0; k < got[i].len; k++)
                if (got[i].p[k] != i % 251)
                    fail_msg("allocation %d was overwritten", i);
        sq_arena_reset(&a);
    }
    sq_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_and_zeroed),
        cmocka_unit_test(test_maximum_holds),
        cmocka_unit_test(test_array_overflow),
        cmocka_unit_test(test_arrays_that_grow),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_random_sizes_keep_their_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
