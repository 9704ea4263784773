/* Single files, by the operations that `rclone rc --loopback` runs in one process:
 * unlike `rclone copyto` they never take an absent name, or a folder, for a tree.  What
 * a storage shows while it arrives goes to a name of its own first and is renamed when
 * it is whole. */
#include "plugins/rclone/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "plugins/rclone/entry.h"
#include "plugins/rclone/place.h"

void partial_name(char name[40])
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uintptr_t)name;
    snprintf(name, 40, ".scitq-%016llx.partial", (unsigned long long)number);
}

/* One file from here to there. */
struct step {
    const char *operation; /* "copyfile", "movefile" */
    const char *doing;
    const struct sq_location *at; /* for words */
    const char *from_fs, *from_name, *to_fs, *to_name;
    int is_fresh; /* nothing is at the destination, or it may be overwritten blindly */
    int64_t done_bytes;
};

static int run_step(struct sq_storage *s, struct step *step, struct sq_call *call,
                    struct sq_err *err)
{
    struct command c;
    int rc;
    command_init(&c, s, call, "rc");
    command_add(&c, "--loopback");
    command_add(&c, "--copy-links");
    /* Else what has the size and date of the source is taken for it. */
    command_add(&c, step->is_fresh ? "--no-check-dest" : "--ignore-times");
    command_streams(&c, step->at->proto);
    command_addf(&c, "operations/%s", step->operation);
    /* Where --stats looks. */
    command_add(&c, "_group=global_stats");
    command_addf(&c, "srcFs=%s", step->from_fs);
    command_addf(&c, "srcRemote=%s", step->from_name);
    command_addf(&c, "dstFs=%s", step->to_fs);
    command_addf(&c, "dstRemote=%s", step->to_name);
    c.done_bytes = step->done_bytes;
    rc = command_run(&c, step->doing, step->at, err);
    step->done_bytes = c.done_bytes;
    command_fini(&c);
    return rc;
}

/* Nobody may wait for this, nor does its failure change anything. */
static void drop(struct sq_storage *s, const char *fs, const char *name,
                 const struct sq_location *at, struct sq_call *call)
{
    struct sq_err ignored;
    struct command c;
    command_init(&c, s, call, "rc");
    command_add(&c, "--loopback");
    command_add(&c, "operations/deletefile");
    command_addf(&c, "fs=%s", fs);
    command_addf(&c, "remote=%s", name);
    c.done_bytes = INT64_MAX;
    command_run(&c, "remove", at, &ignored);
    command_fini(&c);
}

/* `step` with its source; to a name beside `to`, then renamed. */
static int by_partial(struct sq_storage *s, struct step *step, const struct place *to,
                      struct sq_call *call, struct sq_err *err)
{
    char name[40], *partial = NULL;
    const char *slash = strrchr(to->rest, '/');
    int rc;
    partial_name(name);
    if (asprintf(&partial, "%.*s%s", slash ? (int)(slash - to->rest) + 1 : 0, to->rest,
                 name) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    step->to_fs = to->fs;
    step->to_name = partial;
    step->is_fresh = 1;
    rc = run_step(s, step, call, err);
    if (rc == 0) {
        struct step rename = {"movefile", step->doing, step->at,
                              to->fs,     partial,     to->fs,
                              to->rest,   0,           step->done_bytes};
        rc = run_step(s, &rename, call, err);
    }
    if (rc != 0 && rc != SQ_ECANCELED)
        drop(s, to->fs, partial, step->at, call);
    free(partial);
    return rc;
}

static int deliver(struct sq_storage *s, struct step *step, const struct place *to,
                   const struct remote *remote, struct sq_call *call,
                   struct sq_err *err)
{
    if (to->is_folder || !*to->rest)
        return sq_fail(err, SQ_EINVAL,
                       "cannot %s %s://%s: a file's name is wanted there", step->doing,
                       to->at->proto, to->at->path);
    if (!remote->has_buckets && remote->can_move)
        return by_partial(s, step, to, call, err);
    step->to_fs = to->fs;
    step->to_name = to->rest;
    step->is_fresh = remote->has_buckets;
    return run_step(s, step, call, err);
}

int rclone_get(struct sq_storage *s, const struct sq_location *from, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    struct step step = {
        .operation = "copyfile", .doing = "fetch", .at = from, .is_fresh = 1};
    const struct remote *remote;
    struct local local = {0};
    struct asking asking;
    struct place p;
    int rc = place_init(&p, from, err);
    if (rc)
        return rc;
    rc = local_init(&local, to, err);
    if (rc == 0 && p.is_folder)
        rc =
            sq_fail(err, SQ_ENOENT, "cannot fetch %s://%s as a file: it names a folder",
                    from->proto, from->path);
    if (rc == 0) {
        step.from_fs = p.fs;
        step.from_name = p.rest;
        step.to_fs = local.dir;
        step.to_name = local.leaf;
        remote_ask(&asking, s, from, call); /* what is only needed in the end */
        rc = run_step(s, &step, call, err);
        remote = remote_told(&asking);
    }
    if (rc == 0)
        rc = entry_local(to, remote, ret, err);
    if (rc == 0)
        call->progress(call, ret->size_bytes, ret->size_bytes);
    local_fini(&local);
    place_fini(&p);
    return rc;
}

static int look(const char *path, struct stat *st, struct sq_err *err)
{
    if (stat(path, st) != 0)
        return sq_fail(err, errno == ENOENT ? SQ_ENOENT : SQ_EIO, "cannot read %s: %s",
                       path, strerror(errno));
    if (!S_ISREG(st->st_mode))
        return sq_fail(err, SQ_EINVAL, "cannot store %s: it is no regular file", path);
    return 0;
}

static int unchanged(const char *path, const struct stat *before, struct sq_err *err)
{
    struct stat now;
    int rc = look(path, &now, err);
    if (rc)
        return rc;
    if (now.st_size == before->st_size &&
        now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == before->st_mtim.tv_nsec)
        return 0;
    return sq_fail(err, SQ_EIO, "%s changed while it was being stored", path);
}

int rclone_put(struct sq_storage *s, const char *from, const struct sq_location *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    const struct remote *remote;
    struct step step = {.operation = "copyfile", .doing = "store", .at = to};
    struct local local = {0};
    struct stat before;
    struct place p;
    int rc = place_init(&p, to, err);
    if (rc)
        return rc;
    rc = local_init(&local, from, err);
    if (rc == 0)
        rc = look(from, &before, err);
    if (rc == 0)
        rc = remote_get(s, to, call, &remote, err);
    if (rc == 0) {
        step.from_fs = local.dir;
        step.from_name = local.leaf;
        rc = deliver(s, &step, &p, remote, call, err);
    }
    if (rc == 0)
        rc = unchanged(from, &before, err);
    if (rc == 0)
        rc = entry_local(from, remote, ret, err);
    if (rc == 0)
        call->progress(call, ret->size_bytes, ret->size_bytes);
    local_fini(&local);
    place_fini(&p);
    return rc;
}

static int copy_file(struct sq_storage *s, const struct place *from,
                     const struct sq_location *to, struct sq_call *call,
                     struct sq_err *err)
{
    const struct remote *remote;
    struct step step = {.operation = "copyfile", .doing = "copy to", .at = to};
    struct place p;
    int rc = place_init(&p, to, err);
    if (rc)
        return rc;
    rc = remote_get(s, to, call, &remote, err);
    if (rc == 0) {
        step.from_fs = from->fs;
        step.from_name = from->rest;
        rc = deliver(s, &step, &p, remote, call, err);
    }
    if (rc == SQ_ENOENT) /* which side it is of, its words do not say */
        sq_prefix(err, "copying %s://%s: ", from->at->proto, from->at->path);
    place_fini(&p);
    return rc;
}

int rclone_copy(struct sq_storage *s, const struct sq_location *from,
                const struct sq_location *to, struct sq_call *call, struct sq_err *err)
{
    struct place p;
    int rc = place_init(&p, from, err);
    if (rc)
        return rc;
    if (p.is_folder)
        rc = rclone_copy_tree(s, from, to, call, err);
    else
        rc = copy_file(s, &p, to, call, err);
    place_fini(&p);
    return rc;
}
