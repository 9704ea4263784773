/* OWNER-TOKEN/ holds `about` (a line each: name, flavor, region), the worker's state
 * and work folders and its log.  Its existence is the machine's: made before the
 * worker, removed when no process of it is left. */
#include "providers/local/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int io(struct sq_err *err, const char *what, const char *path)
{
    int code = errno == ENOSPC || errno == EDQUOT ? SQ_ENOSPC : SQ_EIO;
    return sq_fail(err, code, "cannot %s %s: %s", what, path, strerror(errno));
}

int folder_of(struct sq_provider *p, const char *token, struct folder *ret,
              struct sq_err *err)
{
    const char *home;
    int rc = p->host->folder(p->host, &home, err);
    if (rc)
        return rc;
    if (!*token || token[strspn(token, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return sq_fail(err, SQ_EINVAL, "%s is no token", token);
    int n = snprintf(ret->path, sizeof ret->path, "%s/%s-%s", home, p->owner, token);
    /* Room for the names of files in it. */
    if (n > (int)sizeof ret->path - 100)
        return sq_fail(err, SQ_EINVAL, "the name of the folder %s is too long", home);
    return 0;
}

/* Tasks may run as others: they pass through, and see nothing. */
static int make_dir(const char *path, struct sq_err *err)
{
    if (mkdir(path, 0711) && errno != EEXIST)
        return io(err, "make", path);
    return chmod(path, 0711) ? io(err, "open to tasks", path) : 0;
}

static int write_about(const char *path, const struct sq_launch *req,
                       struct sq_err *err)
{
    char temp[PATH_MAX + 8];
    snprintf(temp, sizeof temp, "%s.new", path);
    FILE *f = fopen(temp, "we");
    if (!f)
        return io(err, "write", temp);
    fprintf(f, "%s\n%s\n%s\n", req->name, req->flavor, req->region);
    bool bad = ferror(f) || fflush(f) || fsync(fileno(f));
    bad = fclose(f) || bad;
    if (bad || rename(temp, path))
        return io(err, "write", path);
    return 0;
}

int folder_make(const struct folder *f, const struct sq_launch *req, struct sq_err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", f->path);
    *strrchr(path, '/') = 0;
    int rc = make_dir(path, err);
    if (rc == 0)
        rc = make_dir(f->path, err);
    snprintf(path, sizeof path, "%.*s/work", (int)sizeof path - 100, f->path);
    if (rc == 0)
        rc = make_dir(path, err);
    snprintf(path, sizeof path, "%.*s/about", (int)sizeof path - 100, f->path);
    return rc ? rc : write_about(path, req, err);
}

static void read_line(FILE *about, char *ret, size_t size)
{
    char line[PATH_MAX];
    if (about && fgets(line, sizeof line, about))
        snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
}

int folder_read(const struct folder *f, struct sq_machine *ret, struct sq_err *err)
{
    char path[PATH_MAX];
    struct stat st;
    if (stat(f->path, &st)) {
        if (errno == ENOENT)
            return sq_fail(err, SQ_ENOENT, "there is no machine %s",
                           strrchr(f->path, '/') + 1);
        return io(err, "look at", f->path);
    }
    memset(ret, 0, sizeof *ret);
    snprintf(path, sizeof path, "%.*s/about", (int)sizeof path - 100, f->path);
    FILE *about = fopen(path, "re");
    read_line(about, ret->name, sizeof ret->name);
    read_line(about, ret->flavor, sizeof ret->flavor);
    read_line(about, ret->region, sizeof ret->region);
    if (about)
        fclose(about);
    snprintf(ret->id, sizeof ret->id, "%s", strrchr(f->path, '/') + 1);
    snprintf(ret->ipv4, sizeof ret->ipv4, "127.0.0.1");
    ret->created_s = stat(path, &st) ? SQ_UNKNOWN : (int64_t)st.st_mtime;
    return 0;
}

/* rm walks by descriptors: a task that left a link for a folder is not followed. */
int folder_remove(struct sq_provider *p, const struct folder *f, struct sq_call *call,
                  struct sq_err *err)
{
    const char *const argv[] = {"rm", "-rf", "--one-file-system", "--", f->path, NULL};
    const struct sq_run run = {.argv = argv};
    int status;
    int rc = p->host->run(p->host, call, &run, &status, err);
    if (rc)
        return rc;
    return access(f->path, F_OK) == 0 || errno != ENOENT
               ? sq_fail(err, SQ_EIO, "cannot remove all of %s: is it mounted on?",
                         f->path)
               : 0;
}

int folder_each(struct sq_provider *p, int (*each)(void *arg, const char *token),
                void *arg, struct sq_err *err)
{
    const char *home;
    int rc = p->host->folder(p->host, &home, err);
    if (rc)
        return rc;
    DIR *dir = opendir(home);
    if (!dir)
        return io(err, "list", home);
    size_t len = strlen(p->owner);
    errno = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(dir)); errno = 0)
        if (strncmp(e->d_name, p->owner, len) == 0 && e->d_name[len] == '-' &&
            strlen(e->d_name + len + 1) < SQ_TOKEN_SIZE)
            rc = each(arg, e->d_name + len + 1);
    if (rc == 0 && errno)
        rc = io(err, "list", home);
    closedir(dir);
    return rc;
}
