/* The right to work on a database, each role's own (product.md section 2, --role):
 *
 *   - to schedule: one process at a time has it, of role queue or all;
 *   - to serve: processes of role main share it, one of role all has it alone.
 *
 * It goes with the connection that writes, so that whoever lost it cannot write
 * either.  Whoever changes the tables of a database that has some must have it too;
 * making them in an empty one needs nothing (schema.h).  One thread at a time. */
#ifndef SQ_STORE_LEASE_H
#define SQ_STORE_LEASE_H

#include "core/store/db.h"

enum sq_role { SQ_ROLE_ALL, SQ_ROLE_MAIN, SQ_ROLE_QUEUE };

struct sq_lease;

/* On SQLite only SQ_ROLE_ALL. */
int sq_lease_new(enum sq_role role, struct sq_lease **ret, struct sq_err *err);
/* Gives it up, once the connection it was taken on is closed too.  NULL is allowed. */
void sq_lease_free(struct sq_lease *l);

/* Take it on the connection `db`, outside a transaction; taking again what is held is
 * success, also on a new connection when the former one was lost.  Waits a few seconds
 * at most.  SQ_EEXIST with the sentence when another process has it: who, on which
 * database, what to do; SQ_EIO and the like when nothing can be said. */
int sq_lease_take(struct sq_lease *l, struct sq_db *db, struct sq_err *err);

#endif
