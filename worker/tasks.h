/* The executions of this worker: taking them on, giving them slots, starting,
 * following, reporting and forgetting them.  What follows from each change of state
 * is here; when a state changes is execution.c's table.
 *
 * tasks.c     what is done on entering each state, slots, news from the server
 * slots.c     whether one more may run, or be taken on
 * ahead.c     those given beyond the places that we have
 * staging.c   its data: inputs, resources, outputs
 * spawn.c     the command and its start
 * verdict.c   what an exit means, in words
 * containers*.c  the same of those in containers: started, judged, removed
 * supervision.c  the supervisor: open, listen, lost, open again
 * recover.c   what an earlier process of this worker left
 * report.c    what is to be told: cut into records of the spool, written as JSON */
#ifndef SQ_WORKER_TASKS_H
#define SQ_WORKER_TASKS_H

#include "lib/arena.h"
#include "lib/jsonio.h"
#include "lib/task_env.h"
#include "worker/containers.h"
#include "worker/execution.h"
#include "worker/loop.h"
#include "worker/message.h"
#include "worker/spool.h"
#include "worker/staging.h"
#include "worker/supervisor_client.h"
#include "worker/watcher.h"
#include "worker/workdir.h"

/* There is something to tell the server: at once, or with the next that goes. */
typedef void sq_tell_fn(void *arg, bool urgent);

struct sq_tasks_conf {
    const char *state_dir;
    const char *base_workdir, *worker_file_name;
    const char *settings_file; /* that transfers read too, or NULL */
    int autoclean;
    int container_runtime; /* enum sq_runtime; -1: what there is */
    int64_t concurrency;   /* until the server says another */
    bool no_spawn;         /* succeed at once without running: for the bench */
    sq_tell_fn *tell;
    void *tell_arg;
    /* Nothing can be started here any more, and no waiting helps: the worker must end.
     */
    void (*unable)(void *arg, const char *why);
    void *unable_arg;
};

struct sq_tasks {
    const struct sq_tasks_conf *conf;
    struct sq_loop *loop;
    struct sq_spool *spool;
    struct sq_workdirs dirs;
    struct sq_watcher watcher;
    struct sq_arena arena; /* a spawn's words and environment */

    struct sq_sup *sup; /* NULL: lost, to be opened again */
    struct sq_watch sup_watch;
    unsigned sup_events;
    struct sq_timer sup_retry;
    char sup_instance[SQ_INSTANCE_MAX];
    bool sup_ready, sup_lost, sup_failing; /* failing: and it was said */

    struct sq_staging staging;

    int64_t concurrency, prefetch; /* of its row */
    int cores;
    int64_t slots_used, places_used;
    double spared;   /* by what holds a slot and weighs less, or more, than 1 */
    char *weights;   /* of its row; NULL: every task weighs 1 */
    int64_t task_us; /* what tasks take of late, from asking for one to its end */
    struct sq_execution_list ahead; /* beyond our places, taken on when one is free */
    struct sq_timer ahead_timer;    /* the oldest of them has waited too long */
    int quiet;                      /* looks at them since a task ended */
    bool closed;                    /* nothing is taken on any more */
    bool accepting;                 /* sq_ahead_take is at work: do not nest */
    bool starting;                  /* start_waiting is at work: do not nest */
    bool worked;                    /* has run something */
    struct sq_task_env env;

    struct sq_containers containers;

    struct sq_idmap by_id;
    struct sq_execution_list all, waiting, dirty;
    struct sq_execution_list done; /* to be put away by the timer */
    struct sq_timer done_timer;
    struct sq_timer stock_timer; /* directories are to be made */
    size_t untold;               /* taken on, "accepted" not cut yet */

    /* Over, but an answer under way may still bring them. */
    struct sq_idmap over;
    bool remember;
};

int sq_tasks_init(struct sq_tasks *t, const struct sq_tasks_conf *conf,
                  struct sq_loop *loop, struct sq_spool *spool, struct sq_err *err);
void sq_tasks_fini(struct sq_tasks *t);

/* News from the server. */
/* `ahead`: the server was told that it may give more than we have places. */
void sq_tasks_arrive(struct sq_tasks *t, const struct sq_assignment *a, bool ahead);
void sq_tasks_signal(struct sq_tasks *t, int64_t execution_id, int signal);
void sq_tasks_withdraw(struct sq_tasks *t, int64_t execution_id);
void sq_tasks_withdraw_all(struct sq_tasks *t);
/* Directories are made for as many; running commands above a smaller concurrency go on.
 */
void sq_tasks_set_places(struct sq_tasks *t, int64_t concurrency, int64_t prefetch);
/* What running tasks of other batches weigh: the text of its row, or NULL. */
void sq_tasks_set_weights(struct sq_tasks *t, const char *weights);
/* Remove the resources that none uses. */
void sq_tasks_reset_resources(struct sq_tasks *t);
/* The server has stored this record; called before the spool drops it. */
void sq_tasks_acknowledged(struct sq_tasks *t, const struct sq_record *r);
/* Forget how far anything was told: all of it will be told again. */
void sq_tasks_retell(struct sq_tasks *t);
/* From now on (true) remember what ends; false: forget it, no late news can come. */
void sq_tasks_remember(struct sq_tasks *t, bool remember);

bool sq_tasks_idle(const struct sq_tasks *t);
/* ahead.c: how many tasks more than places the server may give with an answer that
 * takes round_us: what will have ended by then. */
int64_t sq_tasks_ahead(const struct sq_tasks *t, int64_t round_us);
/* From now on nothing is taken on: what has no place yet, and what still comes, is
 * given back (at the next call of this). */
void sq_tasks_close(struct sq_tasks *t);
/* Clean shutdown: the supervisor may end when nothing runs. */
void sq_tasks_leave(struct sq_tasks *t);

/* report.c: cut what is to be told, at most about a push's worth, into the spool. */
void sq_tasks_cut(struct sq_tasks *t);
bool sq_tasks_dirty(const struct sq_tasks *t);
/* The spool's records, and what is held, as arrays. */
void sq_tasks_write_records(struct sq_tasks *t, struct sq_jw *w);
void sq_tasks_write_holding(const struct sq_tasks *t, struct sq_jw *w);
void sq_tasks_rewrite_spool(struct sq_tasks *t);

#endif
