/* Removing trees, beside the loop: a directory with a million files takes seconds.
 *
 * One thread at a time, started for a job and gone after it; its answer comes back
 * through a pipe.  At exit a running job is left to end with the process: what is not
 * emptied is found and emptied by the next one. */
#ifndef SQ_WORKER_CLEANER_H
#define SQ_WORKER_CLEANER_H

#include "worker/loop.h"

/* The job is over; `ok` is false when something could not be removed (logged). */
typedef void sq_cleaned_fn(void *arg, void *item, bool ok);

struct sq_clean_job;
struct sq_cleaner {
    struct sq_loop *loop;
    struct sq_watch watch;
    int pipe[2];
    struct sq_clean_job *first, **last; /* the first one is being done */
    bool busy;
    sq_cleaned_fn *done;
    void *arg;
};

int sq_cleaner_init(struct sq_cleaner *c, struct sq_loop *loop, sq_cleaned_fn *done,
                    void *arg, struct sq_err *err);
void sq_cleaner_fini(struct sq_cleaner *c);

/* Empty the open directory `dir` but for the folders and files named in `keep` (static,
 * ended by NULL); folders that are kept are emptied themselves, files that are kept
 * stay as they are.  With `keep` NULL its entry `name` goes instead, whatever it is.
 * Descriptors, not paths: what a command puts in a path's place must not be emptied.
 * `path` is for words. */
void sq_cleaner_add(struct sq_cleaner *c, int dir, const char *name, const char *path,
                    const char *const *keep, void *item);

#endif
