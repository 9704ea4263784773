/* The cache's folders: found at the start, numbered, removed when they are old, when
 * they are told to go, or to make room, the one that was not used for longest first. */
#include "worker/resources_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/uri.h"
#include "worker/resource_disk.h"

static void name_of(int64_t number, char name[SQ_RESOURCE_NAME])
{
    snprintf(name, SQ_RESOURCE_NAME, "r%lld", (long long)number);
}

void sq_resource_set(char **to, const char *text)
{
    free(*to);
    *to = text ? strdup(text) : NULL;
}

struct sq_resource_job *sq_resource_job_new(struct sq_resources *all, int64_t number)
{
    struct sq_resource_job *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->all = all;
    j->cache = all->dir;
    j->to = -1;
    j->number = number;
    name_of(number, j->name);
    return j;
}

void sq_resource_job_add(struct sq_resource_job *j, void (*work)(struct sq_aside_job *),
                         void (*done)(struct sq_aside_job *))
{
    j->aside.work = work;
    j->aside.done = done;
    sq_aside_add(j->all->aside, &j->aside);
}

static void remove_work(struct sq_aside_job *job)
{
    struct sq_resource_job *j = (struct sq_resource_job *)job;
    if (sq_dir_remove_at(j->cache, j->name, &j->err) != 0)
        sq_log(SQ_LOG_WARNING, "worker", "removing the resource %s: %s", j->name,
               j->err.text);
}

static void remove_done(struct sq_aside_job *job)
{
    struct sq_resource_job *j = (struct sq_resource_job *)job;
    struct sq_resources *all = j->all;
    bool cleaning = j->cleaning && !all->ending;
    all->cleaning &= !j->cleaning;
    free(j);
    if (cleaning)
        all->cleaned(all->arg);
}

/* First what vouches for it: from then on it is no resource. */
void sq_resource_remove(struct sq_resources *all, int64_t number, bool cleaning)
{
    char about[SQ_RESOURCE_NAME + 8];
    struct sq_resource_job *j = sq_resource_job_new(all, number);
    snprintf(about, sizeof about, "r%lld/about", (long long)number);
    unlinkat(all->dir, about, 0);
    if (!j)
        return; /* at the next start */
    j->cleaning = cleaning;
    all->cleaning |= cleaning;
    sq_resource_job_add(j, remove_work, remove_done);
}

void sq_resource_discard(struct sq_resource *r)
{
    if (r->number)
        sq_resource_remove(r->all, r->number, false);
    r->number = 0;
    sq_resource_set(&r->source, NULL);
}

void sq_resource_free(struct sq_resource *r)
{
    TAILQ_REMOVE(&r->all->all, r, link);
    sq_timer_stop(r->all->loop, &r->pause);
    free(r->uri);
    free(r->shown);
    free(r->source);
    free(r->seen);
    free(r->error);
    free(r);
}

struct sq_resource *sq_resource_new(struct sq_resources *all, const char *uri)
{
    struct sq_resource *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->all = all;
    r->uri = strdup(uri);
    r->shown = strdup(uri);
    TAILQ_INIT(&r->uses);
    TAILQ_INSERT_TAIL(&all->all, r, link);
    if (r->shown)
        sq_uri_hide(r->shown);
    if (r->uri && r->shown)
        return r;
    sq_resource_free(r);
    return NULL;
}

struct sq_resource *sq_resource_find(struct sq_resources *all, const char *uri)
{
    struct sq_resource *r;
    TAILQ_FOREACH(r, &all->all, link)
    if (strcmp(r->uri, uri) == 0)
        return r;
    return NULL;
}

bool sq_resources_folder(struct sq_resources *all, bool make)
{
    if (all->dir < 0 && make)
        mkdir(all->path, 0755);
    if (all->dir < 0)
        all->dir = open(all->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return all->dir >= 0;
}

/* Touching what vouches for it tells the next process, too. */
void sq_resource_touch(struct sq_resource *r)
{
    char about[SQ_RESOURCE_NAME + 8];
    snprintf(about, sizeof about, "r%lld/about", (long long)r->number);
    utimensat(r->all->dir, about, NULL, AT_SYMLINK_NOFOLLOW);
    TAILQ_REMOVE(&r->all->all, r, link);
    TAILQ_INSERT_TAIL(&r->all->all, r, link);
}

static bool is_idle(const struct sq_resource *r)
{
    return TAILQ_EMPTY(&r->uses) && r->phase == SQ_RS_IDLE;
}

void sq_resources_reset(struct sq_resources *all)
{
    struct sq_resource *r, *next;
    for (r = TAILQ_FIRST(&all->all); r; r = next) {
        next = TAILQ_NEXT(r, link);
        if (!is_idle(r))
            continue;
        sq_resource_discard(r);
        sq_resource_free(r);
    }
}

void sq_resources_clean(struct sq_resources *all)
{
    struct sq_resource *r;
    if (all->cleaning)
        return;
    TAILQ_FOREACH(r, &all->all, link)
    if (is_idle(r) && r->number)
        break;
    if (!r)
        return;
    sq_log(SQ_LOG_INFO, "worker",
           "the disk is over the autoclean threshold: removing the resource %s, which "
           "nobody uses",
           r->shown);
    sq_resource_remove(all, r->number, true);
    sq_resource_free(r);
}

/* Where it belongs by its last use. */
static void sort_in(struct sq_resource *r, const char *name)
{
    struct sq_resource *next;
    struct sq_resources *all = r->all;
    char about[SQ_RESOURCE_NAME + 8];
    struct stat st = {0};
    snprintf(about, sizeof about, "%s/about", name);
    fstatat(all->dir, about, &st, AT_SYMLINK_NOFOLLOW);
    r->used_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    TAILQ_REMOVE(&all->all, r, link);
    TAILQ_FOREACH(next, &all->all, link)
    if (next->used_ns > r->used_ns)
        break;
    if (next)
        TAILQ_INSERT_BEFORE(next, r, link);
    else
        TAILQ_INSERT_TAIL(&all->all, r, link);
}

/* One folder of an earlier process: a resource, or half of one. */
static void adopt(struct sq_resources *all, int64_t number)
{
    char name[SQ_RESOURCE_NAME];
    struct sq_err err;
    struct sq_resource_about about;
    struct sq_buf text SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&text, SQ_RESOURCE_ABOUT_MAX);
    name_of(number, name);
    if (number >= all->next_number)
        all->next_number = number + 1;
    int rc = sq_resource_read(all->dir, name, &text, &about, &err);
    struct sq_resource *r = rc ? NULL : sq_resource_find(all, about.uri);
    if (!rc && !r)
        r = sq_resource_new(all, about.uri);
    if (!r || r->number > number) {
        sq_resource_remove(all, number, false);
        return;
    }
    sq_resource_discard(r);
    r->number = number;
    sq_resource_set(&r->source, about.source);
    sort_in(r, name);
}

static int scan(struct sq_resources *all, struct sq_err *err)
{
    DIR *dir = opendir(all->path);
    if (!dir)
        return sq_fail(err, SQ_EIO, "cannot read %s: %s", all->path, strerror(errno));
    for (struct dirent *e; (e = readdir(dir));) {
        char *end;
        int64_t number = e->d_name[0] == 'r' ? strtoll(e->d_name + 1, &end, 10) : 0;
        if (number > 0 && !*end && e->d_name[1] != '0')
            adopt(all, number);
    }
    closedir(dir);
    return 0;
}

int sq_resources_open(struct sq_resources *all, const struct sq_resources_conf *conf,
                      struct sq_err *err)
{
    *all = (struct sq_resources){.loop = conf->loop,
                                 .transfers = conf->transfers,
                                 .aside = conf->aside,
                                 .cleaned = conf->cleaned,
                                 .arg = conf->arg,
                                 .dir = -1,
                                 .next_number = 1};
    TAILQ_INIT(&all->all);
    if (asprintf(&all->path, "%s/%s", conf->base, conf->name) < 0) {
        all->path = NULL;
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    return sq_resources_folder(all, false) ? scan(all, err) : 0;
}

void sq_resources_leave(struct sq_resources *all)
{
    all->ending = true;
}
