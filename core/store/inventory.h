/* The hosts that Ansible knows from the database: the workers whose ansible_active is
 * set (1.3's column; ansible_host and ansible_group are beside it), and those that
 * scitq-inventory, or a job, added with their variables, in tables of their own. */
#ifndef SQ_STORE_INVENTORY_H
#define SQ_STORE_INVENTORY_H

#include "core/store/db.h"
#include "lib/arena.h"

struct sq_inventory_host {
    char *host, *group;
};
struct sq_inventory_variable {
    char *host, *name, *value;
};
struct sq_inventory {
    struct sq_inventory_host *hosts; /* by name */
    size_t n_hosts;
    struct sq_inventory_variable *variables; /* by host, then name */
    size_t n_variables;
};

/* What is to be said of a host; texts are borrowed.  `group` NULL: as it is, `manual`
 * for a new host. */
struct sq_inventory_change {
    const char *host, *group;
    struct sq_inventory_variable *variables; /* `host` is not read */
    size_t n_variables;
};

/* All of it, in the arena. */
int sq_inventory_read(struct sq_db *db, struct sq_arena *arena,
                      struct sq_inventory *ret, struct sq_err *err);
/* Put a host in, or change what is there: other variables stay.  With `known`, one that
 * is not there is SQ_ENOENT.  SQ_EINVAL by core/model/inventory.h. */
int sq_inventory_put(struct sq_tx *tx, const struct sq_inventory_change *change,
                     bool known, struct sq_err *err);
/* Forget it; a worker of that name stays, and is not active for Ansible any more.
 * SQ_ENOENT. */
int sq_inventory_remove(struct sq_tx *tx, const char *host, struct sq_err *err);

#endif
