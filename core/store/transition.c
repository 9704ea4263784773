/* THE function that changes an execution's status, and its task's with it.
 *
 * It reads what the executions and their tasks are, plays the transitions on that in
 * memory (core/model/status.c decides each), and writes what came out of it: so three
 * reports about one execution cost one row each of execution and task.  The end of an
 * execution then has its consequences: text tails, dependents, slots.
 *
 * A task is touched only while this execution holds it: the execution is its latest,
 * and nobody gave the task another status meanwhile. */
#include "core/store/execution.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/store/changes.h"
#include "core/store/log.h"
#include "core/store/rows.h"
#include "core/store/task.h"

struct state {
    int64_t execution_id;
    int status;
    int64_t worker_id, task_id;
    bool latest;
    int task_status;
    int64_t retry;
    char *batch;
    bool limited; /* the task has a time limit */
    bool output;  /* some is stored */
    bool watched; /* a waiting task is, by this task */
    bool use_cache;

    /* What the transitions made of it. */
    bool changed, ended, task_changed;
    const char *pid, *output_files;
    int64_t return_code;
};

static int by_execution(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = ((const struct state *)b)->execution_id;
    return (x > y) - (x < y);
}

static bool read_state(struct sq_tx *tx, struct sq_stmt *st, struct state *s)
{
    const char *batch = sq_col_text(st, 7, NULL);
    *s = (struct state){
        .execution_id = sq_col_int(st, 0),
        .status = sq_name_find(&sq_execution_statuses, sq_col_text(st, 1, NULL)),
        .worker_id = sq_col_int(st, 2),
        .task_id = sq_col_int(st, 3),
        .latest = sq_col_bool(st, 4) != 0,
        .task_status = sq_name_find(&sq_task_statuses, sq_col_text(st, 5, NULL)),
        .retry = sq_col_int(st, 6),
        .batch = sq_arena_strdup(tx->arena, batch),
        .limited = sq_col_bool(st, 8) == 1,
        .output = sq_col_bool(st, 9) == 1,
        .watched = sq_col_bool(st, 10) == 1,
        .use_cache = sq_col_bool(st, 11) == 1,
        .return_code = SQ_NULL,
    };
    return !batch || s->batch;
}

struct sq_stmt *sq_execution_ask(struct sq_tx *tx, const struct sq_transition *t,
                                 size_t n)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || t[i].execution_id != t[i - 1].execution_id)
            sq_set_int(&ids, t[i].execution_id);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_EXECUTION_STATES);
    sq_bind_text(st, 1, sq_arena_strdup(tx->arena, sq_set_text(&ids)));
    sq_ask(st);
    return st;
}

/* Ascending by id, each execution once. */
static int read_states(struct sq_tx *tx, struct sq_stmt *st, size_t n,
                       struct state *ret, size_t *ret_n, struct sq_err *err)
{
    size_t got = 0;
    while (got < n && sq_row(st)) {
        if (got && ret[got - 1].execution_id == sq_col_int(st, 0))
            continue;
        if (!read_state(tx, st, &ret[got++])) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
        }
    }
    sq_stmt_end(st);
    *ret_n = got;
    return sq_db_error(tx->db, err);
}

/* Memory only: what the table says. */

static bool holds_task(const struct state *s)
{
    return s->latest &&
           (sq_task_held(s->task_status) ||
            /* given back by accepted -> pending, and not given to another since */
            (s->task_status == SQ_TASK_PENDING && s->status == SQ_EXEC_PENDING));
}

static void apply_effect(struct state *s, enum sq_task_effect effect)
{
    int to = s->task_status;
    switch (effect) {
    case SQ_EFFECT_NONE: return;
    case SQ_EFFECT_ACCEPTED: to = SQ_TASK_ACCEPTED; break;
    case SQ_EFFECT_RUNNING: to = SQ_TASK_RUNNING; break;
    case SQ_EFFECT_SUCCEEDED: to = SQ_TASK_SUCCEEDED; break;
    case SQ_EFFECT_PENDING: to = SQ_TASK_PENDING; break;
    case SQ_EFFECT_FAILED_OR_RETRIED:
        to = s->retry > 0 ? SQ_TASK_PENDING : SQ_TASK_FAILED;
        s->retry -= s->retry > 0;
        break;
    }
    s->task_changed = true;
    s->task_status = to;
}

static void refuse(struct sq_transition *t, int code, const char *text)
{
    t->result = code;
    snprintf(t->why, sizeof t->why, "%.*s", (int)sizeof t->why - 1, text);
}

static void play(struct state *s, struct sq_transition *t)
{
    struct sq_err why = {0};
    bool changes;
    enum sq_task_effect effect;
    t->result = 0;
    t->why[0] = 0;
    if (!s || (t->worker_id != SQ_NULL && t->worker_id != s->worker_id)) {
        refuse(t,
               sq_fail(&why, SQ_ENOENT,
                       s ? "Execution %lld is not worker %lld's"
                         : "Execution %lld doesn't exist",
                       (long long)t->execution_id, (long long)t->worker_id),
               why.text);
        return;
    }
    if (t->return_code != SQ_NULL &&
        (t->return_code < INT32_MIN || t->return_code > INT32_MAX)) {
        refuse(t, SQ_EINVAL, "return_code does not fit in 32 bits");
        return;
    }
    if (sq_execution_step(s->status, t->to, &changes, &effect, &why)) {
        refuse(t, why.code, why.text);
        return;
    }
    s->pid = t->pid ? t->pid : s->pid;
    s->output_files = t->output_files ? t->output_files : s->output_files;
    s->return_code = t->return_code != SQ_NULL ? t->return_code : s->return_code;
    s->changed |= changes || t->pid || t->output_files || t->return_code != SQ_NULL;
    if (!changes)
        return;
    if (holds_task(s))
        apply_effect(s, effect);
    s->status = t->to;
    s->ended = !sq_execution_live(t->to);
}

/* The database: what came out of it. */

static void write_executions(struct sq_tx *tx, const struct state *s, size_t n)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_EXECUTION_SET_STATUS);
    for (size_t i = 0; i < n; i++) {
        if (!s[i].changed)
            continue;
        sq_rows_int(&r, s[i].execution_id);
        sq_rows_text(&r, sq_name(&sq_execution_statuses, s[i].status));
        sq_rows_text(&r, s[i].pid);
        sq_rows_int(&r, s[i].return_code);
        sq_rows_text(&r, s[i].output_files);
        sq_rows_time(&r, tx->now);
        sq_rows_next(&r);
        sq_changes_execution(tx->changes, s[i].execution_id);
        if (s[i].ended && s[i].worker_id != SQ_NULL)
            sq_changes_slots(tx->changes, s[i].worker_id);
    }
}

static void write_tasks(struct sq_tx *tx, const struct state *s, size_t n)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_TASK_SET_STATUS);
    for (size_t i = 0; i < n; i++) {
        if (!s[i].task_changed)
            continue;
        sq_rows_int(&r, s[i].task_id);
        sq_rows_text(&r, sq_name(&sq_task_statuses, s[i].task_status));
        sq_rows_int(&r, s[i].retry);
        sq_rows_time(&r, tx->now);
        sq_rows_next(&r);
        sq_changes_task(tx->changes, s[i].task_id);
        if (s[i].task_status == SQ_TASK_PENDING)
            sq_changes_batch(tx->changes, s[i].batch);
        tx->changes->due |= s[i].limited;
        tx->changes->cache |= s[i].use_cache;
    }
}

static int consequences(struct sq_tx *tx, const struct state *s, size_t n, int64_t *ids,
                        struct sq_err *err)
{
    size_t some = 0;
    for (size_t i = 0; i < n; i++)
        if (s[i].ended && s[i].output)
            ids[some++] = s[i].execution_id;
    int code = sq_log_write_tails(tx, ids, some, err);
    some = 0;
    for (size_t i = 0; i < n; i++)
        if (s[i].task_changed && s[i].task_status == SQ_TASK_SUCCEEDED && s[i].watched)
            ids[some++] = s[i].task_id;
    return code ? code : sq_task_release(tx, ids, some, err);
}

int sq_execution_transition(struct sq_tx *tx, struct sq_transition *t, size_t n,
                            struct sq_stmt *asked, struct sq_err *err)
{
    if (n == 0)
        return 0;
    if (!asked)
        asked = sq_execution_ask(tx, t, n);
    SQ_CLEANUP(sq_freep) struct state *s = calloc(n, sizeof *s);
    SQ_CLEANUP(sq_freep) int64_t *ids = calloc(n, sizeof *ids);
    if (!s || !ids)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu changes", n);
    size_t n_states = 0;
    int code = read_states(tx, asked, n, s, &n_states, err);
    if (code)
        return code;
    for (size_t i = 0; i < n; i++)
        play(bsearch(&t[i].execution_id, s, n_states, sizeof *s, by_execution), &t[i]);
    write_executions(tx, s, n_states);
    write_tasks(tx, s, n_states);
    return consequences(tx, s, n_states, ids, err);
}
