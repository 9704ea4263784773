/* The queue is the loop's; the thread owns one job and gives it back through the pipe,
 * which holds at most that one. */
#include "worker/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

enum { STACK_BYTES = 512 << 10 };

/* Of the job alone: whoever made it may have been abandoned meanwhile. */
static void *work(void *arg)
{
    struct sq_aside_job *job = arg;
    char one = 1;
    job->work(job);
    while (write(job->answer, &one, 1) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void start(struct sq_aside *a)
{
    pthread_attr_t attr;
    a->first->answer = a->pipe[1];
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    a->busy = pthread_create(&a->thread, &attr, work, a->first) == 0;
    pthread_attr_destroy(&attr);
    if (!a->busy)
        work(a->first);
}

static void take(struct sq_aside *a)
{
    struct sq_aside_job *job = a->first;
    if (a->busy)
        pthread_join(a->thread, NULL);
    a->busy = false;
    a->first = job->next;
    if (a->first)
        start(a);
    else
        a->last = &a->first;
    job->done(job);
}

static void answered(void *arg, unsigned events)
{
    struct sq_aside *a = arg;
    char one;
    if (read(a->pipe[0], &one, 1) == 1)
        take(a);
}

int sq_aside_init(struct sq_aside *a, struct sq_loop *loop, struct sq_err *err)
{
    *a = (struct sq_aside){.loop = loop, .pipe = {-1, -1}};
    a->last = &a->first;
    a->watch = (struct sq_watch){-1, answered, a};
    if (pipe2(a->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return sq_fail(err, SQ_EIO, "cannot make a pipe: %s", strerror(errno));
    return sq_loop_watch(loop, &a->watch, a->pipe[0], EPOLLIN, err);
}

void sq_aside_fini(struct sq_aside *a)
{
    struct sq_aside_job *job;
    if (!a->loop)
        return;
    sq_loop_unwatch(a->loop, &a->watch);
    if (a->busy)
        pthread_join(a->thread, NULL);
    a->busy = false;
    while ((job = a->first)) {
        a->first = job->next;
        job->done(job);
    }
    sq_closep(&a->pipe[0]);
    sq_closep(&a->pipe[1]);
    a->loop = NULL;
}

void sq_aside_abandon(struct sq_aside *a, void (*drop)(struct sq_aside_job *job))
{
    struct sq_aside_job *job = a->first;
    sq_loop_unwatch(a->loop, &a->watch);
    if (a->busy) {
        pthread_detach(a->thread);
        job = job->next;
    } else {
        sq_closep(&a->pipe[0]);
        sq_closep(&a->pipe[1]);
    }
    while (job) {
        struct sq_aside_job *next = job->next;
        drop(job);
        job = next;
    }
}

void sq_aside_add(struct sq_aside *a, struct sq_aside_job *job)
{
    bool idle = !a->first;
    job->next = NULL;
    *a->last = job;
    a->last = &job->next;
    if (idle)
        start(a);
}
