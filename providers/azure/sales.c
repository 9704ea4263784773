/* What is sold in the regions of AZURE_REGIONS: flavors, their offers, and limits.  The
 * sizes are fetched once an instance: flavors tells them, offers adds what they cost.
 */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct sq_provider *p;
    struct sales *s;
    const char *region;
};

static int one_sku(void *arg, json_t *sku, struct sq_err *err)
{
    struct reading *r = arg;
    struct size size;
    if (!size_fits(r->p, sku, r->region) || !*text_of(sku, "name"))
        return 0;
    size_read(sku, &size);
    return sales_add(r->s, &size, r->region, 0, err);
}

static int fetch_region(struct sq_provider *p, struct sq_call *call, struct sales *s,
                        const char *region, struct sq_err *err)
{
    struct reading r = {p, s, region};
    struct arm a;
    int rc =
        arm_init(&a, p, err, "GET", "list its sizes",
                 "/subscriptions/%s/providers/Microsoft.Compute/skus?$filter=location"
                 "%%20eq%%20'%s'&api-version=" SKUS,
                 p->subscription, region);
    return rc ? rc : arm_list(p, call, &a, one_sku, &r, err);
}

static int need_regions(const struct sq_provider *p, struct sq_err *err)
{
    if (p->wanted.n > 0)
        return 0;
    return sq_fail(err, SQ_EINVAL,
                   "AZURE_REGIONS is not set: name the regions to take machines from, "
                   "separated by spaces");
}

static int fetch(struct sq_provider *p, struct sq_call *call, struct sq_err *err)
{
    struct sales *s;
    int rc = need_regions(p, err);
    if (rc || p->sales)
        return rc;
    s = calloc(1, sizeof *s);
    if (!s)
        return no_memory(err);
    s->any_case = true;
    for (int i = 0; i < p->wanted.n && rc == 0; i++) {
        rc = fetch_region(p, call, s, p->wanted.regions[i].name, err);
        tell(call, 100 * (i + 1) / p->wanted.n);
    }
    if (rc)
        sales_free(s);
    else
        p->sales = s;
    return rc;
}

int azure_flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    int rc = fetch(p, call, err);
    return rc ? rc : sales_flavors(p->sales, each, arg);
}

int azure_offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                 struct sq_call *call, struct sq_err *err)
{
    int rc = fetch(p, call, err);
    for (int i = 0; rc == 0 && i < p->wanted.n; i++)
        rc = prices_fetch(p, call, p->wanted.regions[i].name, err);
    if (rc == 0)
        rc = eviction_fetch(p, call, err);
    /* What has no price of its kind is not sold as that kind. */
    return rc ? rc : sales_offers(p->sales, true, each, arg);
}

struct limit {
    const char *name;
    int64_t cpus;
};

static int one_usage(void *arg, json_t *row, struct sq_err *err)
{
    struct limit *l = arg;
    const json_t *limit = json_object_get(row, "limit");
    (void)err;
    if (strcmp(text_of(json_object_get(row, "name"), "value"), l->name) == 0 &&
        json_is_integer(limit) && json_integer_value(limit) >= 0)
        l->cpus = json_integer_value(limit);
    return 0;
}

/* The processors that the subscription may have in a region: of spot machines together,
 * or of all others. */
static int ask_limit(struct sq_provider *p, struct sq_call *call, const char *region,
                     int64_t *ret, struct sq_err *err)
{
    struct limit l = {p->spot ? "lowPriorityCores" : "cores", SQ_UNKNOWN};
    struct arm a;
    int rc =
        arm_init(&a, p, err, "GET", "tell its quotas",
                 "/subscriptions/%s/providers/Microsoft.Compute/locations/%s/usages?"
                 "api-version=" COMPUTE,
                 p->subscription, region);
    if (rc == 0)
        rc = arm_list(p, call, &a, one_usage, &l, err);
    if (rc == 0)
        *ret = l.cpus;
    return rc;
}

int azure_quotas(struct sq_provider *p, sq_quota_fn each, void *arg,
                 struct sq_call *call, struct sq_err *err)
{
    int rc = need_regions(p, err);
    return rc ? rc : wanted_quotas(&p->wanted, ask_limit, p, each, arg, call, err);
}
