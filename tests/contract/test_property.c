/* Thousands of random operations, beside a naive model that recomputes everything:
 * after each, every task and every execution must have the status the model says.
 *
 * What it is after: a waiting task that is forgotten or set free too early, a task with
 * two live executions, a retry used twice.  The model has no watched requirement: its
 * waiting tasks are pending as soon as all they require succeeded, always. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/record.h"

enum {
    STEPS = 3000,
    TASKS = 4000,
    LIVE_TASKS = 30,
    EXECS = 4000,
    REQ = 4,
    WORKERS = 3
};

struct mtask {
    bool exists;
    int status, retry;
    int64_t required[REQ];
    int n_required;
};
struct mexec {
    int64_t task;
    int worker, status;
    bool latest;
};
static struct model {
    struct mtask tasks[TASKS];
    struct mexec execs[EXECS];
    int64_t n_tasks, n_execs; /* the highest ids */
    int64_t workers[WORKERS];
    int released;
} m;
static uint64_t seed;

static int pick(int n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

static int64_t pick_task(void)
{
    int64_t found[LIVE_TASKS + 1];
    int n = 0;
    for (int64_t i = 1; i <= m.n_tasks && n <= LIVE_TASKS; i++)
        if (m.tasks[i].exists)
            found[n++] = i;
    return n ? found[pick(n)] : 0;
}

static int count_tasks(void)
{
    int n = 0;
    for (int64_t i = 1; i <= m.n_tasks; i++)
        n += m.tasks[i].exists;
    return n;
}

/* The model's rules. */

static bool satisfied(const struct mtask *t)
{
    for (int i = 0; i < t->n_required; i++)
        if (m.tasks[t->required[i]].exists &&
            m.tasks[t->required[i]].status != SQ_TASK_SUCCEEDED)
            return false;
    return true;
}

static void settle(void)
{
    for (int64_t i = 1; i <= m.n_tasks; i++)
        if (m.tasks[i].exists && m.tasks[i].status == SQ_TASK_WAITING &&
            satisfied(&m.tasks[i])) {
            m.tasks[i].status = SQ_TASK_PENDING;
            m.released++;
        }
}

static void end_live(int64_t task, int worker, bool free_task)
{
    for (int64_t i = 1; i <= m.n_execs; i++) {
        struct mexec *e = &m.execs[i];
        if (!e->task || (task && e->task != task) || (!task && e->worker != worker) ||
            !sq_execution_live(e->status))
            continue;
        e->status = e->status == SQ_EXEC_RUNNING ? SQ_EXEC_FAILED : SQ_EXEC_REFUSED;
        if (free_task && sq_task_held(m.tasks[e->task].status))
            m.tasks[e->task].status = SQ_TASK_PENDING;
    }
}

static int model_step(struct mexec *e, int to)
{
    bool changes;
    enum sq_task_effect effect;
    struct mtask *t = &m.tasks[e->task];
    int code = sq_execution_step(e->status, to, &changes, &effect, NULL);
    if (code || !changes)
        return code;
    bool holds =
        e->latest && (sq_task_held(t->status) ||
                      (t->status == SQ_TASK_PENDING && e->status == SQ_EXEC_PENDING));
    e->status = to;
    if (!holds)
        return 0;
    switch (effect) {
    case SQ_EFFECT_ACCEPTED: t->status = SQ_TASK_ACCEPTED; break;
    case SQ_EFFECT_RUNNING: t->status = SQ_TASK_RUNNING; break;
    case SQ_EFFECT_SUCCEEDED: t->status = SQ_TASK_SUCCEEDED; break;
    case SQ_EFFECT_PENDING: t->status = SQ_TASK_PENDING; break;
    case SQ_EFFECT_FAILED_OR_RETRIED:
        t->status = t->retry ? SQ_TASK_PENDING : SQ_TASK_FAILED;
        t->retry -= t->retry > 0;
        break;
    case SQ_EFFECT_NONE: break;
    }
    return 0;
}

/* Operations, on both. */

static int pick_required(int64_t self, int64_t ids[REQ])
{
    int n = 0;
    for (int want = pick(REQ); want > 0; want--) {
        int64_t t = pick_task();
        if (t && t != self)
            ids[n++] = t;
    }
    return n;
}

static void do_create(struct contract *c)
{
    struct sq_err err = {0};
    struct sq_task t;
    int64_t ids[REQ];
    static const int statuses[] = {-1, -1, -1, SQ_TASK_PAUSED, SQ_TASK_WAITING};
    if (count_tasks() >= LIVE_TASKS)
        return;
    sq_record_clear(&sq_task_type, &t);
    t.command = (char[]){"true"};
    t.retry = pick(3);
    t.status = statuses[pick(5)];
    t.required_task_ids = (struct sq_ints){ids, (size_t)pick_required(0, ids)};
    uint64_t mask = ~UINT64_C(0);
    struct mtask made = {.exists = true,
                         .retry = (int)t.retry,
                         .status = t.status,
                         .n_required = (int)t.required_task_ids.n};
    memcpy(made.required, ids, sizeof ids);
    if (made.status < 0)
        made.status = made.n_required ? SQ_TASK_WAITING : SQ_TASK_PENDING;
    OK(err, sq_task_create(&c->tx, &t, mask, &err));
    assert_true(t.task_id < TASKS);
    m.tasks[m.n_tasks = t.task_id] = made;
}

static void do_assign(struct contract *c)
{
    struct sq_err err = {0};
    int64_t task = pick_task();
    int worker = pick(WORKERS);
    for (int tries = 0; tries < 8 && m.tasks[task].status != SQ_TASK_PENDING; tries++)
        task = pick_task();
    if (!task)
        return;
    struct sq_assignment a = {task, m.workers[worker], 0};
    OK(err, sq_execution_assign(&c->tx, &a, 1, &err));
    if (m.tasks[task].status != SQ_TASK_PENDING) {
        assert_true(a.execution_id == SQ_NULL);
        return;
    }
    end_live(task, 0, false);
    for (int64_t i = 1; i <= m.n_execs; i++)
        if (m.execs[i].task == task)
            m.execs[i].latest = false;
    assert_true(a.execution_id > m.n_execs && a.execution_id < EXECS);
    m.execs[m.n_execs = a.execution_id] =
        (struct mexec){task, worker, SQ_EXEC_PENDING, true};
    m.tasks[task].status = SQ_TASK_ASSIGNED;
}

static void do_transitions(struct contract *c)
{
    struct sq_err err = {0};
    struct sq_transition t[4];
    int want[4], n = 1 + pick(4);
    for (int i = 0; i < n; i++) {
        /* mostly recent ones, often the same twice */
        int64_t e = m.n_execs - pick(12);
        if (i && pick(2))
            e = t[i - 1].execution_id;
        bool exists = e > 0 && m.execs[e].task;
        t[i] = (struct sq_transition){.execution_id = e,
                                      .to = pick(3) ? pick(SQ_EXEC_REFUSED + 1)
                                                    : SQ_EXEC_SUCCEEDED,
                                      .worker_id = SQ_NULL,
                                      .return_code = SQ_NULL};
        want[i] = exists ? model_step(&m.execs[e], t[i].to) : SQ_ENOENT;
    }
    OK(err, sq_execution_transition(&c->tx, t, (size_t)n, NULL, &err));
    for (int i = 0; i < n; i++)
        assert_int_equal(t[i].result, want[i]);
}

static void do_put(struct contract *c)
{
    struct sq_err err = {0};
    int64_t id = pick_task();
    struct mtask *t = &m.tasks[id];
    if (!id)
        return;
    struct sq_task ret, values = {.status = pick(SQ_TASK_DEBUG + 1)};
    int to = values.status;
    if (to == SQ_TASK_FAILED && t->retry) {
        t->retry--;
        to = SQ_TASK_PENDING;
    }
    if (to != t->status && sq_task_held(t->status))
        end_live(id, 0, false);
    t->status = to;
    OK(err, sq_task_update(&c->tx, id, &values, SQ_BIT(SQ_TASK_F_STATUS), &ret, &err));
}

static void do_require(struct contract *c)
{
    struct sq_err err = {0};
    int64_t id = pick_task(), ids[REQ];
    if (!id)
        return;
    struct sq_task ret, values = {0};
    int n = pick_required(id, ids);
    values.required_task_ids = (struct sq_ints){ids, (size_t)n};
    m.tasks[id].n_required = n;
    memcpy(m.tasks[id].required, ids, sizeof ids);
    OK(err,
       sq_task_update(&c->tx, id, &values, SQ_BIT(SQ_TASK_F_REQUIRED), &ret, &err));
}

static void do_delete(struct contract *c)
{
    struct sq_err err = {0};
    struct sq_task ret;
    int64_t id = pick_task();
    if (!id || count_tasks() < LIVE_TASKS / 2)
        return;
    m.tasks[id].exists = false;
    for (int64_t i = 1; i <= m.n_execs; i++)
        if (m.execs[i].task == id)
            m.execs[i].task = 0;
    OK(err, sq_task_delete(&c->tx, id, &ret, &err));
}

static void do_evict(struct contract *c)
{
    struct sq_err err = {0};
    int worker = pick(WORKERS);
    struct sq_worker ret, values = {.status = SQ_WORKER_EVICTED};
    uint64_t status = SQ_BIT(SQ_WORKER_F_STATUS);
    end_live(0, worker, true);
    OK(err, sq_worker_update(&c->tx, m.workers[worker], &values, status, &ret, &err));
    values.status = SQ_WORKER_RUNNING;
    OK(err, sq_worker_update(&c->tx, m.workers[worker], &values, status, &ret, &err));
}

/* The comparison. */

static void compare_tasks(struct contract *c, int at)
{
    struct sq_err err = {0};
    struct sq_page page = {.after = SQ_NULL, .limit = 1000};
    void *rows = NULL;
    size_t n = 0;
    OK(err, sq_list_page(c->db, &sq_task_type, &page, &c->arena, &rows, &n, &err));
    assert_int_equal(n, count_tasks());
    for (size_t i = 0; i < n; i++) {
        const struct sq_task *t = (struct sq_task *)rows + i;
        const struct mtask *want = &m.tasks[t->task_id];
        if (!want->exists || t->status != want->status || t->retry != want->retry)
            fail_msg("step %d: task %d is %s with %d retries, not %s with %d", at,
                     (int)t->task_id, sq_name(&sq_task_statuses, t->status),
                     (int)t->retry, sq_name(&sq_task_statuses, want->status),
                     want->retry);
    }
}

static void compare_executions(struct contract *c, int at)
{
    struct sq_err err = {0};
    struct sq_page page = {.after = SQ_NULL, .limit = EXECS, .no_output = true};
    void *rows = NULL;
    size_t n = 0;
    OK(err, sq_list_page(c->db, &sq_execution_type, &page, &c->arena, &rows, &n, &err));
    for (size_t i = 0; i < n; i++) {
        const struct sq_execution *e = (struct sq_execution *)rows + i;
        const struct mexec *want = &m.execs[e->execution_id];
        if (want->task != e->task_id || e->status != want->status ||
            e->latest != want->latest)
            fail_msg("step %d: execution %d of task %d is %s (latest %d), not %s (%d)",
                     at, (int)e->execution_id, (int)e->task_id,
                     sq_name(&sq_execution_statuses, e->status), e->latest,
                     sq_name(&sq_execution_statuses, want->status), want->latest);
    }
}

static void (*const operations[])(struct contract *) = {
    do_create,      do_create,      do_assign, do_assign,  do_assign,
    do_transitions, do_transitions, do_put,    do_require, do_delete,
    do_transitions, do_transitions, do_evict,
};

static void test_random_operations(void **state)
{
    struct contract *c = *state;
    memset(&m, 0, sizeof m);
    seed = 20261122;
    for (int i = 0; i < WORKERS; i++)
        m.workers[i] = make_worker(c, (char[]){(char)('a' + i), 0});
    contract_sql(c->db, c->engine == SQ_SQLITE ? "pragma synchronous = off"
                                               : "set synchronous_commit = off");
    for (int i = 0; i < STEPS; i++) {
        c->tx.now += 1000;
        contract_begin(c);
        operations[pick((int)SQ_LEN(operations))](c);
        contract_commit(c);
        settle();
        compare_tasks(c, i);
        if (i % 10 == 9)
            compare_executions(c, i);
        sq_arena_reset(&c->arena);
        sq_changes_clear(&c->changes);
    }
    /* else it did not try what it is for */
    assert_true(m.n_execs > STEPS / 10);
    assert_true(m.released > STEPS / 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
    };
    return contract_main(tests, SQ_LEN(tests));
}
