/* Elements become structs one by one as the splitter completes them.  A "#k" may only
 * name an element of the same array, which is known at its end. */
#include "core/http/task_array.h"

#include <stdlib.h>

#include "core/http/record.h"

enum { ELEMENT_BYTES = 16 << 20, TEXT_BYTES = 320 << 20, FIRST_CAP = 64 };

struct sq_task_array *sq_task_array_new(void)
{
    struct sq_task_array *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    sq_json_split_init(&a->split, "tasks", ELEMENT_BYTES);
    sq_arena_init(&a->arena, TEXT_BYTES);
    return a;
}

void sq_task_array_free(struct sq_task_array *a)
{
    if (!a)
        return;
    sq_json_split_fini(&a->split);
    sq_arena_fini(&a->arena);
    free(a->tasks);
    free(a->masks);
    free(a);
}

static int grow(struct sq_task_array *a, struct sq_err *err)
{
    if (a->n == SQ_TASK_ARRAY_MAX)
        return sq_fail(err, SQ_ETOOBIG, "more than %d tasks in one call",
                       SQ_TASK_ARRAY_MAX);
    if (a->n < a->cap)
        return 0;
    size_t cap = a->cap ? a->cap * 2 : FIRST_CAP;
    struct sq_task *tasks = realloc(a->tasks, cap * sizeof *tasks);
    if (tasks)
        a->tasks = tasks;
    uint64_t *masks = realloc(a->masks, cap * sizeof *masks);
    if (masks)
        a->masks = masks;
    if (!tasks || !masks)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    a->cap = cap;
    return 0;
}

static int element(void *arg, int64_t index, const char *text, size_t len,
                   struct sq_err *err)
{
    struct sq_task_array *a = arg;
    json_t *json = NULL;
    int code = grow(a, err);
    if (code == 0)
        code = sq_json_parse(text, len, &json, err);
    if (code == 0)
        code = sq_record_from_json(&sq_task_type, json,
                                   SQ_READ_CREATE | SQ_READ_REFERENCES, &a->arena,
                                   &a->tasks[a->n], &a->masks[a->n], err);
    json_decref(json);
    if (code != 0)
        return sq_prefix(err, "tasks[%lld]: ", (long long)index);
    a->n++;
    return 0;
}

int sq_task_array_feed(struct sq_task_array *a, const char *data, size_t len,
                       struct sq_err *err)
{
    return sq_json_split_feed(&a->split, data, len, element, a, err);
}

int sq_task_array_end(struct sq_task_array *a, struct sq_err *err)
{
    int code = sq_json_split_end(&a->split, err);
    for (size_t i = 0; code == 0 && i < a->n; i++) {
        const struct sq_ints *ids = &a->tasks[i].required_task_ids;
        for (size_t j = 0; code == 0 && j < ids->n; j++)
            if (ids->v[j] < 0 && (size_t)-ids->v[j] > a->n)
                code = sq_fail(err, SQ_EINVAL,
                               "tasks[%zu]: required_task_ids: the array has no #%lld",
                               i, (long long)-ids->v[j] - 1);
    }
    return code;
}
