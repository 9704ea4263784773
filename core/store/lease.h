/* The right to schedule on a database: one server at a time has it.
 *
 * It goes with the connection that writes, so that whoever lost it cannot write
 * either.  Whoever changes the tables of a database that has some must have it too;
 * making them in an empty one needs nothing (schema.h).  One thread at a time. */
#ifndef SQ_STORE_LEASE_H
#define SQ_STORE_LEASE_H

#include "core/store/db.h"

struct sq_lease;

int sq_lease_new(struct sq_lease **ret, struct sq_err *err);
/* Gives it up, once the connection it was taken on is closed too.  NULL is allowed. */
void sq_lease_free(struct sq_lease *l);

/* Take it on the connection `db`, outside a transaction; taking again what is held is
 * success, also on a new connection when the former one was lost.  Waits a few seconds
 * at most.  SQ_EEXIST with the sentence when another server has it: who, on which
 * database, what to do; SQ_EIO and the like when nothing can be said. */
int sq_lease_take(struct sq_lease *l, struct sq_db *db, struct sq_err *err);

#endif
