/* The cleaner: a queue on the loop's side, one detached thread that owns the job it
 * does and gives it back through the pipe. */
#include "worker/cleaner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

struct sq_clean_job {
    int dir;
    char *name; /* in `dir`; NULL: `dir` itself is emptied */
    char *path;
    const char *const *keep;
    void *item;
    int answer; /* the pipe */
    bool ok;
    struct sq_clean_job *next;
};

static bool is_kept(const char *const *keep, const char *name)
{
    for (; *keep; keep++)
        if (strcmp(*keep, name) == 0)
            return true;
    return false;
}

static int clean_entry(const struct sq_clean_job *job, int dir, const char *name,
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

static int clean(const struct sq_clean_job *job, struct sq_err *err)
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

static void *work(void *arg)
{
    struct sq_clean_job *job = arg;
    struct sq_err err;
    job->ok = clean(job, &err) == 0;
    if (!job->ok)
        sq_log(SQ_LOG_WARNING, "worker", "removing what is in %s: %s", job->path,
               err.text);
    while (write(job->answer, &job, sizeof job) < 0 && errno == EINTR)
        ;
    return NULL;
}

/* Without a thread the job is done here: late, but done. */
static void start(struct sq_cleaner *c)
{
    pthread_attr_t attr;
    pthread_t thread;
    c->busy = true;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    if (pthread_create(&thread, &attr, work, c->first) != 0)
        work(c->first);
    pthread_attr_destroy(&attr);
}

static void free_job(struct sq_clean_job *job)
{
    sq_closep(&job->dir);
    free(job->name);
    free(job->path);
    free(job);
}

static void answered(void *arg, unsigned events)
{
    struct sq_cleaner *c = arg;
    struct sq_clean_job *job;
    while (read(c->pipe[0], &job, sizeof job) == (ssize_t)sizeof job) {
        c->first = job->next;
        if (!c->first)
            c->last = &c->first;
        c->busy = false;
        c->done(c->arg, job->item, job->ok);
        free_job(job);
        if (c->first && !c->busy)
            start(c);
    }
}

int sq_cleaner_init(struct sq_cleaner *c, struct sq_loop *loop, sq_cleaned_fn *done,
                    void *arg, struct sq_err *err)
{
    *c = (struct sq_cleaner){.loop = loop, .done = done, .arg = arg, .pipe = {-1, -1}};
    c->last = &c->first;
    c->watch = (struct sq_watch){-1, answered, c};
    if (pipe2(c->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    return sq_loop_watch(loop, &c->watch, c->pipe[0], EPOLLIN, err);
}

void sq_cleaner_fini(struct sq_cleaner *c)
{
    sq_loop_unwatch(c->loop, &c->watch);
    struct sq_clean_job *job = c->first;
    if (c->busy && job)
        job = job->next; /* the thread's, until the process ends */
    while (job) {
        struct sq_clean_job *next = job->next;
        free_job(job);
        job = next;
    }
    if (!c->busy) {
        sq_closep(&c->pipe[0]);
        sq_closep(&c->pipe[1]);
    }
}

static struct sq_clean_job *new_job(int dir, const char *name, const char *path)
{
    struct sq_clean_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    job->path = strdup(path);
    job->name = name ? strdup(name) : NULL;
    if (job->dir >= 0 && job->path && (!name || job->name))
        return job;
    free_job(job);
    return NULL;
}

void sq_cleaner_add(struct sq_cleaner *c, int dir, const char *name, const char *path,
                    const char *const *keep, void *item)
{
    struct sq_clean_job *job = new_job(dir, keep ? NULL : name, path);
    if (!job) {
        c->done(c->arg, item, false);
        return;
    }
    job->keep = keep;
    job->item = item;
    job->answer = c->pipe[1];
    *c->last = job;
    c->last = &job->next;
    if (!c->busy)
        start(c);
}
