/* Recruited workers in the database: which offer is chosen, the row and the job of a
 * worker that is to come, and what its provider said of its machine.
 *
 * A worker is made in one transaction: its name, its row (offline until it comes), its
 * machine's token, a worker_create job that is done with that, and the worker_deploy
 * job that core/fleet carries out. */
#ifndef SQ_STORE_RECRUITED_H
#define SQ_STORE_RECRUITED_H

#include "core/model/entity.h"
#include "core/store/changes.h"
#include "core/store/db.h"
#include "lib/arena.h"

/* EVICTION_ACTION: what is done about a recruited worker whose machine is taken back.
 */
enum sq_eviction { SQ_EVICTION_NONE, SQ_EVICTION_DELETE, SQ_EVICTION_REPLACE };

struct sq_recruited_conf {
    const char *server_name; /* short: names of workers begin with it */
    const char *preferred;   /* PREFERRED_REGIONS; NULL: none */
    int64_t retry;           /* WORKER_CREATE_RETRY */
    enum sq_eviction eviction;
    int64_t cost_margin; /* EVICTION_COST_MARGIN */
};

/* "auto" as provider or region leaves it open, as NULL does. */
struct sq_recruited_wanted {
    const char *flavor, *provider, *region, *batch;
    int64_t concurrency, prefetch;
};

/* Where a worker is to be: what was said plainly is believed, the rest is the best
 * offer with room in its quota.  SQ_EINVAL; SQ_ECAPACITY: nothing offered fits, and
 * why. */
int sq_recruited_choose(struct sq_db *db, const char *preferred,
                        const struct sq_recruited_wanted *wanted,
                        struct sq_arena *arena, struct sq_offered *ret,
                        struct sq_err *err);

/* One more worker.  SQ_EINVAL: a bad protofilter, batch or number; SQ_ECAPACITY:
 * nothing offered fits. */
int sq_recruited_make(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                      const struct sq_recruited_wanted *wanted, int64_t *ret_worker_id,
                      struct sq_err *err);
/* The job that destroys a recruited worker, unless there is one. */
int sq_recruited_destroy(struct sq_tx *tx, const struct sq_worker *w,
                         struct sq_err *err);

/* What EVICTION_ACTION says, once for an eviction; of workers that nobody recruited,
 * nothing.  A replacement is of the same provider, at least as large, no likelier to be
 * evicted and at most `cost_margin` times as dear; the cheapest that is not the very
 * offer taken back, or that one where there is no other. */
int sq_recruited_evicted(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                         int64_t worker_id, struct sq_err *err);

/* What the fleet has to know of a worker. */
struct sq_recruited_machine {
    int64_t worker_id;
    char *name, *batch;
    int64_t concurrency; /* at least 1 */
    char *flavor, *region, *provider, *token, *machine;
    char *tags; /* of its flavor; "" */
    bool came;  /* its worker has registered */
};
/* SQ_ENOENT. */
int sq_recruited_machine(struct sq_db *db, int64_t worker_id, struct sq_arena *arena,
                         struct sq_recruited_machine *ret, struct sq_err *err);
/* Where it is; the texts may be "".  `group` is Ansible's; NULL: no playbook concerns
 * it. */
int sq_recruited_set_machine(struct sq_tx *tx, int64_t worker_id, const char *machine,
                             const char *ipv4, const char *ipv6, const char *group,
                             struct sq_err *err);

#endif
