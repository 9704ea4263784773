/* Notices what running commands do in their working directories, by inotify.
 *
 * A directory and its four folders are watched from when it is made, through all its
 * executions.  Writing to the output files is told; anything made or changed elsewhere
 * marks the directory as touched, so that one in which nothing happened, as is the
 * rule for quick commands, needs no emptying.  A folder's watch fires once and is then
 * renewed when the directory was emptied: a command making a million files costs one
 * event.
 *
 * After a first event the descriptor rests for SQ_WATCH_REST_US, so that a command
 * writing a million lines wakes us a few times a second, not a million.  Where the
 * kernel grants no watch, a directory counts as touched always, and its output is
 * looked at every SQ_WATCH_REST_US while something runs. */
#ifndef SQ_WORKER_WATCHER_H
#define SQ_WORKER_WATCHER_H

#include "worker/idmap.h"
#include "worker/loop.h"

enum { SQ_WATCH_REST_US = 200000 };

/* What is watched of a directory, and its bit when touched. */
enum sq_watched { SQ_WATCH_TOP, SQ_WATCH_OUTPUT, SQ_WATCH_OTHERS, SQ_WATCHES = 5 };
enum { SQ_TOUCHED_ALL = (1 << SQ_WATCHES) - 1 };

struct sq_workdir;
/* Something was written to an output file of `d`; NULL: perhaps to any. */
typedef void sq_written_fn(void *arg, struct sq_workdir *d);

struct sq_watcher {
    struct sq_loop *loop;
    struct sq_watch watch;
    struct sq_timer rest;
    int mounts;           /* /proc/self/mounts, which polls as changed */
    struct sq_idmap dirs; /* by watch number */
    int unwatched;        /* directories without all their watches */
    bool said, active;
    sq_written_fn *fn;
    void *arg;
};

void sq_watcher_init(struct sq_watcher *w, struct sq_loop *loop, sq_written_fn *fn,
                     void *arg);
void sq_watcher_fini(struct sq_watcher *w);
/* Watch what is not watched (any more), and take the directory for untouched. */
void sq_watcher_renew(struct sq_watcher *w, struct sq_workdir *d);
void sq_watcher_remove(struct sq_watcher *w, struct sq_workdir *d);
/* Take in all events up to now: then d->touched is the truth. */
void sq_watcher_look(struct sq_watcher *w);
/* Whether anything runs: only then unwatched directories are looked at. */
void sq_watcher_active(struct sq_watcher *w, bool active);

#endif
