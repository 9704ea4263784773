/* Notices that running commands write: inotify on the working directories.
 *
 * A directory is watched once, when it is made, and stays so through all its
 * executions.  After a first event the descriptor rests for SQ_WATCH_REST, so that a
 * command writing a million lines wakes us a few times a second, not a million.
 * Where the kernel grants no watch, the directory is looked at every SQ_WATCH_REST
 * while something runs. */
#ifndef SQ_WORKER_WATCHER_H
#define SQ_WORKER_WATCHER_H

#include "worker/idmap.h"
#include "worker/loop.h"
#include "worker/workdir.h"

enum { SQ_WATCH_REST_US = 200000 };

/* Something was written to an output file of `d`; NULL: perhaps to any. */
typedef void sq_written_fn(void *arg, struct sq_workdir *d);

struct sq_watcher {
    struct sq_loop *loop;
    struct sq_watch watch;
    struct sq_timer rest;
    struct sq_idmap dirs; /* by watch number */
    int unwatched;        /* directories without a watch */
    bool said, active;
    sq_written_fn *fn;
    void *arg;
};

void sq_watcher_init(struct sq_watcher *w, struct sq_loop *loop, sq_written_fn *fn,
                     void *arg);
void sq_watcher_fini(struct sq_watcher *w);
void sq_watcher_add(struct sq_watcher *w, struct sq_workdir *d);
void sq_watcher_remove(struct sq_watcher *w, struct sq_workdir *d);
/* Whether anything runs: only then unwatched directories are looked at. */
void sq_watcher_active(struct sq_watcher *w, bool active);

#endif
