/* The scheduler's memory: sets of slots by batch. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/sched/places.h"

static struct sq_slot slot(int64_t worker_id, int64_t concurrency, double active)
{
    return (struct sq_slot){
        .worker_id = worker_id, .concurrency = concurrency, .active = active};
}

static void test_slots_stay_sorted(void **state)
{
    (void)state;
    struct sq_places places = {0};
    struct sq_place *p = sq_places_get(&places, "b");
    for (int64_t i = 0; i < 100; i++) {
        struct sq_slot s = slot(i * 37 % 101, 4, 0);
        assert_true(sq_place_set(p, &s));
    }
    assert_int_equal(p->n, 100);
    for (size_t i = 1; i < p->n; i++)
        assert_true(p->slots[i - 1].worker_id < p->slots[i].worker_id);
    /* Again: replaced, not added; full: removed. */
    struct sq_slot again = slot(37, 4, 2), full = slot(74, 4, 4);
    assert_true(sq_place_set(p, &again));
    assert_true(sq_place_set(p, &full));
    assert_int_equal(p->n, 99);
    sq_place_remove(p, 37);
    sq_place_remove(p, 37);
    sq_place_remove(p, 5000);
    assert_int_equal(p->n, 98);
    sq_places_forget(&places);
}

static void test_compact_drops_the_full(void **state)
{
    (void)state;
    struct sq_places places = {0};
    struct sq_place *p = sq_places_get(&places, "b");
    for (int64_t i = 0; i < 10; i++) {
        struct sq_slot s = slot(i, 2, 0);
        sq_place_set(p, &s);
    }
    for (size_t i = 0; i < p->n; i += 2)
        p->slots[i].active = 2;
    sq_place_compact(p);
    assert_int_equal(p->n, 5);
    assert_int_equal(p->slots[0].worker_id, 1);
    sq_places_forget(&places);
}

static void count(void *n, struct sq_place *place)
{
    assert_true(place->drained);
    ++*(int *)n;
}

static void test_batches_are_found_again(void **state)
{
    (void)state;
    struct sq_places places = {0};
    char name[32];
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < 500; i++) {
            snprintf(name, sizeof name, "batch %d", i);
            struct sq_place *p = sq_places_get(&places, name);
            assert_string_equal(p->batch, name);
            assert_int_equal(p->drained, turn == 1);
            p->drained = true;
        }
    int n = 0;
    sq_places_each(&places, count, &n);
    assert_int_equal(n, 500);
    assert_int_equal(places.n, 500);
    sq_places_forget(&places);
    assert_int_equal(places.n, 0);
    assert_false(sq_places_get(&places, "batch 1")->drained);
    sq_places_forget(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_stay_sorted),
        cmocka_unit_test(test_compact_drops_the_full),
        cmocka_unit_test(test_batches_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
