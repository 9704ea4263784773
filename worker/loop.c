/* The loop: epoll_wait with the time of the earliest timer, then what is ready, then
 * the timers that are due.  A watch that is stopped while its event is still in the
 * batch is taken out of the batch, so that its memory may be freed at once. */
#include "worker/loop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/clock.h"

int sq_loop_init(struct sq_loop *l, struct sq_err *err)
{
    memset(l, 0, sizeof *l);
    l->signals.fd = -1;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0)
        return sq_fail(err, SQ_EIO, "cannot make an epoll descriptor: %s",
                       strerror(errno));
    return 0;
}

void sq_loop_fini(struct sq_loop *l)
{
    int fd = l->signals.fd;
    sq_loop_unwatch(l, &l->signals);
    if (fd >= 0)
        close(fd);
    sq_closep(&l->epoll);
    l->epoll = -1;
}

int sq_loop_watch(struct sq_loop *l, struct sq_watch *w, int fd, unsigned events,
                  struct sq_err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = w};
    int op = w->fd == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(l->epoll, op, fd, &event) != 0)
        return sq_fail(err, SQ_EIO, "cannot watch descriptor %d: %s", fd,
                       strerror(errno));
    w->fd = fd;
    return 0;
}

void sq_loop_unwatch(struct sq_loop *l, struct sq_watch *w)
{
    if (w->fd < 0)
        return;
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    w->fd = -1;
    for (int i = 0; i < l->n_ready; i++)
        if (l->ready[i].data.ptr == w)
            l->ready[i].data.ptr = NULL;
}

void sq_timer_stop(struct sq_loop *l, struct sq_timer *t)
{
    if (!t->due)
        return;
    struct sq_timer **link = &l->timers;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    t->due = 0;
}

static void insert(struct sq_loop *l, struct sq_timer *t, int64_t due)
{
    sq_timer_stop(l, t);
    struct sq_timer **link = &l->timers;
    while (*link && (*link)->due <= due)
        link = &(*link)->next;
    t->due = due;
    t->next = *link;
    *link = t;
}

void sq_timer_set(struct sq_loop *l, struct sq_timer *t, int64_t delay_us)
{
    assert(t->fn);
    insert(l, t, sq_monotonic() + delay_us);
}

void sq_timer_hasten(struct sq_loop *l, struct sq_timer *t, int64_t delay_us)
{
    int64_t due = sq_monotonic() + delay_us;
    if (!t->due || due < t->due)
        insert(l, t, due);
}

static void signal_ready(void *arg, unsigned events)
{
    struct sq_loop *l = arg;
    struct signalfd_siginfo info;
    while (read(l->signals.fd, &info, sizeof info) == (ssize_t)sizeof info)
        l->on_signal(l->signal_arg, (int)info.ssi_signo);
}

int sq_loop_signals(struct sq_loop *l, const sigset_t *set, sq_signal_fn *fn, void *arg,
                    struct sq_err *err)
{
    sigprocmask(SIG_BLOCK, set, NULL);
    int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return sq_fail(err, SQ_EIO, "cannot make a signal descriptor: %s",
                       strerror(errno));
    l->on_signal = fn;
    l->signal_arg = arg;
    l->signals.fn = signal_ready;
    l->signals.arg = l;
    return sq_loop_watch(l, &l->signals, fd, EPOLLIN, err);
}

/* Milliseconds to the earliest timer, rounded up so that it is due when we wake. */
static int wait_ms(const struct sq_loop *l)
{
    if (!l->timers)
        return -1;
    int64_t us = l->timers->due - sq_monotonic();
    if (us <= 0)
        return 0;
    return us > 3600000000 ? 3600000 : (int)((us + 999) / 1000);
}

static void run_timers(struct sq_loop *l)
{
    int64_t now = sq_monotonic();
    while (l->timers && l->timers->due <= now && !l->stopped) {
        struct sq_timer *t = l->timers;
        sq_timer_stop(l, t);
        t->fn(t->arg);
    }
}

int sq_loop_run(struct sq_loop *l, struct sq_err *err)
{
    while (!l->stopped) {
        int n = epoll_wait(l->epoll, l->ready, SQ_LOOP_BATCH, wait_ms(l));
        if (n < 0 && errno != EINTR)
            return sq_fail(err, SQ_EIO, "cannot wait for events: %s", strerror(errno));
        l->n_ready = n < 0 ? 0 : n;
        for (int i = 0; i < l->n_ready && !l->stopped; i++) {
            struct sq_watch *w = l->ready[i].data.ptr;
            if (w)
                w->fn(w->arg, l->ready[i].events);
        }
        l->n_ready = 0;
        if (l->timers)
            run_timers(l);
    }
    return 0;
}

void sq_loop_stop(struct sq_loop *l)
{
    l->stopped = true;
}
