/* Between the worker and scitq-watch, the small program that runs a provider's watch
 * (provider.h) beside it: `scitq-watch PLUGIN PARENT_PID [SETTINGS]`.
 *
 * What it has to say are lines on standard error, each a letter for its level and a
 * space before it; the rest is its exit code.  It ends with its parent. */
#ifndef SQ_WORKER_WATCH_H
#define SQ_WORKER_WATCH_H

enum sq_watch_exit {
    SQ_WATCH_EVICTED = 0, /* the provider takes this machine back */
    SQ_WATCH_TROUBLE = 1, /* it may go better the next time */
    SQ_WATCH_USAGE = 2,
    SQ_WATCH_BLIND = 3 /* nothing will ever be seen here */
};

#define SQ_WATCH_LEVELS "ewid" /* enum sq_level, by its first letter */

#endif
