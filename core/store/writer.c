/* The writing thread: takes what waits, runs it in one transaction, commits, answers.
 *
 * A transaction goes through three steps: run_group (each operation in a savepoint,
 * unless it is alone), settle (the scheduler, likewise), and the commit.  An error
 * that takes the whole transaction with it, as a full disk does, fails the operations
 * that had run; those that had not are tried in a transaction of their own.
 *
 * When the transaction did not happen or settle failed, the next one starts with
 * `sweep`: whoever keeps shortcuts in memory about it looks at everything again. */
#include "core/store/writer.h"

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/store/schema.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { QUEUE_MAX = 10000, GROUP_MAX = 512 };
/* What the settle hook may allocate in one transaction. */
enum { SETTLE_ARENA_BYTES = 64 << 20 };
/* Pauses between attempts to open a lost database again. */
enum { RETRY_FIRST_US = 50000, RETRY_LAST_US = 5000000 };

struct op_list {
    struct sq_op *first, *last;
    int n;
};

struct sq_writer {
    struct sq_writer_conf conf;
    char *uri;
    struct sq_db *db; /* NULL when lost */
    struct sq_err why_lost;
    int64_t retry_us;  /* the pause before the next attempt */
    int64_t retry_at;  /* monotonic */
    bool dispossessed; /* another server has the lease: for good */
    bool sweep;        /* the next transaction starts with it */
    bool failing;      /* the last transaction failed: said once */
    struct sq_changes changes;
    struct sq_arena arena;
    pthread_t thread;

    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t wake;
    struct op_list queue;
    bool stopping;
};

/* Lists. */

static void append(struct op_list *l, struct sq_op *op)
{
    op->next = NULL;
    if (l->last)
        l->last->next = op;
    else
        l->first = op;
    l->last = op;
    l->n++;
}

static struct sq_op *take_first(struct op_list *l)
{
    struct sq_op *op = l->first;
    if (!op)
        return NULL;
    l->first = op->next;
    if (!l->first)
        l->last = NULL;
    l->n--;
    return op;
}

static void append_all(struct op_list *l, struct op_list *from)
{
    struct sq_op *op;
    while ((op = take_first(from)))
        append(l, op);
}

static void answer(struct op_list *l)
{
    struct sq_op *op;
    while ((op = take_first(l)))
        op->done(op); /* may free it */
}

static void fail_all(struct op_list *l, const struct sq_err *why)
{
    for (struct sq_op *op = l->first; op; op = op->next)
        if (!op->result) {
            op->err = *why;
            op->result = why->code;
        }
}

/* The connection. */

static int open_current(const struct sq_writer *w, struct sq_db **ret,
                        struct sq_err *err)
{
    enum sq_schema_state state;
    struct sq_db *db;
    int rc = sq_db_open(w->uri, 0, &db, err);
    if (rc)
        return rc;
    rc = w->conf.lease ? sq_lease_take(w->conf.lease, db, err) : 0;
    if (!rc)
        rc = sq_schema_state(db, &state, NULL, err);
    if (!rc && state != SQ_SCHEMA_CURRENT)
        rc =
            sq_fail(err, SQ_EUNSUPPORTED,
                    "database %s has not the tables of this scitq", sq_db_describe(db));
    if (rc) {
        sq_db_close(db);
        return rc;
    }
    *ret = db;
    return 0;
}

static void reopen(struct sq_writer *w)
{
    int rc = open_current(w, &w->db, &w->why_lost);
    if (rc == 0) {
        sq_log(SQ_LOG_INFO, "store", "%s: connected again", sq_db_describe(w->db));
        w->retry_us = 0;
        w->sweep = true;
        return;
    }
    if (rc == SQ_EEXIST) {
        w->dispossessed = true;
        w->retry_us = 0;
        w->conf.dispossessed(w->conf.arg, &w->why_lost);
        return;
    }
    if (w->retry_us == 0)
        sq_log(SQ_LOG_ERROR, "store", "%s; trying again", w->why_lost.text);
    w->retry_us = w->retry_us ? w->retry_us * 2 : RETRY_FIRST_US;
    if (w->retry_us > RETRY_LAST_US)
        w->retry_us = RETRY_LAST_US;
    w->retry_at = sq_monotonic() + w->retry_us;
}

/* Open a lost connection again, if its time has come. */
static bool connected(struct sq_writer *w)
{
    if (w->db && !sq_db_alive(w->db)) {
        sq_db_close(w->db);
        w->db = NULL;
        w->retry_us = 0;
        w->retry_at = 0;
    }
    if (!w->db && !w->dispossessed && sq_monotonic() >= w->retry_at)
        reopen(w);
    return w->db;
}

/* One transaction. */

static void run_op(struct sq_tx *tx, struct sq_op *op, bool alone)
{
    if (!alone)
        sq_db_savepoint(tx->db);
    tx->arena = op->arena;
    op->result = op->run(op, tx, &op->err);
    if (!op->result)
        op->result = alone ? sq_db_error_so_far(tx->db, &op->err)
                           : sq_db_error(tx->db, &op->err);
    if (alone)
        return;
    if (op->result)
        sq_db_rollback_to(tx->db);
    else
        sq_db_release(tx->db);
}

/* Run until all have, or the transaction is gone; what ran moves to `ran`. */
static int run_group(struct sq_tx *tx, struct op_list *group, struct op_list *ran)
{
    int succeeded = 0;
    bool alone = group->n == 1;
    while (group->n && !sq_db_doomed(tx->db)) {
        struct sq_op *op = take_first(group);
        run_op(tx, op, alone);
        succeeded += op->result == 0;
        append(ran, op);
    }
    return succeeded;
}

/* In a savepoint, unless it can cost only one operation, that of the transaction, and
 * nothing went wrong before: then its error is the transaction's, and the next one has
 * a savepoint. */
static int settle(struct sq_writer *w, struct sq_tx *tx, bool alone, struct sq_err *err)
{
    bool apart = !alone || tx->changes->sweep || tx->changes->failed;
    if (!w->conf.settle || !sq_changes_any(tx->changes))
        return 0;
    sq_changes_settle(tx->changes);
    sq_arena_reset(&w->arena);
    tx->arena = &w->arena;
    if (!apart)
        return w->conf.settle(w->conf.arg, tx, err);
    sq_db_savepoint(tx->db);
    int rc = w->conf.settle(w->conf.arg, tx, err);
    if (!rc)
        rc = sq_db_error(tx->db, err);
    if (!rc) {
        sq_db_release(tx->db);
        return 0;
    }
    sq_db_rollback_to(tx->db);
    w->sweep = true;
    sq_log(SQ_LOG_ERROR, "store", "scheduling: %s", err->text);
    return 0;
}

/* `alone`: the only operation, or NULL. */
static int commit(struct sq_writer *w, struct sq_tx *tx, int succeeded,
                  struct sq_op *alone, struct sq_err *err)
{
    if (succeeded && !sq_db_doomed(tx->db)) {
        bool reads = alone && alone->read;
        int rc = settle(w, tx, alone, err);
        if (rc) {
            sq_db_rollback(tx->db);
            return rc;
        }
        if (w->conf.peers)
            sq_peers_tell(w->conf.peers, tx->db, tx->changes);
        if (reads)
            alone->ask(alone, tx->db);
        rc = sq_db_commit(tx->db, err);
        if (!rc && reads)
            alone->read(alone, tx->db);
        return rc;
    }
    int rc = sq_db_doomed(tx->db) ? sq_db_error(tx->db, err) : 0;
    sq_db_rollback(tx->db);
    return rc;
}

/* Tell who must know how it ended; each trouble is logged once. */
static void conclude(struct sq_writer *w, int rc, int succeeded,
                     const struct sq_err *err)
{
    if (rc && !w->failing)
        sq_log(SQ_LOG_ERROR, "store", "changes are refused: %s", err->text);
    if (!rc && succeeded && w->failing)
        sq_log(SQ_LOG_INFO, "store", "%s: changes are stored again",
               sq_db_describe(w->db));
    w->failing = rc || (w->failing && !succeeded);
    if (rc || !succeeded) {
        w->sweep = w->sweep || rc || w->changes.sweep;
    } else if (w->conf.committed && sq_changes_any(&w->changes)) {
        sq_changes_settle(&w->changes);
        w->conf.committed(w->conf.arg, &w->changes);
    }
}

/* `group` keeps what could not be run. */
static void transaction(struct sq_writer *w, struct op_list *group)
{
    struct op_list ran = {0};
    struct sq_err err = {0};
    struct sq_tx tx = {.db = w->db, .now = sq_now(), .changes = &w->changes};
    int succeeded = 0;
    sq_changes_clear(&w->changes);
    w->changes.sweep = w->sweep;
    w->sweep = false;
    int rc = sq_db_begin(tx.db, true, &err);
    if (!rc && w->conf.peers)
        sq_peers_turn(tx.db);
    if (!rc) {
        succeeded = run_group(&tx, group, &ran);
        struct sq_op *alone = ran.n == 1 ? ran.first : NULL;
        rc = commit(w, &tx, succeeded, alone, &err);
    } else {
        ran = *group;
        *group = (struct op_list){0};
    }
    if (rc)
        fail_all(&ran, &err);
    if (rc == SQ_EBUSY && group->n) { /* locked: the others would wait as long, each */
        fail_all(group, &err);
        append_all(&ran, group);
    }
    conclude(w, rc, succeeded, &err);
    answer(&ran);
}

/* The thread. */

static bool wait_for_work(struct sq_writer *w, struct op_list *ret)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->queue.n && !w->stopping) {
        if (w->db || w->retry_us == 0) {
            pthread_cond_wait(&w->wake, &w->mutex);
            continue;
        }
        struct timespec until = {.tv_sec = w->retry_at / 1000000,
                                 .tv_nsec = w->retry_at % 1000000 * 1000};
        if (pthread_cond_timedwait(&w->wake, &w->mutex, &until))
            break; /* time to try again */
    }
    struct sq_op *op;
    while (ret->n < w->conf.group_max && (op = take_first(&w->queue)))
        append(ret, op);
    bool go_on = ret->n || !w->stopping;
    pthread_mutex_unlock(&w->mutex);
    return go_on;
}

static void *work(void *arg)
{
    struct sq_writer *w = arg;
    struct op_list group = {0};
    while (group.n || wait_for_work(w, &group)) {
        if (connected(w)) {
            if (group.n)
                transaction(w, &group);
        } else {
            fail_all(&group, &w->why_lost);
            answer(&group);
        }
    }
    return NULL;
}

/* Its life. */

static int start_thread(struct sq_writer *w, struct sq_err *err)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->mutex, NULL);
    int rc = pthread_create(&w->thread, NULL, work, w);
    if (rc == 0)
        return 0;
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    return sq_fail(err, SQ_ENOMEM, "cannot start the writing thread: %s", strerror(rc));
}

static void free_writer(struct sq_writer *w)
{
    sq_db_close(w->db);
    sq_changes_fini(&w->changes);
    sq_arena_fini(&w->arena);
    free(w->uri);
    free(w);
}

int sq_writer_start(const struct sq_writer_conf *conf, struct sq_writer **ret,
                    struct sq_err *err)
{
    struct sq_writer *w = calloc(1, sizeof *w);
    if (!w)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the writer");
    w->conf = *conf;
    w->conf.queue_max = conf->queue_max ? conf->queue_max : QUEUE_MAX;
    w->conf.group_max = conf->group_max ? conf->group_max : GROUP_MAX;
    w->sweep = true;
    sq_changes_init(&w->changes);
    sq_arena_init(&w->arena, SETTLE_ARENA_BYTES);
    w->uri = strdup(conf->uri);
    int rc = w->uri ? open_current(w, &w->db, err)
                    : sq_fail(err, SQ_ENOMEM, "out of memory for the writer");
    if (!rc)
        rc = start_thread(w, err);
    if (rc)
        free_writer(w);
    else
        *ret = w;
    return rc;
}

void sq_writer_stop(struct sq_writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    free_writer(w);
}

int sq_writer_submit(struct sq_writer *w, struct sq_op *op, struct sq_err *err)
{
    int rc = 0;
    assert(op->run && op->done && op->arena);
    op->result = 0;
    op->err = (struct sq_err){0};
    pthread_mutex_lock(&w->mutex);
    if (w->stopping)
        rc = sq_fail(err, SQ_ECANCELED, "the server is stopping");
    else if (w->queue.n >= w->conf.queue_max)
        rc = sq_fail(err, SQ_EBUSY, "%d changes wait for the database already",
                     w->queue.n);
    else
        append(&w->queue, op);
    if (!rc && w->queue.n == 1)
        pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    return rc;
}

/* An operation that carries another, whose submitter waits. */
struct call {
    struct sq_op op;
    struct sq_op *inner;
    sem_t done;
};

static int call_run(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    struct sq_op *inner = ((struct call *)op)->inner;
    return inner->run(inner, tx, err);
}

static void call_done(struct sq_op *op)
{
    sem_post(&((struct call *)op)->done);
}

int sq_writer_call(struct sq_writer *w, struct sq_op *op, struct sq_err *err)
{
    struct call c = {.inner = op};
    c.op = (struct sq_op){.run = call_run, .done = call_done, .arena = op->arena};
    sem_init(&c.done, 0, 0);
    int rc = sq_writer_submit(w, &c.op, err);
    if (!rc) {
        while (sem_wait(&c.done) != 0)
            ; /* EINTR */
        rc = op->result = c.op.result;
        op->err = c.op.err;
        if (rc && err)
            *err = op->err;
    }
    sem_destroy(&c.done);
    return rc;
}

struct change {
    struct sq_op op;
    sq_change_fn *fn;
    void *arg;
};

static int run_change(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    struct change *change = (struct change *)op;
    return change->fn(change->arg, tx, err);
}

int sq_writer_change(struct sq_writer *w, sq_change_fn *fn, void *arg,
                     struct sq_arena *arena, struct sq_err *err)
{
    struct change change = {
        .op = {.run = run_change, .arena = arena}, .fn = fn, .arg = arg};
    return sq_writer_call(w, &change.op, err);
}
