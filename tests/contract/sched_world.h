/* What the tests of the scheduler stand on: a database, a scheduler, and a transaction
 * by hand (what the writer does).  Statements are counted: the linker wraps sq_db_query
 * (see Makefile.inc). */
#ifndef SQ_TESTS_SCHED_WORLD_H
#define SQ_TESTS_SCHED_WORLD_H

#include "core/sched/impl.h"
#include "tests/contract/contract.h"

struct world {
    struct contract *c;
    struct sq_db *db;
    struct sq_sched *s;
    struct sq_liveness *liveness;
    struct sq_tx tx;
    struct sq_err err;
};

extern int world_statements;   /* since world_begin */
extern int64_t world_clock_us; /* by which silence is counted */

void world_open(struct world *w, struct contract *c);
void world_close(struct world *w);

#define WORLD(w)                                                                       \
    SQ_CLEANUP(world_close) struct world world_;                                       \
    struct world *w = &world_;                                                         \
    world_open(w, *state)

void world_begin(struct world *w);
/* The scheduler looks at what changed; nothing is committed. */
void world_settle(struct world *w);
/* The same, then the commit. */
void world_commit(struct world *w);
void world_sql(struct world *w, const char *text);
int64_t world_ask(struct world *w, const char *text);

/* n rows each: batches b0, b1…; ids follow from the order of insertion. */
void world_add_workers(struct world *w, int n, int batches, int concurrency);
void world_add_tasks(struct world *w, int n, int batches);
/* How many executions this worker was ever given. */
int64_t world_assigned_to(struct world *w, int64_t worker_id);
/* Bring it to running, then to `to`. */
void world_end_execution(struct world *w, int64_t execution_id, int to);

#endif
