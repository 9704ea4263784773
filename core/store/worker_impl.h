/* Between worker.c, worker_register.c and worker_life.c. */
#ifndef SQ_STORE_WORKER_IMPL_H
#define SQ_STORE_WORKER_IMPL_H

#include "core/store/db.h"

/* It may have free slots, or others than before. */
void sq_worker_changed(struct sq_tx *tx, int64_t worker_id);
/* Its live executions end as if it had reported it: running ones failed, others
 * refused.
 */
int sq_worker_end_executions(struct sq_tx *tx, int64_t worker_id, struct sq_err *err);

#endif
