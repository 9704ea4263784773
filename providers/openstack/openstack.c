/* The openstack plugin: servers of an OpenStack cloud, and of OVH, which sells one.
 * login.c and catalog.c find the services, api.c speaks with them, words.c understands
 * their errors, servers.c knows what there is, launch.c makes machines, sales.c tells
 * what can be had, ovh.c what it costs there. */
#include "providers/openstack/openstack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sq_setting settings[] = {
    {"OS_AUTH_URL", SQ_SETTING_TEXT, NULL, 0,
     "address of Keystone, as in an openrc file"},
    {"OS_USERNAME", SQ_SETTING_TEXT, NULL, 0, "user that logs in"},
    {"OS_USER_ID", SQ_SETTING_TEXT, NULL, 0, "id of that user, instead of its name"},
    {"OS_PASSWORD", SQ_SETTING_TEXT, NULL, 1, "password of that user"},
    {"OS_USER_DOMAIN_NAME", SQ_SETTING_TEXT, NULL, 0,
     "domain of that user; Default if neither name nor id is set"},
    {"OS_USER_DOMAIN_ID", SQ_SETTING_TEXT, NULL, 0, "id of that domain"},
    {"OS_PROJECT_ID", SQ_SETTING_TEXT, NULL, 0, "project that machines are made in"},
    {"OS_PROJECT_NAME", SQ_SETTING_TEXT, NULL, 0,
     "name of that project, where its id is not set"},
    {"OS_PROJECT_DOMAIN_NAME", SQ_SETTING_TEXT, NULL, 0,
     "domain of that project; Default if neither name nor id is set"},
    {"OS_PROJECT_DOMAIN_ID", SQ_SETTING_TEXT, NULL, 0, "id of that domain"},
    {"OS_APPLICATION_CREDENTIAL_ID", SQ_SETTING_TEXT, NULL, 0,
     "application credential that logs in, instead of a password"},
    {"OS_APPLICATION_CREDENTIAL_NAME", SQ_SETTING_TEXT, NULL, 0,
     "name of that credential, where its id is not set"},
    {"OS_APPLICATION_CREDENTIAL_SECRET", SQ_SETTING_TEXT, NULL, 1,
     "secret of that credential"},
    {"OS_REGION_NAME", SQ_SETTING_TEXT, NULL, 0,
     "region to take machines from, where OVH_REGIONS is not set"},
    {"OS_INTERFACE", SQ_SETTING_TEXT, "public", 0,
     "which addresses of the catalog to use: public, internal or admin"},
    {"OS_IDENTITY_API_VERSION", SQ_SETTING_TEXT, "3", 0,
     "version of Keystone's API: 3"},
    {"OS_CACERT", SQ_SETTING_TEXT, NULL, 0,
     "file of the authorities that the cloud's certificates are from, instead of the "
     "system's"},
    {"OPENSTACK_IMAGE", SQ_SETTING_TEXT, "Ubuntu 22.04", 0, "image, by its name"},
    {"OPENSTACK_GPU_IMAGE", SQ_SETTING_TEXT, "NVIDIA GPU Cloud (NGC)", 0,
     "image of flavors with a GPU"},
    {"OPENSTACK_METAL_IMAGE", SQ_SETTING_TEXT, "Baremetal - Ubuntu 22.04", 0,
     "image of bare metal, flavors bm…"},
    {"OPENSTACK_NETWORK", SQ_SETTING_TEXT, "Ext-Net", 0, "network, by its name"},
    {"OPENSTACK_METAL_NETWORK", SQ_SETTING_TEXT, "Ext-Net-Baremetal", 0,
     "network of bare metal"},
    {"OPENSTACK_ZONE", SQ_SETTING_TEXT, "nova", 0,
     "availability zone; empty: the cloud's choice"},
    {"OPENSTACK_USER", SQ_SETTING_TEXT, "ubuntu", 0, "user of the image who logs in"},
    {"OPENSTACK_KEYNAME", SQ_SETTING_TEXT, NULL, 0,
     "key pair that the project has, in place of keyname of 02-scitq"},
    {"OVH_REGIONS", SQ_SETTING_TEXT, NULL, 0,
     "regions to take machines from, separated by spaces"},
    {"OVH_CPUQUOTAS", SQ_SETTING_TEXT, NULL, 0,
     "processors allowed in each of OVH_REGIONS, in the same order, instead of the "
     "project's quota"},
    {"OVH_APPLICATIONKEY", SQ_SETTING_TEXT, NULL, 0,
     "application key of OVH's API, which tells prices; none: no prices"},
    {"OVH_APPLICATIONSECRET", SQ_SETTING_TEXT, NULL, 1, "secret of that application"},
    {"OVH_CONSUMERKEY", SQ_SETTING_TEXT, NULL, 1, "consumer key of OVH's API"},
    {"OVH_SUBSIDIARY", SQ_SETTING_TEXT, "FR", 0, "country whose prices are paid"},
    {"OVH_ENDPOINT", SQ_SETTING_TEXT, "https://eu.api.ovh.com/1.0", 0,
     "address of OVH's API"},
    {NULL, SQ_SETTING_TEXT, NULL, 0, NULL}};

static const struct wanted_setting regions = {
    .regions = "OVH_REGIONS", .quotas = "OVH_CPUQUOTAS", .like = "GRA11"};

/* OVH_REGIONS, else the one of an openrc file. */
static int read_regions(struct sq_provider *p, struct sq_err *err)
{
    const char *one = p->host->setting(p->host, "OS_REGION_NAME");
    int rc = wanted_read(p->host, &regions, &p->wanted, err);
    if (rc == 0 && p->wanted.n == 0 && one && *one)
        rc = wanted_add(&p->wanted, "OS_REGION_NAME", &regions, one, strlen(one), err);
    return rc;
}

static void choices(struct sq_provider *p)
{
    struct sq_host *host = p->host;
    p->auth_url = host->setting(host, "OS_AUTH_URL");
    p->interface = host->setting(host, "OS_INTERFACE");
    p->ca_file = host->setting(host, "OS_CACERT");
    if (p->ca_file && !*p->ca_file)
        p->ca_file = NULL;
    p->image = host->setting(host, "OPENSTACK_IMAGE");
    p->gpu_image = host->setting(host, "OPENSTACK_GPU_IMAGE");
    p->metal_image = host->setting(host, "OPENSTACK_METAL_IMAGE");
    p->network_name = host->setting(host, "OPENSTACK_NETWORK");
    p->metal_network = host->setting(host, "OPENSTACK_METAL_NETWORK");
    p->zone = host->setting(host, "OPENSTACK_ZONE");
    p->user = host->setting(host, "OPENSTACK_USER");
    p->keyname = host->setting(host, "OPENSTACK_KEYNAME");
}

/* A file that is not there would be found out by the first call only. */
static int check_ca_file(const struct sq_provider *p, struct sq_err *err)
{
    FILE *f = p->ca_file ? fopen(p->ca_file, "re") : NULL;
    bool is_read = f && (getc(f) != EOF || !ferror(f));
    int e = errno;
    if (f)
        fclose(f);
    return is_read || !p->ca_file
               ? 0
               : sq_fail(err, SQ_EINVAL, "OS_CACERT: cannot read %s: %s", p->ca_file,
                         strerror(e));
}

/* Those of Keystone's catalog (its API, version 3, "Service catalog and endpoints"). */
static int check_interface(const struct sq_provider *p, struct sq_err *err)
{
    static const char *const known[] = {"public", "internal", "admin"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(p->interface, known[i]) == 0)
            return 0;
    return sq_fail(err, SQ_EINVAL, "OS_INTERFACE is public, internal or admin, not %s",
                   p->interface);
}

/* All of OVH's keys, or none of them. */
static int read_ovh(struct sq_provider *p, struct sq_err *err)
{
    struct sq_host *host = p->host;
    const char *url = host->setting(host, "OVH_ENDPOINT");
    p->application = host->setting(host, "OVH_APPLICATIONKEY");
    p->secret = host->setting(host, "OVH_APPLICATIONSECRET");
    p->consumer = host->setting(host, "OVH_CONSUMERKEY");
    p->subsidiary = host->setting(host, "OVH_SUBSIDIARY");
    p->project = host->setting(host, "OS_PROJECT_ID");
    p->ovh = url;
    if (!p->application || !*p->application) {
        p->application = NULL;
        return 0;
    }
    if (!p->secret || !*p->secret || !p->consumer || !*p->consumer)
        return sq_fail(err, SQ_EAUTH,
                       "OVH_APPLICATIONSECRET or OVH_CONSUMERKEY is not set: see "
                       "scitq-plugin(7)");
    if (!p->project || !*p->project || strpbrk(p->project, "/?#&% "))
        return sq_fail(err, SQ_EAUTH,
                       "OS_PROJECT_ID is not set: OVH's API knows the project by it");
    if (strlen(p->subsidiary) != 2)
        return sq_fail(err, SQ_EINVAL, "OVH_SUBSIDIARY is two capitals, like FR");
    if ((strncmp(url, "http://", 7) && strncmp(url, "https://", 8)) ||
        url[strlen(url) - 1] == '/')
        return sq_fail(err, SQ_EINVAL,
                       "OVH_ENDPOINT is an address without a final /: "
                       "https://eu.api.ovh.com/1.0");
    return 0;
}

static void openstack_close(struct sq_provider *p)
{
    if (!p)
        return;
    sales_free(p->sales);
    catalog_free(p);
    free(p->token.text);
    free(p);
}

static int openstack_open(struct sq_host *host, const struct sq_provider_conf *conf,
                          struct sq_provider **ret, struct sq_err *err)
{
    struct sq_provider *p = calloc(1, sizeof *p);
    int rc;
    if (!p)
        return no_memory(err);
    p->host = host;
    copy(p->owner, sizeof p->owner, conf->owner);
    choices(p);
    rc = login_check(p, err);
    if (rc == 0)
        rc = check_ca_file(p, err);
    if (rc == 0)
        rc = check_interface(p, err);
    if (rc == 0)
        rc = read_regions(p, err);
    if (rc == 0)
        rc = read_ovh(p, err);
    if (rc)
        openstack_close(p);
    else
        *ret = p;
    return rc;
}

/* ---- What is there, and its end ---- */

static int openstack_find(struct sq_provider *p, const char *token,
                          struct sq_call *call, struct sq_machine *ret,
                          struct sq_err *err)
{
    struct server *rows = NULL;
    size_t n = 0, best = 0;
    int rc = servers_list(p, call, NULL, token, &rows, &n, err);
    if (rc == 0 && n == 0)
        rc = sq_fail(err, SQ_ENOENT, "openstack has nothing of %s", token);
    while (rc == 0 && best + 1 < n && rows[best].deleting)
        best++;
    if (rc == 0)
        *ret = rows[best].m;
    free(rows);
    return rc;
}

static int openstack_list(struct sq_provider *p, sq_machine_fn each, void *arg,
                          struct sq_call *call, struct sq_err *err)
{
    struct server *rows = NULL;
    size_t n = 0;
    int rc = servers_list(p, call, NULL, NULL, &rows, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = each(arg, &rows[i].m);
    free(rows);
    return rc;
}

/* The server that `id` names, should a list have missed it. */
static int destroy_one(struct sq_provider *p, struct sq_call *call, const char *token,
                       const char *id, struct sq_err *err)
{
    const char *slash = strchr(id, '/');
    struct server s;
    int rc = login_token(p, call, false, err);
    if (rc || !slash || !slash[1] || strpbrk(slash + 1, "/?#% "))
        return rc;
    for (int i = 0; i < p->n_regions; i++) {
        const struct region *r = &p->regions[i];
        if (!r->compute || strncmp(r->name, id, (size_t)(slash - id)) != 0 ||
            r->name[slash - id])
            continue;
        rc = servers_get(p, call, r, slash + 1, &s, err);
        if (rc == 0 && strcmp(s.m.token, token) == 0)
            rc = servers_delete(p, call, r, slash + 1, err);
        return rc == SQ_ENOENT ? 0 : rc;
    }
    return 0;
}

/* All of a token; *ret_n how many there were. */
static int destroy_listed(struct sq_provider *p, struct sq_call *call,
                          const char *token, size_t *ret_n, struct sq_err *err)
{
    struct server *rows = NULL;
    size_t n = 0;
    int rc = servers_list(p, call, NULL, token, &rows, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = servers_delete(p, call, rows[i].region, rows[i].id, err);
    free(rows);
    *ret_n = n;
    return rc;
}

/* Nova takes a second or so from hearing a request to having a server. */
#define UNDER_WAY_MS 1000

/* Until a list has none.  A launch that never ended may have asked for one just now,
 * which no list has yet: then there is a second look. */
static int openstack_destroy(struct sq_provider *p, const char *token, const char *id,
                             struct sq_call *call, struct sq_err *err)
{
    bool known = id && *id;
    size_t n = 0;
    int rc = known ? destroy_one(p, call, token, id, err) : 0;
    if (rc == 0)
        rc = destroy_listed(p, call, token, &n, err);
    if (rc == 0 && n == 0 && !known) {
        rc = p->host->pause(p->host, call, UNDER_WAY_MS, err);
        if (rc == 0)
            rc = destroy_listed(p, call, token, &n, err);
    }
    while (rc == 0 && n > 0)
        rc = destroy_listed(p, call, token, &n, err);
    return rc;
}

static const char *const aliases[] = {"ovh", NULL};

extern const struct sq_provider_ops openstack_LTX_sq_provider;
const struct sq_provider_ops openstack_LTX_sq_provider = {
    .abi = SQ_PROVIDER_ABI,
    .name = "openstack",
    .help = "servers of an OpenStack cloud, with prices where it is OVH's",
    .aliases = aliases,
    .settings = settings,
    .open = openstack_open,
    .close = openstack_close,
    .launch = openstack_launch,
    .find = openstack_find,
    .destroy = openstack_destroy,
    .list = openstack_list,
    .flavors = openstack_flavors,
    .offers = openstack_offers,
    .quotas = openstack_quotas,
};
