/* A writer for tests: operations that can be held, made to fail or to read, and hooks
 * that note what they saw. */
#ifndef SQ_TESTS_CONTRACT_WRITER_WORLD_H
#define SQ_TESTS_CONTRACT_WRITER_WORLD_H

#include "tests/contract/contract.h"

#include <semaphore.h>

#include "core/store/writer.h"

/* One operation: inserts a region named `name`. */
struct insertion {
    struct sq_op op;
    struct sq_arena arena;
    char name[40];
    const char *sql; /* run instead, may fail */
    int fail;        /* the operation's own error, after its change */
    sem_t *gate;     /* waited for inside the transaction */
    sem_t *inside;   /* posted when there */
    sem_t *done;
    int answered;
    struct sq_stmt *asked; /* regions, by ask() */
    int64_t read;          /* what read() saw, SQ_NULL: not called */
};
void insertion_init(struct insertion *i, const char *name, sem_t *done);

/* What the hooks saw. */
struct seen {
    int settled, committed, batches;
    bool sweep, refuse; /* refuse: settle fails, after a change of its own */
    bool looks;         /* settle reads something */
    char last[40];
};

/* Start one whose hooks fill in `seen`, emptied first. */
struct sq_writer *writer_start(struct contract *c, struct seen *seen, int queue_max);
/* Insert, or run `sql`, and wait. */
int writer_call(struct sq_writer *w, const char *name, const char *sql, int fail,
                struct sq_err *err);
int64_t regions(struct contract *c);

/* Keep the writer inside a transaction, so that what is submitted meanwhile makes one
 * group. */
struct held {
    struct insertion i;
    sem_t gate, inside, done;
};
void writer_hold(struct held *h, struct sq_writer *w);
void writer_let_go(struct held *h);

#endif
