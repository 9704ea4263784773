/* The cleaner: jobs of aside.c that hold whatever they touch, since a running one is
 * abandoned at exit. */
#include "worker/cleaner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

struct clean_job {
    struct sq_aside_job aside; /* first */
    struct sq_cleaner *cleaner;
    int dir;
    char *name; /* in `dir`; NULL: `dir` itself is emptied */
    char *path;
    const char *const *keep;
    void *item;
    bool ok;
};

static bool is_kept(const char *const *keep, const char *name)
{
    for (; *keep; keep++)
        if (strcmp(*keep, name) == 0)
            return true;
    return false;
}

static int clean_entry(const struct clean_job *job, int dir, const char *name,
                       struct sq_err *err)
{
    struct stat st;
    bool kept = is_kept(job->keep, name);
    if (!kept)
        return sq_dir_remove_at(dir, name, err);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(st.st_mode))
        return 0;
    if (S_ISDIR(st.st_mode))
        return sq_dir_empty_at(dir, name, err);
    return sq_dir_remove_at(dir, name, err);
}

static int clean(const struct clean_job *job, struct sq_err *err)
{
    if (job->name)
        return sq_dir_remove_at(job->dir, job->name, err);
    int fd = openat(job->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        sq_closep(&fd);
        return sq_fail(err, SQ_EIO, "cannot read it: %s", strerror(errno));
    }
    int rc = 0;
    for (struct dirent *e; !rc && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = clean_entry(job, fd, e->d_name, err);
    closedir(dir);
    return rc;
}

static void work(struct sq_aside_job *aside)
{
    struct clean_job *job = (struct clean_job *)aside;
    struct sq_err err;
    job->ok = clean(job, &err) == 0;
    if (!job->ok)
        sq_log(SQ_LOG_WARNING, "worker", "removing what is in %s: %s", job->path,
               err.text);
}

static void drop(struct sq_aside_job *aside)
{
    struct clean_job *job = (struct clean_job *)aside;
    sq_closep(&job->dir);
    free(job->name);
    free(job->path);
    free(job);
}

static void done(struct sq_aside_job *aside)
{
    struct clean_job *job = (struct clean_job *)aside;
    struct sq_cleaner *c = job->cleaner;
    c->done(c->arg, job->item, job->ok);
    drop(aside);
}

int sq_cleaner_init(struct sq_cleaner *c, struct sq_loop *loop, sq_cleaned_fn *told,
                    void *arg, struct sq_err *err)
{
    *c = (struct sq_cleaner){.done = told, .arg = arg};
    return sq_aside_init(&c->aside, loop, err);
}

void sq_cleaner_fini(struct sq_cleaner *c)
{
    sq_aside_abandon(&c->aside, drop);
}

static struct clean_job *new_job(int dir, const char *name, const char *path)
{
    struct clean_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    job->path = strdup(path);
    job->name = name ? strdup(name) : NULL;
    if (job->dir >= 0 && job->path && (!name || job->name))
        return job;
    drop(&job->aside);
    return NULL;
}

void sq_cleaner_add(struct sq_cleaner *c, int dir, const char *name, const char *path,
                    const char *const *keep, void *item)
{
    struct clean_job *job = new_job(dir, keep ? NULL : name, path);
    if (!job) {
        c->done(c->arg, item, false);
        return;
    }
    job->aside = (struct sq_aside_job){.work = work, .done = done};
    job->cleaner = c;
    job->keep = keep;
    job->item = item;
    sq_aside_add(&c->aside, &job->aside);
}
