/* What the files of the azure plugin share: the instance, calls of the Resource
 * Manager, resource groups, what is sold.
 *
 * The API: learn.microsoft.com/rest/api/azure; its descriptions are in the repository
 * Azure/azure-rest-api-specs.  The versions below are those that the plugin was written
 * against; a version keeps its form for ever. */
#ifndef SQ_AZURE_H
#define SQ_AZURE_H

#include <stdbool.h>

#include <jansson.h>

#include <scitq/provider.h>

#include "providers/cloud/cloud.h"

#define RESOURCES "2021-04-01"
#define NETWORK "2022-01-01"
#define COMPUTE "2022-08-01"
#define SKUS "2021-07-01"
#define GRAPH "2021-03-01"
#define PRICES "2023-01-01-preview"
#define EVENTS "2020-07-01"

enum {
    GROUP_SIZE = 91, /* names of resource groups: 90 at most */
    REGION_SIZE = 64
};

struct sq_provider {
    struct sq_host *host;
    char owner[SQ_TOKEN_SIZE];
    const char *subscription, *tenant, *client, *secret;
    const char *arm, *login, *prices; /* endpoints, without a final `/` */
    const char *prefix, *network, *policy, *disk, *user;
    const char *image, *gpu_image; /* publisher:offer:sku:version */
    bool spot;
    struct wanted wanted;
    struct token token;
    struct sales *sales; /* NULL: not fetched yet */
};

/* ---- arm.c: one call of the Resource Manager and its answer ---- */

struct arm {
    const char *method; /* "GET" */
    const char *what;   /* "make the group x", for the error's sentence */
    json_t *body;       /* arm_fini gives it back; NULL: none */
    char *url;          /* likewise */
    /* The answer. */
    int status;
    json_t *json;               /* NULL: it had no body */
    char *operation, *location; /* where the end of what was accepted is told */
    int64_t retry_after_ms;     /* -1: it does not say */
};

/* A call of a path below the endpoint. */
int arm_init(struct arm *a, struct sq_provider *p, struct sq_err *err,
             const char *method, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
void arm_fini(struct arm *a);

/* Log in if need be, ask, judge.  SQ_ENOENT: no such group or resource; else as words.c
 * has it. */
int arm_call(struct sq_provider *p, struct sq_call *call, struct arm *a,
             struct sq_err *err);

/* PUT `body` (taken, NULL: out of memory) at a path of the group `group` and follow the
 * operation to its end. */
int arm_put(struct sq_provider *p, struct sq_call *call, const char *what, json_t *body,
            const char *group, const char *path, const char *version,
            struct sq_err *err);
/* GET it: *ret is a new reference. */
int arm_get(struct sq_provider *p, struct sq_call *call, const char *what,
            const char *group, const char *path, const char *version, json_t **ret,
            struct sq_err *err);

/* Every row of a paged list that begins at `a` (initialized; given back). */
typedef int (*arm_row_fn)(void *arg, json_t *row, struct sq_err *err);
int arm_list(struct sq_provider *p, struct sq_call *call, struct arm *a,
             arm_row_fn each, void *arg, struct sq_err *err);

/* Wait for the end of what `a` accepted. */
int arm_wait(struct sq_provider *p, struct sq_call *call, struct arm *a,
             struct sq_err *err);

/* ---- login.c ---- */

/* A token that is valid for a while; `again`: another than the one of before. */
int login_token(struct sq_provider *p, struct sq_call *call, bool again,
                struct sq_err *err);

/* ---- words.c: the provider's errors in our codes ---- */

/* The failure of `what` with an answer's status and body.  `late`: an operation that
 * was accepted and failed then. */
int words_fail(const char *what, int status, const json_t *body, bool late,
               struct sq_err *err);
/* Is it one that a new token heals? */
bool words_is_token(int status, const json_t *body);

/* ---- group.c: resource groups, one a machine ---- */

struct group {
    char name[GROUP_SIZE];
    char owner[SQ_TOKEN_SIZE], token[SQ_TOKEN_SIZE]; /* "" when not ours */
    char worker[SQ_NAME_SIZE], flavor[SQ_WORD_SIZE], region[REGION_SIZE];
    bool deleting;
};

bool group_is(const struct sq_provider *p, const struct group *g, const char *token);
int group_get(struct sq_provider *p, struct sq_call *call, const char *name,
              struct group *ret, struct sq_err *err);
/* Make it, or be content that it is there already. */
int group_make(struct sq_provider *p, struct sq_call *call, const struct group *g,
               struct sq_err *err);
/* Delete it with all that is in it and see that it is gone. */
int group_delete(struct sq_provider *p, struct sq_call *call, const char *name,
                 struct sq_err *err);
/* Each group of the owner, or of one token of the owner. */
typedef int (*group_fn)(void *arg, const struct group *g, struct sq_err *err);
int group_each(struct sq_provider *p, struct sq_call *call, const char *token,
               group_fn each, void *arg, struct sq_err *err);

/* ---- machine.c, launch.c, body.c ---- */

/* What a group holds, as the host is told it. */
int machine_look(struct sq_provider *p, struct sq_call *call, const struct group *g,
                 struct sq_machine *ret, struct sq_err *err);
int azure_launch(struct sq_provider *p, const struct sq_launch *req,
                 struct sq_call *call, struct sq_machine *ret, struct sq_err *err);

/* The names of what a group holds, beside the machine, which has the worker's. */
#define NET_PATH "Microsoft.Network/virtualNetworks/network"
#define ADDRESS_PATH "Microsoft.Network/publicIPAddresses/address"
#define FIREWALL_PATH "Microsoft.Network/networkSecurityGroups/firewall"
#define INTERFACE_PATH "Microsoft.Network/networkInterfaces/interface"
#define MACHINE_PATH "Microsoft.Compute/virtualMachines/"

/* Their bodies; NULL: out of memory.  body_machine: SQ_EINVAL, an image that is none.
 */
json_t *body_net(const struct sq_provider *p, const struct group *g);
json_t *body_address(const struct sq_provider *p, const struct group *g);
json_t *body_firewall(const struct sq_provider *p, const struct group *g);
json_t *body_interface(const struct sq_provider *p, const struct group *g);
int body_machine(const struct sq_provider *p, const struct group *g,
                 const struct sq_launch *req, json_t **ret, struct sq_err *err);

/* ---- sales.c, size.c, prices.c, eviction.c: what there is and what it costs ---- */

/* Is the row of the SKUs' list a size that the settings can use in `region`? */
bool size_fits(const struct sq_provider *p, const json_t *sku, const char *region);
void size_read(const json_t *sku, struct size *ret);

/* Fill in costs of one region, and the eviction rates of all. */
int prices_fetch(struct sq_provider *p, struct sq_call *call, const char *region,
                 struct sq_err *err);
int eviction_fetch(struct sq_provider *p, struct sq_call *call, struct sq_err *err);

int azure_flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err);
int azure_offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                 struct sq_call *call, struct sq_err *err);
int azure_quotas(struct sq_provider *p, sq_quota_fn each, void *arg,
                 struct sq_call *call, struct sq_err *err);

/* ---- watch.c ---- */

int azure_watch(struct sq_host *host, struct sq_call *call, struct sq_err *err);

#endif
