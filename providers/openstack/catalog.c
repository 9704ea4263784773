/* The regions of a cloud, from the catalog that comes with a token (identity API v3,
 * "Service catalog"): for each service its addresses, in any order, of which the
 * settings choose the interface. */
#include "providers/openstack/openstack.h"

#include <stdlib.h>
#include <string.h>

/* The region of that name, made when it is new; NULL: there are too many. */
static struct region *region_of(struct sq_provider *p, const char *name)
{
    for (int i = 0; i < p->n_regions; i++)
        if (strcmp(p->regions[i].name, name) == 0)
            return &p->regions[i];
    if (p->n_regions == REGIONS_MAX || !*name || strlen(name) >= SQ_WORD_SIZE ||
        strpbrk(name, "/ "))
        return NULL;
    copy(p->regions[p->n_regions].name, SQ_WORD_SIZE, name);
    return &p->regions[p->n_regions++];
}

/* Without final slashes and, where `version` is not there yet, with it. */
static char *address_of(const char *url, const char *version)
{
    size_t len = strlen(url);
    char *ret = malloc(len + strlen(version) + 1);
    if (!ret)
        return NULL;
    strcpy(ret, url);
    while (len > 0 && ret[len - 1] == '/')
        ret[--len] = 0;
    if (len < strlen(version) || strcmp(ret + len - strlen(version), version) != 0)
        strcat(ret, version);
    return ret;
}

static int one_endpoint(struct sq_provider *p, const char *type, const json_t *end,
                        struct sq_err *err)
{
    const char *name = text_of(end, "region"), *url = text_of(end, "url");
    struct region *r;
    char **slot;
    if (strcmp(text_of(end, "interface"), p->interface) != 0 || !*url)
        return 0;
    if (strcmp(type, "compute") && strcmp(type, "image") && strcmp(type, "network"))
        return 0;
    r = region_of(p, *name ? name : text_of(end, "region_id"));
    if (!r)
        return 0;
    slot = type[0] == 'c' ? &r->compute : type[0] == 'i' ? &r->image : &r->network;
    if (!*slot)
        *slot = address_of(url, type[0] == 'c' ? "" : type[0] == 'i' ? "/v2" : "/v2.0");
    return *slot ? 0 : no_memory(err);
}

int catalog_read(struct sq_provider *p, const json_t *catalog, struct sq_err *err)
{
    const json_t *service, *end;
    size_t i, j;
    int rc = 0, usable = 0;
    if (p->n_regions > 0) /* a renewed token: a cloud does not move meanwhile */
        return 0;
    json_array_foreach(catalog, i, service)
    {
        json_array_foreach(json_object_get(service, "endpoints"), j, end)
        {
            if (rc == 0)
                rc = one_endpoint(p, text_of(service, "type"), end, err);
        }
    }
    for (int k = 0; k < p->n_regions; k++)
        usable += p->regions[k].compute != NULL;
    if (rc == 0 && usable == 0)
        rc = sq_fail(err, SQ_EPROTO,
                     "openstack's catalog has no compute service with the interface "
                     "%s: check OS_AUTH_URL, OS_PROJECT_ID and OS_INTERFACE",
                     p->interface);
    return rc;
}

int catalog_find(const struct sq_provider *p, const char *name,
                 const struct region **ret, struct sq_err *err)
{
    char names[300] = "";
    size_t at = 0;
    for (int i = 0; i < p->n_regions; i++) {
        const struct region *r = &p->regions[i];
        if (r->compute && strcmp(r->name, name) == 0) {
            *ret = r;
            return 0;
        }
        if (r->compute && at + strlen(r->name) + 2 < sizeof names) {
            strcat(strcat(names, " "), r->name);
            at = strlen(names);
        }
    }
    return sq_fail(err, SQ_EINVAL, "\"%.60s\" is no region of this cloud: it has%s",
                   name, names);
}

void catalog_free(struct sq_provider *p)
{
    for (int i = 0; i < p->n_regions; i++) {
        free(p->regions[i].compute);
        free(p->regions[i].image);
        free(p->regions[i].network);
    }
    p->n_regions = 0;
}
