/* The other processes of the server on the same PostgreSQL database (--role=main,
 * --role=queue): what each commits the others hear, and they write by turns.
 *
 * What is told is what each would have known of its own transaction (changes.h): the
 * scheduler's process where to look, those that serve whom to wake.  It is a part of
 * the transaction: heard when that is durable, and only then.  Who was away for a
 * while is told that anything may have changed. */
#ifndef SQ_STORE_PEERS_H
#define SQ_STORE_PEERS_H

#include "core/store/changes.h"
#include "core/store/lease.h"

struct sq_peers;

struct sq_peers_conf {
    const char *uri;
    enum sq_role role;
    /* The listening thread: what others committed, settled; in their order, several
     * transactions at once where they came faster.  While it does not return, what
     * comes waits. */
    void (*heard)(void *arg, const struct sq_changes *changes);
    void *arg;
};

int sq_peers_new(const struct sq_peers_conf *conf, struct sq_peers **ret,
                 struct sq_err *err);
/* NULL is allowed. */
void sq_peers_free(struct sq_peers *p);

/* Listen, until stopped.  What was committed before this returns may not be heard. */
int sq_peers_start(struct sq_peers *p, struct sq_err *err);
/* heard() is called no more.  NULL, and not started, are allowed. */
void sq_peers_stop(struct sq_peers *p);

/* The writer's, just after its transaction began: wait for a turn, so that what it
 * reads there is not being changed by another process meanwhile.  An error shows in
 * sq_db_error(): SQ_EBUSY when the turn did not come. */
void sq_peers_turn(struct sq_db *db);
/* The writer's, before the commit. */
void sq_peers_tell(struct sq_peers *p, struct sq_db *db, struct sq_changes *changes);

#endif
