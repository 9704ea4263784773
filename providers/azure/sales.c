/* What is sold in the regions of AZURE_REGIONS: flavors, their offers, and limits.  The
 * sizes are fetched once an instance: flavors tells them, offers adds what they cost.
 */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>

#define SALES_MAX 100000 /* Azure has some 1,000 sizes and 60 regions */

void sales_free(struct sales *s)
{
    if (!s)
        return;
    free(s->sizes);
    free(s->sales);
    free(s);
}

/* Room for one more; -1: out of memory, or more than we believe. */
static int grow(void **io_rows, size_t n, size_t *io_room, size_t size)
{
    size_t room = *io_room ? *io_room * 2 : 64;
    void *rows;
    if (n < *io_room)
        return 0;
    rows = room <= SALES_MAX ? realloc(*io_rows, room * size) : NULL;
    if (!rows)
        return -1;
    *io_rows = rows;
    *io_room = room;
    return 0;
}

static int size_index(const struct sales *s, const char *name)
{
    for (size_t i = 0; i < s->n_sizes; i++)
        if (strcasecmp(s->sizes[i].name, name) == 0)
            return (int)i;
    return -1;
}

struct sale *sales_find(struct sales *s, const char *size, int region)
{
    int i = size_index(s, size);
    for (size_t j = 0; i >= 0 && j < s->n_sales; j++)
        if (s->sales[j].size == i && s->sales[j].region == region)
            return &s->sales[j];
    return NULL;
}

struct reading {
    struct sq_provider *p;
    struct sales *s;
    int region;
};

static int one_sku(void *arg, json_t *sku, struct sq_err *err)
{
    struct reading *r = arg;
    struct sales *s = r->s;
    int i = size_index(s, text_of(sku, "name"));
    if (!size_fits(r->p, sku, r->p->regions[r->region].name) || !*text_of(sku, "name"))
        return 0;
    if (grow((void **)&s->sizes, s->n_sizes, &s->room_sizes, sizeof *s->sizes) ||
        grow((void **)&s->sales, s->n_sales, &s->room_sales, sizeof *s->sales))
        return no_memory(err);
    if (i < 0) {
        size_read(sku, &s->sizes[s->n_sizes]);
        i = (int)s->n_sizes++;
    }
    if (!sales_find(s, text_of(sku, "name"), r->region))
        s->sales[s->n_sales++] = (struct sale){.size = i, .region = r->region};
    return 0;
}

static int fetch_region(struct sq_provider *p, struct sq_call *call, struct sales *s,
                        int region, struct sq_err *err)
{
    struct reading r = {p, s, region};
    struct arm a;
    int rc =
        arm_init(&a, p, err, "GET", "list its sizes",
                 "/subscriptions/%s/providers/Microsoft.Compute/skus?$filter=location"
                 "%%20eq%%20'%s'&api-version=" SKUS,
                 p->subscription, p->regions[region].name);
    return rc ? rc : arm_list(p, call, &a, one_sku, &r, err);
}

static int need_regions(const struct sq_provider *p, struct sq_err *err)
{
    if (p->n_regions > 0)
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
    for (int i = 0; i < p->n_regions && rc == 0; i++) {
        rc = fetch_region(p, call, s, i, err);
        tell(call, 100 * (i + 1) / p->n_regions);
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
    for (size_t i = 0; rc == 0 && i < p->sales->n_sizes; i++) {
        const struct size *s = &p->sales->sizes[i];
        char gpu[64], tags[3];
        struct sq_flavor f = {.name = s->name,
                              .cpu = s->cpu,
                              .ram_gb = s->ram_gb,
                              .disk_gb = s->disk_gb,
                              .gpu = gpu,
                              .tags = tags};
        size_gpu(s, gpu, sizeof gpu, &f.gpumem_gb);
        copy(tags, sizeof tags,
             s->gpus && s->nvme ? "GN"
             : s->gpus          ? "G"
             : s->nvme          ? "N"
                                : "");
        rc = each(arg, &f);
    }
    return rc;
}

int azure_offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                 struct sq_call *call, struct sq_err *err)
{
    int rc = fetch(p, call, err);
    for (int i = 0; rc == 0 && i < p->n_regions; i++)
        rc = prices_fetch(p, call, i, err);
    if (rc == 0)
        rc = eviction_fetch(p, call, err);
    for (size_t i = 0; rc == 0 && i < p->sales->n_sales; i++) {
        const struct sale *s = &p->sales->sales[i];
        struct sq_offer o = {.flavor = p->sales->sizes[s->size].name,
                             .region = p->regions[s->region].name,
                             .cost = s->cost,
                             .eviction = s->eviction};
        /* What has no price of its kind is not sold as that kind. */
        if (s->cost > 0)
            rc = each(arg, &o);
    }
    return rc;
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
    for (int i = 0; rc == 0 && i < p->n_regions; i++) {
        struct sq_quota q = {p->regions[i].name, p->regions[i].cpus};
        if (q.cpus == SQ_UNKNOWN)
            rc = ask_limit(p, call, q.region, &q.cpus, err);
        if (rc == 0)
            rc = each(arg, &q);
    }
    return rc;
}
