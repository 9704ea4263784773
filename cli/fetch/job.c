/* Jobs: counting, stopping, and the calls that plugins are given. */
#include "cli/fetch/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/uri.h"

int sq_fetch_init(struct sq_fetch *f, struct sq_err *err)
{
    memset(f, 0, sizeof *f);
    return pthread_mutex_init(&f->lock, NULL) == 0
               ? 0
               : sq_fail(err, SQ_ENOMEM, "cannot make a lock");
}

void sq_fetch_fini(struct sq_fetch *f)
{
    pthread_mutex_destroy(&f->lock);
}

void sq_fetch_stop(struct sq_fetch *f, enum sq_stop why)
{
    pthread_mutex_lock(&f->lock);
    atomic_store(&f->stop, why);
    for (struct sq_job *job = f->jobs; job; job = job->next)
        sq_job_stop(job, why);
    pthread_mutex_unlock(&f->lock);
}

int sq_job_open(struct sq_fetch *f, int64_t id, const char *label, struct sq_job *job,
                struct sq_err *err)
{
    memset(job, 0, sizeof *job);
    job->fetch = f;
    job->id = id;
    job->label = strdup(label);
    if (!job->label)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    sq_uri_hide(job->label);
    job->total_bytes = SQ_UNKNOWN;
    job->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (job->stop_fd < 0) {
        free(job->label);
        return sq_fail(err, SQ_EIO, "cannot make an eventfd: %s", strerror(errno));
    }
    sq_job_alive(job);
    pthread_mutex_lock(&f->lock);
    job->next = f->jobs;
    f->jobs = job;
    if (f->stop)
        sq_job_stop(job, f->stop);
    pthread_mutex_unlock(&f->lock);
    return 0;
}

void sq_job_close(struct sq_job *job)
{
    struct sq_fetch *f = job->fetch;
    pthread_mutex_lock(&f->lock);
    for (struct sq_job **p = &f->jobs; *p; p = &(*p)->next)
        if (*p == job) {
            *p = job->next;
            break;
        }
    pthread_mutex_unlock(&f->lock);
    close(job->stop_fd);
    free(job->label);
}

void sq_job_stop(struct sq_job *job, enum sq_stop why)
{
    int not_yet = SQ_STOP_NOT;
    uint64_t one = 1;
    if (atomic_compare_exchange_strong(&job->stop, &not_yet, (int)why))
        while (write(job->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

bool sq_job_stopped(const struct sq_job *job)
{
    return atomic_load(&job->stop) != SQ_STOP_NOT;
}

int sq_job_stop_error(const struct sq_job *job, struct sq_err *err)
{
    switch ((enum sq_stop)atomic_load(&job->stop)) {
    case SQ_STOP_LATE:
        return sq_fail(err, SQ_ETIMEDOUT,
                       "%.300s took longer than the %d s allowed: a larger download "
                       "timeout gives it more",
                       job->label, job->fetch->timeout_s);
    case SQ_STOP_STALLED:
        return sq_fail(err, SQ_ETIMEDOUT, "%.300s: no byte moved for %d s", job->label,
                       SQ_STALL_S);
    default: return sq_fail(err, SQ_ECANCELED, "%.300s was canceled", job->label);
    }
}

void sq_job_alive(struct sq_job *job)
{
    atomic_store(&job->alive_us, sq_monotonic());
}

static int leg_canceled(const struct sq_call *call)
{
    const struct sq_leg *leg = (const struct sq_leg *)call;
    return sq_job_stopped(leg->job);
}

static void leg_progress(struct sq_call *call, int64_t done, int64_t total)
{
    struct sq_leg *leg = (struct sq_leg *)call;
    if (leg->alone && total != SQ_UNKNOWN)
        atomic_store(&leg->job->total_bytes, total);
    if (done == leg->done_bytes)
        return;
    if (done > leg->done_bytes)
        sq_job_alive(leg->job);
    atomic_fetch_add(&leg->job->moved_bytes, done - leg->done_bytes);
    leg->done_bytes = done;
}

void sq_leg_init(struct sq_leg *leg, struct sq_job *job, bool alone)
{
    *leg = (struct sq_leg){.call = {.canceled = leg_canceled,
                                    .cancel_fd = job->stop_fd,
                                    .progress = leg_progress},
                           .job = job,
                           .alone = alone};
}
