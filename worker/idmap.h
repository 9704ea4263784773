/* A map from a positive id to a pointer: open addressing, linear probing, grown at
 * three quarters.  For the executions a worker holds, by the id the server gave. */
#ifndef SQ_WORKER_IDMAP_H
#define SQ_WORKER_IDMAP_H

#include "lib/util.h"

struct sq_idmap {
    struct sq_idmap_slot {
        int64_t id; /* 0: empty */
        void *value;
    } * slots;
    size_t cap, len; /* cap is a power of two, or 0 */
};

void sq_idmap_fini(struct sq_idmap *m);
void *sq_idmap_get(const struct sq_idmap *m, int64_t id); /* NULL when absent */
/* False when out of memory; an existing id gets the new value. */
bool sq_idmap_put(struct sq_idmap *m, int64_t id, void *value);
void *sq_idmap_remove(struct sq_idmap *m, int64_t id); /* the value, or NULL */

#endif
