/* The azure plugin: spot machines of Microsoft Azure, each in a resource group of its
 * own.  group.c keeps the groups, launch.c makes machines, sales.c knows what they
 * cost, watch.c runs on them; arm.c, login.c and words.c speak with the Resource
 * Manager. */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>

static const struct sq_setting settings[] = {
    {"AZURE_SUBSCRIPTION_ID", SQ_SETTING_TEXT, NULL, 0,
     "subscription that machines are made in"},
    {"AZURE_TENANT", SQ_SETTING_TEXT, NULL, 0,
     "tenant of the application that logs in"},
    {"AZURE_CLIENT_ID", SQ_SETTING_TEXT, NULL, 0, "application that logs in"},
    {"AZURE_SECRET", SQ_SETTING_TEXT, NULL, 1, "client secret of that application"},
    {"AZURE_REGIONS", SQ_SETTING_TEXT, NULL, 0,
     "regions to take machines from, separated by spaces"},
    {"AZURE_CPUQUOTAS", SQ_SETTING_TEXT, NULL, 0,
     "processors allowed in each of AZURE_REGIONS, in the same order, instead of the "
     "subscription's quota"},
    {"AZURE_SPOT", SQ_SETTING_BOOL, "1", 0,
     "take spot machines, which are cheap and may be taken back"},
    {"AZURE_EVICTION_POLICY", SQ_SETTING_TEXT, "Deallocate", 0,
     "what becomes of a spot machine taken back: Deallocate or Delete"},
    {"AZURE_GROUP_PREFIX", SQ_SETTING_TEXT, "scitq-", 0,
     "beginning of the names of resource groups, before the worker's name"},
    {"AZURE_NETWORK", SQ_SETTING_TEXT, "10.0.0.0/16", 0,
     "addresses of the network of each machine"},
    {"AZURE_DISK_TYPE", SQ_SETTING_TEXT, "Premium_LRS", 0, "kind of the system's disk"},
    {"AZURE_USER", SQ_SETTING_TEXT, "ubuntu", 0, "user that the SSH key may log in as"},
    {"AZURE_IMAGE", SQ_SETTING_TEXT,
     "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest", 0,
     "image as publisher:offer:sku:version"},
    {"AZURE_GPU_IMAGE", SQ_SETTING_TEXT,
     "nvidia:ngc_azure_17_11:ngc-base-version-24_03_4_gen2:latest", 0,
     "image of flavors with a GPU, whose terms the subscription has to have accepted"},
    {"AZURE_ARM_ENDPOINT", SQ_SETTING_TEXT, "https://management.azure.com", 0,
     "address of the Resource Manager"},
    {"AZURE_LOGIN_ENDPOINT", SQ_SETTING_TEXT, "https://login.microsoftonline.com", 0,
     "address of the login"},
    {"AZURE_PRICES_ENDPOINT", SQ_SETTING_TEXT, "https://prices.azure.com", 0,
     "address of the retail prices"},
    {"AZURE_IMDS_ENDPOINT", SQ_SETTING_TEXT, "http://169.254.169.254", 0,
     "address of the metadata service, on the machines"},
    {NULL, SQ_SETTING_TEXT, NULL, 0, NULL}};

/* A setting that has to be there, of letters that an address can hold. */
static int needed(struct sq_host *host, const char *key, const char **ret,
                  struct sq_err *err)
{
    const char *value = host->setting(host, key);
    if (!value || !*value)
        return sq_fail(err, SQ_EAUTH, "%s is not set: see scitq-plugin(7)", key);
    if (strpbrk(value, "/?#&% \t\r\n"))
        return sq_fail(err, SQ_EINVAL, "%s has a character that cannot be in it", key);
    *ret = value;
    return 0;
}

/* The secret may hold anything: it travels in a form. */
static int credentials(struct sq_provider *p, struct sq_err *err)
{
    int rc = needed(p->host, "AZURE_SUBSCRIPTION_ID", &p->subscription, err);
    if (rc == 0)
        rc = needed(p->host, "AZURE_TENANT", &p->tenant, err);
    if (rc == 0)
        rc = needed(p->host, "AZURE_CLIENT_ID", &p->client, err);
    p->secret = p->host->setting(p->host, "AZURE_SECRET");
    if (rc == 0 && (!p->secret || !*p->secret))
        rc = sq_fail(err, SQ_EAUTH, "AZURE_SECRET is not set: see scitq-plugin(7)");
    return rc;
}

static int endpoint(struct sq_host *host, const char *key, const char **ret,
                    struct sq_err *err)
{
    const char *value = host->setting(host, key);
    size_t len = strlen(value);
    if (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
        return sq_fail(err, SQ_EINVAL, "%s is no address: https://…", key);
    if (value[len - 1] == '/' || strpbrk(value, "?# "))
        return sq_fail(err, SQ_EINVAL, "%s has to end without a /, ? or #", key);
    *ret = value;
    return 0;
}

static int endpoints(struct sq_provider *p, struct sq_err *err)
{
    int rc = endpoint(p->host, "AZURE_ARM_ENDPOINT", &p->arm, err);
    if (rc == 0)
        rc = endpoint(p->host, "AZURE_LOGIN_ENDPOINT", &p->login, err);
    return rc ? rc : endpoint(p->host, "AZURE_PRICES_ENDPOINT", &p->prices, err);
}

static const struct wanted_setting regions = {
    .regions = "AZURE_REGIONS",
    .quotas = "AZURE_CPUQUOTAS",
    .like = "swedencentral",
    .letters = "abcdefghijklmnopqrstuvwxyz0123456789"};

static int choices(struct sq_provider *p, struct sq_err *err)
{
    struct sq_host *host = p->host;
    p->spot = host->setting_int(host, "AZURE_SPOT") != 0;
    p->policy = host->setting(host, "AZURE_EVICTION_POLICY");
    p->prefix = host->setting(host, "AZURE_GROUP_PREFIX");
    p->network = host->setting(host, "AZURE_NETWORK");
    p->disk = host->setting(host, "AZURE_DISK_TYPE");
    p->user = host->setting(host, "AZURE_USER");
    p->image = host->setting(host, "AZURE_IMAGE");
    p->gpu_image = host->setting(host, "AZURE_GPU_IMAGE");
    if (strcmp(p->policy, "Deallocate") != 0 && strcmp(p->policy, "Delete") != 0)
        return sq_fail(err, SQ_EINVAL, "AZURE_EVICTION_POLICY is Deallocate or Delete");
    if (strlen(p->prefix) > 20 || strpbrk(p->prefix, "/?#&%' \t"))
        return sq_fail(err, SQ_EINVAL,
                       "AZURE_GROUP_PREFIX is at most 20 letters, digits, - and _");
    return 0;
}

static void azure_close(struct sq_provider *p)
{
    if (!p)
        return;
    sales_free(p->sales);
    free(p->token.text);
    free(p);
}

static int azure_open(struct sq_host *host, const struct sq_provider_conf *conf,
                      struct sq_provider **ret, struct sq_err *err)
{
    struct sq_provider *p = calloc(1, sizeof *p);
    int rc;
    if (!p)
        return no_memory(err);
    p->host = host;
    copy(p->owner, sizeof p->owner, conf->owner);
    rc = credentials(p, err);
    if (rc == 0)
        rc = endpoints(p, err);
    if (rc == 0)
        rc = choices(p, err);
    if (rc == 0)
        rc = wanted_read(host, &regions, &p->wanted, err);
    if (rc)
        azure_close(p);
    else
        *ret = p;
    return rc;
}

/* ---- What is there, and its end ---- */

struct finding {
    struct sq_provider *p;
    struct sq_call *call;
    struct group best; /* one that is not being deleted, if there is one */
    sq_machine_fn each;
    void *arg;
};

static int best_group(void *arg, const struct group *g, struct sq_err *err)
{
    struct finding *f = arg;
    (void)err;
    if (!f->best.name[0] || f->best.deleting)
        f->best = *g;
    return 0;
}

static int azure_find(struct sq_provider *p, const char *token, struct sq_call *call,
                      struct sq_machine *ret, struct sq_err *err)
{
    struct finding f = {.p = p, .call = call};
    int rc = group_each(p, call, token, best_group, &f, err);
    if (rc)
        return rc;
    if (!f.best.name[0])
        return sq_fail(err, SQ_ENOENT, "azure has nothing of %s", token);
    return machine_look(p, call, &f.best, ret, err);
}

static int list_group(void *arg, const struct group *g, struct sq_err *err)
{
    struct finding *f = arg;
    struct sq_machine m;
    struct group again;
    int rc = machine_look(f->p, f->call, g, &m, err);
    /* What holds nothing may just have gone. */
    if (rc == 0 && m.state == SQ_MACHINE_REMAINS)
        rc = group_get(f->p, f->call, g->name, &again, err);
    if (rc == SQ_ENOENT)
        return 0;
    return rc ? rc : f->each(f->arg, &m);
}

static int azure_list(struct sq_provider *p, sq_machine_fn each, void *arg,
                      struct sq_call *call, struct sq_err *err)
{
    struct finding f = {.p = p, .call = call, .each = each, .arg = arg};
    return group_each(p, call, NULL, list_group, &f, err);
}

static int delete_group(void *arg, const struct group *g, struct sq_err *err)
{
    struct finding *f = arg;
    return group_delete(f->p, f->call, g->name, err);
}

/* A list of groups may be a little behind: the one that is known by name is looked at
 * by name. */
static int azure_destroy(struct sq_provider *p, const char *token, const char *id,
                         struct sq_call *call, struct sq_err *err)
{
    struct finding f = {.p = p, .call = call};
    struct group g;
    int rc = 0;
    if (id && *id) {
        rc = group_get(p, call, id, &g, err);
        if (rc == 0 && group_is(p, &g, token))
            rc = group_delete(p, call, g.name, err);
        if (rc == SQ_ENOENT)
            rc = 0;
    }
    return rc ? rc : group_each(p, call, token, delete_group, &f, err);
}

extern const struct sq_provider_ops azure_LTX_sq_provider;
const struct sq_provider_ops azure_LTX_sq_provider = {
    .abi = SQ_PROVIDER_ABI,
    .name = "azure",
    .help = "spot machines of Microsoft Azure, each in a resource group of its own",
    .settings = settings,
    .open = azure_open,
    .close = azure_close,
    .launch = azure_launch,
    .find = azure_find,
    .destroy = azure_destroy,
    .list = azure_list,
    .flavors = azure_flavors,
    .offers = azure_offers,
    .quotas = azure_quotas,
    .watch = azure_watch,
};
