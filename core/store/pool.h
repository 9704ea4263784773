/* Connections for reading, shared by the HTTP threads.  They never see a half-made
 * change; a page of a list is read in one statement and the connection given back,
 * so that a slow client holds none. */
#ifndef SQ_STORE_POOL_H
#define SQ_STORE_POOL_H

#include "core/store/db.h"

struct sq_pool;

int sq_pool_open(const char *uri, int size, struct sq_pool **ret, struct sq_err *err);
void sq_pool_close(struct sq_pool *p);
/* Any thread; waits for one to be free, at most 10 s (SQ_EBUSY); opens it again when
 * it was lost (SQ_EIO says why not). */
int sq_pool_get(struct sq_pool *p, struct sq_db **ret, struct sq_err *err);
void sq_pool_put(struct sq_pool *p, struct sq_db *db);

#endif
