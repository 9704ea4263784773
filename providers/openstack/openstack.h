/* What the files of the openstack plugin share: the instance, calls of a cloud's
 * services, servers, what is sold.
 *
 * The APIs: docs.openstack.org/api-ref, identity v3, compute v2.1, image v2, network
 * v2.0; api.ovh.com/1.0 for what OVH alone knows. */
#ifndef SQ_OPENSTACK_H
#define SQ_OPENSTACK_H

#include <stdbool.h>

#include <jansson.h>

#include <scitq/provider.h>

#include "providers/cloud/cloud.h"

/* Of Nova: what every cloud since Kilo (2015) has is enough, and without a version one
 * could answer in any. */
#define MICROVERSION "compute 2.1"

enum { SERVER_ID_SIZE = 64 };

/* A region of the catalog, its services' addresses without a final `/`. */
struct region {
    char name[SQ_WORD_SIZE];
    char *compute, *image, *network; /* NULL: it has none */
};

struct sq_provider {
    struct sq_host *host;
    char owner[SQ_TOKEN_SIZE];
    const char *auth_url, *interface;
    const char *ca_file; /* NULL: the system's certificates */
    const char *image, *gpu_image, *metal_image, *network_name, *metal_network;
    const char *zone, *user, *keyname;
    /* OVH's API; application NULL: not used. */
    const char *ovh, *application, *secret, *consumer, *subsidiary, *project;
    int64_t ovh_ahead_s;  /* of its clock */
    bool ovh_asked;       /* what time it is */
    struct wanted wanted; /* OVH_REGIONS */
    struct region regions[REGIONS_MAX];
    int n_regions;
    struct token token;
    struct sales *sales; /* NULL: not fetched yet */
};

/* ---- api.c: one call of a service and its answer ---- */

struct api {
    const char *method; /* "GET" */
    const char *what;   /* "list servers", for the error's sentence */
    json_t *body;       /* api_fini gives it back; NULL: none */
    char *url;          /* likewise */
    bool nova, once;    /* it takes the microversion; see SQ_WEB_ONCE */
    /* The answer. */
    int status;
    json_t *json; /* NULL: it had no body */
    size_t bytes; /* of its body */
};

int api_init(struct api *a, struct sq_err *err, const char *method, const char *what,
             const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void api_fini(struct api *a);
/* Log in if need be, ask, judge.  SQ_ENOENT: there is no such thing. */
int api_call(struct sq_provider *p, struct sq_call *call, struct api *a,
             struct sq_err *err);
/* All rows of the list `key` at Nova's `url` (page by page): *ret is a new array. */
int api_list(struct sq_provider *p, struct sq_call *call, const char *what,
             const char *url, const char *key, json_t **ret, struct sq_err *err);
/* ---- login.c: Keystone ---- */

/* SQ_EAUTH, SQ_EINVAL: what the settings say cannot log in. */
int login_check(struct sq_provider *p, struct sq_err *err);
/* A token that is valid for a while, and the catalog; `again`: another than before. */
int login_token(struct sq_provider *p, struct sq_call *call, bool again,
                struct sq_err *err);

/* ---- catalog.c: the regions ---- */

int catalog_read(struct sq_provider *p, const json_t *catalog, struct sq_err *err);
/* SQ_EINVAL: there is none of that name. */
int catalog_find(const struct sq_provider *p, const char *name,
                 const struct region **ret, struct sq_err *err);
void catalog_free(struct sq_provider *p);

/* ---- words.c: the cloud's errors in our codes ---- */

int words_fail(const char *what, int status, const json_t *body, struct sq_err *err);
/* A server that came up in ERROR. */
int words_fault(const char *what, const char *fault, struct sq_err *err);

/* ---- servers.c ---- */

struct server {
    char id[SERVER_ID_SIZE];
    const struct region *region;
    bool deleting;
    struct sq_machine m;
};

/* Each server of the owner (and of `token`, unless NULL) in all regions, or in one;
 * *ret is to be freed, n entries, oldest first. */
int servers_list(struct sq_provider *p, struct sq_call *call,
                 const struct region *region, const char *token, struct server **ret,
                 size_t *ret_n, struct sq_err *err);
/* SQ_ENOENT: there is none, or none of ours. */
int servers_get(struct sq_provider *p, struct sq_call *call,
                const struct region *region, const char *id, struct server *ret,
                struct sq_err *err);
/* Delete it and see that it is gone. */
int servers_delete(struct sq_provider *p, struct sq_call *call,
                   const struct region *region, const char *id, struct sq_err *err);

/* The keys of a server's metadata. */
#define META_OWNER "scitq-owner"
#define META_TOKEN "scitq-token"
#define META_FLAVOR "scitq-flavor"
#define META_REGION "scitq-region"

/* ---- launch.c ---- */

int openstack_launch(struct sq_provider *p, const struct sq_launch *req,
                     struct sq_call *call, struct sq_machine *ret, struct sq_err *err);

/* ---- sales.c, ovh.c: what there is and what it costs ---- */

int openstack_flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                      struct sq_call *call, struct sq_err *err);
int openstack_offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                     struct sq_call *call, struct sq_err *err);
int openstack_quotas(struct sq_provider *p, sq_quota_fn each, void *arg,
                     struct sq_call *call, struct sq_err *err);

/* What OVH has in the regions wanted, with prices. */
int ovh_fetch(struct sq_provider *p, struct sq_call *call, struct sales *s,
              struct sq_err *err);

/* ---- sha1.c ---- */

/* 40 hexadecimal digits and a final 0. */
void sha1(const char *text, char ret[41]);

/* ---- base64.c ---- */

/* To be freed; NULL: out of memory. */
char *base64(const char *text);

#endif
