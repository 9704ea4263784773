/* Who waits for which resource, and what is done for them: look at the source, fetch it
 * if it is another than what is here, seal it, link it for everyone.
 *
 * A use waits for the NEXT look, then for THIS one, is LINKING, and then HOLDING.  The
 * phases of a resource follow each other only through the ends of transfers and of work
 * aside; when one ends for nobody any more, the resource is idle again. */
#include "worker/resources.h"

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
#include "worker/resource_disk.h"

enum { ATTEMPTS = 3, LINK_TRIES = 3, NAME_BYTES = 32, PAUSE_US = 2000000 };

enum phase { IDLE, LOOKING, FETCHING, SEALING, PAUSING, SERVING };
enum use_state { NEXT, THIS, LINKING, HOLDING };

TAILQ_HEAD(use_list, sq_use);

struct sq_resource {
    struct sq_resources *all;
    char *uri, *source;       /* source: of what is here */
    int64_t number;           /* of its folder; 0: nothing is here */
    enum phase phase, paused; /* paused: what to do again after PAUSING */
    int64_t new_number;       /* being fetched */
    char *seen;               /* what the look saw */
    char *error;              /* of what is under way; NULL: none */
    bool retry, answered, canceled;
    int attempts;
    struct sq_transfer *transfer;
    struct sq_timer pause;
    struct use_list uses;
    TAILQ_ENTRY(sq_resource) link;
};

struct sq_use {
    struct sq_resource *resource;
    enum use_state state;
    bool ended; /* while LINKING */
    int tries, to;
    sq_resource_fn *fn;
    void *arg;
    TAILQ_ENTRY(sq_use) link;
};

static void consider(struct sq_resource *r);
static void do_phase(struct sq_resource *r, enum phase phase);

static void name_of(int64_t number, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "r%lld", (long long)number);
}

static void set(char **to, const char *text)
{
    free(*to);
    *to = text ? strdup(text) : NULL;
}

/* ---- work aside */

struct job {
    struct sq_aside_job aside;
    struct sq_resources *all;
    struct sq_resource *resource;
    struct sq_use *use;
    int cache, to;
    char name[NAME_BYTES];
    int64_t number;
    int rc;
    struct sq_err err;
};

static struct job *new_job(struct sq_resources *all, int64_t number)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->all = all;
    j->cache = all->dir;
    j->to = -1;
    j->number = number;
    name_of(number, j->name);
    return j;
}

static void add_job(struct job *j, void (*work)(struct sq_aside_job *),
                    void (*done)(struct sq_aside_job *))
{
    j->aside.work = work;
    j->aside.done = done;
    sq_aside_add(j->all->aside, &j->aside);
}

static void remove_work(struct sq_aside_job *job)
{
    struct job *j = (struct job *)job;
    if (sq_dir_remove_at(j->cache, j->name, &j->err) != 0)
        sq_log(SQ_LOG_WARNING, "worker", "removing the resource %s: %s", j->name,
               j->err.text);
}

static void remove_done(struct sq_aside_job *job)
{
    free(job);
}

/* First what vouches for it: from then on it is no resource. */
static void remove_number(struct sq_resources *all, int64_t number)
{
    char about[NAME_BYTES + 8];
    struct job *j = new_job(all, number);
    snprintf(about, sizeof about, "r%lld/about", (long long)number);
    unlinkat(all->dir, about, 0);
    if (j) /* else at the next start */
        add_job(j, remove_work, remove_done);
}

static void discard(struct sq_resource *r)
{
    if (r->number)
        remove_number(r->all, r->number);
    r->number = 0;
    set(&r->source, NULL);
}

/* ---- uses */

static bool anyone(const struct sq_resource *r, enum use_state state)
{
    const struct sq_use *u;
    TAILQ_FOREACH(u, &r->uses, link)
    if (u->state == state)
        return true;
    return false;
}

static void free_resource(struct sq_resource *r)
{
    TAILQ_REMOVE(&r->all->all, r, link);
    sq_timer_stop(r->all->loop, &r->pause);
    free(r->uri);
    free(r->source);
    free(r->seen);
    free(r->error);
    free(r);
}

static void free_use(struct sq_use *u)
{
    TAILQ_REMOVE(&u->resource->uses, u, link);
    free(u);
}

static void tell(struct sq_use *u, const char *why)
{
    u->state = HOLDING;
    u->fn(u->arg, why);
}

static void link_work(struct sq_aside_job *job)
{
    struct job *j = (struct job *)job;
    j->rc = sq_resource_link(j->cache, j->name, j->to, &j->err);
}

static void link_again(struct sq_use *u, const struct job *j)
{
    struct sq_resource *r = u->resource;
    sq_log(SQ_LOG_WARNING, "worker", "the resource %s: %s: it is fetched anew", r->uri,
           j->err.text);
    if (r->number == j->number && r->phase == IDLE)
        discard(r);
    u->state = NEXT;
    consider(r);
}

static void link_done(struct sq_aside_job *job)
{
    struct job *j = (struct job *)job;
    struct sq_use *u = j->use;
    struct sq_resource *r = u->resource;
    bool ended = u->ended || j->all->ending;
    sq_closep(&j->to);
    if (!ended && j->rc == SQ_EPROTO && ++u->tries < LINK_TRIES) {
        link_again(u, j);
    } else if (!ended) {
        tell(u, j->rc ? j->err.text : NULL);
    } else if (!j->all->ending) {
        sq_resource_fn *fn = u->fn;
        void *arg = u->arg;
        free_use(u);
        fn(arg, "canceled");
        consider(r);
    }
    free(j);
}

static void start_link(struct sq_use *u)
{
    struct job *j = new_job(u->resource->all, u->resource->number);
    if (j)
        j->to = fcntl(u->to, F_DUPFD_CLOEXEC, 3);
    if (!j || j->to < 0) {
        free(j);
        tell(u, "no memory to link a resource");
        return;
    }
    j->use = u;
    u->state = LINKING;
    add_job(j, link_work, link_done);
}

static struct sq_use *first_waiting(const struct sq_resource *r)
{
    struct sq_use *u;
    TAILQ_FOREACH(u, &r->uses, link)
    if (u->state == THIS)
        return u;
    return NULL;
}

/* The present look is over: everyone who waited for it.  Who is told may end uses. */
static void serve(struct sq_resource *r, const char *why)
{
    struct sq_use *u;
    r->phase = SERVING;
    r->attempts = 0;
    while ((u = first_waiting(r)))
        if (why)
            tell(u, why);
        else
            start_link(u);
    r->phase = IDLE;
    consider(r);
}

/* ---- phases */

static void after_pause(void *arg)
{
    struct sq_resource *r = arg;
    do_phase(r, r->paused);
}

/* What the phase could not do; again later, or it is told. */
static void fail(struct sq_resource *r, enum phase phase)
{
    char text[600];
    snprintf(text, sizeof text, "the resource %.200s: %.380s", r->uri,
             r->error ? r->error : "out of memory");
    if (r->new_number)
        remove_number(r->all, r->new_number);
    r->new_number = 0;
    if (!r->retry || ++r->attempts >= ATTEMPTS) {
        serve(r, text);
        return;
    }
    sq_log(SQ_LOG_WARNING, "worker", "%s; trying again", text);
    r->phase = PAUSING;
    r->paused = phase;
    sq_timer_set(r->all->loop, &r->pause, PAUSE_US * r->attempts);
}

static void seal_work(struct sq_aside_job *job)
{
    struct job *j = (struct job *)job;
    struct sq_resource *r = j->resource; /* its texts stay while it is SEALING */
    j->rc =
        sq_resource_seal(j->cache, j->name, r->uri, r->seen ? r->seen : "", &j->err);
}

static void seal_done(struct sq_aside_job *job)
{
    struct job *j = (struct job *)job;
    struct sq_resource *r = j->resource;
    if (j->all->ending) {
        /* whole or not, the next start will see */
    } else if (j->rc) {
        set(&r->error, j->err.text);
        r->retry = false;
        fail(r, LOOKING);
    } else {
        discard(r);
        r->number = r->new_number;
        r->new_number = 0;
        set(&r->source, r->seen ? r->seen : "");
        serve(r, NULL);
    }
    free(j);
}

static void seal(struct sq_resource *r)
{
    struct job *j = new_job(r->all, r->new_number);
    r->phase = SEALING;
    if (!j) {
        r->retry = true;
        fail(r, LOOKING);
        return;
    }
    j->resource = r;
    add_job(j, seal_work, seal_done);
}

static void on_event(void *arg, const struct sq_transfer_event *e)
{
    struct sq_resource *r = arg;
    if (e->kind == SQ_TRANSFER_PROGRESS)
        return;
    r->answered = true;
    if (e->kind == SQ_TRANSFER_FAILED && !(r->phase == LOOKING && e->unsupported)) {
        set(&r->error, e->message);
        r->retry = e->retry;
    } else if (r->phase == LOOKING)
        set(&r->seen, e->source);
}

static void looked(struct sq_resource *r)
{
    bool known = r->seen && r->seen[0];
    if (r->number && (!known || strcmp(r->seen, r->source) == 0))
        serve(r, NULL);
    else
        do_phase(r, FETCHING);
}

static void on_end(void *arg, const char *why)
{
    struct sq_resource *r = arg;
    enum phase phase = r->phase;
    r->transfer = NULL;
    if (r->canceled) {
        if (r->new_number)
            remove_number(r->all, r->new_number);
        r->new_number = 0;
        serve(r, NULL); /* nobody: who came since waits for the next look */
        return;
    }
    if (!r->error && (why || !r->answered)) {
        set(&r->error, why ? why : "scitq-fetch answered nothing");
        r->retry = true;
    }
    if (r->error)
        fail(r, phase);
    else if (phase == LOOKING)
        looked(r);
    else
        seal(r);
}

static int make_folder(struct sq_resource *r, struct sq_err *err)
{
    char name[NAME_BYTES + 8];
    r->new_number = r->all->next_number++;
    snprintf(name, sizeof name, "r%lld", (long long)r->new_number);
    if (mkdirat(r->all->dir, name, 0755) == 0) {
        strcat(name, "/data");
        if (mkdirat(r->all->dir, name, 0755) == 0)
            return 0;
    }
    return sq_fail(err, sq_errno_code(errno), "cannot make %s/%s: %s", r->all->path,
                   name, strerror(errno));
}

static int start_transfer(struct sq_resource *r, struct sq_err *err)
{
    char *to SQ_CLEANUP(sq_freep) = NULL;
    struct sq_buf list;
    struct sq_transfer_item item = {.op = "info", .uri = r->uri};
    if (r->phase == FETCHING) {
        int rc = make_folder(r, err);
        if (rc)
            return rc;
        if (asprintf(&to, "%s/r%lld/data", r->all->path, (long long)r->new_number) < 0)
            to = NULL;
        item = (struct sq_transfer_item){.op = "get", .uri = r->uri, .to = to};
        if (!to)
            return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    sq_transfer_list(&list, &item, 1);
    return sq_transfer_start(r->all->transfers,
                             &(struct sq_transfer_request){.way = SQ_TRANSFER_IN,
                                                           .list = &list,
                                                           .event = on_event,
                                                           .end = on_end,
                                                           .arg = r},
                             &r->transfer, err);
}

static void do_phase(struct sq_resource *r, enum phase phase)
{
    struct sq_err err;
    r->phase = phase;
    set(&r->error, NULL);
    r->retry = r->answered = r->canceled = false;
    if (start_transfer(r, &err) == 0)
        return;
    set(&r->error, err.text);
    fail(r, phase);
}

/* Something changed: is there a next thing to do, or nothing at all any more? */
static void consider(struct sq_resource *r)
{
    struct sq_use *u;
    bool wanted = anyone(r, NEXT);
    if (r->all->ending || (r->phase != IDLE && r->phase != PAUSING))
        return;
    if (r->phase == PAUSING) {
        if (wanted || anyone(r, THIS))
            return;
        sq_timer_stop(r->all->loop, &r->pause);
        r->phase = IDLE;
        r->attempts = 0;
    }
    if (wanted) {
        TAILQ_FOREACH(u, &r->uses, link)
        if (u->state == NEXT)
            u->state = THIS;
        do_phase(r, LOOKING);
    } else if (TAILQ_EMPTY(&r->uses) && !r->number)
        free_resource(r);
}

/* ---- from outside */

static struct sq_resource *new_resource(struct sq_resources *all, const char *uri)
{
    struct sq_resource *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->all = all;
    r->uri = strdup(uri);
    r->pause = (struct sq_timer){.fn = after_pause, .arg = r};
    TAILQ_INIT(&r->uses);
    TAILQ_INSERT_TAIL(&all->all, r, link);
    if (r->uri)
        return r;
    free_resource(r);
    return NULL;
}

static struct sq_resource *find(struct sq_resources *all, const char *uri)
{
    struct sq_resource *r;
    TAILQ_FOREACH(r, &all->all, link)
    if (strcmp(r->uri, uri) == 0)
        return r;
    return NULL;
}

static bool open_folder(struct sq_resources *all, bool make)
{
    if (all->dir < 0 && make)
        mkdir(all->path, 0755);
    if (all->dir < 0)
        all->dir = open(all->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return all->dir >= 0;
}

struct sq_use *sq_resource_use(struct sq_resources *all, const char *uri, int to,
                               sq_resource_fn *fn, void *arg)
{
    struct sq_use *u = open_folder(all, true) ? calloc(1, sizeof *u) : NULL;
    struct sq_resource *r = u ? find(all, uri) : NULL;
    if (u && !r)
        r = new_resource(all, uri);
    if (!r) {
        free(u);
        return NULL;
    }
    *u = (struct sq_use){.resource = r,
                         .state = to < 0 ? HOLDING : NEXT,
                         .to = to,
                         .fn = fn,
                         .arg = arg};
    TAILQ_INSERT_TAIL(&r->uses, u, link);
    consider(r);
    return u;
}

bool sq_resource_end_use(struct sq_use *u)
{
    struct sq_resource *r = u->resource;
    if (u->state == LINKING) {
        u->ended = true;
        return false;
    }
    free_use(u);
    if (r->transfer && !anyone(r, THIS) && !anyone(r, NEXT)) {
        r->canceled = true;
        sq_transfer_cancel(r->transfer);
    }
    consider(r);
    return true;
}

void sq_resources_reset(struct sq_resources *all)
{
    struct sq_resource *r, *next;
    for (r = TAILQ_FIRST(&all->all); r; r = next) {
        next = TAILQ_NEXT(r, link);
        if (!TAILQ_EMPTY(&r->uses) || r->phase != IDLE)
            continue;
        discard(r);
        free_resource(r);
    }
}

/* One folder of an earlier process: a resource, or half of one. */
static void adopt(struct sq_resources *all, int64_t number)
{
    char name[NAME_BYTES];
    struct sq_err err;
    struct sq_resource_about about;
    struct sq_buf text SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&text, SQ_RESOURCE_ABOUT_MAX);
    name_of(number, name);
    if (number >= all->next_number)
        all->next_number = number + 1;
    int rc = sq_resource_read(all->dir, name, &text, &about, &err);
    struct sq_resource *r = rc ? NULL : find(all, about.uri);
    if (!rc && !r)
        r = new_resource(all, about.uri);
    if (!r || r->number > number) {
        remove_number(all, number);
        return;
    }
    discard(r);
    r->number = number;
    set(&r->source, about.source);
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

int sq_resources_open(struct sq_resources *all, const char *base, const char *name,
                      struct sq_loop *loop, struct sq_transfers *transfers,
                      struct sq_aside *aside, struct sq_err *err)
{
    *all = (struct sq_resources){.loop = loop,
                                 .transfers = transfers,
                                 .aside = aside,
                                 .dir = -1,
                                 .next_number = 1};
    TAILQ_INIT(&all->all);
    if (asprintf(&all->path, "%s/%s", base, name) < 0) {
        all->path = NULL;
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    return open_folder(all, false) ? scan(all, err) : 0;
}

void sq_resources_leave(struct sq_resources *all)
{
    all->ending = true;
}

void sq_resources_close(struct sq_resources *all)
{
    struct sq_resource *r;
    struct sq_use *u;
    if (!all->path)
        return;
    while ((r = TAILQ_FIRST(&all->all))) {
        while ((u = TAILQ_FIRST(&r->uses)))
            free_use(u);
        free_resource(r);
    }
    sq_closep(&all->dir);
    sq_freep(&all->path);
}
