/* The cache of results (use_cache, product.md section 4), as rows.
 *
 * A pending task of use_cache is given to no worker while its task.cache_key is null:
 * core/cache hashes its inputs and looks for an earlier result under the key that comes
 * of them.  Either that one is reused, or the key and the state of the inputs are
 * written, and the task runs.  Its execution takes the state along; when it has
 * succeeded core/cache looks once more, and only if the inputs have that same state
 * is the result recorded: input_hash (the key) and output_hash.  So what is under way
 * is in the database alone, and a server that dies loses nothing of it.
 *
 * Results of scitq 1.3 have hashes of another kind, which equal none of ours. */
#ifndef SQ_STORE_CACHE_H
#define SQ_STORE_CACHE_H

#include "core/store/db.h"
#include "lib/arena.h"

/* A task to look at, or an execution to record: what it runs on. */
struct sq_cache_work {
    int64_t id, task_id; /* id: the task's, or the execution's */
    const char *batch;   /* of a task */
    const char *command, *container, *container_options, *input, *resource, *output;
    /* Of an execution.  output_hash: what its worker says that it uploaded, or NULL;
     * hostname: of its worker, NULL when that is gone; ours: that says such hashes. */
    const char *output_files, *output_hash, *state, *hostname;
    bool ours;
};

struct sq_cache_result {
    int64_t execution_id, task_id;
    const char *output, *output_files, *output_hash;
};
enum { SQ_CACHE_RESULTS = 5 }; /* tried for one task */

/* At most `max` of them, without those of `skip`, lowest first. */
int sq_cache_tasks(struct sq_db *db, const int64_t *skip, size_t n_skip, size_t max,
                   struct sq_arena *arena, struct sq_cache_work **ret, size_t *ret_n,
                   struct sq_err *err);
int sq_cache_executions(struct sq_db *db, const int64_t *skip, size_t n_skip,
                        size_t max, struct sq_arena *arena, struct sq_cache_work **ret,
                        size_t *ret_n, struct sq_err *err);
/* Results under a key, the best first, at most SQ_CACHE_RESULTS. */
int sq_cache_find(struct sq_db *db, const char *key, const char *output,
                  struct sq_arena *arena, struct sq_cache_result **ret, size_t *ret_n,
                  struct sq_err *err);
/* Has the batch workers on other machines than `hostname`? */
int sq_cache_elsewhere(struct sq_db *db, const char *batch, const char *hostname,
                       bool *ret, struct sq_err *err);

/* Let tasks run, each with its key ("": none can be told) and state.  One that was
 * changed meanwhile stays to be looked at. */
struct sq_cache_key {
    const struct sq_cache_work *work;
    const char *key, *state;
};
int sq_cache_run(struct sq_tx *tx, const struct sq_cache_key *keys, size_t n,
                 struct sq_err *err);
/* The task succeeds with the output of this result, which is in its folder: an
 * execution of no worker.  *ret false, and nothing done, when the task or the result is
 * not any more what was looked at. */
int sq_cache_reuse(struct sq_tx *tx, const struct sq_cache_work *work, const char *key,
                   const struct sq_cache_result *result, bool *ret, struct sq_err *err);
/* The execution's result may be reused from now on.  Pending tasks of that key are to
 * be looked at again. */
int sq_cache_record(struct sq_tx *tx, int64_t execution_id, const char *key,
                    const char *output_hash, struct sq_err *err);
/* It is not to be reused.  Errors stick. */
void sq_cache_leave(struct sq_tx *tx, int64_t execution_id);

#endif
