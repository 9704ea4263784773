/* What sizes cost in a region, from the retail prices, which anybody may ask for
 * (learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices).  A
 * size has an item for Linux and one for Windows, each at the full price, as Spot and
 * as Low Priority, which is its older brother. */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>

#define PATH                                                                           \
    "%s/api/retail/prices?api-version=" PRICES                                         \
    "&$filter=serviceName%%20eq%%20'Virtual%%20Machines'"                              \
    "%%20and%%20armRegionName%%20eq%%20'%s'"                                           \
    "%%20and%%20priceType%%20eq%%20'Consumption'"

static bool ends(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The price of the kind of machine that we make. */
static bool is_ours(const struct sq_provider *p, const json_t *item)
{
    const char *meter = text_of(item, "meterName");
    if (strcmp(text_of(item, "unitOfMeasure"), "1 Hour") != 0 ||
        strcmp(text_of(item, "type"), "Consumption") != 0 ||
        ends(text_of(item, "productName"), " Windows") ||
        strstr(text_of(item, "productName"), "Cloud Services"))
        return false;
    return p->spot ? ends(meter, " Spot")
                   : !ends(meter, " Spot") && !ends(meter, " Low Priority");
}

static void read_items(struct sq_provider *p, const char *region, const json_t *items)
{
    const json_t *item;
    size_t i;
    json_array_foreach(items, i, item)
    {
        double cost = json_number_value(json_object_get(item, "retailPrice"));
        struct sale *sale =
            is_ours(p, item) ? sales_find(p->sales, text_of(item, "armSkuName"), region)
                             : NULL;
        if (sale && cost > 0 && (sale->cost <= 0 || cost < sale->cost))
            sale->cost = cost;
    }
}

/* One page; *ret_next the address of the next, to be freed, NULL after the last. */
static int one_page(struct sq_provider *p, struct sq_call *call, const char *region,
                    const char *url, char **ret_next, struct sq_err *err)
{
    const struct sq_web_header header = {"Accept", "application/json"};
    struct sq_web_request request = {
        .method = "GET", .url = url, .headers = &header, .n_headers = 1};
    struct sq_web_answer *answer = NULL;
    json_t *json;
    int rc = p->host->web(p->host, call, &request, &answer, err);
    if (rc)
        return rc;
    json = json_loadb(answer->body, answer->body_len, 0, NULL);
    if (answer->status != 200)
        rc = words_fail("tell its prices", answer->status, json, false, err);
    else if (!json_is_array(json_object_get(json, "Items")))
        rc = sq_fail(err, SQ_EPROTO,
                     "azure's prices are not what they should be: check "
                     "AZURE_PRICES_ENDPOINT");
    else
        read_items(p, region, json_object_get(json, "Items"));
    if (rc == 0 && *text_of(json, "NextPageLink")) {
        *ret_next = strdup(text_of(json, "NextPageLink"));
        rc = *ret_next ? 0 : no_memory(err);
    }
    json_decref(json);
    p->host->web_free(answer);
    return rc;
}

int prices_fetch(struct sq_provider *p, struct sq_call *call, const char *region,
                 struct sq_err *err)
{
    char *url = NULL, *next = NULL;
    int rc = 0, pages = 0;
    if (asprintf(&url, PATH, p->prices, region) < 0)
        return no_memory(err);
    while (rc == 0 && url) {
        next = NULL;
        rc = one_page(p, call, region, url, &next, err);
        free(url);
        url = next;
        if (rc == 0 && ++pages > PAGES_MAX)
            rc = sq_fail(err, SQ_EPROTO, "azure's prices have more than %d pages",
                         PAGES_MAX);
    }
    free(url);
    return rc;
}
