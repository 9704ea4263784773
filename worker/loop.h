/* The worker's one loop: file descriptors, timers and signals, on one thread.
 *
 * Nothing called from here may block.  Timers are few (a dozen), so a sorted list
 * serves them and epoll's own timeout wakes them: that costs no system call, as a
 * timerfd would.  Watches and timers are the caller's memory and may be stopped
 * from any callback, their own included. */
#ifndef SQ_WORKER_LOOP_H
#define SQ_WORKER_LOOP_H

#include <signal.h>
#include <sys/epoll.h>
#include <scitq/error.h>
#include "lib/util.h"

typedef void sq_watch_fn(void *arg, unsigned events); /* EPOLLIN, EPOLLOUT… */
struct sq_watch {
    int fd; /* -1 when not watched */
    sq_watch_fn *fn;
    void *arg;
};

typedef void sq_timer_fn(void *arg);
struct sq_timer {
    sq_timer_fn *fn;
    void *arg;
    int64_t due; /* monotonic, microseconds; 0 when stopped */
    struct sq_timer *next;
};

typedef void sq_signal_fn(void *arg, int signal);

enum { SQ_LOOP_BATCH = 16 };
struct sq_loop {
    int epoll;
    bool stopped;
    struct sq_timer *timers; /* earliest first */
    struct epoll_event ready[SQ_LOOP_BATCH];
    int n_ready;
    struct sq_watch signals;
    sq_signal_fn *on_signal;
    void *signal_arg;
};

int sq_loop_init(struct sq_loop *l, struct sq_err *err);
void sq_loop_fini(struct sq_loop *l);

/* Watch `fd` for `events`, or change what is watched. */
int sq_loop_watch(struct sq_loop *l, struct sq_watch *w, int fd, unsigned events,
                  struct sq_err *err);
void sq_loop_unwatch(struct sq_loop *l, struct sq_watch *w);

/* Call the timer's fn once, after `delay_us`; replaces an earlier setting. */
void sq_timer_set(struct sq_loop *l, struct sq_timer *t, int64_t delay_us);
/* The same, but never later than it is set already. */
void sq_timer_hasten(struct sq_loop *l, struct sq_timer *t, int64_t delay_us);
void sq_timer_stop(struct sq_loop *l, struct sq_timer *t);

/* Block these signals in the process and hand them to `fn` from the loop. */
int sq_loop_signals(struct sq_loop *l, const sigset_t *set, sq_signal_fn *fn, void *arg,
                    struct sq_err *err);

/* Run until sq_loop_stop.  SQ_EIO when epoll itself fails. */
int sq_loop_run(struct sq_loop *l, struct sq_err *err);
void sq_loop_stop(struct sq_loop *l);

#endif
