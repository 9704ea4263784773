/* The list of jobs that --worker is given (worker.h), read and looked through: two
 * that would bring a file of one name into one folder are both refused, with the
 * reason, before anything is moved. */
#ifndef SQ_CLI_FETCH_ORDERS_H
#define SQ_CLI_FETCH_ORDERS_H

#include <jansson.h>
#include <scitq/error.h>
#include "lib/arena.h"

struct sq_order {
    int64_t id;
    /* Borrowed from the JSON; but for op and uri, or NULL. */
    const char *op, *uri, *to, *from, *names;
    bool hash;        /* of what is put */
    const char *name; /* what it brings is called, below `to`; NULL: not known before */
    const struct sq_order *twin; /* another one that brings that name, from elsewhere */
};

struct sq_orders {
    struct sq_order *all;
    size_t n;
    int timeout_s;
    struct sq_arena arena;
};

/* `list` must outlive it. */
int sq_orders_read(const json_t *list, struct sq_orders *ret, struct sq_err *err);
void sq_orders_fini(struct sq_orders *o);
/* Remove what a process that was killed left in the folders that these fetch into:
 * nobody else moves data there. */
void sq_orders_sweep(const struct sq_orders *o);
/* SQ_EEXIST when it has a twin. */
int sq_order_check(const struct sq_order *o, struct sq_err *err);

#endif
