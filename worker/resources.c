/* Who waits for which resource.
 *
 * A use waits for the NEXT look, then for THIS one, is LINKING, and then HOLDING.  The
 * phases of a resource follow each other only through the ends of transfers and of work
 * aside; when one ends for nobody any more, the resource is idle again. */
#include "worker/resources_impl.h"

#include <fcntl.h>
#include <stdlib.h>

#include "lib/log.h"
#include "worker/resource_disk.h"

enum { LINK_TRIES = 3 };

/* Something changed: is there a next thing to do, or nothing at all any more? */
static void consider(struct sq_resource *r);

static bool waited_for(const struct sq_resource *r, enum sq_use_state state)
{
    const struct sq_use *u;
    TAILQ_FOREACH(u, &r->uses, link)
    if (u->state == state)
        return true;
    return false;
}

static void free_use(struct sq_use *u)
{
    TAILQ_REMOVE(&u->resource->uses, u, link);
    free(u);
}

static void tell(struct sq_use *u, const char *why)
{
    u->state = SQ_USE_HOLDING;
    u->fn(u->arg, why);
}

static void link_work(struct sq_aside_job *job)
{
    struct sq_resource_job *j = (struct sq_resource_job *)job;
    j->rc = sq_resource_link(j->cache, j->name, j->to, &j->err);
}

static void link_again(struct sq_use *u, const struct sq_resource_job *j)
{
    struct sq_resource *r = u->resource;
    sq_log(SQ_LOG_WARNING, "worker", "the resource %s: %s: it is fetched anew",
           r->shown, j->err.text);
    if (r->number == j->number && r->phase == SQ_RS_IDLE)
        sq_resource_discard(r);
    u->state = SQ_USE_NEXT;
    consider(r);
}

static void link_done(struct sq_aside_job *job)
{
    struct sq_resource_job *j = (struct sq_resource_job *)job;
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
    struct sq_resource_job *j =
        sq_resource_job_new(u->resource->all, u->resource->number);
    if (j)
        j->to = fcntl(u->to, F_DUPFD_CLOEXEC, 3);
    if (!j || j->to < 0) {
        free(j);
        tell(u, "no memory to link a resource");
        return;
    }
    j->use = u;
    u->state = SQ_USE_LINKING;
    sq_resource_touch(u->resource);
    sq_resource_job_add(j, link_work, link_done);
}

static struct sq_use *first_waiting(const struct sq_resource *r)
{
    struct sq_use *u;
    TAILQ_FOREACH(u, &r->uses, link)
    if (u->state == SQ_USE_THIS)
        return u;
    return NULL;
}

/* The present look is over: everyone who waited for it.  Who is told may end uses. */
void sq_resource_serve(struct sq_resource *r, const char *why)
{
    struct sq_use *u;
    r->phase = SQ_RS_SERVING;
    r->attempts = 0;
    while ((u = first_waiting(r)))
        if (why)
            tell(u, why);
        else
            start_link(u);
    r->phase = SQ_RS_IDLE;
    consider(r);
}

static void consider(struct sq_resource *r)
{
    struct sq_use *u;
    bool wanted = waited_for(r, SQ_USE_NEXT);
    if (r->all->ending || (r->phase != SQ_RS_IDLE && r->phase != SQ_RS_PAUSING))
        return;
    if (r->phase == SQ_RS_PAUSING) {
        if (wanted || waited_for(r, SQ_USE_THIS))
            return;
        sq_timer_stop(r->all->loop, &r->pause);
        r->phase = SQ_RS_IDLE;
        r->attempts = 0;
    }
    if (wanted) {
        TAILQ_FOREACH(u, &r->uses, link)
        if (u->state == SQ_USE_NEXT)
            u->state = SQ_USE_THIS;
        sq_resource_do(r, SQ_RS_LOOKING);
    } else if (TAILQ_EMPTY(&r->uses) && !r->number)
        sq_resource_free(r);
}

struct sq_use *sq_resource_use(struct sq_resources *all, const char *uri, int to,
                               sq_resource_fn *fn, void *arg)
{
    struct sq_use *u = sq_resources_folder(all, true) ? calloc(1, sizeof *u) : NULL;
    struct sq_resource *r = u ? sq_resource_find(all, uri) : NULL;
    if (u && !r)
        r = sq_resource_new(all, uri);
    if (!r) {
        free(u);
        return NULL;
    }
    *u = (struct sq_use){.resource = r,
                         .state = to < 0 ? SQ_USE_HOLDING : SQ_USE_NEXT,
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
    if (u->state == SQ_USE_LINKING) {
        u->ended = true;
        return false;
    }
    free_use(u);
    if (r->transfer && !waited_for(r, SQ_USE_THIS) && !waited_for(r, SQ_USE_NEXT)) {
        r->canceled = true;
        sq_transfer_cancel(r->transfer);
    }
    consider(r);
    return true;
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
        sq_resource_free(r);
    }
    sq_closep(&all->dir);
    sq_freep(&all->path);
}
