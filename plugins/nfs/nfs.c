/* file:// and plain paths: local disks, and mounts that may hang or be missing.
 *
 * Each operation is a request that a child carries out (nfs.h); here are the table, the
 * settings, and the paths: without their final slashes, and the temporary name that a
 * file has until it is whole, which is removed when the child did not live to do it. */
#include "plugins/nfs/nfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What is left behind is removed within this, or stays: a canceled call returns soon.
 */
enum { DROP_MS = 150 };

static const struct sq_setting settings[] = {
    {"NFS_TIMEOUT", SQ_SETTING_INT, "30", 0,
     "seconds without an answer after which a file system is taken for dead"},
    {"NFS_FSTAB", SQ_SETTING_TEXT, "/etc/fstab", 0,
     "the table of mounts that have to be there (those from the network)"},
    {NULL}};

static int open_nfs(struct sq_host *host, struct sq_storage **ret, struct sq_err *err)
{
    int64_t limit_s = host->setting_int(host, "NFS_TIMEOUT");
    if (limit_s < 1 || limit_s > 3600)
        return sq_fail(err, SQ_EINVAL,
                       "NFS_TIMEOUT must be between 1 and 3600 seconds, not %lld",
                       (long long)limit_s);
    struct sq_storage *s = calloc(1, sizeof *s);
    if (s)
        s->buffer = malloc(NFS_BUFFER_BYTES);
    if (!s || !s->buffer) {
        free(s);
        return sq_fail(err, SQ_ENOMEM, "out of memory for the nfs plugin");
    }
    s->host = host;
    s->limit_ms = (int)limit_s * 1000;
    s->fstab = host->setting(host, "NFS_FSTAB");
    *ret = s;
    return 0;
}

static void close_nfs(struct sq_storage *s)
{
    if (s)
        free(s->buffer);
    free(s);
}

/* `path` without its final slashes. */
static int set_path(char to[PATH_MAX], const char *path, struct sq_err *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0 || len >= PATH_MAX)
        return sq_fail(err, SQ_EINVAL, "the path %.100s… is %s", path,
                       len ? "too long" : "empty");
    memcpy(to, path, len);
    to[len] = 0;
    return 0;
}

/* The same with one final slash if it had any: the kernel then insists on a folder, and
 * messages name it as it was asked for. */
static int set_place(struct nfs_request *r, const char *path, struct sq_err *err)
{
    int rc = set_path(r->from, path, err);
    size_t len = rc ? 0 : strlen(r->from);
    r->folder = path[strlen(path) - 1] == '/';
    if (!rc && r->folder && len > 1 && len + 1 < sizeof r->from)
        memcpy(r->from + len, "/", 2);
    return rc;
}

static bool is_folder(const char *path)
{
    return path[strlen(path) - 1] == '/';
}

/* A name of our own in the folder `path`, or in the one that holds it. */
static int set_temp(struct nfs_request *r, const char *path, bool inside,
                    struct sq_err *err)
{
    uint64_t lot = 0;
    const char *slash = strrchr(path, '/');
    int len = inside ? (int)strlen(path) : slash ? (int)(slash - path) : 0;
    if (getrandom(&lot, sizeof lot, 0) < 0)
        return sq_fail(err, SQ_EIO, "no random numbers: %s", strerror(errno));
    int n = snprintf(r->temp, sizeof r->temp, "%.*s%s.scitq-part-%016llx", len, path,
                     slash || inside ? "/" : "", (unsigned long long)lot);
    return n < (int)sizeof r->temp ? 0
                                   : sq_fail(err, SQ_EINVAL, "%s is too long", path);
}

/* Carry it out; nothing of it is left under a temporary name after a failure. */
static int carry_out(struct nfs_request *r, nfs_work *work, struct sq_call *call,
                     struct sq_entry *ret, struct sq_err *err)
{
    int rc = nfs_do(r, work, call, NULL, NULL, ret, err);
    if (rc == SQ_ECANCELED || rc == SQ_ETIMEDOUT) {
        struct sq_storage soon = *r->s;
        soon.limit_ms = DROP_MS;
        r->s = &soon;
        nfs_do(r, nfs_work_drop_temp, NULL, NULL, NULL, NULL, NULL);
    }
    return rc;
}

static int info(struct sq_storage *s, const struct sq_location *at, unsigned want,
                struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct nfs_request r = {.s = s, .want = want};
    int rc = set_place(&r, at->path, err);
    return rc ? rc : nfs_do(&r, nfs_work_info, call, NULL, NULL, ret, err);
}

static int list(struct sq_storage *s, const struct sq_location *at, unsigned want,
                sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err)
{
    struct nfs_request r = {.s = s, .want = want};
    int rc = set_place(&r, at->path, err);
    r.total_bytes = SQ_UNKNOWN;
    return rc ? rc : nfs_do(&r, nfs_work_list, call, each, arg, NULL, err);
}

static int get(struct sq_storage *s, const struct sq_location *from, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct nfs_request r = {.s = s};
    int rc = set_path(r.from, from->path, err);
    if (!rc)
        rc = set_path(r.to, to, err);
    if (!rc && is_folder(from->path))
        rc = sq_fail(err, SQ_ENOENT, "%s is asked for as a folder, not a file",
                     from->path);
    return rc ? rc : nfs_do(&r, nfs_work_copy, call, NULL, NULL, ret, err);
}

static int copy_file(struct nfs_request *r, const char *from, const char *to,
                     struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    if (is_folder(from) || is_folder(to))
        return sq_fail(err, SQ_EINVAL, "%s to %s: a file cannot become a folder", from,
                       to);
    int rc = set_path(r->from, from, err);
    if (!rc)
        rc = set_path(r->to, to, err);
    if (!rc)
        rc = set_temp(r, r->to, false, err);
    return rc ? rc : carry_out(r, nfs_work_copy, call, ret, err);
}

static int put(struct sq_storage *s, const char *from, const struct sq_location *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct nfs_request r = {.s = s, .put = true};
    return copy_file(&r, from, to->path, call, ret, err);
}

static int can_put(struct sq_storage *s, const struct sq_location *at,
                   struct sq_call *call, struct sq_err *err)
{
    struct nfs_request r = {.s = s};
    int rc = set_path(r.to, at->path, err);
    return rc ? rc : nfs_do(&r, nfs_work_can_put, call, NULL, NULL, NULL, err);
}

static int copy(struct sq_storage *s, const struct sq_location *from,
                const struct sq_location *to, struct sq_call *call, struct sq_err *err)
{
    struct nfs_request r = {.s = s};
    if (!is_folder(from->path) || !is_folder(to->path))
        return copy_file(&r, from->path, to->path, call, NULL, err);
    int rc = set_path(r.from, from->path, err);
    if (!rc)
        rc = set_path(r.to, to->path, err);
    if (!rc)
        rc = set_temp(&r, r.to, true, err);
    return rc ? rc : carry_out(&r, nfs_work_copy_tree, call, NULL, err);
}

static int remove_it(struct sq_storage *s, const struct sq_location *at,
                     struct sq_call *call, struct sq_err *err)
{
    struct nfs_request r = {.s = s, .folder = is_folder(at->path)};
    int rc = set_path(r.from, at->path, err);
    if (!rc && strcmp(r.from, "/") == 0)
        rc = sq_fail(err, SQ_EINVAL, "/ is not removed");
    r.total_bytes = SQ_UNKNOWN;
    return rc ? rc : nfs_do(&r, nfs_work_remove, call, NULL, NULL, NULL, err);
}

static int make_folder(struct sq_storage *s, const struct sq_location *at,
                       struct sq_call *call, struct sq_err *err)
{
    struct nfs_request r = {.s = s};
    int rc = set_path(r.to, at->path, err);
    return rc ? rc : nfs_do(&r, nfs_work_make_folder, call, NULL, NULL, NULL, err);
}

static const char *const protocols[] = {"file", NULL};

extern const struct sq_storage_ops nfs_LTX_sq_storage;
const struct sq_storage_ops nfs_LTX_sq_storage = {
    .abi = SQ_STORAGE_ABI,
    .name = "nfs",
    .help = "local paths and NFS mounts, whether the mount answers or not",
    .protocols = protocols,
    .settings = settings,
    .open = open_nfs,
    .close = close_nfs,
    .info = info,
    .list = list,
    .get = get,
    .put = put,
    .can_put = can_put,
    .copy = copy,
    .remove = remove_it,
    .make_folder = make_folder,
};
