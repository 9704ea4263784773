/* Work that takes long but not a process of its own (linking, sealing, emptying trees),
 * beside the loop: one thread at a time, in the order given; answers come back to the
 * loop through a pipe. */
#ifndef SQ_WORKER_ASIDE_H
#define SQ_WORKER_ASIDE_H

#include <pthread.h>
#include "worker/loop.h"

struct sq_aside_job {
    void (*work)(struct sq_aside_job *job); /* on the thread: nothing but the job's */
    void (*done)(struct sq_aside_job *job); /* on the loop; the job is its again */
    struct sq_aside_job *next;
    int answer; /* the pipe */
};

struct sq_aside {
    struct sq_loop *loop;
    struct sq_watch watch;
    int pipe[2];
    struct sq_aside_job *first, **last; /* the first one is being done */
    pthread_t thread;
    bool busy;
};

int sq_aside_init(struct sq_aside *a, struct sq_loop *loop, struct sq_err *err);
/* Waits for the one being done; all not told yet are told then (`done` is called), the
 * others without their work. */
void sq_aside_fini(struct sq_aside *a);
/* Waits for nothing: the one being done ends by itself or with the process and is never
 * told, so that its memory has to stay; the others are given to `drop`. */
void sq_aside_abandon(struct sq_aside *a, void (*drop)(struct sq_aside_job *job));
/* The job is the caller's memory until `done`.  Where no thread can be had the work is
 * done here, and told from the loop all the same. */
void sq_aside_add(struct sq_aside *a, struct sq_aside_job *job);

#endif
