/* One poll() over three descriptors: the signals, the clock, the end of the work. */
#include "cli/fetch/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"

struct watching {
    const struct sq_watch *w;
    int signals, clock, end;
    int signal; /* that came, or 0 */
    int result;
    int64_t deadline_us;
};

static void fatal_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void sq_watch_block_signals(void)
{
    sigset_t set;
    fatal_signals(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *work(void *arg)
{
    struct watching *v = arg;
    uint64_t one = 1;
    v->result = v->w->work(v->w->arg);
    while (write(v->end, &one, sizeof one) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void read_signal(struct watching *v)
{
    struct signalfd_siginfo info;
    if (read(v->signals, &info, sizeof info) != sizeof info || v->signal)
        return;
    v->signal = (int)info.ssi_signo;
    sq_fetch_stop(v->w->fetch, SQ_STOP_KILLED);
}

static void tick(struct watching *v)
{
    uint64_t times;
    int64_t now = sq_monotonic();
    if (read(v->clock, &times, sizeof times) < 0)
        return;
    if (v->deadline_us && now > v->deadline_us)
        sq_fetch_stop(v->w->fetch, SQ_STOP_LATE);
    pthread_mutex_lock(&v->w->fetch->lock);
    for (struct sq_job *job = v->w->fetch->jobs; job; job = job->next) {
        if (now - atomic_load(&job->alive_us) > SQ_STALL_S * INT64_C(1000000))
            sq_job_stop(job, SQ_STOP_STALLED);
        if (v->w->tick)
            v->w->tick(v->w->tick_arg, job);
    }
    pthread_mutex_unlock(&v->w->fetch->lock);
}

static void watch(struct watching *v)
{
    struct pollfd p[] = {{.fd = v->end, .events = POLLIN},
                         {.fd = v->signals, .events = POLLIN},
                         {.fd = v->clock, .events = POLLIN}};
    while (!(p[0].revents & POLLIN)) {
        if (poll(p, SQ_LEN(p), -1) < 0)
            continue; /* EINTR: revents are those of the last time */
        if (p[1].revents & POLLIN)
            read_signal(v);
        if (p[2].revents & POLLIN)
            tick(v);
    }
}

static int open_all(struct watching *v, struct sq_err *err)
{
    sigset_t set;
    fatal_signals(&set);
    v->signals = signalfd(-1, &set, SFD_CLOEXEC);
    v->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    v->end = eventfd(0, EFD_CLOEXEC);
    struct timespec every = {v->w->every_ms / 1000,
                             v->w->every_ms % 1000 * INT64_C(1000000)};
    struct itimerspec t = {every, every};
    if (v->signals < 0 || v->clock < 0 || v->end < 0 ||
        timerfd_settime(v->clock, 0, &t, NULL) != 0)
        return sq_fail(err, SQ_EIO, "cannot watch over transfers: %s", strerror(errno));
    return 0;
}

int sq_watch_run(const struct sq_watch *w, int *ret_signal, struct sq_err *err)
{
    struct watching v = {.w = w, .signals = -1, .clock = -1, .end = -1};
    pthread_t thread;
    if (w->fetch->timeout_s)
        v.deadline_us = sq_monotonic() + w->fetch->timeout_s * INT64_C(1000000);
    int rc = open_all(&v, err);
    if (rc == 0 && pthread_create(&thread, NULL, work, &v) != 0)
        rc = sq_fail(err, SQ_ENOMEM, "cannot start a thread");
    if (rc == 0) {
        watch(&v);
        pthread_join(thread, NULL);
        rc = v.result;
        *ret_signal = v.signal;
    }
    sq_closep(&v.signals);
    sq_closep(&v.clock);
    sq_closep(&v.end);
    return rc;
}
