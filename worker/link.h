/* What is said between this worker and the server, and when (doc/sync.md).
 *
 * Two lanes: the push carries records, one request at a time, so that what happens
 * meanwhile gathers into the next; the poll waits at the server for news.  Under load
 * the push's answers bring the news and no poll is made.  With the server gone,
 * everything is tried again after growing pauses, for ever, with one line in the log
 * when it goes and one when it is back. */
#ifndef SQ_WORKER_LINK_H
#define SQ_WORKER_LINK_H

#include "worker/loop.h"
#include "worker/message.h"
#include "worker/spool.h"
#include "worker/stats.h"
#include "worker/tasks.h"
#include "worker/wire.h"

enum sq_link_end {
    SQ_LINK_LEFT,    /* asked to stop, and what there was is told */
    SQ_LINK_RESTART, /* the server asks for a restart */
    SQ_LINK_REFUSED, /* another worker of this identity is alive */
    SQ_LINK_UNWANTED /* our machine was given back, and that is for good */
};
typedef void sq_link_end_fn(void *arg, enum sq_link_end end, const char *why);

struct sq_link_conf {
    const char *server; /* as the user wrote it */
    const char *token;  /* sent with every call; "": none */
    const char *ca;     /* SCITQ_CA; NULL: none */
    struct sq_registration registration;
    void (*registered)(void *arg); /* the first time */
    sq_link_end_fn *ended;
    /* Each time the server says with which plugin this machine is to be watched for its
     * eviction; NULL: with none. */
    void (*watch)(void *arg, const char *plugin);
    void *arg;
};

struct sq_link {
    const struct sq_link_conf *conf;
    struct sq_loop *loop;
    struct sq_spool *spool;
    struct sq_tasks *tasks;
    struct sq_stats *stats;
    struct sq_wire *wire;
    struct sq_lane *push, *poll;
    struct sq_buf push_body, poll_body, url;
    struct sq_arena arena; /* an answer */

    int64_t worker_id; /* SQ_NULL: not registered (any more) */
    bool has_status;   /* the command line's status was applied once */
    bool retell;       /* after registering: the server and we disagree */
    bool misdirected;  /* and it was said: the server has another database */
    bool lost, leaving, restart, stats_due, idle_due;
    bool evicted, evicted_due; /* the machine is taken back; it is still to be told */
    bool evicted_sent;         /* in the push under way */
    bool urgent;               /* something urgent waits for the next push */
    /* The push under way, or one whose answer was lost, lets the server give ahead; and
     * so a poll that was held meanwhile may bring it. */
    bool ahead, poll_ahead;
    int64_t sent_at, round_us; /* the push under way; what the last one took */
    enum { SQ_PUSH_NONE, SQ_PUSH_REGISTER, SQ_PUSH_SYNC, SQ_PUSH_IDLE } pushing;
    int64_t pause_us;
    bool knows_row;    /* its row was heard of, */
    char row_date[40]; /* changed last at: "" for never */
    int permanent;
    int64_t idle_delay_s, first_task_delay_s, poll_s, stats_s;

    int64_t *seen;           /* signals acted upon, not told yet */
    size_t n_seen, cap_seen; /* */
    size_t n_seen_sent;      /* of them, in the push under way */
    struct sq_timer push_timer, retry_timer, stats_timer, sync_timer, idle_timer,
        leave_timer;
};

int sq_link_init(struct sq_link *l, const struct sq_link_conf *conf,
                 struct sq_loop *loop, struct sq_spool *spool, struct sq_tasks *tasks,
                 struct sq_stats *stats, struct sq_err *err);
void sq_link_fini(struct sq_link *l);
/* Begin: register.  Before this, sq_link_tell does nothing. */
void sq_link_start(struct sq_link *l);
/* There is something to tell: sq_tell_fn. */
void sq_link_tell(void *link, bool urgent);
/* The provider takes this machine back: told with what there is to tell. */
void sq_link_evicted(struct sq_link *l);
/* Tell what there is if that is quick, then call `ended`. */
void sq_link_leave(struct sq_link *l);

#endif
