/* What a provider offers, as rows: its flavors, where each is sold at what price, and
 * the quotas of its regions.  All is cleared and told anew, in one transaction. */
#ifndef SQ_STORE_CATALOG_H
#define SQ_STORE_CATALOG_H

#include "core/model/entity.h"
#include "core/store/changes.h"
#include "core/store/db.h"

int sq_catalog_clear(struct sq_tx *tx, const char *provider, struct sq_err *err);
/* `bandwidth` NAN: not known. */
int sq_catalog_flavor(struct sq_tx *tx, const struct sq_offered *f, double bandwidth,
                      struct sq_err *err);
/* Of an offer name, provider, region, cost and eviction count. */
int sq_catalog_offer(struct sq_tx *tx, const struct sq_offered *o, struct sq_err *err);
/* `cpus` SQ_NULL: no quota. */
int sq_catalog_region(struct sq_tx *tx, const char *provider, const char *region,
                      int64_t cpus, struct sq_err *err);

#endif
