/* The watch: one thread that looks after connections when nobody else does.
 *
 *  - *Waiters*: suspended requests (long polls by worker, followers by execution,
 *    listeners to all that changes),
 *    woken by a change, by their deadline, or because their client hung up.
 *  - *Slow clients*: a connection that takes longer than SQ_SLOW_S to say what it wants
 *    is shut down.
 *  - *Lingering*: after an answer given before the body was whole, the rest is read and
 *    dropped for a while, since closing with unread bytes would destroy the answer on
 *    its way.
 *
 * The thread sleeps in epoll and an idle server never wakes it. */
#ifndef SQ_HTTP_WATCH_H
#define SQ_HTTP_WATCH_H

#include <microhttpd.h>
#include <scitq/error.h>
#include <stdatomic.h>
#include "core/http/crowd.h"
#include "core/store/changes.h"
#include "lib/util.h"

enum {
    SQ_SLOW_S = 60, /* to send headers, or each SQ_SLOW_BYTES of a body */
    SQ_SLOW_BYTES = 65536,
    SQ_LINGER_S = 30,  /* at most, after an early answer */
    SQ_LINGER_MAX = 64 /* connections lingering at once */
};

struct sq_watch;

int sq_watch_start(struct sq_watch **ret, struct sq_err *err);
/* No waiter and no client is left.  NULL is allowed. */
void sq_watch_stop(struct sq_watch *w);

/* ---- waiters */

enum sq_waiter_kind {
    SQ_WAIT_NOTHING, /* but its deadline */
    SQ_WAIT_WORKER,
    SQ_WAIT_EXECUTION,
    SQ_WAIT_FEED /* its id is 0: any row that changes */
};

/* Embedded in the request.  Zeroed before its first use. */
struct sq_waiter {
    enum sq_waiter_kind kind;
    int64_t id;
    int64_t deadline; /* sq_monotonic(); SQ_NULL: none */
    struct MHD_Connection *connection;
    bool enlisted, woken, held;
    bool giving_way; /* to a later request of the same: answer as things stand */
    size_t heap_at;
    struct sq_waiter *next; /* of its bucket */
};

/* Enlist *before* reading what the answer depends on: a change after that read is then
 * never missed.  HTTP thread. */
void sq_waiter_enlist(struct sq_watch *w, struct sq_waiter *waiter);
/* Suspend the connection until woken: 1.  0 when it was woken since it was enlisted:
 * read again.  -1 when nobody can be held now: answer.  HTTP thread; the waiter is no
 * longer enlisted when the request goes on. */
int sq_waiter_hold(struct sq_watch *w, struct sq_waiter *waiter);
void sq_waiter_leave(struct sq_watch *w, struct sq_waiter *waiter);

/* Any thread. */
void sq_watch_changed(struct sq_watch *w, const struct sq_changes *c);
/* Another request of the same worker has come: those held give way to it. */
void sq_watch_supersede(struct sq_watch *w, enum sq_waiter_kind kind, int64_t id);
/* From now on nobody is held. */
void sq_watch_wake_all(struct sq_watch *w);

/* ---- clients: a connection, from accept to close */

struct sq_client {
    int fd;
    bool linger;     /* set by its HTTP thread */
    bool long_query; /* this one too: it was not looked at */
    unsigned char address[SQ_ADDRESS_BYTES];
    struct sq_place place;   /* among the strangers */
    _Atomic int64_t waiting; /* since when it owes us bytes; 0: it does not */
    struct sq_client *prev, *next;
};

/* libmicrohttpd's notification of connections; `watch` is the struct sq_watch. */
void sq_watch_connection(void *watch, struct MHD_Connection *connection,
                         void **socket_context,
                         enum MHD_ConnectionNotificationCode code);
/* True when the client has closed its side: nobody is there to be answered. */
bool sq_client_gone(const struct sq_client *c);

#endif
