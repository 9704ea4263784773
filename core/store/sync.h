/* The one call our worker makes (doc/sync.md): applying what it reports, and reading
 * what it must be told. */
#ifndef SQ_STORE_SYNC_H
#define SQ_STORE_SYNC_H

#include "core/store/execution.h"
#include "core/store/log.h"

struct sq_sync_record {
    int64_t seq;
    enum { SQ_SYNC_STATUS, SQ_SYNC_OUTPUT } kind;
    struct sq_transition status; /* SQ_SYNC_STATUS */
    bool downloaded;             /* with accepted: its inputs are there */
    const char *output_hash;     /* with succeeded: of what was uploaded, or NULL */
    int64_t log_end[3];          /* with an end status: bytes of stdout [1], stderr [2]
                                    that must be stored first; SQ_NULL: unknown */
    struct sq_log_chunk output;  /* SQ_SYNC_OUTPUT */
};

struct sq_sync {
    int64_t worker_id;
    const char *spool;
    struct sq_sync_record *records; /* ascending seq */
    size_t n_records;
    const int64_t *signals_seen; /* signal ids acted upon: deleted */
    size_t n_signals_seen;
    int64_t ahead; /* it may be given so many more than it has places, this once */
    bool leaving;  /* it stops: offline when all this is applied */
    bool evicted;  /* its machine is taken back: when all this is applied */
    int64_t acked; /* out: highest seq applied, of this spool */
};

/* One transaction, idempotent: a seq not above the acknowledged one changes nothing.
 * Records that the state machine refuses are dropped with a log line; a gap in the
 * output, or an end status before its output, is SQ_EPROTO and changes nothing.
 * SQ_ENOENT "Worker 3 doesn't exist"; SQ_EEXIST when the row belongs to another spool.
 */
int sq_sync_apply(struct sq_tx *tx, struct sq_sync *s, struct sq_err *err);

struct sq_sync_task {
    int64_t execution_id;
    struct sq_task task;
};

struct sq_sync_answer {
    struct sq_worker worker;
    char *spool; /* whose row it is, NULL: nobody's yet */
    int64_t acked;
    /* Pending ones that it does not hold, by id, with their whole task. */
    struct sq_sync_task *executions;
    size_t n_executions;
    struct sq_signal *signals; /* all that are stored, by id */
    size_t n_signals;
    int64_t *withdrawn; /* of `holding`: no longer this worker's to run */
    size_t n_withdrawn;
};

/* An answer that was asked for and is not read yet: one a connection. */
struct sq_sync_asked {
    int64_t worker_id;
    struct sq_stmt *worker, *executions;
};
void sq_sync_ask(struct sq_db *db, int64_t worker_id, struct sq_sync_asked *ret);
int sq_sync_take(struct sq_db *db, const struct sq_sync_asked *asked,
                 const int64_t *holding, size_t n, struct sq_arena *arena,
                 struct sq_sync_answer *ret, struct sq_err *err);
/* Both.  Any connection.  `holding` are the executions that the worker has (not ended).
 */
int sq_sync_answer(struct sq_db *db, int64_t worker_id, const int64_t *holding,
                   size_t n, struct sq_arena *arena, struct sq_sync_answer *ret,
                   struct sq_err *err);
/* True when the answer has executions, signals or withdrawals. */
bool sq_sync_answer_any(const struct sq_sync_answer *a);

#endif
