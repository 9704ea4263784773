/* What is done for those who wait for a resource: look at the source, fetch it if it is
 * another than what is here, seal it; what fails is begun again where that may help. */
#include "worker/resources_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/log.h"
#include "worker/resource_disk.h"

enum { ATTEMPTS = 3, PAUSE_US = 2000000 };

static void after_pause(void *arg)
{
    struct sq_resource *r = arg;
    sq_resource_do(r, r->paused);
}

/* What the phase could not do; again later, or it is told. */
static void fail(struct sq_resource *r, enum sq_resource_phase phase)
{
    char text[600];
    snprintf(text, sizeof text, "the resource %.200s: %.380s", r->shown,
             r->error ? r->error : "out of memory");
    if (r->new_number)
        sq_resource_remove(r->all, r->new_number, false);
    r->new_number = 0;
    if (!r->retry || ++r->attempts >= ATTEMPTS) {
        sq_resource_serve(r, text);
        return;
    }
    sq_log(SQ_LOG_WARNING, "worker", "%s; trying again", text);
    r->phase = SQ_RS_PAUSING;
    r->paused = phase;
    r->pause.fn = after_pause;
    r->pause.arg = r;
    sq_timer_set(r->all->loop, &r->pause, PAUSE_US * r->attempts);
}

static void seal_work(struct sq_aside_job *job)
{
    struct sq_resource_job *j = (struct sq_resource_job *)job;
    struct sq_resource *r = j->resource; /* its texts stay while it is SQ_RS_SEALING */
    j->rc =
        sq_resource_seal(j->cache, j->name, r->uri, r->seen ? r->seen : "", &j->err);
}

static void seal_done(struct sq_aside_job *job)
{
    struct sq_resource_job *j = (struct sq_resource_job *)job;
    struct sq_resource *r = j->resource;
    if (j->all->ending) {
        /* whole or not, the next start will see */
    } else if (j->rc) {
        sq_resource_set(&r->error, j->err.text);
        r->retry = false;
        fail(r, SQ_RS_LOOKING);
    } else {
        sq_resource_discard(r);
        r->number = r->new_number;
        r->new_number = 0;
        sq_resource_set(&r->source, r->seen ? r->seen : "");
        sq_resource_serve(r, NULL);
    }
    free(j);
}

static void seal(struct sq_resource *r)
{
    struct sq_resource_job *j = sq_resource_job_new(r->all, r->new_number);
    r->phase = SQ_RS_SEALING;
    if (!j) {
        r->retry = true;
        fail(r, SQ_RS_LOOKING);
        return;
    }
    j->resource = r;
    sq_resource_job_add(j, seal_work, seal_done);
}

static void on_event(void *arg, const struct sq_transfer_event *e)
{
    struct sq_resource *r = arg;
    if (e->kind == SQ_TRANSFER_PROGRESS)
        return;
    r->answered = true;
    if (e->kind == SQ_TRANSFER_FAILED &&
        !(r->phase == SQ_RS_LOOKING && e->unsupported)) {
        sq_resource_set(&r->error, e->message);
        r->retry = e->retry;
    } else if (r->phase == SQ_RS_LOOKING)
        sq_resource_set(&r->seen, e->source);
}

static void looked(struct sq_resource *r)
{
    bool known = r->seen && r->seen[0];
    if (r->number && (!known || strcmp(r->seen, r->source) == 0))
        sq_resource_serve(r, NULL);
    else
        sq_resource_do(r, SQ_RS_FETCHING);
}

static void on_end(void *arg, const char *why)
{
    struct sq_resource *r = arg;
    enum sq_resource_phase phase = r->phase;
    r->transfer = NULL;
    if (r->canceled) {
        if (r->new_number)
            sq_resource_remove(r->all, r->new_number, false);
        r->new_number = 0;
        sq_resource_serve(r, NULL); /* nobody: who came since waits for the next look */
        return;
    }
    if (!r->error && (why || !r->answered)) {
        sq_resource_set(&r->error, why ? why : "scitq-fetch answered nothing");
        r->retry = true;
    }
    if (r->error)
        fail(r, phase);
    else if (phase == SQ_RS_LOOKING)
        looked(r);
    else
        seal(r);
}

static int make_folder(struct sq_resource *r, struct sq_err *err)
{
    char name[SQ_RESOURCE_NAME + 8];
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
    enum sq_transfer_way way = SQ_TRANSFER_LOOK;
    if (r->phase == SQ_RS_FETCHING) {
        int rc = make_folder(r, err);
        if (rc)
            return rc;
        if (asprintf(&to, "%s/r%lld/data", r->all->path, (long long)r->new_number) < 0)
            to = NULL;
        item = (struct sq_transfer_item){.op = "get", .uri = r->uri, .to = to};
        way = SQ_TRANSFER_IN;
        if (!to)
            return sq_fail(err, SQ_ENOMEM, "out of memory");
    }
    sq_transfer_list(&list, &item, 1);
    return sq_transfer_start(
        r->all->transfers,
        &(struct sq_transfer_request){
            .way = way, .list = &list, .event = on_event, .end = on_end, .arg = r},
        &r->transfer, err);
}

void sq_resource_do(struct sq_resource *r, enum sq_resource_phase phase)
{
    struct sq_err err;
    r->phase = phase;
    sq_resource_set(&r->error, NULL);
    r->retry = r->answered = r->canceled = false;
    if (start_transfer(r, &err) == 0)
        return;
    sq_resource_set(&r->error, err.text);
    fail(r, phase);
}
