/* Making a server.  Nova has no way to say "make this once": a POST whose answer is
 * lost may have made one, and one sent twice makes two.  So before each POST we look
 * for the token, and when the machine runs we look again and delete its twins.  What is
 * stopped, broken, elsewhere or of another flavor is deleted and made again. */
#include "providers/openstack/openstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POSTS_MAX = 4 };

struct launch {
    struct sq_provider *p;
    const struct sq_launch *req;
    struct sq_call *call;
    const struct region *region;
    char id[SERVER_ID_SIZE]; /* the server's; "": there is none yet */
    char flavor[SQ_WORD_SIZE], image[SERVER_ID_SIZE], network[SERVER_ID_SIZE];
    bool metal, gpu;
};

static bool is_good(const struct launch *l, const struct server *s)
{
    return s->region == l->region && strcmp(s->m.flavor, l->req->flavor) == 0 &&
           (s->m.state == SQ_MACHINE_RUNNING || s->m.state == SQ_MACHINE_STARTING);
}

/* Look for the token in `region` (NULL: everywhere); keep one good server, ours if we
 * have one, and delete the others. */
static int sort_out(struct launch *l, const struct region *region, struct sq_err *err)
{
    struct server *rows = NULL;
    size_t n = 0;
    int rc = servers_list(l->p, l->call, region, l->req->token, &rows, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (strcmp(rows[i].id, l->id) == 0)
            continue;
        if (!l->id[0] && is_good(l, &rows[i]))
            copy(l->id, sizeof l->id, rows[i].id);
        else
            rc = servers_delete(l->p, l->call, rows[i].region, rows[i].id, err);
    }
    free(rows);
    return rc;
}

/* ---- What the request needs, by its name */

static int find_flavor(struct launch *l, struct sq_err *err)
{
    json_t *rows = NULL, *row;
    char *url = NULL;
    size_t i;
    int rc;
    if (asprintf(&url, "%s/flavors/detail", l->region->compute) < 0)
        return no_memory(err);
    rc = api_list(l->p, l->call, "list flavors", url, "flavors", &rows, err);
    free(url);
    if (rc)
        return rc;
    json_array_foreach(rows, i, row)
    {
        if (strcmp(text_of(row, "name"), l->req->flavor) == 0)
            copy(l->flavor, sizeof l->flavor, text_of(row, "id"));
    }
    json_decref(rows);
    if (l->flavor[0])
        return 0;
    return sq_fail(err, SQ_EINVAL, "there is no flavor \"%.60s\" in %s", l->req->flavor,
                   l->region->name);
}

/* The id of the first row of `key` whose name is `name`, at `address` (NULL: the region
 * has no such service). */
static int find_named(struct launch *l, const char *key, const char *address,
                      const char *query, const char *name, char *ret,
                      struct sq_err *err)
{
    char what[40], *escaped = escape(name);
    const json_t *row;
    struct api a = {0};
    size_t i;
    int rc = escaped ? 0 : no_memory(err);
    snprintf(what, sizeof what, "list %s", key);
    if (rc == 0 && !address)
        rc = sq_fail(err, SQ_EPROTO, "openstack's catalog has no %s in %s", key,
                     l->region->name);
    if (rc == 0)
        rc = api_init(&a, err, "GET", what, "%s/%s?name=%s%s", address, key, escaped,
                      query);
    a.nova = false;
    if (rc == 0)
        rc = api_call(l->p, l->call, &a, err);
    free(escaped);
    *ret = 0;
    json_array_foreach(json_object_get(a.json, key), i, row)
    {
        if (!*ret && strcmp(text_of(row, "name"), name) == 0)
            copy(ret, SERVER_ID_SIZE, text_of(row, "id"));
    }
    api_fini(&a);
    return rc;
}

static int find_image(struct launch *l, struct sq_err *err)
{
    const char *name = l->metal ? l->p->metal_image
                       : l->gpu ? l->p->gpu_image
                                : l->p->image;
    int rc = find_named(l, "images", l->region->image,
                        "&status=active&sort=created_at:desc", name, l->image, err);
    if (rc == 0 && !l->image[0])
        rc = sq_fail(err, SQ_EINVAL, "there is no image \"%.80s\" in %s: check %s",
                     name, l->region->name,
                     l->metal ? "OPENSTACK_METAL_IMAGE"
                     : l->gpu ? "OPENSTACK_GPU_IMAGE"
                              : "OPENSTACK_IMAGE");
    return rc;
}

static int find_network(struct launch *l, struct sq_err *err)
{
    const char *name = l->metal ? l->p->metal_network : l->p->network_name;
    int rc = find_named(l, "networks", l->region->network, "", name, l->network, err);
    if (rc == 0 && !l->network[0])
        rc = sq_fail(err, SQ_EINVAL, "there is no network \"%.80s\" in %s: check %s",
                     name, l->region->name,
                     l->metal ? "OPENSTACK_METAL_NETWORK" : "OPENSTACK_NETWORK");
    return rc;
}

/* ---- The request */

/* What cloud-init does first: whoever has the key may log in.  In base 64; NULL: out of
 * memory. */
static char *user_data(const char *ssh_key)
{
    json_t *config = json_pack("{s:[s]}", "ssh_authorized_keys", ssh_key);
    char *json = config ? json_dumps(config, 0) : NULL, *text = NULL, *ret = NULL;
    if (json && asprintf(&text, "#cloud-config\n%s\n", json) >= 0)
        ret = base64(text);
    json_decref(config);
    free(json);
    free(text);
    return ret;
}

static int add(json_t *server, const char *key, const char *value)
{
    return value && *value ? json_object_set_new(server, key, json_string(value)) : 0;
}

/* The key pair's name, "" or NULL: none. */
static const char *key_name(const struct launch *l)
{
    const char *set = l->p->keyname;
    return set && *set ? set : l->req->key_name;
}

static json_t *body_of(const struct launch *l)
{
    const struct sq_launch *req = l->req;
    char *data = req->ssh_key ? user_data(req->ssh_key) : NULL;
    json_t *server =
        json_pack("{s:s, s:s, s:s, s:[{s:s}], s:{s:s, s:s, s:s, s:s}}", "name",
                  req->name, "flavorRef", l->flavor, "imageRef", l->image, "networks",
                  "uuid", l->network, "metadata", META_OWNER, l->p->owner, META_TOKEN,
                  req->token, META_FLAVOR, req->flavor, META_REGION, req->region);
    if (!server || (req->ssh_key && !data) || add(server, "user_data", data) ||
        add(server, "availability_zone", l->p->zone) ||
        add(server, "key_name", key_name(l))) {
        json_decref(server);
        server = NULL;
    }
    free(data);
    return json_pack("{s:o}", "server", server);
}

static int post(struct launch *l, struct sq_err *err)
{
    char what[SQ_WORD_SIZE * 2 + 20];
    const char *id;
    struct api a;
    int rc;
    snprintf(what, sizeof what, "make a %s in %s", l->req->flavor, l->region->name);
    rc = api_init(&a, err, "POST", what, "%s/servers", l->region->compute);
    a.body = body_of(l);
    a.once = true;
    if (rc == 0 && !a.body)
        rc = no_memory(err);
    l->p->host->log(l->p->host, SQ_SAY_INFO, "asking it to %s", what);
    if (rc == 0)
        rc = api_call(l->p, l->call, &a, err);
    id = text_of(json_object_get(a.json, "server"), "id");
    if (rc == 0 && (!*id || strlen(id) >= sizeof l->id || strpbrk(id, "/?#% ")))
        rc = sq_fail(err, SQ_EPROTO, "openstack cannot %s: it answers without an id",
                     what);
    if (rc == 0)
        copy(l->id, sizeof l->id, id);
    api_fini(&a);
    return rc;
}

/* Whether a failed POST may have been heard, or may be heard next time. */
static bool may_pass(int rc)
{
    return rc == SQ_EIO || rc == SQ_ETIMEDOUT || rc == SQ_EBUSY || rc == SQ_EPROTO;
}

static int make(struct launch *l, struct sq_err *err)
{
    int64_t pause_ms = 200; /* what was lost may still be under way */
    int rc = post(l, err);
    for (int i = 1; i < POSTS_MAX && may_pass(rc); i++) {
        struct sq_err seen;
        int again = pause_more(l->p->host, l->call, -1, &pause_ms, &seen);
        if (again == 0)
            again = sort_out(l, l->region, &seen);
        if (again)
            return sq_fail(err, again, "%s", seen.text);
        rc = l->id[0] ? 0 : post(l, err);
    }
    return rc;
}

/* Until it runs and has an address. */
static int wait_running(struct launch *l, struct server *ret, struct sq_err *err)
{
    int64_t pause_ms = 0;
    char what[SQ_WORD_SIZE * 2 + 20];
    int rc;
    snprintf(what, sizeof what, "make a %s in %s", l->req->flavor, l->region->name);
    while (
        (rc = servers_get(l->p, l->call, l->region, l->id, ret, err)) == 0 &&
        (ret->m.state == SQ_MACHINE_STARTING ||
         (ret->m.state == SQ_MACHINE_RUNNING && !ret->m.ipv4[0] && !ret->m.ipv6[0]))) {
        rc = pause_more(l->p->host, l->call, -1, &pause_ms, err);
        if (rc)
            return rc;
    }
    if (rc == SQ_ENOENT)
        return sq_fail(err, SQ_EIO,
                       "openstack cannot %s: the server %s that it promised is gone",
                       what, l->id);
    if (rc == 0 && ret->m.state == SQ_MACHINE_BROKEN)
        rc = words_fault(what, ret->m.detail, err);
    else if (rc == 0 && ret->m.state != SQ_MACHINE_RUNNING)
        rc = sq_fail(err, SQ_EIO, "openstack cannot %s: the machine does not run: %s",
                     what, ret->m.detail);
    return rc;
}

static int check(struct launch *l, struct sq_err *err)
{
    const struct sq_launch *req = l->req;
    int rc;
    l->metal = strncmp(req->flavor, "bm", 2) == 0 || strchr(req->tags, 'M');
    l->gpu = strchr(req->tags, 'G') != NULL;
    if (!req->ssh_key && !(key_name(l) && *key_name(l)))
        return sq_fail(err, SQ_EINVAL,
                       "nobody could log in to the machine: set keyname or "
                       "ssh_public_key in 02-scitq, or OPENSTACK_KEYNAME");
    rc = login_token(l->p, l->call, false, err);
    return rc ? rc : catalog_find(l->p, req->region, &l->region, err);
}

static int have(struct launch *l, struct sq_err *err)
{
    int rc = sort_out(l, NULL, err);
    tell(l->call, 10);
    if (rc || l->id[0])
        return rc;
    rc = find_flavor(l, err);
    if (rc == 0)
        rc = find_image(l, err);
    if (rc == 0)
        rc = find_network(l, err);
    tell(l->call, 20);
    return rc ? rc : make(l, err);
}

int openstack_launch(struct sq_provider *p, const struct sq_launch *req,
                     struct sq_call *call, struct sq_machine *ret, struct sq_err *err)
{
    struct launch l = {.p = p, .req = req, .call = call};
    struct server s;
    int rc = check(&l, err);
    if (rc == 0)
        rc = have(&l, err);
    tell(call, 30);
    if (rc == 0)
        rc = wait_running(&l, &s, err);
    if (rc == 0)
        rc = sort_out(&l, l.region, err);
    /* What a list or a look lost while we were making it may be made again. */
    if (rc == SQ_ENOENT)
        return sq_fail(err, SQ_EIO, "%s", err ? err->text : "");
    if (rc)
        return rc;
    *ret = s.m;
    tell(call, 100);
    return 0;
}
