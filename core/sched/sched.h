/* The scheduler: decides which pending task goes to which worker, and what has become
 * due.
 *
 * It runs inside the writer's transaction (the settle hook), on what that transaction
 * changed: batches with new pending tasks, workers with free slots.  So a task
 * submitted to an idle worker is assigned in the very commit that stores it.  Its
 * timer thread submits a sweep every few seconds: contacts, time limits, dependencies
 * and everything changed directly in SQL. */
#ifndef SQ_SCHED_SCHED_H
#define SQ_SCHED_SCHED_H

#include "core/store/changes.h"
#include "core/store/liveness.h"
#include "core/store/tuning.h"
#include "core/store/writer.h"

struct sq_sched;

struct sq_sched_conf {
    /* Another process decides (--role=main): this one only writes down, in its sweeps,
     * whom it heard; settle is not called. */
    bool hears_only;
    int64_t sweep_us; /* the safety net's period (2 s) */
    /* Borrowed: delays, and how workers are recruited. */
    const struct sq_tuned *tuned;
};

int sq_sched_new(const struct sq_sched_conf *conf, struct sq_liveness *liveness,
                 struct sq_sched **ret, struct sq_err *err);
void sq_sched_free(struct sq_sched *s);

/* The settle hook. */
int sq_sched_settle(void *sched, struct sq_tx *tx, struct sq_err *err);
/* To be called from the writer's committed hook: what the last settle did holds. */
void sq_sched_committed(struct sq_sched *s);

/* Start and stop the timer thread, which submits to `writer`; the first sweep comes at
 * once.  Stop it before the writer; without a start it does nothing. */
int sq_sched_start(struct sq_sched *s, struct sq_writer *writer, struct sq_err *err);
void sq_sched_stop(struct sq_sched *s);
/* How often the timer thread got its answer from the writer, be it a failure: it stands
 * still where that, or the database, hangs.  Any thread. */
uint64_t sq_sched_turns(const struct sq_sched *s);

#endif
