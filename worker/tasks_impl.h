/* Between the files behind tasks.h. */
#ifndef SQ_WORKER_TASKS_IMPL_H
#define SQ_WORKER_TASKS_IMPL_H

#include "worker/tasks.h"

/* tasks.c */
struct sq_execution *sq_tasks_new(struct sq_tasks *t, int64_t id, int64_t task_id);
void sq_tasks_step(struct sq_tasks *t, struct sq_execution *e,
                   enum sq_exec_event event);
void sq_tasks_mark(struct sq_tasks *t, struct sq_execution *e, bool urgent);
/* The execution fails for a reason of ours; `fmt` without "scitq: ". */
void sq_tasks_refuse(struct sq_tasks *t, struct sq_execution *e, int return_code,
                     enum sq_exec_event event, const char *fmt, ...) SQ_PRINTF(5, 6);
/* Release what is done; before anything is written that no longer knows of it. */
void sq_tasks_put_away(struct sq_tasks *t);
/* Have directories ready for the first executions. */
void sq_tasks_stock(struct sq_tasks *t);
/* Over the autoclean threshold: what failures left goes, then resources nobody uses. */
void sq_tasks_autoclean(struct sq_tasks *t);
/* Give free slots to those waiting. */
void sq_tasks_start_waiting(struct sq_tasks *t);

/* Take on one that has a place. */
void sq_tasks_accept(struct sq_tasks *t, struct sq_execution *e);

/* slots.c */
/* May one more start, may one more be taken on? */
bool sq_slots_any(const struct sq_tasks *t);
bool sq_slots_place(const struct sq_tasks *t);
/* Count an execution that goes from one state to another. */
void sq_slots_count(struct sq_tasks *t, const struct sq_execution *e,
                    enum sq_exec_state from, enum sq_exec_state to);
/* What it will weigh when it runs. */
void sq_slots_weigh(const struct sq_tasks *t, struct sq_execution *e);

/* ahead.c */
void sq_ahead_init(struct sq_tasks *t);
/* No place for it now: it waits as it is, and is given back when that is long. */
void sq_ahead_put(struct sq_tasks *t, struct sq_execution *e);
void sq_ahead_remove(struct sq_tasks *t, struct sq_execution *e);
/* Take on those that have a place now. */
void sq_ahead_take(struct sq_tasks *t);
/* The most that may be given ahead. */
int64_t sq_ahead_most(const struct sq_tasks *t);
/* No more than one for each slot waits to start: more must be asked for at once. */
bool sq_ahead_low(const struct sq_tasks *t);
/* Its command has ended. */
void sq_ahead_measure(struct sq_tasks *t, const struct sq_execution *e);

/* spawn.c */
/* Write down the header and, until it is started, what the execution is. */
int sq_spawn_save(struct sq_execution *e, struct sq_err *err);
int sq_spawn_start(struct sq_tasks *t, struct sq_execution *e, struct sq_err *err);
/* Have the supervisor run these words (of the arena) for the execution; `own`: what
 * they write is the task's output, else it is dropped. */
int sq_spawn_ask(struct sq_tasks *t, struct sq_execution *e, char *const *words,
                 bool own, struct sq_err *err);
/* The processors of one task. */
int64_t sq_spawn_cpu(const struct sq_tasks *t);

/* verdict.c: fill succeeded, return_code and note. */
void sq_verdict(struct sq_execution *e, const struct sq_exit *exit);
/* The note, one line; replaces an earlier one. */
void sq_verdict_note(struct sq_execution *e, const char *fmt, ...) SQ_PRINTF(2, 3);
/* The same, after what is noted already. */
void sq_verdict_add(struct sq_execution *e, const char *words);
/* The same; and output is missing: a success without all of it is none. */
void sq_verdict_missing(struct sq_execution *e, const char *fmt, ...) SQ_PRINTF(2, 3);
const char *sq_verdict_signal(int signal); /* "signal 9 (SIGKILL)", static buffer */

/* supervision.c */
int sq_supervision_open(struct sq_tasks *t, struct sq_err *err);
void sq_supervision_close(struct sq_tasks *t);
/* After a request: write what the socket takes, watch for the rest. */
void sq_supervision_flush(struct sq_tasks *t);
void sq_supervision_signal(struct sq_tasks *t, int64_t id, int signal);

/* recover.c: the executions of an earlier process; then, once the supervisor has
 * told all, what becomes of those it does not know. */
int sq_recover_load(struct sq_tasks *t, struct sq_err *err);
void sq_recover_settle(struct sq_tasks *t);

#endif
