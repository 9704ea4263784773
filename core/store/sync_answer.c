/* What a worker must be told.  Everything is asked for first and read then, so that
 * PostgreSQL is waited for once: with the commit of what the worker told, when that was
 * alone in its transaction. */
#include "core/store/sync.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/worker.h"

static struct sq_stmt *ask_of(struct sq_stmt *st, int64_t worker_id)
{
    sq_bind_int(st, 1, worker_id);
    sq_ask(st);
    return st;
}

/* `before`, the columns of the type, `after`. */
static struct sq_stmt *select_columns(struct sq_db *db, const char *before,
                                      const struct sq_type *type, const char *after)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf sql;
    sq_buf_init(&sql, 4096);
    sq_buf_adds(&sql, before);
    sq_record_columns(type, &sql);
    sq_buf_adds(&sql, after);
    return sq_db_sql(db, sq_buf_ok(&sql) ? sql.data : "");
}

void sq_sync_ask(struct sq_db *db, int64_t worker_id, struct sq_sync_asked *ret)
{
    struct sq_stmt *worker = select_columns(
        db,
        "select spool, acked, exists (select 1 from signal s"
        " where s.worker_id = worker.worker_id), ",
        &sq_worker_type, " from worker where worker_id = cast($1 as bigint)");
    /* The live executions; a pending one with its task.  Sorted by an expression: see
     * execution_live_of_worker. */
    struct sq_stmt *executions = select_columns(
        db,
        "select x_id, x_status, exists (select 1 from requirement r"
        " where r.task_id = task.task_id), ",
        &sq_task_type,
        " from (select execution_id as x_id, task_id as x_task, status as x_status"
        " from execution where worker_id = cast($1 as bigint)"
        " and status in ('pending', 'accepted', 'running')) x"
        " left join task on task_id = x_task and x_status = 'pending'"
        " order by x_id + 0");
    *ret = (struct sq_sync_asked){
        .worker_id = worker_id,
        .worker = ask_of(worker, worker_id),
        .executions = ask_of(executions, worker_id),
    };
}

static int no_memory(struct sq_stmt *st, struct sq_err *err)
{
    sq_stmt_end(st);
    return sq_fail(err, SQ_ENOMEM, "out of memory for what a worker is told");
}

static int read_worker(struct sq_db *db, const struct sq_sync_asked *asked,
                       struct sq_arena *arena, struct sq_sync_answer *a,
                       bool *ret_signals, struct sq_err *err)
{
    struct sq_stmt *st = asked->worker;
    bool found = sq_row(st);
    if (found) {
        a->spool = sq_arena_strdup(arena, sq_col_text(st, 0, NULL));
        a->acked = sq_col_int(st, 1);
        *ret_signals = sq_col_bool(st, 2) == 1;
        if (sq_record_read(st, 3, &sq_worker_type, arena, &a->worker) < 0)
            return no_memory(st, err);
    }
    sq_stmt_end(st);
    int code = sq_db_error(db, err);
    if (!code && !found)
        code = sq_fail(err, SQ_ENOENT, "Worker %lld doesn't exist",
                       (long long)asked->worker_id);
    return code;
}

/* Ids of live executions, ascending. */
struct live {
    int64_t *ids;
    size_t n, cap;
};

static bool add_live(struct sq_arena *arena, struct live *live, int64_t id)
{
    live->ids = sq_arena_more(arena, live->ids, live->n, &live->cap, sizeof *live->ids);
    if (!live->ids)
        return false;
    live->ids[live->n++] = id;
    return true;
}

/* The ids that the worker named, in order. */
static int sort_holding(const int64_t *holding, size_t n, struct sq_arena *arena,
                        struct sq_ints *ret, struct sq_err *err)
{
    ret->n = n;
    ret->v = sq_arena_array(arena, n + 1, sizeof *ret->v);
    if (!ret->v)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    if (n > 0)
        memcpy(ret->v, holding, n * sizeof *ret->v);
    qsort(ret->v, n, sizeof *ret->v, sq_by_int64);
    return 0;
}

static bool is_in(const int64_t *ids, size_t n, int64_t id)
{
    return n > 0 && bsearch(&id, ids, n, sizeof id, sq_by_int64);
}

/* An execution whose task was deleted under it has none to be told; one that the worker
 * holds is known to it. */
static int read_executions(struct sq_db *db, struct sq_stmt *st, struct sq_arena *arena,
                           const struct sq_ints *held, struct live *live,
                           struct sq_sync_answer *a, bool *ret_requirements,
                           struct sq_err *err)
{
    size_t cap = 0;
    while (sq_row(st)) {
        int64_t id = sq_col_int(st, 0);
        if (!add_live(arena, live, id))
            return no_memory(st, err);
        if (strcmp(sq_col_text(st, 1, NULL), "pending") != 0 || sq_col_null(st, 3) ||
            is_in(held->v, held->n, id))
            continue;
        *ret_requirements |= sq_col_bool(st, 2) == 1;
        a->executions = sq_arena_more(arena, a->executions, a->n_executions, &cap,
                                      sizeof *a->executions);
        if (!a->executions)
            return no_memory(st, err);
        struct sq_sync_task *told = &a->executions[a->n_executions++];
        told->execution_id = id;
        if (sq_record_read(st, 3, &sq_task_type, arena, &told->task) < 0)
            return no_memory(st, err);
    }
    return sq_db_error(db, err);
}

/* Requirements come by task, executions by their own id. */
static int by_task(const void *a, const void *b)
{
    const struct sq_sync_task *const *x = a, *const *y = b;
    return ((*x)->task.task_id > (*y)->task.task_id) -
           ((*x)->task.task_id < (*y)->task.task_id);
}

static int read_requirements(struct sq_db *db, int64_t worker_id,
                             struct sq_arena *arena, struct sq_sync_answer *a,
                             struct sq_err *err)
{
    struct sq_stmt *st = ask_of(sq_db_query(db, SQ_Q_SYNC_REQUIREMENTS), worker_id);
    struct sq_sync_task **sorted =
        sq_arena_array(arena, a->n_executions + 1, sizeof(void *));
    if (!sorted)
        return no_memory(st, err);
    for (size_t i = 0; i < a->n_executions; i++)
        sorted[i] = &a->executions[i];
    qsort(sorted, a->n_executions, sizeof *sorted, by_task);
    while (sq_row(st)) {
        struct sq_sync_task key = {.task.task_id = sq_col_int(st, 0)}, *p = &key;
        struct sq_sync_task **found =
            bsearch(&p, sorted, a->n_executions, sizeof *sorted, by_task);
        if (found &&
            !sq_ints_add(arena, &(*found)->task.required_task_ids, sq_col_int(st, 1)))
            return no_memory(st, err);
    }
    return sq_db_error(db, err);
}

static int find_withdrawn(const struct sq_ints *held, const struct live *live,
                          struct sq_arena *arena, struct sq_sync_answer *a,
                          struct sq_err *err)
{
    if (held->n == 0)
        return 0;
    a->withdrawn = sq_arena_array(arena, held->n, sizeof *a->withdrawn);
    if (!a->withdrawn)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    for (size_t i = 0; i < held->n; i++)
        if (!is_in(live->ids, live->n, held->v[i]))
            a->withdrawn[a->n_withdrawn++] = held->v[i];
    return 0;
}

int sq_sync_take(struct sq_db *db, const struct sq_sync_asked *asked,
                 const int64_t *holding, size_t n, struct sq_arena *arena,
                 struct sq_sync_answer *ret, struct sq_err *err)
{
    struct sq_sync_answer a = {0};
    struct live live = {0};
    struct sq_ints held = {0};
    bool signals = false, requirements = false;
    int code = read_worker(db, asked, arena, &a, &signals, err);
    if (!code)
        code = sort_holding(holding, n, arena, &held, err);
    if (!code)
        code = read_executions(db, asked->executions, arena, &held, &live, &a,
                               &requirements, err);
    if (!code && signals) /* rare, as those below: they are worth another round trip */
        code = sq_signals_read(
            ask_of(sq_db_query(db, SQ_Q_SIGNAL_OF_WORKER), asked->worker_id), arena,
            &a.signals, &a.n_signals, err);
    if (!code && requirements)
        code = read_requirements(db, asked->worker_id, arena, &a, err);
    if (!code)
        code = find_withdrawn(&held, &live, arena, &a, err);
    if (!code)
        *ret = a;
    return code;
}

int sq_sync_answer(struct sq_db *db, int64_t worker_id, const int64_t *holding,
                   size_t n, struct sq_arena *arena, struct sq_sync_answer *ret,
                   struct sq_err *err)
{
    struct sq_sync_asked asked;
    sq_sync_ask(db, worker_id, &asked);
    return sq_sync_take(db, &asked, holding, n, arena, ret, err);
}

bool sq_sync_answer_any(const struct sq_sync_answer *a)
{
    return a->n_executions || a->n_signals || a->n_withdrawn;
}
