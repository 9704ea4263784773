/* What a worker must be told.  Everything is asked for first and read then, so that
 * PostgreSQL is waited for once. */
#include "core/store/sync.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/worker.h"

static struct sq_stmt *ask_of(struct sq_db *db, enum sq_query query, int64_t worker_id)
{
    struct sq_stmt *st = sq_db_query(db, query);
    sq_bind_int(st, 1, worker_id);
    sq_ask(st);
    return st;
}

struct live {
    int64_t execution_id, task_id;
    bool pending;
};

static int read_live(struct sq_db *db, struct sq_stmt *st, struct sq_arena *arena,
                     struct live **ret, size_t *ret_n, struct sq_err *err)
{
    struct live *v = NULL;
    size_t n = 0, cap = 0;
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
        }
        v[n++] = (struct live){
            .execution_id = sq_col_int(st, 0),
            .task_id = sq_col_int(st, 2),
            .pending = strcmp(sq_col_text(st, 3, NULL), "pending") == 0,
        };
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

static int by_execution(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = ((const struct live *)b)->execution_id;
    return (x > y) - (x < y);
}

static int find_withdrawn(const int64_t *holding, size_t n, const struct live *live,
                          size_t n_live, struct sq_arena *arena,
                          struct sq_sync_answer *a, struct sq_err *err)
{
    if (n == 0)
        return 0;
    a->withdrawn = sq_arena_array(arena, n, sizeof *a->withdrawn);
    if (!a->withdrawn)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    for (size_t i = 0; i < n; i++)
        if (!n_live || !bsearch(&holding[i], live, n_live, sizeof *live, by_execution))
            a->withdrawn[a->n_withdrawn++] = holding[i];
    return 0;
}

/* The tasks of pending executions, by id: with their requirements, asked for beside the
 * executions themselves, since every round trip counts. */
struct tasks {
    struct sq_stmt *rows, *requirements;
    struct sq_task *v;
    size_t n, cap;
};

static int ask_tasks(struct sq_db *db, int64_t worker_id, struct tasks *ret,
                     struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf sql;
    sq_buf_init(&sql, 4096);
    sq_buf_adds(&sql, "select ");
    sq_record_columns(&sq_task_type, &sql);
    sq_buf_adds(&sql, " from task where task_id in (select e.task_id from execution e "
                      "where e.worker_id = cast($1 as bigint) and e.status = 'pending' "
                      "and e.status in ('pending', 'accepted', 'running')) "
                      "order by task_id");
    if (!sq_buf_ok(&sql))
        return sq_fail(err, SQ_ENOMEM, "out of memory for tasks");
    *ret = (struct tasks){.rows = sq_db_sql(db, sql.data)};
    sq_bind_int(ret->rows, 1, worker_id);
    sq_ask(ret->rows);
    ret->requirements = ask_of(db, SQ_Q_SYNC_REQUIREMENTS, worker_id);
    return 0;
}

static int read_tasks(struct sq_db *db, struct tasks *t, struct sq_arena *arena,
                      struct sq_err *err)
{
    while (sq_row(t->rows)) {
        if (t->n == t->cap) {
            struct sq_task *bigger =
                sq_arena_array(arena, t->cap = t->cap ? t->cap * 2 : 16, sizeof *t->v);
            if (bigger && t->n)
                memcpy(bigger, t->v, t->n * sizeof *t->v);
            t->v = bigger;
        }
        if (!t->v ||
            sq_record_read(t->rows, 0, &sq_task_type, arena, &t->v[t->n++]) < 0) {
            sq_stmt_end(t->rows);
            return sq_fail(err, SQ_ENOMEM, "out of memory for tasks");
        }
    }
    return sq_db_error(db, err);
}

static int by_task(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = ((const struct sq_task *)b)->task_id;
    return (x > y) - (x < y);
}

static int read_requirements(struct sq_db *db, struct tasks *t, struct sq_arena *arena,
                             struct sq_err *err)
{
    while (sq_row(t->requirements)) {
        int64_t id = sq_col_int(t->requirements, 0);
        struct sq_task *task =
            t->n ? bsearch(&id, t->v, t->n, sizeof *t->v, by_task) : NULL;
        if (task && !sq_ints_add(arena, &task->required_task_ids,
                                 sq_col_int(t->requirements, 1))) {
            sq_stmt_end(t->requirements);
            return sq_fail(err, SQ_ENOMEM, "out of memory for requirements");
        }
    }
    return sq_db_error(db, err);
}

static int fill_executions(struct sq_db *db, const struct live *live, size_t n,
                           struct tasks *t, struct sq_arena *arena,
                           struct sq_sync_answer *a, struct sq_err *err)
{
    int code = read_tasks(db, t, arena, err);
    if (!code)
        code = read_requirements(db, t, arena, err);
    if (code || !t->n || !n)
        return code;
    a->executions = sq_arena_array(arena, n, sizeof *a->executions);
    if (!a->executions)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    for (size_t i = 0; i < n; i++) {
        const struct sq_task *task =
            live[i].pending
                ? bsearch(&live[i].task_id, t->v, t->n, sizeof *t->v, by_task)
                : NULL;
        if (task)
            a->executions[a->n_executions++] =
                (struct sq_sync_task){live[i].execution_id, *task};
    }
    return 0;
}

static int read_state(struct sq_db *db, struct sq_stmt *st, struct sq_arena *arena,
                      struct sq_sync_answer *a, struct sq_err *err)
{
    if (sq_row(st)) {
        a->spool = sq_arena_strdup(arena, sq_col_text(st, 0, NULL));
        a->acked = sq_col_int(st, 1);
    }
    sq_stmt_end(st);
    return sq_db_error(db, err);
}

int sq_sync_answer(struct sq_db *db, int64_t worker_id, const int64_t *holding,
                   size_t n, struct sq_arena *arena, struct sq_sync_answer *ret,
                   struct sq_err *err)
{
    struct sq_sync_answer a = {0};
    struct live *live = NULL;
    size_t n_live = 0;
    struct sq_stmt *state = ask_of(db, SQ_Q_WORKER_SYNC_STATE, worker_id);
    struct sq_stmt *executions = ask_of(db, SQ_Q_EXECUTION_LIVE_OF_WORKER, worker_id);
    struct sq_stmt *signals = ask_of(db, SQ_Q_SIGNAL_OF_WORKER, worker_id);
    struct tasks tasks = {0};
    int code = ask_tasks(db, worker_id, &tasks, err);
    if (!code)
        code = sq_get(db, &sq_worker_type, worker_id, arena, &a.worker, err);
    if (!code)
        code = read_state(db, state, arena, &a, err);
    if (!code)
        code = read_live(db, executions, arena, &live, &n_live, err);
    if (!code)
        code = sq_signals_read(signals, arena, &a.signals, &a.n_signals, err);
    if (!code)
        code = fill_executions(db, live, n_live, &tasks, arena, &a, err);
    if (!code)
        code = find_withdrawn(holding, n, live, n_live, arena, &a, err);
    if (!code)
        code = sq_db_error(db, err);
    if (!code)
        *ret = a;
    return code;
}

bool sq_sync_answer_any(const struct sq_sync_answer *a)
{
    return a->n_executions || a->n_signals || a->n_withdrawn;
}
