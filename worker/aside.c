/* The queue is the loop's; the thread owns one job and gives it back through the pipe,
 * which holds at most that one. */
#include "worker/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

enum { STACK_BYTES = 512 << 10 };

static void give_back(struct sq_aside *a)
{
    char one = 1;
    while (write(a->pipe[1], &one, 1) < 0 && errno == EINTR)
        ;
}

static void *work(void *arg)
{
    struct sq_aside *a = arg;
    a->first->work(a->first);
    give_back(a);
    return NULL;
}

static void start(struct sq_aside *a)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    a->busy = pthread_create(&a->thread, &attr, work, a) == 0;
    pthread_attr_destroy(&attr);
    if (!a->busy)
        work(a);
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

void sq_aside_add(struct sq_aside *a, struct sq_aside_job *job)
{
    bool idle = !a->first;
    job->next = NULL;
    *a->last = job;
    a->last = &job->next;
    if (idle)
        start(a);
}
