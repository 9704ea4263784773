/* Resource groups: one holds a machine and all that was made for it, so that deleting
 * it leaves nothing.  Its tags say whose it is from its first moment on. */
#include "providers/azure/azure.h"

#include <string.h>

#define TAG_OWNER "scitq-owner"
#define TAG_TOKEN "scitq-token"
#define TAG_WORKER "scitq-worker"
#define TAG_FLAVOR "scitq-flavor"
#define GROUP_URL "/subscriptions/%s/resourcegroups/%s?api-version=" RESOURCES

static void read_group(const json_t *row, struct group *ret)
{
    const json_t *tags = json_object_get(row, "tags");
    const json_t *properties = json_object_get(row, "properties");
    copy(ret->name, sizeof ret->name, text_of(row, "name"));
    copy(ret->region, sizeof ret->region, text_of(row, "location"));
    copy(ret->owner, sizeof ret->owner, text_of(tags, TAG_OWNER));
    copy(ret->token, sizeof ret->token, text_of(tags, TAG_TOKEN));
    copy(ret->worker, sizeof ret->worker, text_of(tags, TAG_WORKER));
    copy(ret->flavor, sizeof ret->flavor, text_of(tags, TAG_FLAVOR));
    ret->deleting = strcmp(text_of(properties, "provisioningState"), "Deleting") == 0;
}

bool group_is(const struct sq_provider *p, const struct group *g, const char *token)
{
    return strcmp(g->owner, p->owner) == 0 && strcmp(g->token, token) == 0;
}

int group_get(struct sq_provider *p, struct sq_call *call, const char *name,
              struct group *ret, struct sq_err *err)
{
    struct arm a;
    int rc = arm_init(&a, p, err, "GET", "look at a resource group", GROUP_URL,
                      p->subscription, name);
    if (rc == 0)
        rc = arm_call(p, call, &a, err);
    if (rc == 0 && !*text_of(a.json, "name"))
        rc = sq_fail(err, SQ_EPROTO,
                     "azure tells the resource group %s without its name", name);
    if (rc == 0)
        read_group(a.json, ret);
    arm_fini(&a);
    return rc;
}

int group_make(struct sq_provider *p, struct sq_call *call, const struct group *g,
               struct sq_err *err)
{
    struct arm a;
    int rc = arm_init(&a, p, err, "PUT", "make the resource group", GROUP_URL,
                      p->subscription, g->name);
    a.body = json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "location", g->region, "tags",
                       TAG_OWNER, g->owner, TAG_TOKEN, g->token, TAG_WORKER, g->worker,
                       TAG_FLAVOR, g->flavor);
    if (rc == 0 && !a.body)
        rc = no_memory(err);
    if (rc == 0)
        rc = arm_call(p, call, &a, err);
    arm_fini(&a);
    return rc;
}

/* Ask for its deletion and wait until that is said to have ended.  A machine is pulled
 * without being shut down: what it holds is thrown away anyhow. */
static int ask_deletion(struct sq_provider *p, struct sq_call *call, const char *name,
                        struct sq_err *err)
{
    struct arm a;
    int rc =
        arm_init(&a, p, err, "DELETE", "delete the resource group",
                 "/subscriptions/%s/resourcegroups/%s?forceDeletionTypes=Microsoft."
                 "Compute/virtualMachines&api-version=" RESOURCES,
                 p->subscription, name);
    if (rc == 0)
        rc = arm_call(p, call, &a, err);
    if (rc == 0)
        rc = arm_wait(p, call, &a, err);
    arm_fini(&a);
    /* An operation that is forgotten has ended; whether the group is gone is seen. */
    return rc == SQ_ENOENT ? 0 : rc;
}

/* Until it is not there any more.  1: it is there, and nobody is deleting it. */
static int see_gone(struct sq_provider *p, struct sq_call *call, const char *name,
                    struct sq_err *err)
{
    int64_t pause_ms = 0;
    struct group g;
    int rc;
    while ((rc = group_get(p, call, name, &g, err)) == 0 && g.deleting) {
        rc = pause_more(p->host, call, -1, &pause_ms, err);
        if (rc)
            return rc;
    }
    return rc == 0 ? 1 : rc == SQ_ENOENT ? 0 : rc;
}

/* SQ_EBUSY: it is still there, for the reason told. */
static int delete_once(struct sq_provider *p, struct sq_call *call, const char *name,
                       struct sq_err *err)
{
    struct sq_err seen;
    int gone, rc = ask_deletion(p, call, name, err);
    if (rc && rc != SQ_EBUSY) /* busy: somebody else may be deleting it */
        return rc;
    gone = see_gone(p, call, name, &seen);
    if (gone == 0)
        return 0;
    if (gone < 0)
        return sq_fail(err, gone, "%s", seen.text);
    if (rc == 0)
        rc = sq_fail(err, SQ_EBUSY,
                     "azure said that it deleted the resource group %s, which is still "
                     "there",
                     name);
    return rc;
}

int group_delete(struct sq_provider *p, struct sq_call *call, const char *name,
                 struct sq_err *err)
{
    int rc = SQ_EBUSY;
    p->host->log(p->host, SQ_SAY_INFO, "deleting the resource group %s", name);
    for (int i = 0; i < 3 && rc == SQ_EBUSY; i++)
        rc = delete_once(p, call, name, err);
    return rc;
}

struct each {
    struct sq_provider *p;
    const char *token;
    group_fn each;
    void *arg;
};

static int one_row(void *arg, json_t *row, struct sq_err *err)
{
    const struct each *e = arg;
    struct group g;
    read_group(row, &g);
    if (strcmp(g.owner, e->p->owner) != 0 || !g.token[0] ||
        (e->token && strcmp(g.token, e->token) != 0))
        return 0;
    return e->each(e->arg, &g, err);
}

int group_each(struct sq_provider *p, struct sq_call *call, const char *token,
               group_fn each, void *arg, struct sq_err *err)
{
    struct each e = {p, token, each, arg};
    struct arm a;
    int rc = arm_init(
        &a, p, err, "GET", "list resource groups",
        "/subscriptions/%s/resourcegroups?$filter=tagName%%20eq%%20'%s'%%20"
        "and%%20tagValue%%20eq%%20'%s'&api-version=" RESOURCES,
        p->subscription, token ? TAG_TOKEN : TAG_OWNER, token ? token : p->owner);
    return rc ? rc : arm_list(p, call, &a, one_row, &e, err);
}
