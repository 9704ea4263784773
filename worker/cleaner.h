/* Removing trees, beside the loop (aside.h): a directory with a million files takes
 * seconds.  At exit a running job is left to end with the process: what is not emptied
 * is found and emptied by the next one. */
#ifndef SQ_WORKER_CLEANER_H
#define SQ_WORKER_CLEANER_H

#include "worker/aside.h"

/* The job is over; `ok` is false when something could not be removed (logged). */
typedef void sq_cleaned_fn(void *arg, void *item, bool ok);

struct sq_cleaner {
    struct sq_aside aside;
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
