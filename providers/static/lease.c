/* FOLDER/MACHINE.lease holds owner, token and worker.  It appears whole, by link(2),
 * and only if there is none: so a machine never has two, whenever a server dies. */
#include "providers/static/static.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int io(struct sq_err *err, const char *what, const char *path)
{
    return sq_fail(err, errno == ENOSPC ? SQ_ENOSPC : SQ_EIO, "cannot %s %s: %s", what,
                   path, strerror(errno));
}

static int write_lease(const char *path, const struct lease *l, struct sq_err *err)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return io(err, "write", path);
    fprintf(f, "%s %s %s\n", l->owner, l->token, l->name);
    bool bad = fflush(f) || fsync(fileno(f));
    bad = fclose(f) || bad;
    return bad ? io(err, "write", path) : 0;
}

/* False: none, gone meanwhile, or nothing that was written here. */
static bool read_lease(const char *folder, const char *file, struct lease *ret)
{
    char path[PATH_MAX];
    size_t len = strlen(file);
    if (len < 7 || len - 6 >= sizeof ret->machine || strcmp(file + len - 6, ".lease"))
        return false;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    *ret = (struct lease){0};
    memcpy(ret->machine, file, len - 6);
    int n = fscanf(f, "%40s %40s %63s", ret->owner, ret->token, ret->name);
    fclose(f);
    return n == 3;
}

int lease_take(const char *folder, const struct lease *l, struct sq_err *err)
{
    char path[PATH_MAX], temp[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s.lease", folder, l->machine);
    snprintf(temp, sizeof temp, "%s/%s.new-%s-%s", folder, l->machine, l->owner,
             l->token);
    int rc = write_lease(temp, l, err);
    if (rc == 0 && link(temp, path) != 0)
        rc = errno == EEXIST ? sq_fail(err, SQ_EEXIST, "%s is lent already", l->machine)
                             : io(err, "make", path);
    unlink(temp);
    struct lease other;
    if (rc == SQ_EEXIST && !read_lease(folder, strrchr(path, '/') + 1, &other) &&
        access(path, F_OK) == 0)
        rc = sq_fail(err, SQ_EPROTO,
                     "%s is lent, but %s does not say to whom: remove that file once "
                     "nobody uses the machine",
                     l->machine, path);
    return rc;
}

int lease_drop(const char *folder, const char *machine, struct sq_err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s.lease", folder, machine);
    return unlink(path) == 0 || errno == ENOENT ? 0 : io(err, "remove", path);
}

int lease_each(const char *folder, const char *owner,
               int (*each)(void *arg, const struct lease *l), void *arg,
               struct sq_err *err)
{
    struct lease l;
    int rc = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        return io(err, "list", folder);
    for (struct dirent *e; rc == 0 && (e = readdir(dir));)
        if (read_lease(folder, e->d_name, &l) && strcmp(l.owner, owner) == 0)
            rc = each(arg, &l);
    closedir(dir);
    return rc;
}
