/* Many files of one folder, in batches where the storage does those, else one by one,
 * several at a time.  What is done is done: a retry only concerns the rest. */
#ifndef SQ_CLI_FETCH_MANY_H
#define SQ_CLI_FETCH_MANY_H

#include "cli/fetch/move.h"

struct sq_store;
struct sq_many {
    struct sq_job *job;
    const struct sq_place *place; /* the storage's side */
    const char *dir;              /* this side */
    const char *const *names;
    size_t n;
    /* SQ_EUNSUPPORTED: one by one. */
    int (*batch)(struct sq_many *m, struct sq_store *store,
                 const struct sq_files *files, struct sq_call *call,
                 struct sq_err *err);
    /* One of them, retried.  Any thread. */
    int (*single)(struct sq_many *m, const char *name, struct sq_entry *ret,
                  struct sq_err *err);
    /* One is moved: its last step.  Any thread; NULL: none. */
    int (*finish)(void *arg, const char *name, const struct sq_entry *entry,
                  struct sq_err *err);
    void *arg;
    struct sq_moved *moved;
};

int sq_many_move(struct sq_many *m, struct sq_err *err);

#endif
