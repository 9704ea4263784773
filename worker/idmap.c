/* The map: removal moves later entries of the same run back, so that there are no
 * tombstones and a worker that has seen a million executions stays as quick. */
#include "worker/idmap.h"

#include <assert.h>
#include <stdlib.h>

void sq_idmap_fini(struct sq_idmap *m)
{
    free(m->slots);
    *m = (struct sq_idmap){0};
}

/* Fibonacci hashing spreads consecutive ids. */
static size_t home(const struct sq_idmap *m, int64_t id)
{
    return (size_t)((uint64_t)id * 0x9E3779B97F4A7C15u >> 32) & (m->cap - 1);
}

static struct sq_idmap_slot *find(const struct sq_idmap *m, int64_t id)
{
    size_t i = home(m, id);
    while (m->slots[i].id && m->slots[i].id != id)
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

void *sq_idmap_get(const struct sq_idmap *m, int64_t id)
{
    return m->len ? find(m, id)->value : NULL;
}

static bool grow(struct sq_idmap *m)
{
    struct sq_idmap bigger = {.cap = m->cap ? m->cap * 2 : 16, .len = m->len};
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].id)
            *find(&bigger, m->slots[i].id) = m->slots[i];
    free(m->slots);
    *m = bigger;
    return true;
}

bool sq_idmap_put(struct sq_idmap *m, int64_t id, void *value)
{
    assert(id > 0 && value);
    if (m->len * 4 >= m->cap * 3 && !grow(m))
        return false;
    struct sq_idmap_slot *slot = find(m, id);
    m->len += !slot->id;
    *slot = (struct sq_idmap_slot){id, value};
    return true;
}

void *sq_idmap_remove(struct sq_idmap *m, int64_t id)
{
    if (!m->len)
        return NULL;
    struct sq_idmap_slot *slot = find(m, id);
    void *value = slot->value;
    if (!slot->id)
        return NULL;
    size_t hole = (size_t)(slot - m->slots), mask = m->cap - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].id; i = (i + 1) & mask) {
        if (((i - home(m, m->slots[i].id)) & mask) < ((i - hole) & mask))
            continue; /* already as near its home as the hole would put it */
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct sq_idmap_slot){0};
    m->len--;
    return value;
}
