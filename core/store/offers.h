/* Offers: a flavor in a region with its price, as the providers told (catalog.h). */
#ifndef SQ_STORE_OFFERS_H
#define SQ_STORE_OFFERS_H

#include "core/model/entity.h"
#include "core/model/protofilter.h"
#include "core/store/listing.h"

/* " and (…)" for each rule, over `flavor f join flavormetrics m`.  True of the same
 * offers as sq_protofilter_match().  `f` is borrowed until the statement has started.
 */
void sq_offers_where(struct sq_listing *q, const struct sq_protofilter *f);

/* Is that a list of provider:pattern, separated by commas?  SQ_EINVAL. */
int sq_preferred_check(const char *preferred, struct sq_err *err);
/* Offers, preferred regions first, then the cheapest; of those the smallest. */
struct sq_offer_query {
    const char *name, *provider, *region;
    double min_cpu, min_ram, min_disk; /* 0: any */
    const struct sq_protofilter *filter;
    bool with_room; /* only where a quota leaves room */
    int64_t limit;
    const char *preferred;
};
int sq_offers_list(struct sq_db *db, const struct sq_offer_query *q,
                   struct sq_arena *arena, struct sq_offered **ret, size_t *ret_n,
                   struct sq_err *err);

#endif
