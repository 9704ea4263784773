/* Why a task is not running.  Each status has its own question: what a waiting task
 * waits for, what the workers of a pending task's batch are doing, where a held one
 * is, how an ended one ended. */
#include "core/store/why.h"

#include "core/store/list.h"

static int requirements(struct sq_db *db, const struct sq_task *task,
                        struct sq_arena *arena, struct sq_why *w)
{
    enum { MOST = 100 };
    int failed = 0;
    w->requirements.v = sq_arena_array(arena, MOST, sizeof *w->requirements.v);
    if (!w->requirements.v)
        return SQ_ENOMEM;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WHY_REQUIREMENTS);
    sq_bind_int(st, 1, task->task_id);
    while (sq_row(st) && w->requirements.n < MOST) {
        w->requirements.v[w->requirements.n++] = sq_col_int(st, 0);
        const char *status = sq_col_text(st, 1, NULL);
        failed += sq_name_find(&sq_task_statuses, status) == SQ_TASK_FAILED;
    }
    sq_stmt_end(st);
    long long first = w->requirements.n ? (long long)w->requirements.v[0] : 0;
    if (failed > 0) {
        w->reason = "requirement_failed";
        w->sentence = sq_arena_printf(arena,
                                      "%d of the tasks it requires failed (task %lld "
                                      "first): relaunch them, and it will go on",
                                      failed, first);
    } else if (w->requirements.n > 0) {
        w->reason = "waiting_requirements";
        w->sentence = sq_arena_printf(
            arena,
            "%zu%s of the tasks it requires have yet to succeed "
            "(task %lld first)",
            w->requirements.n, w->requirements.n == MOST ? " or more" : "", first);
    } else {
        w->reason = "waiting_requirements";
        w->sentence = sq_arena_strdup(arena, "every task it requires has succeeded: it "
                                             "becomes pending within seconds");
    }
    return 0;
}

/* What the workers of the batch are doing. */
struct workforce {
    int64_t all, by_status[8];
    int64_t slots, active; /* of running ones */
};

static struct workforce workforce(struct sq_db *db, const char *batch)
{
    struct workforce f = {0};
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WHY_WORKERS);
    sq_bind_text(st, 1, batch);
    while (sq_row(st)) {
        int status = sq_name_find(&sq_worker_statuses, sq_col_text(st, 0, NULL));
        int64_t n = sq_col_int(st, 1);
        f.all += n;
        if (status >= 0)
            f.by_status[status] += n;
        if (status == SQ_WORKER_RUNNING) {
            f.slots = sq_col_int(st, 2);
            f.active = sq_col_int(st, 3);
        }
    }
    return f;
}

static int64_t pending_before(struct sq_db *db, const struct sq_task *task)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WHY_BEFORE);
    sq_bind_text(st, 1, task->batch);
    sq_bind_int(st, 2, task->task_id);
    int64_t n = sq_row(st) ? sq_col_int(st, 0) : 0;
    sq_stmt_end(st);
    return n;
}

/* Is its earlier result still being looked for? */
static bool in_cache_look(struct sq_db *db, const struct sq_task *task)
{
    if (task->use_cache != 1)
        return false;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WHY_CACHE);
    sq_bind_int(st, 1, task->task_id);
    bool looked_for = sq_row(st) && sq_col_bool(st, 0) == 1;
    sq_stmt_end(st);
    return looked_for;
}

static void pending(struct sq_db *db, const struct sq_task *task,
                    struct sq_arena *arena, struct sq_why *w)
{
    struct workforce f = workforce(db, task->batch);
    w->workers = f.all;
    w->workers_running = f.by_status[SQ_WORKER_RUNNING];
    w->slots = f.slots;
    w->active = f.active;
    w->pending_before = pending_before(db, task);
    if (in_cache_look(db, task)) {
        w->reason = "cache";
        w->sentence = sq_arena_strdup(
            arena, "its inputs and resources are being hashed, to find an earlier "
                   "result that can be reused (use_cache)");
    } else if (!w->workers_running && !f.by_status[SQ_WORKER_PAUSED] &&
               sq_why_recruiting(db, task->batch, f.by_status[SQ_WORKER_FAILED], arena,
                                 w)) {
        return;
    } else if (f.all == 0) {
        w->reason = "no_worker";
        w->sentence = sq_arena_printf(arena,
                                      "no worker has batch %s: start one with "
                                      "scitq-worker SERVER CONCURRENCY -b %s",
                                      task->batch, task->batch);
    } else if (w->workers_running > 0) {
        w->reason = "workers_full";
        w->sentence = sq_arena_printf(arena,
                                      "the %lld running workers of batch %s have %lld "
                                      "places, %lld of them taken; "
                                      "%lld pending tasks go first",
                                      (long long)w->workers_running, task->batch,
                                      (long long)w->slots, (long long)w->active,
                                      (long long)w->pending_before);
    } else if (f.by_status[SQ_WORKER_PAUSED] > 0) {
        w->reason = "workers_paused";
        w->sentence = sq_arena_printf(arena,
                                      "%lld workers of batch %s are paused: "
                                      "scitq-manage batch go -n %s",
                                      (long long)f.by_status[SQ_WORKER_PAUSED],
                                      task->batch, task->batch);
    } else {
        w->reason = "workers_offline";
        w->sentence = sq_arena_printf(arena,
                                      "none of the %lld workers of batch %s is in "
                                      "contact with the server",
                                      (long long)f.all, task->batch);
    }
}

/* Held by an execution, or ended with one. */
static void executed(struct sq_db *db, const struct sq_task *task,
                     struct sq_arena *arena, struct sq_why *w)
{
    bool held = sq_task_held(task->status);
    w->reason = held && task->status != SQ_TASK_RUNNING
                    ? "assigned"
                    : sq_name(&sq_task_statuses, task->status);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WHY_EXECUTION);
    sq_bind_int(st, 1, task->task_id);
    if (!sq_row(st)) {
        w->sentence = sq_arena_printf(arena, "it is %s, without an execution",
                                      sq_name(&sq_task_statuses, task->status));
        return;
    }
    long long id = sq_col_int(st, 0), return_code = sq_col_int(st, 2);
    const char *worker = sq_col_text(st, 1, NULL);
    worker = worker ? worker : "a worker that is gone";
    if (sq_col_bool(st, 3) == 1)
        w->sentence = sq_arena_printf(arena,
                                      "nothing was run: an earlier result was reused "
                                      "(the error stream of execution %lld says which)",
                                      id);
    else if (held)
        w->sentence =
            sq_arena_printf(arena, "it is %s on %s (execution %lld)",
                            sq_name(&sq_task_statuses, task->status), worker, id);
    else if (sq_col_null(st, 2))
        w->sentence =
            sq_arena_printf(arena, "it %s on %s (execution %lld)",
                            sq_name(&sq_task_statuses, task->status), worker, id);
    else
        w->sentence = sq_arena_printf(
            arena, "it %s on %s with return code %lld (execution %lld)",
            sq_name(&sq_task_statuses, task->status), worker, return_code, id);
    sq_stmt_end(st);
}

int sq_task_why(struct sq_db *db, int64_t task_id, struct sq_arena *arena,
                struct sq_why *ret, struct sq_err *err)
{
    struct sq_task task;
    int code = sq_get(db, &sq_task_type, task_id, arena, &task, err);
    if (code)
        return code;
    struct sq_why w = {.task_id = task_id, .status = task.status};
    switch (task.status) {
    case SQ_TASK_WAITING: code = requirements(db, &task, arena, &w); break;
    case SQ_TASK_PENDING: pending(db, &task, arena, &w); break;
    case SQ_TASK_PAUSED:
        w.reason = "paused";
        w.sentence =
            sq_arena_printf(arena, "it is paused: scitq-manage task relaunch -i %lld",
                            (long long)task_id);
        break;
    case SQ_TASK_DEBUG:
        w.reason = "debug";
        w.sentence = sq_arena_strdup(
            arena,
            "it is kept for scitq-manage debug run: set it to pending to run it");
        break;
    default: executed(db, &task, arena, &w);
    }
    if (code == 0)
        code = sq_db_error(db, err);
    if (code == 0 && !w.sentence)
        code = sq_fail(err, SQ_ENOMEM, "out of memory to say why");
    if (code == 0)
        *ret = w;
    return code;
}
