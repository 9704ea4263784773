/* SIGTERM and SIGINT stop, SIGHUP has the settings read again (core/living.h); the
 * service manager is told of both (lib/notify.h). */
#include "core/signals.h"

#include <errno.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/notify.h"

enum { SECOND_US = 1000000 };

/* When the service manager is told next that we live (monotonic), and the turns of the
 * scheduler by then. */
struct life {
    int64_t due;
    uint64_t turns;
};

void sq_signals_block(sigset_t *ret)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
}

static void reload(struct sq_living *living)
{
    sq_notify_reloading();
    sq_living_reload(living);
    sq_notify("READY=1\n");
}

/* The next signal; -1: none within so many microseconds. */
static int next(const sigset_t *signals, int64_t wait_us)
{
    const struct timespec wait = {wait_us / SECOND_US, wait_us % SECOND_US * 1000};
    int sig;
    while ((sig = sigtimedwait(signals, NULL, &wait)) < 0 && errno == EINTR)
        ;
    return sig;
}

/* A turn goes through the writer and the database: a sign of life is more than that the
 * process is still there. */
static void tell_life(struct life *l, const struct sq_sched *sched, int64_t period_us)
{
    uint64_t turns = sq_sched_turns(sched);
    if (turns != l->turns)
        sq_notify("WATCHDOG=1\n");
    l->turns = turns;
    l->due = sq_monotonic() + period_us;
}

/* By the clock: signals that come more often than signs of life do not put them off. */
static int next_in_service(const sigset_t *signals, const struct sq_sched *sched,
                           struct life *l)
{
    int64_t period_us = sq_notify_period_us();
    int sig = -1;
    if (!period_us)
        return sigwait(signals, &sig) == 0 ? sig : -1;
    while (sig < 0) {
        int64_t left = l->due - sq_monotonic();
        if (left > 0)
            sig = next(signals, left);
        else
            tell_life(l, sched, period_us);
    }
    return sig;
}

void sq_signals_serve(const sigset_t *signals, const struct sq_sched *sched,
                      struct sq_living *living)
{
    struct life life = {.due = sq_monotonic() + sq_notify_period_us()};
    while (next_in_service(signals, sched, &life) == SIGHUP)
        reload(living);
    sq_log(SQ_LOG_INFO, "server", "stopping");
    sq_notify("STOPPING=1\n");
}

bool sq_signals_stop(const sigset_t *signals, struct sq_living *living, int64_t wait_us)
{
    int sig;
    if (sq_notify_period_us())
        sq_notify("WATCHDOG=1\n");
    while ((sig = next(signals, wait_us)) == SIGHUP)
        reload(living);
    return sig > 0;
}
