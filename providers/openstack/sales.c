/* What can be had in the regions that the settings want: flavors, their offers, and
 * limits.  From OVH's API where its keys are set, which knows prices and what is sold
 * out, else from Nova, which knows neither. */
#include "providers/openstack/openstack.h"

#include <stdlib.h>
#include <string.h>

#define SALES_MAX 100000 /* OVH has some 200 flavors and 20 regions */

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

static size_t size_index(const struct sales *s, const char *name)
{
    size_t i = 0;
    while (i < s->n_sizes && strcmp(s->sizes[i].name, name) != 0)
        i++;
    return i;
}

int sales_add(struct sales *s, const struct size *size, const char *region, double cost,
              struct sq_err *err)
{
    size_t i = size_index(s, size->name);
    if (grow((void **)&s->sizes, s->n_sizes, &s->room_sizes, sizeof *s->sizes) ||
        grow((void **)&s->sales, s->n_sales, &s->room_sales, sizeof *s->sales))
        return no_memory(err);
    if (i == s->n_sizes)
        s->sizes[s->n_sizes++] = *size;
    for (size_t j = 0; j < s->n_sales; j++)
        if (s->sales[j].size == i && strcmp(s->sales[j].region, region) == 0)
            return 0;
    s->sales[s->n_sales] = (struct sale){.size = i, .cost = cost};
    copy(s->sales[s->n_sales++].region, SQ_WORD_SIZE, region);
    return 0;
}

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
    json_array_foreach(rows, i, row) if (rc == 0) rc = one_flavor(s, row, name, err);
    json_decref(rows);
    return rc;
}

/* Where the settings want none, all regions of the cloud. */
static int want_regions(struct sq_provider *p, struct sq_call *call, struct sq_err *err)
{
    int rc = p->n_wanted > 0 ? 0 : login_token(p, call, false, err);
    if (rc || p->n_wanted > 0)
        return rc;
    for (int i = 0; i < p->n_regions; i++) {
        if (!p->regions[i].compute)
            continue;
        copy(p->wanted[p->n_wanted].name, SQ_WORD_SIZE, p->regions[i].name);
        p->wanted[p->n_wanted++].cpus = SQ_UNKNOWN;
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
    for (int i = 0; !p->application && i < p->n_wanted && rc == 0; i++) {
        rc = fetch_nova(p, call, s, p->wanted[i].name, err);
        tell(call, 100 * (i + 1) / p->n_wanted);
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
    for (size_t i = 0; rc == 0 && i < p->sales->n_sizes; i++) {
        const struct size *s = &p->sales->sizes[i];
        struct sq_flavor f = {.name = s->name,
                              .cpu = s->cpu,
                              .ram_gb = s->ram_gb,
                              .disk_gb = s->disk_gb,
                              .gpu = s->gpu,
                              .gpumem_gb = s->gpumem_gb,
                              .tags = s->tags};
        rc = each(arg, &f);
    }
    return rc;
}

int openstack_offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                     struct sq_call *call, struct sq_err *err)
{
    int rc = fetch(p, call, err);
    for (size_t i = 0; rc == 0 && i < p->sales->n_sales; i++) {
        const struct sale *s = &p->sales->sales[i];
        struct sq_offer o = {.flavor = p->sales->sizes[s->size].name,
                             .region = s->region,
                             .cost = s->cost};
        rc = each(arg, &o);
    }
    return rc;
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
    for (int i = 0; rc == 0 && i < p->n_wanted; i++) {
        struct sq_quota q = {p->wanted[i].name, p->wanted[i].cpus};
        if (q.cpus == SQ_UNKNOWN)
            rc = ask_limit(p, call, q.region, &q.cpus, err);
        if (rc == 0)
            rc = each(arg, &q);
    }
    return rc;
}
