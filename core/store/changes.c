/* Sets of ids and batch names, filled in any order and settled once.
 *
 * Filling never fails: when there is no memory `failed` is set, and whoever reads the
 * changes looks at everything instead. */
#include "core/store/changes.h"

#include <stdlib.h>
#include <string.h>

void sq_changes_init(struct sq_changes *c)
{
    *c = (struct sq_changes){0};
}

static void free_batches(struct sq_changes *c)
{
    for (size_t i = 0; i < c->n_batches; i++)
        free(c->batches[i]);
    c->n_batches = 0;
}

void sq_changes_fini(struct sq_changes *c)
{
    free(c->slots.ids);
    free(c->tell.ids);
    free(c->executions.ids);
    free(c->outputs.ids);
    free(c->tasks.ids);
    free(c->workers.ids);
    free(c->job_rows.ids);
    free(c->evicted.ids);
    free(c->silent.ids);
    free_batches(c);
    free(c->batches);
    free(c->ahead);
    *c = (struct sq_changes){0};
}

void sq_changes_clear(struct sq_changes *c)
{
    c->slots.n = c->tell.n = c->executions.n = c->tasks.n = 0;
    c->evicted.n = c->silent.n = 0;
    c->outputs.n = c->workers.n = c->job_rows.n = 0;
    c->n_ahead = 0;
    free_batches(c);
    c->sweep = c->due = c->jobs = c->cache = c->failed = false;
}

bool sq_changes_any(const struct sq_changes *c)
{
    return c->slots.n || c->tell.n || c->executions.n || c->outputs.n || c->tasks.n ||
           c->workers.n || c->job_rows.n || c->n_batches || c->sweep || c->due ||
           c->jobs || c->failed;
}

/* Room for one more in an array that doubles. */
static bool grow(struct sq_changes *c, void **array, size_t n, size_t *cap,
                 size_t element_bytes)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 16;
    void *bigger = reallocarray(*array, more, element_bytes);
    if (!bigger) {
        c->failed = true;
        return false;
    }
    *array = bigger;
    *cap = more;
    return true;
}

/* Ids often come several times in a row. */
void sq_changes_add(struct sq_changes *c, struct sq_id_set *s, int64_t id)
{
    if (id == SQ_NULL || (s->n && s->ids[s->n - 1] == id))
        return;
    if (grow(c, (void **)&s->ids, s->n, &s->cap, sizeof *s->ids))
        s->ids[s->n++] = id;
}

void sq_changes_slots(struct sq_changes *c, int64_t worker_id)
{
    sq_changes_add(c, &c->slots, worker_id);
}

void sq_changes_tell(struct sq_changes *c, int64_t worker_id)
{
    sq_changes_add(c, &c->tell, worker_id);
}

void sq_changes_execution(struct sq_changes *c, int64_t execution_id)
{
    sq_changes_add(c, &c->executions, execution_id);
}

void sq_changes_output(struct sq_changes *c, int64_t execution_id)
{
    sq_changes_add(c, &c->outputs, execution_id);
}

void sq_changes_task(struct sq_changes *c, int64_t task_id)
{
    sq_changes_add(c, &c->tasks, task_id);
}

void sq_changes_worker(struct sq_changes *c, int64_t worker_id)
{
    sq_changes_add(c, &c->workers, worker_id);
}

void sq_changes_job(struct sq_changes *c, int64_t job_id)
{
    sq_changes_add(c, &c->job_rows, job_id);
    c->jobs = true;
}

void sq_changes_evicted(struct sq_changes *c, int64_t worker_id)
{
    sq_changes_add(c, &c->evicted, worker_id);
}

void sq_changes_silent(struct sq_changes *c, int64_t worker_id)
{
    sq_changes_add(c, &c->silent, worker_id);
}

void sq_changes_batch(struct sq_changes *c, const char *batch)
{
    for (size_t i = c->n_batches; i-- > 0;) /* the last is the likeliest */
        if (strcmp(c->batches[i], batch) == 0)
            return;
    char *copy = strdup(batch);
    if (copy &&
        grow(c, (void **)&c->batches, c->n_batches, &c->cap_batches, sizeof copy))
        c->batches[c->n_batches++] = copy;
    else
        free(copy);
    c->failed = c->failed || !copy;
}

void sq_changes_ahead(struct sq_changes *c, int64_t worker_id, int64_t n)
{
    if (grow(c, (void **)&c->ahead, c->n_ahead, &c->cap_ahead, sizeof *c->ahead))
        c->ahead[c->n_ahead++] = (struct sq_ahead){worker_id, n};
}

int64_t sq_changes_ahead_of(const struct sq_changes *c, int64_t worker_id)
{
    for (size_t i = c->n_ahead; i-- > 0;)
        if (c->ahead[i].worker_id == worker_id)
            return c->ahead[i].n;
    return 0;
}

void sq_changes_take(struct sq_changes *c, const struct sq_changes *heard)
{
    const struct {
        struct sq_id_set *to;
        const struct sq_id_set *from;
    } sets[] = {{&c->slots, &heard->slots},
                {&c->tasks, &heard->tasks},
                {&c->evicted, &heard->evicted},
                {&c->silent, &heard->silent}};
    for (size_t i = 0; i < SQ_LEN(sets); i++)
        for (size_t k = 0; k < sets[i].from->n; k++)
            sq_changes_add(c, sets[i].to, sets[i].from->ids[k]);
    for (size_t i = 0; i < heard->n_batches; i++)
        sq_changes_batch(c, heard->batches[i]);
    for (size_t i = 0; i < heard->n_ahead; i++)
        sq_changes_ahead(c, heard->ahead[i].worker_id, heard->ahead[i].n);
    c->sweep |= heard->sweep;
    c->due |= heard->due;
    c->jobs |= heard->jobs;
    c->cache |= heard->cache;
    c->failed |= heard->failed;
}

static void settle(struct sq_id_set *s)
{
    size_t kept = 0;
    if (s->n < 2)
        return;
    qsort(s->ids, s->n, sizeof *s->ids, sq_by_int64);
    for (size_t i = 1; i < s->n; i++)
        if (s->ids[i] != s->ids[kept])
            s->ids[++kept] = s->ids[i];
    s->n = kept + 1;
}

void sq_changes_settle(struct sq_changes *c)
{
    settle(&c->slots);
    settle(&c->tell);
    settle(&c->executions);
    settle(&c->outputs);
    settle(&c->tasks);
    settle(&c->workers);
    settle(&c->job_rows);
    settle(&c->evicted);
    settle(&c->silent);
}

bool sq_id_set_has(const struct sq_id_set *s, int64_t id)
{
    return s->n && bsearch(&id, s->ids, s->n, sizeof id, sq_by_int64);
}
