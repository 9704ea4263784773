/* How often spot machines are taken back: the table SpotResources of the Resource Graph
 * has it by size and region, for the last 28 days and an hour of running, in steps of 5
 * % (learn.microsoft.com/azure/virtual-machines/spot-vms, "Azure Resource Graph"). */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN_EVICTION 5
#define QUERY                                                                          \
    "SpotResources"                                                                    \
    " | where type =~ 'microsoft.compute/skuspotevictionrate/location'"                \
    " | where location in~ (%s)"                                                       \
    " | project skuName = tostring(sku.name), location,"                               \
    " spotEvictionRate = tostring(properties.evictionRate)"                            \
    " | order by skuName asc, location asc"

/* "5-10" is 10, its worse end; "20+" is 25, a step more. */
static int percent(const char *rate)
{
    const char *dash = strchr(rate, '-');
    int value = atoi(dash ? dash + 1 : rate) + (strchr(rate, '+') ? 5 : 0);
    return value > 0 && value <= 100 ? value : UNKNOWN_EVICTION;
}

/* As the settings write it, "" where they do not name it. */
static const char *region_of(const struct sq_provider *p, const char *name)
{
    for (int i = 0; i < p->wanted.n; i++)
        if (strcasecmp(p->wanted.regions[i].name, name) == 0)
            return p->wanted.regions[i].name;
    return "";
}

static void read_rows(struct sq_provider *p, const json_t *rows)
{
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct sale *sale = sales_find(p->sales, text_of(row, "skuName"),
                                       region_of(p, text_of(row, "location")));
        if (sale && *text_of(row, "spotEvictionRate"))
            sale->eviction = percent(text_of(row, "spotEvictionRate"));
    }
}

/* The query for the regions of the settings; the caller frees it. */
static char *make_query(const struct sq_provider *p)
{
    char names[REGIONS_MAX * (SQ_WORD_SIZE + 4)] = "", *ret = NULL;
    for (int i = 0; i < p->wanted.n; i++) {
        char *end = names + strlen(names);
        snprintf(end, sizeof names - (size_t)(end - names), "%s'%s'", i ? ", " : "",
                 p->wanted.regions[i].name);
    }
    return asprintf(&ret, QUERY, names) < 0 ? NULL : ret;
}

/* 1: there is another page, whose token `body` has now. */
static int one_page(struct sq_provider *p, struct sq_call *call, json_t *body,
                    struct sq_err *err)
{
    struct arm a;
    const char *token;
    int rc =
        arm_init(&a, p, err, "POST", "tell its eviction rates",
                 "/providers/Microsoft.ResourceGraph/resources?api-version=" GRAPH);
    a.body = json_incref(body);
    if (rc == 0)
        rc = arm_call(p, call, &a, err);
    if (rc == 0 && !json_is_array(json_object_get(a.json, "data")))
        rc = sq_fail(err, SQ_EPROTO, "azure's eviction rates are no list");
    if (rc == 0) {
        read_rows(p, json_object_get(a.json, "data"));
        token = text_of(a.json, "$skipToken");
        rc = *token != 0;
        if (rc == 1 && json_object_set_new(json_object_get(body, "options"),
                                           "$skipToken", json_string(token)))
            rc = no_memory(err);
    }
    arm_fini(&a);
    return rc;
}

static int all_pages(struct sq_provider *p, struct sq_call *call, struct sq_err *err)
{
    char *query = make_query(p);
    json_t *body = query ? json_pack("{s:[s], s:s, s:{s:i, s:s}}", "subscriptions",
                                     p->subscription, "query", query, "options", "$top",
                                     1000, "resultFormat", "objectArray")
                         : NULL;
    int rc = body ? 1 : no_memory(err), pages = 0;
    free(query);
    while (rc == 1)
        rc = ++pages <= PAGES_MAX
                 ? one_page(p, call, body, err)
                 : sq_fail(err, SQ_EPROTO, "azure's eviction rates have no end");
    json_decref(body);
    return rc;
}

int eviction_fetch(struct sq_provider *p, struct sq_call *call, struct sq_err *err)
{
    struct sales *s = p->sales;
    int rc;
    for (size_t i = 0; i < s->n_sales; i++)
        s->sales[i].eviction = p->spot ? UNKNOWN_EVICTION : 0;
    if (!p->spot || s->n_sales == 0)
        return 0;
    rc = all_pages(p, call, err);
    /* Who may make machines may be forbidden to ask this. */
    if (rc == SQ_EAUTH) {
        p->host->log(p->host, SQ_SAY_WARNING, "eviction rates are taken to be %d: %s",
                     UNKNOWN_EVICTION, err ? err->text : "");
        rc = 0;
    }
    return rc;
}
