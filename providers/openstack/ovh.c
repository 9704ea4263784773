/* What OVH's own API adds: which flavors can be had in a region now, whether they have
 * a GPU or NVMe disks or are metal, and what they cost.
 *
 * api.ovh.com/1.0: /cloud/project/ID/flavor?region=R, signed; the prices are in the
 * public catalog, /order/catalog/public/cloud, which anybody may ask for, in units of
 * 10^-8 of its currency.  A signature holds the time by OVH's clock, which is asked
 * first (the description of the client in github.com/ovh/python-ovh). */
#include "providers/openstack/openstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Errors are {"errorCode": "INVALID_KEY", "message": "…"}. */
static int refused(const char *what, int status, const json_t *body, struct sq_err *err)
{
    const char *said = text_of(body, "message");
    int code = status == 401 || status == 403                    ? SQ_EAUTH
               : strstr(text_of(body, "errorCode"), "SIGNATURE") ? SQ_EAUTH
               : status == 429                                   ? SQ_EBUSY
               : status >= 500 || status == 408                  ? SQ_EIO
               : status >= 400                                   ? SQ_EINVAL
                                                                 : SQ_EPROTO;
    return sq_fail(err, code, "ovh cannot %s: %.200s (%d)%s", what,
                   *said ? said : "it does not say why", status,
                   code == SQ_EAUTH
                       ? ": check OVH_APPLICATIONKEY, OVH_APPLICATIONSECRET and "
                         "OVH_CONSUMERKEY"
                   : status == 404 ? ": check OS_PROJECT_ID and OVH_REGIONS"
                                   : "");
}

static int get(struct sq_provider *p, struct sq_call *call, const char *what,
               const char *url, const struct sq_web_header *headers, size_t n_headers,
               json_t **ret, struct sq_err *err)
{
    struct sq_web_request request = {
        .method = "GET", .url = url, .headers = headers, .n_headers = n_headers};
    struct sq_web_answer *answer = NULL;
    json_t *json;
    int rc = p->host->web(p->host, call, &request, &answer, err);
    if (rc)
        return rc;
    json = json_loadb(answer->body, answer->body_len, JSON_DECODE_ANY, NULL);
    if (answer->status != 200)
        rc = refused(what, answer->status, json, err);
    else if (!json)
        rc = sq_fail(err, SQ_EPROTO,
                     "ovh cannot %s: it answers something that is no JSON: check "
                     "OVH_ENDPOINT",
                     what);
    p->host->web_free(answer);
    if (rc)
        json_decref(json);
    else
        *ret = json;
    return rc;
}

static int ask_time(struct sq_provider *p, struct sq_call *call, struct sq_err *err)
{
    static const struct sq_web_header accept = {"Accept", "application/json"};
    char *url = NULL;
    json_t *json = NULL;
    int rc;
    if (p->ovh_asked)
        return 0;
    if (asprintf(&url, "%s/auth/time", p->ovh) < 0)
        return no_memory(err);
    rc = get(p, call, "tell the time", url, &accept, 1, &json, err);
    if (rc == 0 && !json_is_integer(json))
        rc = sq_fail(err, SQ_EPROTO, "ovh tells no time: check OVH_ENDPOINT");
    if (rc == 0) {
        p->ovh_ahead_s = json_integer_value(json) - (int64_t)time(NULL);
        p->ovh_asked = true;
    }
    json_decref(json);
    free(url);
    return rc;
}

/* "$1$" and the SHA-1 of secret, consumer, method, address, body and time. */
static int sign(const struct sq_provider *p, const char *url, const char *at,
                char ret[44], struct sq_err *err)
{
    char *text = NULL;
    if (asprintf(&text, "%s+%s+GET+%s++%s", p->secret, p->consumer, url, at) < 0)
        return no_memory(err);
    strcpy(ret, "$1$");
    sha1(text, ret + 3);
    free(text);
    return 0;
}

static int get_signed(struct sq_provider *p, struct sq_call *call, const char *what,
                      const char *url, json_t **ret, struct sq_err *err)
{
    char at[24], signature[44];
    int rc = ask_time(p, call, err);
    if (rc)
        return rc;
    snprintf(at, sizeof at, "%lld", (long long)(time(NULL) + p->ovh_ahead_s));
    rc = sign(p, url, at, signature, err);
    if (rc)
        return rc;
    {
        const struct sq_web_header headers[] = {{"Accept", "application/json"},
                                                {"X-Ovh-Application", p->application},
                                                {"X-Ovh-Consumer", p->consumer},
                                                {"X-Ovh-Timestamp", at},
                                                {"X-Ovh-Signature", signature}};
        return get(p, call, what, url, headers, 5, ret, err);
    }
}

/* ---- What the catalog knows of a flavor ---- */

static const json_t *find_addon(const json_t *addons, const char *plan)
{
    const json_t *row;
    size_t i;
    json_array_foreach(addons, i, row)
    {
        if (strcmp(text_of(row, "planCode"), plan) == 0)
            return row;
    }
    return NULL;
}

/* The price of an hour; 0: none is known. */
static double cost_of(const json_t *addon)
{
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(addon, "pricings"), i, row)
    {
        double price = json_number_value(json_object_get(row, "price"));
        if (strcmp(text_of(row, "intervalUnit"), "hour") == 0 && price > 0)
            return price / 1e8;
    }
    return 0;
}

/* The NVMe disks are beside the one that Nova knows. */
static double nvme_gb(const json_t *technical)
{
    const json_t *row, *storage = json_object_get(technical, "storage");
    double all = 0;
    size_t i;
    json_array_foreach(json_object_get(storage, "disks"), i, row)
    {
        if (strcasecmp(text_of(row, "technology"), "NVMe") == 0)
            all += json_number_value(json_object_get(row, "capacity")) *
                   json_number_value(json_object_get(row, "number"));
    }
    return all;
}

static void read_gpu(const json_t *gpu, struct size *ret)
{
    int n = (int)json_integer_value(json_object_get(gpu, "number"));
    if (!json_is_object(gpu))
        return;
    snprintf(ret->gpu, sizeof ret->gpu, "%d x %.40s", n, text_of(gpu, "model"));
    ret->gpumem_gb =
        json_number_value(json_object_get(json_object_get(gpu, "memory"), "size"));
}

/* Its type is "ovh.ssd.gpu", "ovh.baremetal", "ovh.iops" and the like; its RAM 7000 for
 * what the catalog calls 7 GB. */
static void read_size(const json_t *row, const json_t *technical, struct size *ret)
{
    const char *type = text_of(row, "type");
    double memory = json_number_value(
        json_object_get(json_object_get(technical, "memory"), "size"));
    *ret = (struct size){0};
    copy(ret->name, sizeof ret->name, text_of(row, "name"));
    ret->cpu = (int)json_integer_value(json_object_get(row, "vcpus"));
    ret->ram_gb =
        memory > 0 ? memory : json_number_value(json_object_get(row, "ram")) / 1000;
    ret->disk_gb = json_number_value(json_object_get(row, "disk")) + nvme_gb(technical);
    read_gpu(json_object_get(technical, "gpu"), ret);
    if (ret->gpu[0] || strstr(type, "gpu"))
        strcat(ret->tags, "G");
    if (strstr(type, "baremetal") || strncmp(ret->name, "bm", 2) == 0)
        strcat(ret->tags, "M");
    if (nvme_gb(technical) > 0)
        strcat(ret->tags, "N");
}

static int one_flavor(struct sales *s, const json_t *row, const json_t *addons,
                      const char *region, struct sq_err *err)
{
    const json_t *addon =
        find_addon(addons, text_of(json_object_get(row, "planCodes"), "hourly"));
    const json_t *technical =
        json_object_get(json_object_get(addon, "blobs"), "technical");
    struct size size;
    if (!json_is_true(json_object_get(row, "available")) ||
        strcmp(text_of(row, "osType"), "windows") == 0)
        return 0;
    read_size(row, technical, &size);
    if (!size.name[0] || strlen(text_of(row, "name")) >= sizeof size.name ||
        size.cpu < 1 || size.ram_gb < 0 || size.disk_gb < 0 || size.gpumem_gb < 0)
        return 0;
    return sales_add(s, &size, region, cost_of(addon), err);
}

static int fetch_region(struct sq_provider *p, struct sq_call *call, struct sales *s,
                        const json_t *addons, const char *region, struct sq_err *err)
{
    char *url = NULL, *escaped = escape(region);
    json_t *rows = NULL, *row;
    size_t i;
    int rc;
    if (!escaped || asprintf(&url, "%s/cloud/project/%s/flavor?region=%s", p->ovh,
                             p->project, escaped) < 0) {
        free(escaped);
        return no_memory(err);
    }
    free(escaped);
    rc = get_signed(p, call, "list flavors", url, &rows, err);
    free(url);
    if (rc == 0 && !json_is_array(rows))
        rc = sq_fail(err, SQ_EPROTO, "ovh cannot list flavors: it tells no list");
    json_array_foreach(rows, i, row)
    {
        if (rc == 0)
            rc = one_flavor(s, row, addons, region, err);
    }
    json_decref(rows);
    return rc;
}

static int fetch_catalog(struct sq_provider *p, struct sq_call *call, json_t **ret,
                         struct sq_err *err)
{
    static const struct sq_web_header accept = {"Accept", "application/json"};
    char *url = NULL;
    int rc;
    if (asprintf(&url, "%s/order/catalog/public/cloud?ovhSubsidiary=%s", p->ovh,
                 p->subsidiary) < 0)
        return no_memory(err);
    rc = get(p, call, "tell its prices", url, &accept, 1, ret, err);
    free(url);
    return rc;
}

int ovh_fetch(struct sq_provider *p, struct sq_call *call, struct sales *s,
              struct sq_err *err)
{
    json_t *catalog = NULL;
    int rc = fetch_catalog(p, call, &catalog, err);
    if (rc == 0 && !json_is_array(json_object_get(catalog, "addons")))
        rc = sq_fail(err, SQ_EPROTO,
                     "ovh's catalog is not what it should be: check OVH_ENDPOINT");
    for (int i = 0; rc == 0 && i < p->wanted.n; i++) {
        rc = fetch_region(p, call, s, json_object_get(catalog, "addons"),
                          p->wanted.regions[i].name, err);
        tell(call, 100 * (i + 1) / p->wanted.n);
    }
    json_decref(catalog);
    return rc;
}
