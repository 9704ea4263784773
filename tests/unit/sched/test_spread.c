/* Spreading: who gets what, against tables and against a slow reference. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/sched/spread.h"

#define SLOT(id, places, ahead, load)                                                  \
    {                                                                                  \
        .worker_id = id, .concurrency = places, .prefetch = ahead, .active = load      \
    }

enum { MAX_SLOTS = 64, MAX_TASKS = 2000 };

static void test_free_and_load(void **state)
{
    (void)state;
    static const struct {
        struct sq_slot slot;
        int64_t free;
        double load;
    } rows[] = {
        {{.concurrency = 4}, 4, 0},
        {{.concurrency = 4, .active = 3}, 1, 0.75},
        {{.concurrency = 4, .active = 4}, 0, 2},
        {{.concurrency = 4, .active = 9}, 0, 6},
        {{.concurrency = 4, .prefetch = 2, .active = 5}, 1, 1.5},
        /* Half a place left is a place: active < concurrency. */
        {{.concurrency = 4, .active = 2.5}, 2, 0.625},
        {{.concurrency = 4, .active = 3.5}, 1, 0.875},
        {{.concurrency = 0}, 0, 1},
        {{.concurrency = 0, .prefetch = 3}, 3, 1},
        {{.concurrency = 4, .prefetch = 2, .ahead = 4, .active = 7}, 3, 1.5},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        assert_int_equal(sq_slot_free(&rows[i].slot), rows[i].free);
        if (rows[i].slot.concurrency || rows[i].slot.prefetch)
            assert_true(sq_slot_load(&rows[i].slot) <= rows[i].load + 1);
    }
    assert_true(sq_slot_load(&rows[1].slot) == 0.75);
    assert_true(sq_slot_load(&rows[4].slot) == 1.5);
    assert_true(sq_slot_load(&rows[9].slot) == 1.5);
}

struct spread_case {
    const char *what;
    struct sq_slot slots[4];
    size_t n, n_tasks;
    int64_t given[4];
};

static void test_tables(void **state)
{
    (void)state;
    static const struct spread_case cases[] = {
        {"evenly", {SLOT(1, 4, 0, 0), SLOT(2, 4, 0, 0)}, 2, 4, {2, 2}},
        {"in proportion", {SLOT(1, 2, 0, 0), SLOT(2, 8, 0, 0)}, 2, 5, {1, 4}},
        {"the emptiest first", {SLOT(1, 4, 0, 3), SLOT(2, 4, 0, 1)}, 2, 2, {0, 2}},
        {"equal: the older", {SLOT(1, 2, 0, 0), SLOT(2, 2, 0, 0)}, 2, 1, {1, 0}},
        {"one task: the larger", {SLOT(1, 1, 0, 0), SLOT(2, 8, 0, 0)}, 2, 1, {0, 1}},
        {"running first", {SLOT(1, 1, 9, 0), SLOT(2, 8, 0, 0)}, 2, 9, {1, 8}},
        {"then prefetching", {SLOT(1, 1, 9, 0), SLOT(2, 8, 0, 0)}, 2, 12, {4, 8}},
        {"weights leave room", {SLOT(1, 2, 0, 1.5), SLOT(2, 2, 0, 1)}, 2, 5, {1, 1}},
        {"full ones get nothing", {SLOT(1, 2, 0, 2), SLOT(2, 1, 1, 5)}, 2, 3, {0, 0}},
        {"no slots", {SLOT(0, 0, 0, 0)}, 0, 3, {0}},
        {"no tasks", {SLOT(1, 2, 0, 0)}, 1, 0, {0}},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        const struct spread_case *c = &cases[i];
        struct sq_slot slots[4];
        size_t heap[4], ret[16];
        int64_t given[4] = {0};
        memcpy(slots, c->slots, sizeof slots);
        size_t placed = sq_spread(slots, c->n, c->n_tasks, heap, ret);
        for (size_t t = 0; t < placed; t++)
            given[ret[t]]++;
        for (size_t s = 0; s < c->n; s++)
            if (given[s] != c->given[s])
                fail_msg("%s: slot %zu got %d, not %d", c->what, s, (int)given[s],
                         (int)c->given[s]);
    }
}

/* The same rule by looking at every slot for every task. */
static size_t slow_spread(struct sq_slot *slots, size_t n, size_t n_tasks, size_t *ret)
{
    size_t placed = 0;
    for (; placed < n_tasks; placed++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++) {
            if (sq_slot_free(&slots[i]) == 0)
                continue;
            double a = sq_slot_load(&slots[i]);
            double b = best < n ? sq_slot_load(&slots[best]) : 1e9;
            if (a < b || (a == b && slots[i].concurrency > slots[best].concurrency))
                best = i;
        }
        if (best == n)
            break;
        slots[best].active += 1;
        ret[placed] = best;
    }
    return placed;
}

static void test_against_reference(void **state)
{
    (void)state;
    static struct sq_slot fast[MAX_SLOTS], slow[MAX_SLOTS];
    static size_t heap[MAX_SLOTS], got[MAX_TASKS], expected[MAX_TASKS];
    srandom(42);
    for (int turn = 0; turn < 300; turn++) {
        size_t n = (size_t)(random() % MAX_SLOTS), n_tasks = (size_t)(random() % 600);
        for (size_t i = 0; i < n; i++)
            fast[i] = (struct sq_slot){.worker_id = (int64_t)i,
                                       .concurrency = random() % 12,
                                       .prefetch = random() % 3 ? 0 : random() % 6,
                                       .active = (double)(random() % 20) / 2};
        memcpy(slow, fast, sizeof fast);
        size_t placed = sq_spread(fast, n, n_tasks, heap, got);
        assert_int_equal(placed, slow_spread(slow, n, n_tasks, expected));
        assert_memory_equal(got, expected, placed * sizeof *got);
        assert_memory_equal(fast, slow, n * sizeof *fast);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_and_load),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_against_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
