/* Spreading tasks over workers: see spread.h.
 *
 * A binary heap of slot numbers, the emptiest on top: each task takes the top, whose
 * load grows, and which then sinks to its new place or leaves when it is full. */
#include "core/sched/spread.h"

#include <math.h>

/* Places for tasks that have to wait for one to run in. */
static double waiting_places(const struct sq_slot *s)
{
    return (double)s->prefetch + (double)s->ahead;
}

int64_t sq_slot_free(const struct sq_slot *s)
{
    double room = (double)s->concurrency + waiting_places(s) - s->active;
    return room > 0 ? (int64_t)ceil(room) : 0;
}

double sq_slot_load(const struct sq_slot *s)
{
    double beyond = s->active - (double)s->concurrency;
    if (beyond < 0)
        return s->active / (double)s->concurrency;
    double places = waiting_places(s);
    return 1 + (places > 0 ? beyond / places : 1);
}

/* Emptier first; then the one with more places, then the older one. */
static bool before(const struct sq_slot *a, const struct sq_slot *b)
{
    double la = sq_slot_load(a), lb = sq_slot_load(b);
    if (la != lb)
        return la < lb;
    if (a->concurrency != b->concurrency)
        return a->concurrency > b->concurrency;
    return a->worker_id < b->worker_id;
}

static void sink(const struct sq_slot *slots, size_t *heap, size_t n, size_t i)
{
    size_t moving = heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            break;
        if (child + 1 < n && before(&slots[heap[child + 1]], &slots[heap[child]]))
            child++;
        if (!before(&slots[heap[child]], &slots[moving]))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moving;
}

size_t sq_spread(struct sq_slot *slots, size_t n, size_t n_tasks, size_t *heap,
                 size_t *ret)
{
    size_t open = 0;
    for (size_t i = 0; i < n; i++)
        if (sq_slot_free(&slots[i]) > 0)
            heap[open++] = i;
    for (size_t i = open / 2; i-- > 0;)
        sink(slots, heap, open, i);
    size_t placed = 0;
    while (placed < n_tasks && open > 0) {
        struct sq_slot *top = &slots[heap[0]];
        ret[placed++] = heap[0];
        top->active += 1;
        if (sq_slot_free(top) == 0)
            heap[0] = heap[--open];
        if (open > 0)
            sink(slots, heap, open, 0);
    }
    return placed;
}
