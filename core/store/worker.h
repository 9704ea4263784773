/* Workers, their signals, the pause and resume of a batch (http-api.md A.4, A.6). */
#ifndef SQ_STORE_WORKER_H
#define SQ_STORE_WORKER_H

#include "core/model/entity.h"
#include "core/store/db.h"
#include "lib/arena.h"

int sq_worker_create(struct sq_tx *tx, const struct sq_worker *values, uint64_t mask,
                     struct sq_worker *ret, struct sq_err *err);
/* Status rules of A.4: an evicted one only becomes running again, other changes of its
 * status are ignored; setting evicted frees its tasks without using a retry (and
 * core/sched does what EVICTION_ACTION says). */
int sq_worker_update(struct sq_tx *tx, int64_t worker_id,
                     const struct sq_worker *values, uint64_t mask,
                     struct sq_worker *ret, struct sq_err *err);
/* A permanent one goes, its executions fail or are refused; of a recruited one a
 * worker_destroy job is made. */
int sq_worker_delete(struct sq_tx *tx, int64_t worker_id, struct sq_worker *ret,
                     struct sq_err *err);
/* The row goes with all that it had; of a recruited one once its machine is gone. */
int sq_worker_forget(struct sq_tx *tx, int64_t worker_id, struct sq_err *err);

/* Registration of our worker: takes back the row of this name and hostname (its
 * concurrency and prefetch win, status and flavor are applied when given (without one
 * an offline row runs again, a new one runs), batch and default_flavor are not), or
 * creates it. A different spool while the row was in contact less than `live_us` ago is
 * refused with SQ_EEXIST: another process of this identity is alive.
 *
 * One on a machine that was made for a row has that row or none, whatever its name:
 * SQ_ENOENT once it is gone, for what is left of a machine is nobody's. */
struct sq_registration {
    const char *name, *hostname, *batch, *flavor, *default_flavor, *spool;
    const char *token; /* of its machine; NULL: it was not deployed */
    const char *facts; /* JSON: what its machine has; NULL: it does not say */
    int64_t concurrency;
    int status; /* -1: not given */
    int permanent;
    int64_t silence_us; /* sq_liveness_silence(); SQ_NULL: by the row's date */
    bool others;        /* other processes hear workers too: by both */
    int64_t live_us;
};
int sq_worker_register(struct sq_tx *tx, const struct sq_registration *r,
                       struct sq_worker *ret, int64_t *ret_acked, struct sq_err *err);

/* The idle callback: *ret_answer is the words of A.4 (static). */
int sq_worker_callback(struct sq_tx *tx, int64_t worker_id, const char *message,
                       const char **ret_answer, struct sq_err *err);

/* Contacts and stats gathered in memory, written in one statement. */
struct sq_contact {
    int64_t worker_id, time;
    const char *load, *stats; /* NULL: unchanged */
    double memory;            /* NAN: unchanged */
};
int sq_worker_contacts(struct sq_tx *tx, const struct sq_contact *c, size_t n,
                       struct sq_err *err);
/* What liveness.c decides about.  `ids` are JSON arrays of worker ids (set.h). */
struct sq_worker_life {
    int64_t worker_id;
    bool offline;    /* else running */
    int64_t contact; /* its last, as the row has it */
};
int sq_worker_lives(struct sq_tx *tx, struct sq_worker_life **ret, size_t *ret_n,
                    struct sq_err *err);
/* Those of them that are running go offline, or the other way round. */
int sq_worker_set_offline(struct sq_tx *tx, const char *ids, bool offline,
                          struct sq_err *err);
/* Those of them that are offline are given up: their live executions fail (or are
 * refused) and the tasks go back to pending without using a retry. */
int sq_worker_lost(struct sq_tx *tx, const char *ids, struct sq_err *err);

/* Signals. */
int sq_signal_create(struct sq_tx *tx, int64_t worker_id, int64_t execution_id,
                     int64_t signal, struct sq_err *err);
/* Read and remove, in order. */
int sq_signal_take(struct sq_tx *tx, int64_t worker_id, struct sq_signal **ret,
                   size_t *ret_n, struct sq_err *err);

/* The rows (signal_id, execution_id, worker_id, signal) of a query, by id. */
int sq_signals_read(struct sq_stmt *st, struct sq_arena *arena, struct sq_signal **ret,
                    size_t *ret_n, struct sq_err *err);

/* Fail (when running) or refuse the live executions of workers that have no row: people
 * delete those by hand.  Reads all live executions. */
int sq_worker_end_orphans(struct sq_tx *tx, struct sq_err *err);

/* [{worker_id, status, count}] over latest executions. */
struct sq_worker_count {
    int64_t worker_id, count;
    int status; /* enum sq_execution_status */
};
int sq_worker_counts(struct sq_db *db, struct sq_arena *arena,
                     struct sq_worker_count **ret, size_t *ret_n, struct sq_err *err);

/* Batches. */
int sq_batch_list(struct sq_db *db, struct sq_arena *arena, struct sq_batch **ret,
                  size_t *ret_n, struct sq_err *err);
/* How long the latest executions of its tasks took that ended so; NANs where none did.
 */
struct sq_durations {
    int64_t count;
    double minimum_s, mean_s, maximum_s;
};
int sq_batch_durations(struct sq_db *db, const char *batch,
                       struct sq_durations *ret_succeeded,
                       struct sq_durations *ret_failed, struct sq_err *err);
/* Pause (run = false) or resume its workers; a signal != 0 also goes to its running
 * executions. */
int sq_batch_run(struct sq_tx *tx, const char *batch, bool run, int64_t signal,
                 struct sq_err *err);
int sq_batch_delete(struct sq_tx *tx, const char *batch, struct sq_err *err);

#endif
