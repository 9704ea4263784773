/* A machine is made step by step, each step one that may be repeated: the group first,
 * whose tags make it ours, then what the machine needs, then the machine.  Called
 * again, the launch finds the group by its token and goes on where it is; what is
 * stopped, broken, elsewhere or of another size is deleted whole and made again. */
#include "providers/azure/azure.h"

#include <stdio.h>
#include <string.h>

struct launch {
    struct sq_provider *p;
    const struct sq_launch *req;
    struct sq_call *call;
    struct group g;
};

#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_word(const char *text, const char *letters, size_t most)
{
    size_t len = strlen(text);
    return len > 0 && len <= most && strspn(text, letters) == len;
}

/* Texts that become a part of an address, and the key, which Azure wants of two kinds.
 */
static int check(const struct sq_launch *req, struct sq_err *err)
{
    if (!is_word(req->region, LETTERS, REGION_SIZE - 1))
        return sq_fail(err, SQ_EINVAL,
                       "\"%s\" is no region of Azure: they are like swedencentral",
                       req->region);
    if (!is_word(req->flavor, LETTERS CAPITALS "_-", SQ_WORD_SIZE - 1))
        return sq_fail(err, SQ_EINVAL,
                       "\"%s\" is no flavor of Azure: they are like Standard_D4ds_v5",
                       req->flavor);
    if (!req->ssh_key || (strncmp(req->ssh_key, "ssh-rsa ", 8) != 0 &&
                          strncmp(req->ssh_key, "ssh-ed25519 ", 12) != 0))
        return sq_fail(err, SQ_EINVAL,
                       "azure makes no machine without an SSH public key of the kind "
                       "ssh-rsa or ssh-ed25519: set ssh_public_key in 02-scitq");
    return 0;
}

/* The token's group; one that is being deleted only where there is no other. */
static int first_group(void *arg, const struct group *g, struct sq_err *err)
{
    struct launch *l = arg;
    (void)err;
    if (!l->g.name[0] || l->g.deleting)
        l->g = *g;
    return 0;
}

/* The group's name is the worker's, as people look for it; where that name belongs to
 * another token it is made of the token.  1: it has to be made; 0: it is there and
 * ours. */
static int choose_name(struct launch *l, struct sq_err *err)
{
    struct group found;
    int rc = 0;
    for (int i = 0; i < 2; i++) {
        char name[GROUP_SIZE];
        if (i == 0)
            snprintf(name, sizeof name, "%s%s", l->p->prefix, l->req->name);
        else
            snprintf(name, sizeof name, "%s%s-%s", l->p->prefix, l->p->owner,
                     l->req->token);
        copy(l->g.name, sizeof l->g.name, name);
        rc = group_get(l->p, l->call, name, &found, err);
        if (rc == SQ_ENOENT)
            return 1;
        if (rc)
            return rc;
        if (group_is(l->p, &found, l->req->token)) {
            l->g = found;
            return 0;
        }
    }
    return sq_fail(
        err, SQ_EINVAL,
        "the resource group %s exists and is not this machine's: delete it, or "
        "set another AZURE_GROUP_PREFIX",
        l->g.name);
}

static int new_group(struct launch *l, struct sq_err *err)
{
    int rc = choose_name(l, err);
    if (rc != 1)
        return rc;
    copy(l->g.owner, sizeof l->g.owner, l->p->owner);
    copy(l->g.token, sizeof l->g.token, l->req->token);
    copy(l->g.worker, sizeof l->g.worker, l->req->name);
    copy(l->g.flavor, sizeof l->g.flavor, l->req->flavor);
    copy(l->g.region, sizeof l->g.region, l->req->region);
    return group_make(l->p, l->call, &l->g, err);
}

static bool is_same(const struct launch *l)
{
    return !l->g.deleting && strcasecmp(l->g.region, l->req->region) == 0 &&
           strcasecmp(l->g.flavor, l->req->flavor) == 0 &&
           strcmp(l->g.worker, l->req->name) == 0;
}

/* Have a group that is ours and fits; 1: it holds a machine that runs or will. */
static int have_group(struct launch *l, struct sq_err *err)
{
    struct sq_machine m = {.state = SQ_MACHINE_REMAINS};
    int rc = group_each(l->p, l->call, l->req->token, first_group, l, err);
    if (rc == 0 && !l->g.name[0])
        rc = new_group(l, err);
    if (rc == 0 && is_same(l)) {
        rc = machine_look(l->p, l->call, &l->g, &m, err);
        if (rc || m.state == SQ_MACHINE_REMAINS)
            return rc;
        if (m.state == SQ_MACHINE_STARTING || m.state == SQ_MACHINE_RUNNING)
            return 1;
    }
    if (rc == 0) {
        rc = group_delete(l->p, l->call, l->g.name, err);
        memset(&l->g, 0, sizeof l->g);
    }
    return rc ? rc : new_group(l, err);
}

static int make_network(struct launch *l, struct sq_err *err)
{
    struct sq_provider *p = l->p;
    const char *group = l->g.name;
    int rc = arm_put(p, l->call, "make the network", body_net(p, &l->g), group,
                     NET_PATH, NETWORK, err);
    tell(l->call, 15);
    if (rc == 0)
        rc = arm_put(p, l->call, "make the address", body_address(p, &l->g), group,
                     ADDRESS_PATH, NETWORK, err);
    tell(l->call, 20);
    if (rc == 0)
        rc = arm_put(p, l->call, "make the firewall", body_firewall(p, &l->g), group,
                     FIREWALL_PATH, NETWORK, err);
    tell(l->call, 25);
    if (rc == 0)
        rc = arm_put(p, l->call, "make the interface", body_interface(p, &l->g), group,
                     INTERFACE_PATH, NETWORK, err);
    tell(l->call, 30);
    return rc;
}

static int make_machine(struct launch *l, struct sq_err *err)
{
    char what[300], path[sizeof MACHINE_PATH + SQ_NAME_SIZE];
    json_t *body = NULL;
    int rc = body_machine(l->p, &l->g, l->req, &body, err);
    if (rc)
        return rc;
    snprintf(what, sizeof what, "make a %s in %s", l->req->flavor, l->req->region);
    snprintf(path, sizeof path, MACHINE_PATH "%s", l->g.worker);
    l->p->host->log(l->p->host, SQ_SAY_INFO, "azure is asked to %s", what);
    return arm_put(l->p, l->call, what, body, l->g.name, path, COMPUTE, err);
}

/* Until it runs and has its address. */
static int wait_running(struct launch *l, struct sq_machine *ret, struct sq_err *err)
{
    int64_t pause_ms = 0;
    int rc;
    while ((rc = machine_look(l->p, l->call, &l->g, ret, err)) == 0 &&
           ret->state == SQ_MACHINE_STARTING) {
        rc = pause_more(l->p->host, l->call, -1, &pause_ms, err);
        if (rc)
            return rc;
    }
    if (rc == 0 && (ret->state != SQ_MACHINE_RUNNING || !ret->ipv4[0]))
        rc = sq_fail(err, SQ_EIO, "azure made the machine %s, which does not run: %s",
                     ret->name, ret->ipv4[0] ? ret->detail : "it has no address");
    return rc;
}

int azure_launch(struct sq_provider *p, const struct sq_launch *req,
                 struct sq_call *call, struct sq_machine *ret, struct sq_err *err)
{
    struct launch l = {.p = p, .req = req, .call = call};
    struct sq_machine machine;
    int rc = check(req, err);
    if (rc == 0)
        rc = have_group(&l, err);
    tell(call, 10);
    if (rc == 0)
        rc = make_network(&l, err);
    if (rc == 0)
        rc = make_machine(&l, err);
    if (rc == 0 || rc == 1) /* 1: it was made before */
        rc = wait_running(&l, &machine, err);
    if (rc == 0) {
        *ret = machine;
        tell(call, 100);
    }
    /* What went while we were making it may be made again. */
    if (rc == SQ_ENOENT)
        rc = sq_fail(err, SQ_EIO, "%s", err ? err->text : "");
    return rc;
}
