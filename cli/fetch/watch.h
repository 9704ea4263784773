/* The main thread while others move data: signals, time limits, progress. */
#ifndef SQ_CLI_FETCH_WATCH_H
#define SQ_CLI_FETCH_WATCH_H

#include "cli/fetch/job.h"

struct sq_watch {
    struct sq_fetch *fetch;
    int (*work)(void *arg); /* in a thread of its own */
    void *arg;
    int every_ms;                                /* between two ticks */
    void (*tick)(void *arg, struct sq_job *job); /* of each open job; NULL: nothing */
    void *tick_arg;
};

/* To be called before there is any other thread: from now on signals that end a program
 * are this module's. */
void sq_watch_block_signals(void);
/* Run `work` to its end; its result.  A signal stops every job, and *ret_signal is its
 * number (else 0). */
int sq_watch_run(const struct sq_watch *w, int *ret_signal, struct sq_err *err);

#endif
