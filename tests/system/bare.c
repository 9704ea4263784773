/* A provider as an outside author could write one, for the tests: its machines are
 * files, and bare, so that Ansible has to configure them. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <scitq/provider.h>

struct sq_provider {
    struct sq_host *host;
    char owner[SQ_TOKEN_SIZE];
};

static int open_it(struct sq_host *host, const struct sq_provider_conf *conf,
                   struct sq_provider **ret, struct sq_err *err)
{
    struct sq_provider *p = calloc(1, sizeof *p);
    if (!p)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    p->host = host;
    snprintf(p->owner, sizeof p->owner, "%s", conf->owner);
    *ret = p;
    return 0;
}

static void close_it(struct sq_provider *p)
{
    free(p);
}

static int path_of(struct sq_provider *p, const char *token, char path[1000],
                   struct sq_err *err)
{
    const char *folder;
    int rc = p->host->folder(p->host, &folder, err);
    if (rc == 0)
        snprintf(path, 1000, "%s/%s-%s", folder, p->owner, token);
    return rc;
}

static int find(struct sq_provider *p, const char *token, struct sq_call *call,
                struct sq_machine *ret, struct sq_err *err)
{
    char path[1000];
    if (call->canceled(call))
        return sq_fail(err, SQ_ECANCELED, "canceled");
    int rc = path_of(p, token, path, err);
    if (rc)
        return rc;
    FILE *f = fopen(path, "r");
    if (!f)
        return sq_fail(err, SQ_ENOENT, "there is no machine %s", token);
    memset(ret, 0, sizeof *ret);
    if (fscanf(f, "%63s %127s %127s", ret->name, ret->flavor, ret->region) == 3)
        ret->state = SQ_MACHINE_RUNNING;
    fclose(f);
    snprintf(ret->token, sizeof ret->token, "%s", token);
    snprintf(ret->id, sizeof ret->id, "bare/%s", token);
    const char *address = getenv("BARE_ADDRESS");
    snprintf(ret->ipv4, sizeof ret->ipv4, "%s", address ? address : "127.0.0.1");
    strcpy(ret->user, "root");
    ret->port = 2222;
    ret->created_s = SQ_UNKNOWN;
    return 0;
}

static int launch(struct sq_provider *p, const struct sq_launch *req,
                  struct sq_call *call, struct sq_machine *ret, struct sq_err *err)
{
    char path[1000];
    int rc = path_of(p, req->token, path, err);
    FILE *f = rc ? NULL : fopen(path, "w");
    if (!f)
        return rc ? rc : sq_fail(err, SQ_EIO, "cannot write %s", path);
    fprintf(f, "%s %s %s\n%s\n%s\n%s\n", req->name, req->flavor, req->region,
            req->ssh_key ? req->ssh_key : "", req->key_name ? req->key_name : "",
            req->tags);
    fclose(f);
    return find(p, req->token, call, ret, err);
}

static int destroy(struct sq_provider *p, const char *token, const char *id,
                   struct sq_call *call, struct sq_err *err)
{
    char path[1000];
    (void)id;
    (void)call;
    int rc = path_of(p, token, path, err);
    if (rc == 0)
        unlink(path);
    return rc;
}

static int list(struct sq_provider *p, sq_machine_fn each, void *arg,
                struct sq_call *call, struct sq_err *err)
{
    const char *folder;
    struct sq_machine m;
    size_t len = strlen(p->owner);
    int rc = p->host->folder(p->host, &folder, err);
    DIR *dir = rc ? NULL : opendir(folder);
    for (struct dirent *e; rc == 0 && dir && (e = readdir(dir));)
        if (strncmp(e->d_name, p->owner, len) == 0 && e->d_name[len] == '-' &&
            (rc = find(p, e->d_name + len + 1, call, &m, err)) == 0)
            rc = each(arg, &m);
    if (dir)
        closedir(dir);
    return rc;
}

static int flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                   struct sq_call *call, struct sq_err *err)
{
    const struct sq_flavor f = {
        .name = "plain", .cpu = 2, .ram_gb = 4, .disk_gb = 10, .gpu = "", .tags = "N"};
    return each(arg, &f);
}

static int offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    const struct sq_offer o = {.flavor = "plain", .region = "shed", .cost = 0.1};
    return each(arg, &o);
}

extern const struct sq_provider_ops bare_LTX_sq_provider;
const struct sq_provider_ops bare_LTX_sq_provider = {
    .abi = SQ_PROVIDER_ABI,
    .name = "bare",
    .help = "machines that are files, for tests",
    .aliases = (const char *const[]){"naked", NULL},
    .flags = SQ_PROVIDER_OFFLINE,
    .open = open_it,
    .close = close_it,
    .launch = launch,
    .find = find,
    .destroy = destroy,
    .list = list,
    .flavors = flavors,
    .offers = offers,
};
