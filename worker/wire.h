/* Requests to the server, carried by libcurl on the worker's loop.
 *
 * A lane carries one request at a time; the connections behind the lanes are kept.
 * Nothing blocks; `done` is called from the loop. */
#ifndef SQ_WORKER_WIRE_H
#define SQ_WORKER_WIRE_H

#include <scitq/error.h>
#include "lib/buf.h"
#include "worker/loop.h"

/* `status` is HTTP's, or 0 when there was no answer: then `error` says why.  `body`
 * is valid during the call; the lane is free again. */
struct sq_reply {
    int status;
    const char *error;
    const char *body;
    size_t len;
};
typedef void sq_reply_fn(void *arg, const struct sq_reply *reply);

struct sq_wire;
struct sq_lane;

struct sq_wire_conf {
    const char *base_url; /* as sq_http_base_url makes it */
    const char *token;    /* who we are; "": nobody */
    const char *ca;       /* file of the authorities trusted; NULL: the system's */
};
int sq_wire_open(struct sq_loop *loop, const struct sq_wire_conf *conf,
                 struct sq_wire **ret, struct sq_err *err);
void sq_wire_close(struct sq_wire *w); /* lanes too */
struct sq_lane *sq_wire_lane(struct sq_wire *w, sq_reply_fn *done, void *arg,
                             struct sq_err *err);

struct sq_request {
    const char *method, *path;
    const struct sq_buf *body; /* borrowed until done */
    int limit_s;               /* for the whole, 0: none */
    int stall_s;               /* without a byte moving, 0: none */
};
int sq_lane_send(struct sq_lane *l, const struct sq_request *req, struct sq_err *err);
bool sq_lane_busy(const struct sq_lane *l);
void sq_lane_cancel(struct sq_lane *l); /* `done` is not called */

#endif
