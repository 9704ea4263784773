/* Whose things are: one look at a row each. */
#include "core/store/owner.h"

static int read_owner(struct sq_db *db, enum sq_query query, int64_t id,
                      struct sq_arena *arena, struct sq_owner *ret, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, query);
    *ret = (struct sq_owner){.worker_id = SQ_NULL};
    bool failed = false;
    sq_bind_int(st, 1, id);
    if (sq_row(st)) {
        const char *name = sq_col_text(st, 1, NULL),
                   *machine = sq_col_text(st, 2, NULL);
        ret->there = true;
        ret->worker_id = sq_col_int(st, 0);
        ret->name = sq_arena_strdup(arena, name ? name : "");
        ret->machine = machine ? sq_arena_strdup(arena, machine) : NULL;
        failed = !ret->name || (machine && !ret->machine);
    }
    sq_stmt_end(st);
    int rc = sq_db_error(db, err);
    return rc == 0 && failed ? sq_fail(err, SQ_ENOMEM, "no memory for a worker") : rc;
}

int sq_owner_of_worker(struct sq_db *db, int64_t worker_id, struct sq_arena *arena,
                       struct sq_owner *ret, struct sq_err *err)
{
    return read_owner(db, SQ_Q_OWNER_OF_WORKER, worker_id, arena, ret, err);
}

int sq_owner_of_execution(struct sq_db *db, int64_t execution_id,
                          struct sq_arena *arena, struct sq_owner *ret,
                          struct sq_err *err)
{
    return read_owner(db, SQ_Q_OWNER_OF_EXECUTION, execution_id, arena, ret, err);
}

int sq_owner_has_task(struct sq_db *db, int64_t task_id, int64_t worker_id,
                      const char *name, bool *ret, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_OWNER_HAS_TASK);
    sq_bind_int(st, 1, task_id);
    sq_bind_int(st, 2, worker_id);
    sq_bind_text(st, 3, name);
    *ret = sq_row(st);
    sq_stmt_end(st);
    return sq_db_error(db, err);
}
