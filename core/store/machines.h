/* What providers say there is, beside what the database says: machines that belong to
 * no worker, and workers whose machine is no more. */
#ifndef SQ_STORE_MACHINES_H
#define SQ_STORE_MACHINES_H

#include "core/store/changes.h"
#include "core/store/db.h"
#include "lib/arena.h"

/* The tokens of all workers, ascending. */
struct sq_tokens {
    char **v;
    size_t n;
};
int sq_tokens_read(struct sq_db *db, struct sq_arena *arena, struct sq_tokens *ret,
                   struct sq_err *err);
bool sq_tokens_have(const struct sq_tokens *t, const char *token);

/* A recruited worker that came, is not running, and has no job under way. */
struct sq_silent_worker {
    int64_t worker_id, last_contact; /* SQ_NULL */
    char *name, *provider, *token;
    bool evicted; /* already */
};
int sq_silent_workers(struct sq_db *db, struct sq_arena *arena,
                      struct sq_silent_worker **ret, size_t *ret_n, struct sq_err *err);
/* Its provider confirms that the machine does not run, or, `gone`, that there is none.
 * Evicted, its tasks are others' and EVICTION_ACTION is for it; without one, a worker
 * whose machine is gone is to be destroyed all the same.  Nothing, when it runs again.
 */
int sq_worker_machine_lost(struct sq_tx *tx, int64_t worker_id, struct sq_err *err);
int sq_worker_machine_gone(struct sq_tx *tx, int64_t worker_id, struct sq_err *err);

/* A machine that no worker has: a machine_destroy job for it, pending if it is to be
 * `destroyed`, else one that has failed with what is known, so that whoever restarts it
 * destroys the machine.  *ret_said: the job is a new one. */
struct sq_unowned {
    const char *provider, *token, *machine, *name, *region;
    int64_t worker_id; /* see sq_machine_left; 0: of none */
};
int sq_machine_unowned(struct sq_tx *tx, const struct sq_unowned *m, bool destroy,
                       bool *ret_said, struct sq_err *err);
/* What a deployment that failed made, if anything, and could not destroy: a job that
 * does, while its worker stays, for people to see. */
int sq_machine_left(struct sq_tx *tx, int64_t worker_id, struct sq_err *err);
/* Destructions that failed are pending again, unless their worker is gone: each after
 * it has waited for as long as it was tried before, an hour at most. */
int sq_machines_again(struct sq_tx *tx, struct sq_err *err);

#endif
