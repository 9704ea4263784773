/* Recruiters in the database (product.md section 8). */
#ifndef SQ_STORE_RECRUITER_H
#define SQ_STORE_RECRUITER_H

#include "core/model/entity.h"
#include "core/model/protofilter.h"
#include "core/store/db.h"
#include "lib/arena.h"

/* SQ_ENOENT. */
int sq_recruiter_get(struct sq_db *db, const char *batch, int64_t rank,
                     struct sq_arena *arena, struct sq_recruiter *ret,
                     struct sq_err *err);
/* Made, or put in the place of the one with the same key.  SQ_EINVAL: a bad batch,
 * number or protofilter. */
int sq_recruiter_put(struct sq_tx *tx, const struct sq_recruiter *values,
                     struct sq_recruiter *ret, struct sq_err *err);
/* The fields of `mask`. */
int sq_recruiter_update(struct sq_tx *tx, const char *batch, int64_t rank,
                        const struct sq_recruiter *values, uint64_t mask,
                        struct sq_recruiter *ret, struct sq_err *err);
int sq_recruiter_delete(struct sq_tx *tx, const char *batch, int64_t rank,
                        struct sq_recruiter *ret, struct sq_err *err);

/* A running worker, and what is known of its flavor. */
struct sq_candidate {
    int64_t worker_id, concurrency;
    char *batch, *properties, *flavor;
    struct sq_proto_facts facts;
};
/* Those that `batch` could be given: of other batches that have nothing pending, with
 * no task of this one left from before.  NULL: all that run. */
int sq_recruiter_candidates(struct sq_db *db, const char *batch, struct sq_arena *arena,
                            struct sq_candidate **ret, size_t *ret_n,
                            struct sq_err *err);
/* Is its flavor one the recruiter asks for, by name or by protofilter? */
bool sq_recruiter_fits(const struct sq_recruiter *r, const struct sq_candidate *c);

/* Running workers whose flavor is one that these ask for, by id. */
int sq_recruiter_match(struct sq_db *db, const struct sq_recruiter *rules,
                       size_t n_rules, struct sq_arena *arena, struct sq_worker **ret,
                       size_t *ret_n, struct sq_err *err);

/* One whose batch has pending tasks, in the order they act. */
struct sq_recruiter_due {
    struct sq_recruiter r;
    int64_t pending, workers; /* of the batch */
};
int sq_recruiters_due(struct sq_db *db, struct sq_arena *arena,
                      struct sq_recruiter_due **ret, size_t *ret_n, struct sq_err *err);

#endif
