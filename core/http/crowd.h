/* How many strangers there may be: connections that have not shown yet that they may
 * call anything, and wrong tokens, counted by the address they come from (of IPv6 the
 * first 64 bits, which one machine has to itself).
 *
 * Who is trusted, or has shown a token that is right, is not counted: no number of
 * workers behind one address is too many, and nobody's mistakes lock out others.  Any
 * thread. */
#ifndef SQ_HTTP_CROWD_H
#define SQ_HTTP_CROWD_H

#include <scitq/error.h>
#include "core/http/trust.h"

enum {
    SQ_CROWD_ADDRESS = 256, /* unproved connections of one address */
    SQ_CROWD_ALL = 8192,    /* and of all */
    SQ_CROWD_WRONG = 10     /* wrong tokens a minute, of one address */
};

struct sq_crowd;
struct sq_crowd_entry;
/* A connection's; zeroed before its first use. */
struct sq_place {
    struct sq_crowd_entry *entry; /* NULL: not counted */
};

int sq_crowd_new(struct sq_crowd **ret, struct sq_err *err);
void sq_crowd_free(struct sq_crowd *c); /* NULL is allowed */

/* False: there are too many already, and `place` is not counted. */
bool sq_crowd_enter(struct sq_crowd *c, const unsigned char *address,
                    struct sq_place *place);
/* It has shown that it may, or it has gone: it counts no more.  Twice is once. */
void sq_crowd_leave(struct sq_crowd *c, struct sq_place *place);
/* A wrong token came from there, at `now` (sq_monotonic()): how many did within the
 * minute, this one included; 0 where nobody can count it. */
int sq_crowd_wrong(struct sq_crowd *c, const unsigned char *address, int64_t now);

#endif
