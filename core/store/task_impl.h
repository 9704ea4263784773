/* Between task.c and task_create.c. */
#ifndef SQ_STORE_TASK_IMPL_H
#define SQ_STORE_TASK_IMPL_H

#include "core/model/entity.h"
#include "core/store/db.h"

/* The values of `mask` are possible for a task; SQ_EINVAL names the field. */
int sq_task_check(const struct sq_task *t, uint64_t mask, struct sq_err *err);

/* Statuses in the order asked; SQ_TASK_ABSENT where there is no such task. */
enum { SQ_TASK_ABSENT = -2 };
int sq_task_find_statuses(struct sq_db *db, const int64_t *ids, size_t n,
                          int *ret_statuses, struct sq_err *err);

#endif
