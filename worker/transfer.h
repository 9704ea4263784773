/* Moving data: each transfer is one `scitq-fetch --worker` (cli/fetch/worker.h tells
 * what is said to it and what it says), a child with a process group of its own.
 *
 * The child gets a list of jobs and answers line by line; whatever it writes has a
 * limit.  A few run at a time in each direction, the others wait their turn.  It dies
 * with this process, and with a cancellation: SIGTERM to its group, and SIGKILL to what
 * is still there SQ_TRANSFER_GRACE_US later.  One thread (the loop). */
#ifndef SQ_WORKER_TRANSFER_H
#define SQ_WORKER_TRANSFER_H

#include <sys/queue.h>
#include <scitq/error.h>
#include "lib/buf.h"
#include "worker/loop.h"

enum {
    SQ_TRANSFER_GRACE_US = 500000,
    SQ_TRANSFER_LINE = 1 << 20,  /* one line: as cli/fetch/worker.h says */
    SQ_TRANSFER_LIST = 16 << 20, /* what is asked: a task's row is 4 MiB at most */
};

/* What only looks never waits behind what moves. */
enum sq_transfer_way {
    SQ_TRANSFER_IN,
    SQ_TRANSFER_OUT,
    SQ_TRANSFER_LOOK,
    SQ_TRANSFER_WAYS
};

enum sq_transfer_kind { SQ_TRANSFER_PROGRESS, SQ_TRANSFER_DONE, SQ_TRANSFER_FAILED };
struct sq_transfer_event { /* texts are borrowed for the call */
    int64_t id;
    enum sq_transfer_kind kind;
    int64_t bytes;
    /* SQ_TRANSFER_DONE: what the source is now, as a text to be compared, "" when
     * nothing is known of it; and what was left out. */
    const char *source;
    const char *skipped; /* names, separated by ", "; NULL: none */
    char hash[33];       /* of what was put, when that was asked; "" */
    /* SQ_TRANSFER_FAILED */
    const char *message;
    bool retry, unsupported;
};
typedef void sq_transfer_event_fn(void *arg, const struct sq_transfer_event *event);
/* The child is gone, and its group; the transfer is freed after the call.  `why` is
 * NULL when it ended as it should, else what went wrong with the child itself. */
typedef void sq_transfer_end_fn(void *arg, const char *why);

struct sq_transfer;
TAILQ_HEAD(sq_transfer_list, sq_transfer);
struct sq_transfers {
    struct sq_loop *loop;
    char *program;
    const char *settings; /* the settings file it is to read; NULL: what it finds */
    int running[SQ_TRANSFER_WAYS], most[SQ_TRANSFER_WAYS];
    struct sq_transfer_list waiting[SQ_TRANSFER_WAYS], all;
    struct sq_timer dropped_timer;
};

/* `settings` is borrowed, or NULL.  The program is $SCITQ_FETCH, or the one installed.
 */
int sq_transfers_init(struct sq_transfers *all, struct sq_loop *loop,
                      const char *settings, struct sq_err *err);
/* Kills what runs; nothing is told any more. */
void sq_transfers_fini(struct sq_transfers *all);

struct sq_transfer_item {
    const char *op, *uri;
    const char *to, *from; /* NULL: none */
    bool hash;             /* of what is put */
};
/* The list of jobs as JSON, numbered from 1, into a buffer that this begins. */
void sq_transfer_list(struct sq_buf *out, const struct sq_transfer_item *items,
                      size_t n);

struct sq_transfer_request {
    enum sq_transfer_way way;
    struct sq_buf *list; /* the JSON; taken, also on failure */
    sq_transfer_event_fn *event;
    sq_transfer_end_fn *end;
    void *arg;
};
/* Now, or when it is its turn; a child that cannot be started is told as an end. */
int sq_transfer_start(struct sq_transfers *all, const struct sq_transfer_request *r,
                      struct sq_transfer **ret, struct sq_err *err);
/* No event any more; the end is still told, later, when nothing of it is left.  Also
 * from its own event. */
void sq_transfer_cancel(struct sq_transfer *t);

#endif
