/* Old outputs, some hundred executions a transaction, in the order of their numbers.
 * The tails are in the old columns since each execution ended (sq_log_write_tails), so
 * that rows of execution_log only have to go; 1.3's own texts are cut. */
#include "core/store/prune.h"

#include "core/store/set.h"

enum { AT_ONCE = 200 };

/* *after: the last one looked at; SQ_NULL when there are no more. */
static int prune_some(struct sq_db *db, int64_t before, int64_t *after,
                      struct sq_pruned *done, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    int64_t bytes = 0, last = SQ_NULL;
    int rc = sq_db_begin(db, true, err);
    if (rc)
        return rc;
    sq_set_init(&ids);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_OLD_ONES);
    sq_bind_int(st, 1, *after);
    sq_bind_time(st, 2, before);
    sq_bind_int(st, 3, AT_ONCE);
    while (sq_row(st)) {
        last = sq_col_int(st, 0);
        bytes += sq_col_int(st, 1);
        sq_set_int(&ids, last);
    }
    int64_t n = (int64_t)ids.n;
    static const enum sq_query changes[] = {SQ_Q_LOG_DROP, SQ_Q_LOG_SHORTEN};
    for (size_t i = 0; n && i < SQ_LEN(changes); i++) {
        st = sq_db_query(db, changes[i]);
        sq_bind_text(st, 1, sq_set_text(&ids));
        sq_run(st);
    }
    rc = sq_db_commit(db, err);
    if (rc)
        return rc;
    *after = last;
    done->executions += n;
    done->bytes += bytes;
    return 0;
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
