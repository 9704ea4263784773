/* The scheduler's inside, for the files of this room only.  What decides and writes
 * runs in the writer's thread; the timer thread only says when. */
#ifndef SQ_SCHED_IMPL_H
#define SQ_SCHED_IMPL_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include "core/sched/places.h"
#include "core/sched/sched.h"
#include "core/sched/told.h"
#include "lib/arena.h"
#include "lib/buf.h"

/* An execution that was killed for its time limit: its error stream gets a note once
 * everything else is in it. */
struct sq_due_note {
    int64_t execution_id, limit_s;
    bool download; /* else run */
};
struct sq_due_notes {
    struct sq_due_note *v; /* by execution_id */
    size_t n, cap;
};

struct sq_sched {
    struct sq_sched_conf conf;
    struct sq_liveness *liveness;

    /* Writer thread. */
    struct sq_arena arena; /* of one settle */
    struct sq_places places;
    struct sq_due_notes notes;
    struct sq_told told;
    uint64_t turn;        /* counts settles */
    bool uncommitted;     /* the last settle's transaction has not been committed */
    int64_t next_orphans; /* when to look for executions of no worker */
    int64_t release_cursor;
    int64_t offline_us;                 /* that the last sweep was told */
    int64_t patience_us, patient_until; /* monotonic */

    /* Timer thread and its messages, under `lock`. */
    struct sq_writer *writer;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* monotonic */
    bool stopping;
    bool again;                 /* a batch was left unfinished: go on at once */
    atomic_uint_fast64_t turns; /* see sq_sched_turns */
    int64_t alarm; /* wall clock; when the earliest time limit ends; SQ_NULL */
};

enum {
    /* Tasks given in one transaction: a long one keeps other requests waiting. */
    SQ_SCHED_ASSIGN_MAX = 10000,
    SQ_SCHED_RELEASE_SLICE = 10000,
    SQ_SCHED_IDS_MAX = 1000 /* in one JSON parameter */
};

/* assign.c: give pending tasks to free slots, where the transaction made either. */
int sq_assign(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err);

/* due.c */
/* Tasks changed: do their limits end before the alarm? */
int sq_due_changed(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err);
/* Look at every task under a limit: kill what is over, set the alarm. */
int sq_due_scan(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err);
/* Executions killed for their limit that just ended get their note. */
int sq_due_write_notes(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err);
/* When the task's limit ends; SQ_NULL: it is under none. */
int64_t sq_due_end(int status, int64_t status_date, int64_t run_s, int64_t download_s);

/* sweep.c: the timer thread. */
void *sq_sched_timer(void *sched);
/* Any thread: wake at `alarm` if that is earlier than planned (SQ_NULL: no), and at
 * once when `again`. */
void sq_sched_remind(struct sq_sched *s, int64_t alarm, bool again);

/* A worker as the queries sched_workers_by_* give it. */
struct sq_worker_row {
    struct sq_slot slot;
    const char *batch;
    json_t *weights; /* while loading only */
};
struct sq_worker_rows {
    struct sq_worker_row *v; /* in the transaction's arena */
    size_t n, cap;
};

/* load.c: running workers, by a query whose one parameter is `value` (NULL: out of
 * memory). */
int sq_sched_load(struct sq_sched *s, struct sq_tx *tx, enum sq_query query,
                  const char *value, struct sq_worker_rows *ret, struct sq_err *err);
/* A JSON array of ids for a query's parameter, in the arena; NULL when out of room. */
char *sq_sched_ids(struct sq_arena *arena, const int64_t *ids, size_t n);
/* The array with room for `need` elements, doubling; NULL when out of room. */
void *sq_sched_grow(struct sq_arena *arena, void *v, size_t n, size_t *cap, size_t need,
                    size_t size);

#endif
