/* The world of the scheduler's tests: rows made in numbers, transactions by hand. */
#include "tests/contract/sched_world.h"

#include <stdio.h>

#include "core/store/execution.h"

/* Every statement passes here. */
struct sq_stmt *__real_sq_db_query(struct sq_db *db, enum sq_query q);
struct sq_stmt *__wrap_sq_db_query(struct sq_db *db, enum sq_query q);
int world_statements;
struct sq_stmt *__wrap_sq_db_query(struct sq_db *db, enum sq_query q)
{
    world_statements++;
    return __real_sq_db_query(db, q);
}

int64_t world_clock_us;

static int64_t clock_us(void)
{
    return world_clock_us;
}

void world_open(struct world *w, struct contract *c)
{
    static const struct sq_tuning tuning = {.offline_us = 15000000,
                                            .lost_us = 60000000};
    static struct sq_tuned tuned = {&tuning};
    static const struct sq_sched_conf conf = {.tuned = &tuned, .sweep_us = 2000000};
    *w = (struct world){.c = c, .db = c->db, .tx = c->tx};
    OK(w->err, sq_liveness_new(clock_us, false, &w->liveness, &w->err));
    OK(w->err, sq_sched_new(&conf, w->liveness, &w->s, &w->err));
}

void world_close(struct world *w)
{
    sq_sched_free(w->s);
    sq_liveness_free(w->liveness);
}

void world_begin(struct world *w)
{
    OK(w->err, sq_db_begin(w->db, true, &w->err));
    w->tx.now = w->c->tx.now;
    world_statements = 0;
}

void world_settle(struct world *w)
{
    sq_changes_settle(w->tx.changes);
    OK(w->err, sq_sched_settle(w->s, &w->tx, &w->err));
}

void world_commit(struct world *w)
{
    world_settle(w);
    OK(w->err, sq_db_commit(w->db, &w->err));
    sq_sched_committed(w->s);
    sq_changes_clear(w->tx.changes);
    sq_arena_reset(w->tx.arena);
}

void world_sql(struct world *w, const char *text)
{
    contract_sql(w->db, text);
}

int64_t world_ask(struct world *w, const char *text)
{
    return contract_int(w->db, text);
}

static const char *time_text(struct world *w)
{
    return w->c->engine == SQ_SQLITE ? "'2026-11-22 00:00:00.000000'"
                                     : "timestamp '2026-11-22 00:00:00'";
}

void world_add_workers(struct world *w, int n, int batches, int concurrency)
{
    char text[700];
    snprintf(text, sizeof text,
             "insert into worker (name, hostname, status, concurrency, prefetch, batch,"
             " permanent, task_properties, creation_date, last_contact_date)"
             " with recursive n(i) as (select 0 union all select i + 1 from n"
             " where i + 1 < %d) select 'w', 'h', 'running', %d, 0,"
             " 'b' || cast(i %% %d as varchar), true, '{}', %s, %s from n",
             n, concurrency, batches, time_text(w), time_text(w));
    world_sql(w, text);
}

void world_add_tasks(struct world *w, int n, int batches)
{
    char text[600];
    snprintf(text, sizeof text,
             "insert into task (command, status, batch, retry, creation_date,"
             " status_date) with recursive n(i) as (select 0 union all select i + 1"
             " from n where i + 1 < %d) select 'true', 'pending',"
             " 'b' || cast(i %% %d as varchar), 0, %s, %s from n",
             n, batches, time_text(w), time_text(w));
    world_sql(w, text);
}

int64_t world_assigned_to(struct world *w, int64_t worker_id)
{
    char text[120];
    snprintf(text, sizeof text, "select count(*) from execution where worker_id = %d",
             (int)worker_id);
    return world_ask(w, text);
}

void world_end_execution(struct world *w, int64_t execution_id, int to)
{
    struct sq_transition t = {.execution_id = execution_id,
                              .to = SQ_EXEC_RUNNING,
                              .worker_id = SQ_NULL,
                              .return_code = SQ_NULL};
    OK(w->err, sq_execution_transition(&w->tx, &t, 1, NULL, &w->err));
    if (to == SQ_EXEC_RUNNING)
        return;
    t.to = to;
    OK(w->err, sq_execution_transition(&w->tx, &t, 1, NULL, &w->err));
    assert_int_equal(t.result, 0);
}
