/* Between task.c and task_create.c. */
#ifndef SQ_STORE_TASK_IMPL_H
#define SQ_STORE_TASK_IMPL_H

#include "core/model/entity.h"

/* The values of `mask` are possible for a task; SQ_EINVAL names the field. */
int sq_task_check(const struct sq_task *t, uint64_t mask, struct sq_err *err);

#endif
