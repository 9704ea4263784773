/* The writer: one thread that owns the writing connection and makes changes durable.
 *
 * **Group commit**: operations waiting at the same moment share one transaction,
 * each inside its own savepoint, and are answered only after the commit is durable.
 * One that fails is rolled back alone.  If the commit fails, all of the group fail
 * with the database's reason.  When the connection is lost it is opened again, with
 * growing pauses up to 5 s, and operations meanwhile fail at once with SQ_EIO.
 * The queue is bounded: past it, submitting answers SQ_EBUSY.
 *
 * In each transaction, after the operations and before the commit, the `settle` hook
 * (the scheduler) runs: its failure costs at most the operation that was alone in its
 * transaction; the next one, and groups, give it a savepoint of its own. */
#ifndef SQ_STORE_WRITER_H
#define SQ_STORE_WRITER_H

#include "core/store/changes.h"
#include "core/store/lease.h"
#include "core/store/peers.h"

struct sq_writer;

/* Embedded in the caller's struct, which must live until done() is called. */
struct sq_op {
    /* Writer thread, inside a savepoint.  0, or an error that undoes it. */
    int (*run)(struct sq_op *op, struct sq_tx *tx, struct sq_err *err);
    /* Writer thread, after the commit or the failure, exactly once; must not block.
     * May free the op. */
    void (*done)(struct sq_op *op);
    /* Both NULL, or both called, writer thread, when the operation was alone in its
     * transaction and that was committed: what ask() asks for just before the commit,
     * read() reads after it, for one round trip to the database in all. */
    void (*ask)(struct sq_op *op, struct sq_db *db);
    void (*read)(struct sq_op *op, struct sq_db *db);
    struct sq_arena *arena; /* given as tx->arena; the caller's, required */
    int result;             /* set before done */
    struct sq_err err;      /* set before done when result is not 0 */
    struct sq_op *next;     /* the writer's */
};

struct sq_writer_conf {
    const char *uri;
    int queue_max; /* operations waiting (10000) */
    int group_max; /* operations in one transaction (512) */
    /* Writer thread, inside the transaction; tx->changes is settled. */
    int (*settle)(void *arg, struct sq_tx *tx, struct sq_err *err);
    /* Writer thread, after the commit, before the operations' done(). */
    void (*committed)(void *arg, const struct sq_changes *changes);
    /* Taken with each connection; borrowed, NULL for none.  When another server has got
     * it meanwhile, `dispossessed` is called once, in the writer thread, and every
     * change is refused from then on. */
    struct sq_lease *lease;
    void (*dispossessed)(void *arg, const struct sq_err *why);
    /* Other processes on the database: each transaction waits for its turn, and tells
     * them what it changed.  Borrowed; NULL: there are none. */
    struct sq_peers *peers;
    void *arg;
};

/* Opens the connection (schema must be current, the lease free) and starts the thread.
 */
int sq_writer_start(const struct sq_writer_conf *conf, struct sq_writer **ret,
                    struct sq_err *err);
/* Finishes what is queued, then stops.  NULL is allowed. */
void sq_writer_stop(struct sq_writer *w);

/* Any thread.  On SQ_EBUSY or after stop, done() is not called. */
int sq_writer_submit(struct sq_writer *w, struct sq_op *op, struct sq_err *err);
/* Submit and wait: for threads that may block.  op->done is not needed, nor called. */
int sq_writer_call(struct sq_writer *w, struct sq_op *op, struct sq_err *err);
/* The same for one change, a function and what it is given. */
typedef int sq_change_fn(void *arg, struct sq_tx *tx, struct sq_err *err);
int sq_writer_change(struct sq_writer *w, sq_change_fn *fn, void *arg,
                     struct sq_arena *arena, struct sq_err *err);

#endif
