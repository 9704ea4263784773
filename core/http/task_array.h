/* POST /tasks/ with an array: tasks made from a body while it arrives, so that neither
 * the body nor its JSON is ever whole in memory. */
#ifndef SQ_HTTP_TASK_ARRAY_H
#define SQ_HTTP_TASK_ARRAY_H

#include "core/model/entity.h"
#include "lib/jsonio.h"

enum { SQ_TASK_ARRAY_MAX = 1000000 }; /* tasks in one call */

struct sq_task_array {
    struct sq_json_split split;
    struct sq_arena arena; /* texts of the tasks */
    struct sq_task *tasks;
    uint64_t *masks;
    size_t n, cap;
};

struct sq_task_array *sq_task_array_new(void); /* NULL: out of memory */
void sq_task_array_free(struct sq_task_array *a);
/* SQ_EINVAL, SQ_ESTATE name the element ("tasks[3]: …"); SQ_ETOOBIG. */
int sq_task_array_feed(struct sq_task_array *a, const char *data, size_t len,
                       struct sq_err *err);
int sq_task_array_end(struct sq_task_array *a, struct sq_err *err);

#endif
