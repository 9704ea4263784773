/* A short list of numbers that stand for keys, rows and words (FNV-1a, 64 bits: two
 * that meet cost one line of the log). */
#include "core/sched/told.h"

#include <stdlib.h>
#include <string.h>

enum { TOLD_MAX = 1000 /* then all is forgotten */ };

struct sq_told_row {
    uint64_t key, row, why;
};

static uint64_t add(uint64_t sum, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ p[i]) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t add_text(uint64_t sum, const char *text)
{
    return text ? add(sum, text, strlen(text) + 1) : add(sum, "\1\1", 2);
}

static uint64_t sum_of(const char *text)
{
    return add_text(UINT64_C(14695981039346656037), text);
}

static uint64_t key_of(const struct sq_recruiter *r)
{
    return add(sum_of(r->batch), &r->rank, sizeof r->rank);
}

static uint64_t row_of(const struct sq_recruiter *r)
{
    const int64_t numbers[] = {r->tasks_per_worker, r->worker_concurrency,
                               r->worker_prefetch, r->minimum_tasks,
                               r->maximum_workers};
    uint64_t sum = add_text(sum_of(r->worker_flavor), r->worker_provider);
    return add(add_text(sum, r->worker_region), numbers, sizeof numbers);
}

static struct sq_told_row *find(const struct sq_told *t, uint64_t key)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].key == key)
            return &t->v[i];
    return NULL;
}

static struct sq_told_row *more(struct sq_told *t)
{
    if (t->n == TOLD_MAX)
        t->n = 0;
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 8;
        struct sq_told_row *v = realloc(t->v, cap * sizeof *v);
        if (!v)
            return NULL;
        t->v = v;
        t->cap = cap;
    }
    return &t->v[t->n++];
}

bool sq_told_new(struct sq_told *t, const struct sq_recruiter *r, const char *why)
{
    const struct sq_told_row now = {key_of(r), row_of(r), sum_of(why)};
    struct sq_told_row *said = find(t, now.key);
    if (said && said->row == now.row && said->why == now.why)
        return false;
    if (!said)
        said = more(t);
    if (said)
        *said = now;
    return true;
}

void sq_told_seen(struct sq_told *t, const struct sq_recruiter *r)
{
    struct sq_told_row *said = t->n ? find(t, key_of(r)) : NULL;
    if (said && said->row != row_of(r))
        *said = t->v[--t->n];
}

void sq_told_fini(struct sq_told *t)
{
    free(t->v);
    *t = (struct sq_told){0};
}
