/* Old outputs, in the order of their executions' numbers, some MB a transaction.
 * The tails are in the old columns since each execution ended (sq_log_write_tails), so
 * that rows of execution_log only have to go; 1.3's own texts are cut.
 *
 * A server works beside, which on SQLite waits for the one lock there is, and not in a
 * queue: it looks again every 100 ms at most, so that each transaction is short and
 * leaves it longer than that. */
#include "core/store/prune.h"

#include <time.h>

#include "core/store/set.h"

enum { AT_ONCE = 200, ROWS_AT_ONCE = 64 /* of 256 KiB at most */, PAUSE_MS = 120 };
static const int64_t ENOUGH_BYTES = 16 << 20;

struct old_ones {
    struct sq_set ids;
    int64_t bytes, last; /* last: SQ_NULL when there are no more */
};

/* Those after *after; as many as are enough at once. */
static int read_some(struct sq_db *db, int64_t before, int64_t after,
                     struct old_ones *ret, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_OLD_ONES);
    ret->bytes = 0;
    ret->last = SQ_NULL;
    sq_bind_int(st, 1, after);
    sq_bind_time(st, 2, before);
    sq_bind_int(st, 3, AT_ONCE);
    while (ret->bytes < ENOUGH_BYTES && sq_row(st)) {
        ret->last = sq_col_int(st, 0);
        ret->bytes += sq_col_int(st, 1);
        sq_set_int(&ret->ids, ret->last);
    }
    sq_stmt_end(st);
    return sq_db_error(db, err);
}

/* One statement that changes the executions of the set, as a transaction; *ret_n: the
 * rows that it found. */
static int change(struct sq_db *db, enum sq_query query, struct old_ones *o,
                  int64_t *ret_n, struct sq_err *err)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    int rc = sq_db_begin(db, true, err);
    if (rc)
        return rc;
    struct sq_stmt *st = sq_db_query(db, query);
    sq_bind_text(st, 1, sq_set_text(&o->ids));
    if (query == SQ_Q_LOG_DROP)
        sq_bind_int(st, 2, ROWS_AT_ONCE);
    *ret_n = sq_run(st);
    rc = sq_db_commit(db, err);
    if (sq_db_engine(db) == SQ_SQLITE && *ret_n > 0)
        nanosleep(&pause, NULL);
    return rc;
}

/* *after: the last one looked at; SQ_NULL when there are no more. */
static int prune_some(struct sq_db *db, int64_t before, int64_t *after,
                      struct sq_pruned *done, struct sq_err *err)
{
    struct old_ones o;
    int64_t n = 0;
    sq_set_init(&o.ids);
    int rc = read_some(db, before, *after, &o, err);
    *after = o.last;
    if (rc == 0 && o.ids.n)
        do
            rc = change(db, SQ_Q_LOG_DROP, &o, &n, err);
        while (rc == 0 && n >= ROWS_AT_ONCE);
    if (rc == 0 && o.ids.n)
        rc = change(db, SQ_Q_LOG_SHORTEN, &o, &n, err);
    if (rc == 0) {
        done->executions += (int64_t)o.ids.n;
        done->bytes += o.bytes;
    }
    sq_set_fini(&o.ids);
    return rc;
}

int sq_prune(struct sq_db *db, int64_t before, struct sq_pruned *ret,
             struct sq_err *err)
{
    int64_t after = 0;
    int rc = 0;
    *ret = (struct sq_pruned){0};
    while (rc == 0 && after != SQ_NULL)
        rc = prune_some(db, before, &after, ret, err);
    return rc;
}
