/* What can be had in the regions that the settings want: flavors, their offers, and
 * limits.  From OVH's API where its keys are set, which knows prices and what is sold
 * out, else from Nova, which knows neither. */
#include "providers/openstack/openstack.h"

#include <stdlib.h>
#include <string.h>

/* Nova's ram is MiB, its disk GiB; the ephemeral one is a second. */
static int one_flavor(struct sales *s, const json_t *row, const char *region,
                      struct sq_err *err)
{
    struct size size = {0};
    const char *name = text_of(row, "name");
    copy(size.name, sizeof size.name, name);
    size.cpu = (int)json_integer_value(json_object_get(row, "vcpus"));
    size.ram_gb =
        (double)json_integer_value(json_object_get(row, "ram")) * 1048576 / 1e9;
    size.disk_gb =
        (double)json_integer_value(json_object_get(row, "disk")) +
        (double)json_integer_value(json_object_get(row, "OS-FLV-EXT-DATA:ephemeral"));
    if (strncmp(name, "bm", 2) == 0)
        strcpy(size.tags, "M");
    if (!*name || strlen(name) >= sizeof size.name || size.cpu < 1 || size.ram_gb < 0 ||
        size.disk_gb < 0)
        return 0;
    return sales_add(s, &size, region, 0, err);
}

static int fetch_nova(struct sq_provider *p, struct sq_call *call, struct sales *s,
                      const char *name, struct sq_err *err)
{
    const struct region *region;
    char *url = NULL;
    json_t *rows = NULL, *row;
    size_t i;
    int rc = login_token(p, call, false, err);
    if (rc == 0)
        rc = catalog_find(p, name, &region, err);
    if (rc)
        return rc;
    if (asprintf(&url, "%s/flavors/detail", region->compute) < 0)
        return no_memory(err);
    rc = api_list(p, call, "list flavors", url, "flavors", &rows, err);
    free(url);
    json_array_foreach(rows, i, row)
    {
        if (rc == 0)
            rc = one_flavor(s, row, name, err);
    }
    json_decref(rows);
    return rc;
}

/* Where the settings want none, all regions of the cloud. */
static int want_regions(struct sq_provider *p, struct sq_call *call, struct sq_err *err)
{
    int rc = p->wanted.n > 0 ? 0 : login_token(p, call, false, err);
    if (rc || p->wanted.n > 0)
        return rc;
    for (int i = 0; i < p->n_regions; i++) {
        struct wanted_region *w = &p->wanted.regions[p->wanted.n];
        if (!p->regions[i].compute)
            continue;
        p->wanted.n++;
        copy(w->name, sizeof w->name, p->regions[i].name);
        w->cpus = SQ_UNKNOWN;
    }
    return 0;
}

static int fetch(struct sq_provider *p, struct sq_call *call, struct sq_err *err)
{
    struct sales *s;
    int rc = p->sales ? 0 : want_regions(p, call, err);
    if (rc || p->sales)
        return rc;
    s = calloc(1, sizeof *s);
    if (!s)
        return no_memory(err);
    if (p->application)
        rc = ovh_fetch(p, call, s, err);
    for (int i = 0; !p->application && i < p->wanted.n && rc == 0; i++) {
        rc = fetch_nova(p, call, s, p->wanted.regions[i].name, err);
        tell(call, 100 * (i + 1) / p->wanted.n);
    }
    if (rc)
        sales_free(s);
    else
        p->sales = s;
    return rc;
}

int openstack_flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                      struct sq_call *call, struct sq_err *err)
{
    int rc = fetch(p, call, err);
    return rc ? rc : sales_flavors(p->sales, each, arg);
}

int openstack_offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                     struct sq_call *call, struct sq_err *err)
{
    int rc = fetch(p, call, err);
    return rc ? rc : sales_offers(p->sales, false, each, arg);
}

/* The project's limit (compute API, "Show Rate And Absolute Limits"); -1 is none. */
static int ask_limit(struct sq_provider *p, struct sq_call *call, const char *name,
                     int64_t *ret, struct sq_err *err)
{
    const struct region *region;
    const json_t *cores;
    struct api a = {0};
    int rc = login_token(p, call, false, err);
    if (rc == 0)
        rc = catalog_find(p, name, &region, err);
    if (rc == 0)
        rc = api_init(&a, err, "GET", "tell its limits", "%s/limits", region->compute);
    if (rc == 0)
        rc = api_call(p, call, &a, err);
    cores =
        json_object_get(json_object_get(json_object_get(a.json, "limits"), "absolute"),
                        "maxTotalCores");
    if (rc == 0 && !json_is_integer(cores))
        rc =
            sq_fail(err, SQ_EPROTO, "openstack tells its limits without maxTotalCores");
    else if (rc == 0)
        *ret = json_integer_value(cores) < 0 ? SQ_UNKNOWN : json_integer_value(cores);
    api_fini(&a);
    return rc;
}

int openstack_quotas(struct sq_provider *p, sq_quota_fn each, void *arg,
                     struct sq_call *call, struct sq_err *err)
{
    int rc = want_regions(p, call, err);
    return rc ? rc : wanted_quotas(&p->wanted, ask_limit, p, each, arg, call, err);
}
