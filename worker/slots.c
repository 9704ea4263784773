/* Slots, of which a running task takes one, and places, of which whatever was taken on
 * and has not ended takes one.
 *
 * A worker that was moved to another batch still runs tasks of earlier ones, and these
 * are lighter, or heavier, than those of its new batch: its row says what they weigh
 * (lib/weights.h).  The server counts by that when it gives work, so we do when we
 * start it.  Sums are made anew whenever nothing runs, so that no rounding stays.  What
 * an earlier process of this worker took on weighs 1: its batch is not written down. */
#include "worker/tasks_impl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/weights.h"

#define ROUNDING 1e-6

bool sq_slots_any(const struct sq_tasks *t)
{
    return (double)(t->slots_used - t->concurrency) < t->spared - ROUNDING;
}

bool sq_slots_place(const struct sq_tasks *t)
{
    return (double)(t->places_used - t->concurrency - t->prefetch) <
           t->spared - ROUNDING;
}

void sq_slots_count(struct sq_tasks *t, const struct sq_execution *e,
                    enum sq_exec_state from, enum sq_exec_state to)
{
    int slot = sq_exec_holds_slot(to) - sq_exec_holds_slot(from);
    t->slots_used += slot;
    t->places_used += sq_exec_holds_place(to) - sq_exec_holds_place(from);
    t->spared = t->slots_used ? t->spared + slot * e->spared : 0;
}

static double spared(const json_t *weights, const char *batch)
{
    return batch ? 1 - sq_weight(weights, batch) : 0;
}

void sq_slots_weigh(const struct sq_tasks *t, struct sq_execution *e)
{
    json_t *weights = sq_weights_parse(t->weights);
    e->spared = spared(weights, e->batch);
    json_decref(weights);
}

static bool differs(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

void sq_tasks_set_weights(struct sq_tasks *t, const char *text)
{
    struct sq_execution *e;
    text = sq_weights_any(text) ? text : NULL;
    if (!differs(text, t->weights))
        return;
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) {
        sq_log(SQ_LOG_ERROR, "worker", "no memory for what tasks weigh");
        return;
    }
    free(t->weights);
    t->weights = copy;
    t->spared = 0;
    json_t *weights = sq_weights_parse(copy);
    TAILQ_FOREACH(e, &t->all, all)
    {
        e->spared = spared(weights, e->batch);
        t->spared += sq_exec_holds_slot(e->state) ? e->spared : 0;
    }
    json_decref(weights);
    sq_tasks_start_waiting(t);
}
