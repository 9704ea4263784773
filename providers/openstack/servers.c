/* Servers as Nova has them (docs.openstack.org/api-ref/compute, "Servers"): ours are
 * told by their metadata, which they have from the moment they are accepted.  Deleting
 * is accepted, too: a server is gone when Nova does not know it any more. */
#include "providers/openstack/openstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DELETE_TRIES = 3,
    /* Looks at a server that was to be deleted and says nothing of it: 3 s. */
    DEAF_LOOKS = 12
};

static const struct {
    const char *status;
    enum sq_machine_state state;
} states[] = {
    {"ACTIVE", SQ_MACHINE_RUNNING},         {"PASSWORD", SQ_MACHINE_RUNNING},
    {"BUILD", SQ_MACHINE_STARTING},         {"REBUILD", SQ_MACHINE_STARTING},
    {"REBOOT", SQ_MACHINE_STARTING},        {"HARD_REBOOT", SQ_MACHINE_STARTING},
    {"MIGRATING", SQ_MACHINE_STARTING},     {"RESIZE", SQ_MACHINE_STARTING},
    {"VERIFY_RESIZE", SQ_MACHINE_STARTING}, {"REVERT_RESIZE", SQ_MACHINE_STARTING},
    {"UNKNOWN", SQ_MACHINE_STARTING},       {"ERROR", SQ_MACHINE_BROKEN},
    {"RESCUE", SQ_MACHINE_BROKEN},
};

/* What is not in the table is off: SHUTOFF, PAUSED, SUSPENDED, SHELVED and its kin. */
static enum sq_machine_state state_of(const char *status)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i].status, status) == 0)
            return states[i].state;
    return SQ_MACHINE_STOPPED;
}

/* The first address of each version; one that is floating wins, since where there are
 * two the fixed one is of a private network. */
static void read_addresses(const json_t *addresses, struct sq_machine *m)
{
    const char *network;
    json_t *list;
    json_object_foreach((json_t *)addresses, network, list)
    {
        const json_t *row;
        size_t i;
        json_array_foreach(list, i, row)
        {
            bool four = json_integer_value(json_object_get(row, "version")) == 4;
            char *slot = four ? m->ipv4 : m->ipv6;
            if (!*slot || strcmp(text_of(row, "OS-EXT-IPS:type"), "floating") == 0)
                copy(slot, SQ_ADDRESS_SIZE, text_of(row, "addr"));
        }
    }
}

/* Regions may be names of one place, with one address: then the server's own word says
 * which of them it was made in. */
static const struct region *its_region(const struct sq_provider *p, const json_t *meta,
                                       const struct region *seen_in)
{
    const char *name = text_of(meta, META_REGION);
    for (int i = 0; i < p->n_regions; i++)
        if (strcmp(p->regions[i].name, name) == 0 && p->regions[i].compute &&
            strcmp(p->regions[i].compute, seen_in->compute) == 0)
            return &p->regions[i];
    return seen_in;
}

static void read_server(const struct sq_provider *p, const struct region *seen_in,
                        const json_t *row, struct server *ret)
{
    const json_t *meta = json_object_get(row, "metadata");
    const struct region *region = its_region(p, meta, seen_in);
    const char *status = text_of(row, "status");
    const char *fault = text_of(json_object_get(row, "fault"), "message");
    struct sq_machine *m = &ret->m;
    struct tm t = {0};
    *ret = (struct server){.region = region};
    copy(ret->id, sizeof ret->id, text_of(row, "id"));
    ret->deleting = strcmp(text_of(row, "OS-EXT-STS:task_state"), "deleting") == 0 ||
                    strcmp(status, "DELETED") == 0 ||
                    strcmp(status, "SOFT_DELETED") == 0;
    snprintf(m->id, sizeof m->id, "%s/%s", region->name, ret->id);
    copy(m->token, sizeof m->token, text_of(meta, META_TOKEN));
    copy(m->flavor, sizeof m->flavor, text_of(meta, META_FLAVOR));
    copy(m->name, sizeof m->name, text_of(row, "name"));
    copy(m->region, sizeof m->region, region->name);
    copy(m->user, sizeof m->user, p->user);
    m->state = ret->deleting ? SQ_MACHINE_REMAINS : state_of(status);
    copy(m->detail, sizeof m->detail,
         ret->deleting ? "being deleted"
         : *fault      ? fault
                       : status);
    read_addresses(json_object_get(row, "addresses"), m);
    m->created_s = strptime(text_of(row, "created"), "%Y-%m-%dT%H:%M:%S", &t)
                       ? (int64_t)timegm(&t)
                       : SQ_UNKNOWN;
}

static bool is_ours(const struct sq_provider *p, const json_t *row, const char *token)
{
    const json_t *meta = json_object_get(row, "metadata");
    const char *its = text_of(meta, META_TOKEN), *id = text_of(row, "id");
    return strcmp(text_of(meta, META_OWNER), p->owner) == 0 && *its &&
           strlen(its) < SQ_TOKEN_SIZE && (!token || strcmp(its, token) == 0) && *id &&
           strlen(id) < SERVER_ID_SIZE && !strpbrk(id, "/?#% ");
}

struct found {
    struct server *rows;
    size_t n;
};

static int one_region(struct sq_provider *p, struct sq_call *call,
                      const struct region *region, const char *token, struct found *f,
                      struct sq_err *err)
{
    char *url = NULL, what[SQ_WORD_SIZE + 30];
    json_t *rows = NULL, *row;
    size_t i;
    int rc;
    snprintf(what, sizeof what, "list servers in %s", region->name);
    if (asprintf(&url, "%s/servers/detail", region->compute) < 0)
        return no_memory(err);
    rc = api_list(p, call, what, url, "servers", &rows, err);
    free(url);
    json_array_foreach(rows, i, row)
    {
        struct server *more;
        if (rc || !is_ours(p, row, token))
            continue;
        more = realloc(f->rows, (f->n + 1) * sizeof *more);
        if (!more) {
            rc = no_memory(err);
            continue;
        }
        f->rows = more;
        read_server(p, region, row, &f->rows[f->n++]);
    }
    json_decref(rows);
    return rc;
}

static int older(const void *a, const void *b)
{
    const struct server *x = a, *y = b;
    if (x->m.created_s != y->m.created_s)
        return x->m.created_s < y->m.created_s ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* Is it a place of its own, and `only` (unless NULL) there? */
static bool is_asked(const struct sq_provider *p, int i, const struct region *only)
{
    const char *compute = p->regions[i].compute;
    if (!compute || (only && strcmp(compute, only->compute) != 0))
        return false;
    for (int j = 0; j < i; j++)
        if (p->regions[j].compute && strcmp(p->regions[j].compute, compute) == 0)
            return false;
    return true;
}

int servers_list(struct sq_provider *p, struct sq_call *call,
                 const struct region *region, const char *token, struct server **ret,
                 size_t *ret_n, struct sq_err *err)
{
    struct found f = {0};
    int rc = login_token(p, call, false, err);
    for (int i = 0; i < p->n_regions && rc == 0; i++)
        if (is_asked(p, i, region))
            rc = one_region(p, call, &p->regions[i], token, &f, err);
    if (rc) {
        free(f.rows);
        return rc;
    }
    if (f.n > 1)
        qsort(f.rows, f.n, sizeof *f.rows, older);
    *ret = f.rows;
    *ret_n = f.n;
    return 0;
}

int servers_get(struct sq_provider *p, struct sq_call *call,
                const struct region *region, const char *id, struct server *ret,
                struct sq_err *err)
{
    const json_t *row;
    struct api a;
    int rc = api_init(&a, err, "GET", "look at a server", "%s/servers/%s",
                      region->compute, id);
    if (rc == 0)
        rc = api_call(p, call, &a, err);
    row = json_object_get(a.json, "server");
    if (rc == 0 && !*text_of(row, "status"))
        rc = sq_fail(err, SQ_EPROTO, "openstack tells the server %s without a status",
                     id);
    else if (rc == 0 && !is_ours(p, row, NULL))
        rc = sq_fail(err, SQ_ENOENT, "the server %s is not ours", id);
    if (rc == 0)
        read_server(p, region, row, ret);
    api_fini(&a);
    return rc;
}

/* Until Nova does not know it.  1: it is there, and nobody deletes it. */
static int see_gone(struct sq_provider *p, struct sq_call *call,
                    const struct region *region, const char *id, struct sq_err *err)
{
    int64_t pause_ms = 0;
    int deaf = 0;
    for (;;) {
        struct server s;
        int rc = servers_get(p, call, region, id, &s, err);
        if (rc)
            return rc == SQ_ENOENT ? 0 : rc;
        deaf = s.deleting ? 0 : deaf + 1;
        if (deaf == DEAF_LOOKS)
            return 1;
        rc = pause_more(p->host, call, -1, &pause_ms, err);
        if (rc)
            return rc;
    }
}

/* 409: something else is being done to it, which may well be this. */
static int ask_deletion(struct sq_provider *p, struct sq_call *call,
                        const struct region *region, const char *id, struct sq_err *err)
{
    struct api a;
    int rc = api_init(&a, err, "DELETE", "delete a server", "%s/servers/%s",
                      region->compute, id);
    if (rc == 0)
        rc = api_call(p, call, &a, err);
    api_fini(&a);
    return rc == SQ_ENOENT || rc == SQ_EBUSY ? 0 : rc;
}

int servers_delete(struct sq_provider *p, struct sq_call *call,
                   const struct region *region, const char *id, struct sq_err *err)
{
    int rc = 1;
    p->host->log(p->host, SQ_SAY_INFO, "deleting the server %s in %s", id,
                 region->name);
    for (int i = 0; i < DELETE_TRIES && rc == 1; i++) {
        rc = ask_deletion(p, call, region, id, err);
        if (rc == 0)
            rc = see_gone(p, call, region, id, err);
    }
    return rc == 1 ? sq_fail(err, SQ_EBUSY,
                             "openstack was asked to delete the server %s in %s, which "
                             "is still there",
                             id, region->name)
                   : rc;
}
