/* The scheduler's memory: a small hash table of batches, each with a sorted array of
 * workers with free slots.  See places.h. */
#include "core/sched/places.h"

#include <stdlib.h>
#include <string.h>

static unsigned bucket_of(const char *batch)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *batch; batch++)
        h = (h ^ (unsigned char)*batch) * 16777619u;
    return h % SQ_PLACE_BUCKETS;
}

void sq_places_forget(struct sq_places *p)
{
    for (size_t i = 0; i < SQ_PLACE_BUCKETS; i++) {
        struct sq_place *place = p->buckets[i], *next;
        for (; place; place = next) {
            next = place->next;
            free(place->slots);
            free(place);
        }
        p->buckets[i] = NULL;
    }
    p->n = 0;
}

struct sq_place *sq_places_get(struct sq_places *p, const char *batch)
{
    struct sq_place **bucket = &p->buckets[bucket_of(batch)];
    for (struct sq_place *place = *bucket; place; place = place->next)
        if (strcmp(place->batch, batch) == 0)
            return place;
    size_t len = strlen(batch) + 1;
    struct sq_place *place = calloc(1, sizeof *place + len);
    if (!place)
        return NULL;
    memcpy(place->batch, batch, len);
    place->next = *bucket;
    *bucket = place;
    p->n++;
    return place;
}

void sq_places_each(struct sq_places *p, void (*fn)(void *arg, struct sq_place *place),
                    void *arg)
{
    for (size_t i = 0; i < SQ_PLACE_BUCKETS; i++)
        for (struct sq_place *place = p->buckets[i]; place; place = place->next)
            fn(arg, place);
}

/* Where the worker is, or would be. */
static size_t position(const struct sq_place *place, int64_t worker_id)
{
    size_t low = 0, high = place->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (place->slots[mid].worker_id < worker_id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void sq_place_remove(struct sq_place *place, int64_t worker_id)
{
    size_t i = position(place, worker_id);
    if (i == place->n || place->slots[i].worker_id != worker_id)
        return;
    place->n--;
    memmove(&place->slots[i], &place->slots[i + 1],
            (place->n - i) * sizeof *place->slots);
}

bool sq_place_set(struct sq_place *place, const struct sq_slot *slot)
{
    if (sq_slot_free(slot) == 0) {
        sq_place_remove(place, slot->worker_id);
        return true;
    }
    size_t i = position(place, slot->worker_id);
    if (i < place->n && place->slots[i].worker_id == slot->worker_id) {
        place->slots[i] = *slot;
        return true;
    }
    if (place->n == place->cap) {
        size_t cap = place->cap ? 2 * place->cap : 8;
        struct sq_slot *more = reallocarray(place->slots, cap, sizeof *more);
        if (!more)
            return false;
        place->slots = more;
        place->cap = cap;
    }
    memmove(&place->slots[i + 1], &place->slots[i],
            (place->n - i) * sizeof *place->slots);
    place->slots[i] = *slot;
    place->n++;
    return true;
}

void sq_place_compact(struct sq_place *place)
{
    size_t kept = 0;
    for (size_t i = 0; i < place->n; i++)
        if (sq_slot_free(&place->slots[i]) > 0)
            place->slots[kept++] = place->slots[i];
    place->n = kept;
}
