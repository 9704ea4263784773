/* The rclone plugin: every remote of rclone.conf, by the rclone program (1.60 or
 * later). Each operation is one command, or a few: command.c runs them, list.c looks,
 * transfer.c, batch.c and tree.c move, place.c writes names as rclone does, words.c
 * says in our words what went wrong; conf.c reads of its configuration what is secret.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/rclone/command.h"
#include "plugins/rclone/conf.h"
#include "plugins/rclone/list.h"
#include "plugins/rclone/place.h"
#include "plugins/rclone/transfer.h"

static int rclone_open(struct sq_host *host, struct sq_storage **ret,
                       struct sq_err *err)
{
    struct sq_storage *s = calloc(1, sizeof *s);
    int rc;
    if (!s)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    s->host = host;
    s->config = host->setting(host, "RCLONE_CONFIG");
    rc = conf_open(host, s->config, &s->conf, err);
    if (rc)
        free(s);
    else
        *ret = s;
    return rc;
}

static void rclone_close(struct sq_storage *s)
{
    if (!s)
        return;
    remotes_free(s);
    conf_close(s->conf);
    free(s);
}

static int remove_file(struct sq_storage *s, const struct place *p,
                       struct sq_call *call, struct sq_err *err)
{
    struct command c;
    int rc;
    command_init(&c, s, call, "rc");
    command_add(&c, "--loopback");
    command_add(&c, "operations/deletefile");
    command_addf(&c, "fs=%s", p->fs);
    command_addf(&c, "remote=%s", p->rest);
    rc = command_run(&c, "remove", p->at, err);
    command_fini(&c);
    return rc;
}

/* What the configuration alone tells: no server is asked, unless rclone does so to open
 * the remote. */
static int rclone_can_put(struct sq_storage *s, const struct sq_location *at,
                          struct sq_call *call, struct sq_err *err)
{
    const struct remote *remote;
    struct place p;
    int rc = place_init(&p, at, err);
    if (rc)
        return rc;
    rc = remote_get(s, at, call, &remote, err);
    if (rc == 0 && conf_is(s->conf, at->proto, "http"))
        rc = sq_fail(err, SQ_EUNSUPPORTED,
                     "cannot store %s://%s: [%s] of %s is of the type http, which can "
                     "only be read",
                     at->proto, at->path, at->proto, s->config);
    place_fini(&p);
    return rc;
}

/* Of a bucket only what is in it: the bucket itself was made by hand, with rights. */
static int remove_tree(struct sq_storage *s, const struct place *p,
                       struct sq_call *call, struct sq_err *err)
{
    const struct remote *remote;
    struct sq_entry entry;
    struct command c;
    int rc = remote_get(s, p->at, call, &remote, err);
    if (rc == 0) /* what is not there is purged with success */
        rc = rclone_info(s, p->at, 0, call, &entry, err);
    if (rc)
        return rc;
    command_init(&c, s, call,
                 remote->has_buckets && p->components < 2 ? "delete" : "purge");
    command_add(&c, "--");
    command_add(&c, p->whole);
    rc = command_run(&c, "remove", p->at, err);
    command_fini(&c);
    return rc;
}

static int rclone_remove(struct sq_storage *s, const struct sq_location *at,
                         struct sq_call *call, struct sq_err *err)
{
    struct place p;
    int rc = place_init(&p, at, err);
    if (rc)
        return rc;
    rc = p.is_folder ? remove_tree(s, &p, call, err) : remove_file(s, &p, call, err);
    place_fini(&p);
    return rc;
}

static int rclone_make_folder(struct sq_storage *s, const struct sq_location *at,
                              struct sq_call *call, struct sq_err *err)
{
    const struct remote *remote;
    struct command c;
    struct place p;
    int rc = place_init(&p, at, err);
    if (rc)
        return rc;
    rc = remote_get(s, at, call, &remote, err);
    if (rc == 0 && remote->has_buckets)
        rc = sq_fail(err, SQ_EUNSUPPORTED, "%s:// has no folders but by what they hold",
                     at->proto);
    if (rc == 0) {
        command_init(&c, s, call, "mkdir");
        command_add(&c, "--");
        command_add(&c, p.whole);
        rc = command_run(&c, "make the folder", at, err);
        command_fini(&c);
    }
    place_fini(&p);
    return rc;
}

static const char *const protocols[] = {"*", NULL};

static const struct sq_setting settings[] = {
    {"RCLONE_CONFIG", SQ_SETTING_TEXT, "/etc/rclone.conf", 0,
     "configuration file of rclone, whose remotes are the protocols"},
    {NULL, SQ_SETTING_TEXT, NULL, 0, NULL}};

const struct sq_storage_ops rclone_LTX_sq_storage;
const struct sq_storage_ops rclone_LTX_sq_storage = {
    .abi = SQ_STORAGE_ABI,
    .name = "rclone",
    .help = "every remote of rclone.conf: S3, Azure Blob, WebDAV, SFTP and many more",
    .protocols = protocols,
    .settings = settings,
    .open = rclone_open,
    .close = rclone_close,
    .info = rclone_info,
    .list = rclone_list,
    .get = rclone_get,
    .put = rclone_put,
    .get_files = rclone_get_files,
    .put_files = rclone_put_files,
    .can_put = rclone_can_put,
    .copy = rclone_copy,
    .remove = rclone_remove,
    .remove_files = rclone_remove_files,
    .make_folder = rclone_make_folder,
};
