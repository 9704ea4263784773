/* Offers: a flavor in a region with its price, as the providers told. */
#ifndef SQ_STORE_OFFERS_H
#define SQ_STORE_OFFERS_H

#include "core/model/protofilter.h"
#include "core/store/listing.h"

/* " and (…)" for each rule, over `flavor f join flavormetrics m`.  True of the same
 * offers as sq_protofilter_match().  `f` is borrowed until the statement has started.
 */
void sq_offers_where(struct sq_listing *q, const struct sq_protofilter *f);

#endif
