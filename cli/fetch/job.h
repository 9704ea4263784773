/* What is asked for, one piece at a time: a job is one fetch, one upload, one listing.
 *
 * A job counts the bytes it moved, can be stopped from outside (a signal, a time limit,
 * ten minutes without a byte), and makes the calls that plugins are given.  The threads
 * that move data only read and count here; the main thread watches (watch.h). */
#ifndef SQ_CLI_FETCH_JOB_H
#define SQ_CLI_FETCH_JOB_H

#include <pthread.h>
#include <scitq/storage.h>
#include <stdatomic.h>
#include "lib/util.h"

enum sq_stop {
    SQ_STOP_NOT = 0,
    SQ_STOP_KILLED,  /* a signal */
    SQ_STOP_LATE,    /* the time limit of the whole */
    SQ_STOP_STALLED, /* SQ_STALL_S without a byte */
};
enum { SQ_STALL_S = 600 };

struct sq_fetch;
struct sq_job {
    struct sq_fetch *fetch;
    int64_t id;
    char *label; /* owned: what messages and progress bars call it */
    _Atomic int64_t moved_bytes;
    _Atomic int64_t total_bytes; /* SQ_UNKNOWN */
    _Atomic int64_t files, total_files;
    _Atomic int64_t alive_us; /* when the last byte moved, monotonic */
    _Atomic int stop;         /* enum sq_stop */
    int stop_fd;              /* readable once stopped */
    struct sq_job *next;
    int64_t told_bytes; /* of the watch: what it last reported */
};

struct sq_stores;
/* The program's own state. */
struct sq_fetch {
    struct sq_stores *stores;
    int parallel; /* transfers at once */
    bool verbose;
    int timeout_s;        /* for everything together; 0: none */
    bool no_replace;      /* what is fetched takes no other file's place */
    pthread_mutex_t lock; /* of `jobs` */
    struct sq_job *jobs;  /* open now */
    _Atomic int stop;     /* for those opened later */
};

int sq_fetch_init(struct sq_fetch *f, struct sq_err *err);
void sq_fetch_fini(struct sq_fetch *f);
/* Stop every job, open or to come. */
void sq_fetch_stop(struct sq_fetch *f, enum sq_stop why);

int sq_job_open(struct sq_fetch *f, int64_t id, const char *label, struct sq_job *job,
                struct sq_err *err);
void sq_job_close(struct sq_job *job);
void sq_job_stop(struct sq_job *job, enum sq_stop why); /* the first reason stays */
bool sq_job_stopped(const struct sq_job *job);
/* The error of a stopped job. */
int sq_job_stop_error(const struct sq_job *job, struct sq_err *err);
/* Something happened: it is not stalled. */
void sq_job_alive(struct sq_job *job);

/* One call to a plugin on behalf of a job.  Kept for all tries of one transfer, so that
 * bytes sent again are counted once. */
struct sq_leg {
    struct sq_call call;
    struct sq_job *job;
    int64_t done_bytes;
    bool alone; /* this leg's total is the job's */
};
void sq_leg_init(struct sq_leg *leg, struct sq_job *job, bool alone);

/* Try `once` until it succeeds, fails for good, or failed too often in a row without
 * moving further; the pauses grow, and end at once when the job is stopped. */
typedef int sq_try_fn(void *arg, struct sq_err *err);
int sq_retry(struct sq_job *job, sq_try_fn *once, void *arg, struct sq_err *err);

/* Call `one` for each of n items, `parallel` at a time.  After the first error no new
 * one is begun; that error is returned. */
typedef int sq_each_fn(void *arg, size_t i, struct sq_err *err);
int sq_each(int parallel, size_t n, sq_each_fn *one, void *arg, struct sq_err *err);

#endif
