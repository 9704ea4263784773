/* Lists: pages of rows of one type, by ascending key, filtered.  Column names come
 * from the field tables only; values are bound. */
#ifndef SQ_STORE_LIST_H
#define SQ_STORE_LIST_H

#include "core/model/entity.h"
#include "core/store/db.h"
#include "lib/arena.h"

/* One condition: field IN (values); a NULL text among them means "is null"; no values
 * match nothing.  Values are texts, compared after conversion to the field's kind. */
struct sq_filter {
    int field; /* index in the type's table; or one of the below */
    char **values;
    size_t n;
};
enum {
    SQ_FILTER_TASK_NAME = -1, /* executions: by their task */
    SQ_FILTER_TASK_BATCH = -2,
    SQ_FILTER_WORKER = -3,  /* tasks: by the worker of their latest execution */
    SQ_FILTER_NAME_HAS = -4 /* tasks: those whose name has this text in it */
};

struct sq_page {
    const struct sq_filter *filters;
    size_t n_filters;
    int64_t after;  /* keys strictly greater (smaller when reverse); SQ_NULL: all */
    int64_t limit;  /* rows at most; required */
    bool reverse;   /* newest first */
    bool no_output; /* executions: output and error are null */
};

/* Check the values against the field's kind before any row is answered: SQ_EINVAL
 * naming the field. */
int sq_filter_check(const struct sq_type *type, const struct sq_filter *f,
                    struct sq_err *err);

/* Read one page of Task, Worker, Execution, Requirement, Signal, Job (type decides), or
 * of Recruiter, which is by batch and rank and has no `after`, into an
 * array of its structs in `arena`.  Tasks come with required_task_ids.  Executions
 * come with output and error only as the old columns hold them: see log.h for the
 * whole text. */
int sq_list_page(struct sq_db *db, const struct sq_type *type,
                 const struct sq_page *page, struct sq_arena *arena, void **ret_rows,
                 size_t *ret_n, struct sq_err *err);

/* Append; false when out of room. */
bool sq_ints_add(struct sq_arena *arena, struct sq_ints *list, int64_t v);

/* One row by key.  SQ_ENOENT "Task 99999 doesn't exist". */
int sq_get(struct sq_db *db, const struct sq_type *type, int64_t id,
           struct sq_arena *arena, void *ret_row, struct sq_err *err);

#endif
