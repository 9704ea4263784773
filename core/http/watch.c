/* The watch thread, and the table of waiters it shares with everyone who wakes them.
 *
 * Waiters are in a hash by (kind, id), in a heap by deadline, and their descriptors in
 * an epoll set that reports hang-ups.  One mutex guards all of that.  A waiter is taken
 * out under the mutex by whoever wakes it, exactly once, and resumed after the mutex
 * is released; a connection is suspended under the mutex, so that it cannot be resumed
 * before. */
#include "core/http/watch.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

enum { BUCKETS = 4096, BATCH = 64, SCAN_S = 15, DRAIN_BYTES = 1 << 20 };
static const int64_t SECOND = 1000000;

struct lingering {
    int fd; /* -1: free */
    int64_t deadline;
};

struct sq_watch {
    pthread_t thread;
    int epoll_fd, event_fd;

    pthread_mutex_t lock;
    struct sq_waiter *buckets[BUCKETS];
    struct sq_waiter **heap; /* those with a deadline, soonest first */
    size_t n_heap, cap_heap;
    struct sq_waiter **by_fd; /* enlisted and held, by descriptor */
    size_t n_by_fd;
    bool open_to_none; /* stopping: nobody is held */
    bool quit;

    pthread_mutex_t clients_lock;
    struct sq_client *clients;
    bool scanning; /* the thread comes back for them */
    struct lingering lingers[SQ_LINGER_MAX];
};

/* ---- the heap */

static void heap_put(struct sq_watch *w, size_t at, struct sq_waiter *x)
{
    w->heap[at] = x;
    x->heap_at = at;
}

static void heap_up(struct sq_watch *w, size_t at)
{
    struct sq_waiter *x = w->heap[at];
    while (at > 0 && w->heap[(at - 1) / 2]->deadline > x->deadline) {
        heap_put(w, at, w->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(w, at, x);
}

static void heap_down(struct sq_watch *w, size_t at)
{
    struct sq_waiter *x = w->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= w->n_heap)
            break;
        if (child + 1 < w->n_heap &&
            w->heap[child + 1]->deadline < w->heap[child]->deadline)
            child++;
        if (w->heap[child]->deadline >= x->deadline)
            break;
        heap_put(w, at, w->heap[child]);
        at = child;
    }
    heap_put(w, at, x);
}

static bool heap_add(struct sq_watch *w, struct sq_waiter *x)
{
    if (w->n_heap == w->cap_heap) {
        size_t cap = w->cap_heap ? w->cap_heap * 2 : 16;
        struct sq_waiter **heap = realloc(w->heap, cap * sizeof *heap);
        if (!heap)
            return false;
        w->heap = heap;
        w->cap_heap = cap;
    }
    heap_put(w, w->n_heap++, x);
    heap_up(w, x->heap_at);
    return true;
}

static void heap_remove(struct sq_watch *w, struct sq_waiter *x)
{
    size_t at = x->heap_at;
    struct sq_waiter *last = w->heap[--w->n_heap];
    if (last == x)
        return;
    heap_put(w, at, last);
    heap_up(w, at);
    heap_down(w, last->heap_at);
}

/* ---- the table */

static struct sq_waiter **bucket(struct sq_watch *w, enum sq_waiter_kind kind,
                                 int64_t id)
{
    uint64_t h = ((uint64_t)id * 2 + kind) * UINT64_C(0x9E3779B97F4A7C15);
    return &w->buckets[h >> 52];
}
_Static_assert(BUCKETS == 1 << (64 - 52), "the hash gives twelve bits");

static int waiter_fd(const struct sq_waiter *waiter)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(waiter->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/* Report when the client of this held waiter hangs up. */
static bool listen_for_hangup(struct sq_watch *w, struct sq_waiter *x)
{
    int fd = waiter_fd(x);
    if (fd < 0)
        return false;
    if ((size_t)fd >= w->n_by_fd) {
        size_t n = (size_t)fd * 2 + 16;
        struct sq_waiter **by_fd = realloc(w->by_fd, n * sizeof *by_fd);
        if (!by_fd)
            return false;
        memset(by_fd + w->n_by_fd, 0, (n - w->n_by_fd) * sizeof *by_fd);
        w->by_fd = by_fd;
        w->n_by_fd = n;
    }
    struct epoll_event e = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        return false;
    w->by_fd[fd] = x;
    return true;
}

static void unlisten(struct sq_watch *w, struct sq_waiter *x)
{
    int fd = waiter_fd(x);
    if (fd >= 0 && (size_t)fd < w->n_by_fd && w->by_fd[fd] == x) {
        w->by_fd[fd] = NULL;
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    }
}

/* Out of every structure. */
static void take_out(struct sq_watch *w, struct sq_waiter *x)
{
    struct sq_waiter **at = bucket(w, x->kind, x->id);
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    if (x->deadline != SQ_NULL)
        heap_remove(w, x);
    if (x->held)
        unlisten(w, x);
    x->enlisted = false;
    x->woken = true;
}

/* Waiters taken out under the mutex, to be resumed after it. */
struct wakes {
    struct sq_waiter *first;
};

static void wake(struct sq_watch *w, struct sq_waiter *x, struct wakes *wakes)
{
    take_out(w, x);
    if (x->held) {
        x->next = wakes->first;
        wakes->first = x;
    }
}

/* After MHD_resume_connection the waiter is its HTTP thread's again. */
static void resume_all(struct wakes *wakes)
{
    while (wakes->first) {
        struct sq_waiter *x = wakes->first;
        wakes->first = x->next;
        MHD_resume_connection(x->connection);
    }
}

static void wake_id(struct sq_watch *w, enum sq_waiter_kind kind, int64_t id,
                    bool giving_way, struct wakes *wakes)
{
    struct sq_waiter **at = bucket(w, kind, id);
    for (struct sq_waiter *x = *at, *next; x; x = next) {
        next = x->next;
        if (x->kind == kind && x->id == id) {
            x->giving_way |= giving_way;
            wake(w, x, wakes);
        }
    }
}

static void wake_everyone(struct sq_watch *w, struct wakes *wakes)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (w->buckets[i])
            wake(w, w->buckets[i], wakes);
}

static void nudge(struct sq_watch *w)
{
    uint64_t one = 1;
    while (write(w->event_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void sq_waiter_enlist(struct sq_watch *w, struct sq_waiter *waiter)
{
    assert(!waiter->enlisted);
    pthread_mutex_lock(&w->lock);
    waiter->held = false;
    waiter->woken = false;
    bool timed = waiter->deadline != SQ_NULL;
    if (!w->open_to_none && (!timed || heap_add(w, waiter))) {
        struct sq_waiter **at = bucket(w, waiter->kind, waiter->id);
        waiter->next = *at;
        *at = waiter;
        waiter->enlisted = true;
        if (timed && waiter->heap_at == 0)
            nudge(w);
    }
    pthread_mutex_unlock(&w->lock);
}

int sq_waiter_hold(struct sq_watch *w, struct sq_waiter *waiter)
{
    int result = 0;
    pthread_mutex_lock(&w->lock);
    if (waiter->enlisted) {
        result = listen_for_hangup(w, waiter) ? 1 : -1;
        if (result == 1) {
            waiter->held = true;
            MHD_suspend_connection(waiter->connection);
        } else {
            take_out(w, waiter);
        }
    } else if (!waiter->woken || w->open_to_none) {
        result = -1;
    }
    pthread_mutex_unlock(&w->lock);
    return result;
}

void sq_waiter_leave(struct sq_watch *w, struct sq_waiter *waiter)
{
    pthread_mutex_lock(&w->lock);
    if (waiter->enlisted)
        take_out(w, waiter);
    pthread_mutex_unlock(&w->lock);
}

void sq_watch_changed(struct sq_watch *w, const struct sq_changes *c)
{
    struct wakes wakes = {0};
    pthread_mutex_lock(&w->lock);
    if (c->failed)
        wake_everyone(w, &wakes);
    for (size_t i = 0; i < c->tell.n; i++)
        wake_id(w, SQ_WAIT_WORKER, c->tell.ids[i], false, &wakes);
    for (size_t i = 0; i < c->executions.n; i++)
        wake_id(w, SQ_WAIT_EXECUTION, c->executions.ids[i], false, &wakes);
    for (size_t i = 0; i < c->outputs.n; i++)
        wake_id(w, SQ_WAIT_EXECUTION, c->outputs.ids[i], false, &wakes);
    if (c->tasks.n || c->executions.n || c->workers.n || c->job_rows.n)
        wake_id(w, SQ_WAIT_FEED, 0, false, &wakes);
    pthread_mutex_unlock(&w->lock);
    resume_all(&wakes);
}

void sq_watch_supersede(struct sq_watch *w, enum sq_waiter_kind kind, int64_t id)
{
    struct wakes wakes = {0};
    pthread_mutex_lock(&w->lock);
    wake_id(w, kind, id, true, &wakes);
    pthread_mutex_unlock(&w->lock);
    resume_all(&wakes);
}

void sq_watch_wake_all(struct sq_watch *w)
{
    struct wakes wakes = {0};
    pthread_mutex_lock(&w->lock);
    w->open_to_none = true;
    wake_everyone(w, &wakes);
    pthread_mutex_unlock(&w->lock);
    resume_all(&wakes);
}

/* ---- clients */

bool sq_client_gone(const struct sq_client *c)
{
    /* Not by what there is to read: over TLS the goodbye is bytes, too. */
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

/* Keep the connection's other half open for a while under a descriptor of ours. */
static void linger(struct sq_watch *w, int fd)
{
    for (size_t i = 0; i < SQ_LINGER_MAX; i++) {
        struct lingering *l = &w->lingers[i];
        if (l->fd >= 0)
            continue;
        int copy = dup(fd);
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = copy};
        if (copy < 0)
            return;
        shutdown(copy, SHUT_WR);
        if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, copy, &e) != 0) {
            close(copy);
            return;
        }
        *l = (struct lingering){.fd = copy,
                                .deadline = sq_monotonic() + SQ_LINGER_S * SECOND};
        nudge(w);
        return;
    }
}

static struct sq_client *client_new(struct sq_watch *w, int fd)
{
    struct sq_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = fd;
    atomic_store(&c->waiting, sq_monotonic());
    pthread_mutex_lock(&w->clients_lock);
    c->next = w->clients;
    if (c->next)
        c->next->prev = c;
    w->clients = c;
    if (!w->scanning)
        nudge(w);
    w->scanning = true;
    pthread_mutex_unlock(&w->clients_lock);
    return c;
}

static void client_free(struct sq_watch *w, struct sq_client *c)
{
    pthread_mutex_lock(&w->clients_lock);
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        w->clients = c->next;
    if (c->linger)
        linger(w, c->fd);
    pthread_mutex_unlock(&w->clients_lock);
    free(c);
}

void sq_watch_connection(void *watch, struct MHD_Connection *connection,
                         void **socket_context,
                         enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context = info ? client_new(watch, info->connect_fd) : NULL;
    } else if (*socket_context) {
        client_free(watch, *socket_context);
        *socket_context = NULL;
    }
}

/* ---- the thread */

/* Shut down who owes us bytes for too long; libmicrohttpd then closes it.  Returns
 * whether there is any client to come back for. */
static bool scan_clients(struct sq_watch *w, int64_t now)
{
    pthread_mutex_lock(&w->clients_lock);
    for (struct sq_client *c = w->clients; c; c = c->next) {
        int64_t since = atomic_load(&c->waiting);
        if (since != 0 && now - since > SQ_SLOW_S * SECOND)
            shutdown(c->fd, SHUT_RDWR);
    }
    bool any = w->scanning = w->clients != NULL;
    pthread_mutex_unlock(&w->clients_lock);
    return any;
}

static void linger_end(struct sq_watch *w, struct lingering *l)
{
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    close(l->fd);
    l->fd = -1;
}

/* Drop what has come; false when there will be no more. */
static bool drain(int fd)
{
    char waste[16384];
    for (size_t total = 0; total < DRAIN_BYTES;) {
        ssize_t n = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (n < 0)
            return true;
        total += (size_t)n;
    }
    return true;
}

static void lingers_event(struct sq_watch *w, int fd)
{
    pthread_mutex_lock(&w->clients_lock);
    for (size_t i = 0; i < SQ_LINGER_MAX; i++)
        if (w->lingers[i].fd == fd && !drain(fd))
            linger_end(w, &w->lingers[i]);
    pthread_mutex_unlock(&w->clients_lock);
}

/* End those whose time is over (all, when `now` is INT64_MAX); whether any is left. */
static bool lingers_due(struct sq_watch *w, int64_t now)
{
    bool any = false;
    pthread_mutex_lock(&w->clients_lock);
    for (size_t i = 0; i < SQ_LINGER_MAX; i++) {
        struct lingering *l = &w->lingers[i];
        if (l->fd >= 0 && l->deadline <= now)
            linger_end(w, l);
        any |= l->fd >= 0;
    }
    pthread_mutex_unlock(&w->clients_lock);
    return any;
}

/* Wake the waiters that are due; the next deadline, INT64_MAX for none. */
static int64_t waiters_due(struct sq_watch *w, int64_t now)
{
    struct wakes wakes = {0};
    pthread_mutex_lock(&w->lock);
    while (w->n_heap && w->heap[0]->deadline <= now)
        wake(w, w->heap[0], &wakes);
    int64_t next = w->n_heap ? w->heap[0]->deadline : INT64_MAX;
    pthread_mutex_unlock(&w->lock);
    resume_all(&wakes);
    return next;
}

static void hung_up(struct sq_watch *w, int fd)
{
    struct wakes wakes = {0};
    pthread_mutex_lock(&w->lock);
    if ((size_t)fd < w->n_by_fd && w->by_fd[fd])
        wake(w, w->by_fd[fd], &wakes);
    pthread_mutex_unlock(&w->lock);
    resume_all(&wakes);
}

static bool quitting(struct sq_watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool quit = w->quit;
    pthread_mutex_unlock(&w->lock);
    return quit;
}

/* Milliseconds to sleep: until the next deadline, the next scan of clients if there are
 * any; for ever otherwise. */
static int pause_ms(struct sq_watch *w, int64_t *next_scan)
{
    int64_t now = sq_monotonic();
    int64_t until = waiters_due(w, now);
    bool any = lingers_due(w, now);
    if (now >= *next_scan) {
        any |= scan_clients(w, now);
        *next_scan = any ? now + SCAN_S * SECOND : INT64_MAX;
    }
    if (until > *next_scan)
        until = *next_scan;
    if (until == INT64_MAX)
        return -1;
    return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

static void *run(void *arg)
{
    struct sq_watch *w = arg;
    int64_t next_scan = INT64_MAX;
    while (!quitting(w)) {
        struct epoll_event events[BATCH];
        int n = epoll_wait(w->epoll_fd, events, BATCH, pause_ms(w, &next_scan));
        for (int i = 0; i < n; i++) {
            uint64_t count;
            int fd = events[i].data.fd;
            if (fd == w->event_fd) {
                if (read(fd, &count, sizeof count) > 0 && next_scan == INT64_MAX)
                    next_scan = sq_monotonic();
                continue;
            }
            hung_up(w, fd);
            lingers_event(w, fd);
        }
    }
    return NULL;
}

int sq_watch_start(struct sq_watch **ret, struct sq_err *err)
{
    struct sq_watch *w = calloc(1, sizeof *w);
    if (!w)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    pthread_mutex_init(&w->lock, NULL);
    pthread_mutex_init(&w->clients_lock, NULL);
    for (size_t i = 0; i < SQ_LINGER_MAX; i++)
        w->lingers[i].fd = -1;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = w->event_fd};
    int why = 0;
    if (w->epoll_fd < 0 || w->event_fd < 0 ||
        epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->event_fd, &e) != 0)
        why = errno;
    else
        why = pthread_create(&w->thread, NULL, run, w);
    if (why != 0) {
        sq_closep(&w->epoll_fd);
        sq_closep(&w->event_fd);
        free(w);
        return sq_fail(err, SQ_EIO, "cannot start the watch of connections: %s",
                       strerror(why));
    }
    *ret = w;
    return 0;
}

void sq_watch_stop(struct sq_watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_mutex_unlock(&w->lock);
    nudge(w);
    pthread_join(w->thread, NULL);
    lingers_due(w, INT64_MAX);
    close(w->epoll_fd);
    close(w->event_fd);
    free(w->heap);
    free(w->by_fd);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->clients_lock);
    free(w);
}
