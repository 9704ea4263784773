/* Whose things are: what a worker's token is compared with. */
#ifndef SQ_STORE_OWNER_H
#define SQ_STORE_OWNER_H

#include "core/store/db.h"
#include "lib/arena.h"

struct sq_owner {
    bool there;           /* the thing itself */
    int64_t worker_id;    /* SQ_NULL: nobody has it */
    char *name, *machine; /* the worker's; its machine's token, or NULL */
};
int sq_owner_of_worker(struct sq_db *db, int64_t worker_id, struct sq_arena *arena,
                       struct sq_owner *ret, struct sq_err *err);
int sq_owner_of_execution(struct sq_db *db, int64_t execution_id,
                          struct sq_arena *arena, struct sq_owner *ret,
                          struct sq_err *err);
/* Has a worker of that id, or of that name (NULL: none), ever had the task? */
int sq_owner_has_task(struct sq_db *db, int64_t task_id, int64_t worker_id,
                      const char *name, bool *ret, struct sq_err *err);

#endif
