/* One request, from its headers to its last byte: what the steps of a route see of it.
 *
 * It owns everything it needs (one arena, the body, the parsed JSON, the answer's
 * buffer) and is freed when libmicrohttpd says that the connection is done with it.
 * It belongs to its HTTP thread; to the writer while its write is under way, the
 * connection being suspended; to nobody while it is held, until it is woken. */
#ifndef SQ_HTTP_REQUEST_H
#define SQ_HTTP_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include "core/http/access.h"
#include "core/http/crowd.h"
#include "core/http/lift.h"
#include "core/http/record.h"
#include "core/http/route.h"
#include "core/http/server.h"
#include "core/http/ui.h"
#include "core/http/watch.h"
#include "lib/buf.h"

struct sq_http_server {
    struct sq_http_conf conf;
    struct MHD_Daemon **daemons; /* one a listen address */
    int n_daemons;
    struct sq_watch *watch;
    struct sq_feed *feed;
    struct sq_crowd *crowd;
    struct sq_ui *ui;
    pthread_mutex_t lock; /* the three below */
    pthread_cond_t idle;  /* signalled when one of the counts comes down to 0 */
    int requests;
    int writing; /* of these, in the writer: their connections are suspended */
    atomic_bool stopping;
};

/* A step returns this, not being an error, when it has suspended the connection:
 * the same step is called again once it is woken. */
enum { SQ_HELD = 1 };

enum sq_stage {
    SQ_RECEIVING,
    SQ_WRITING, /* suspended, in the writer */
    SQ_WRITTEN,
    SQ_HOLDING, /* suspended until woken */
    SQ_SENDING
};

struct sq_row_stream;
struct sq_events;
struct sq_raw_log;
struct sq_task_array;

struct sq_request {
    struct sq_http_server *server;
    struct MHD_Connection *connection;
    struct sq_client *client; /* the connection's entry in watch.h */
    struct sq_arena arena;
    struct sq_match match; /* its route is NULL when none was found */
    enum sq_stage stage;
    bool head;
    struct sq_caller caller;
    bool slow;   /* answered late: many wrong tokens came from there */
    int refused; /* not 0: decided before the body was whole, which is thrown away */

    struct sq_buf body;
    int64_t body_bytes;          /* received so far, kept or not */
    bool too_big;                /* close after the answer */
    struct sq_task_array *array; /* POST /tasks/ of an array; else NULL */
    json_t *json;                /* the body, NULL for none, or null */
    struct sq_lifted lifted;     /* out of a body that is kept for it (SQ_R_LIFT) */

    /* What a route's steps hand to one another. */
    void *values; /* of match.route->type, with mask */
    uint64_t mask;
    void *result; /* of match.route->type */
    void *data;   /* a struct of the route's own */

    struct sq_op op;
    bool nothing_to_write; /* prepare found that the write would change nothing */
    struct sq_waiter waiter;

    int status;
    struct sq_err err;
    struct sq_buf out;            /* the answer, or the next piece of a streamed one */
    const char *content_type;     /* NULL: JSON */
    const char *content_range;    /* of a 206 or 416; else NULL */
    struct sq_row_stream *stream; /* the answer is a streamed list; else NULL */
    struct sq_raw_log *raw;       /* the answer is a log as it is; else NULL */
    struct sq_events *events;     /* the answer tells of changes; else NULL */
    const struct sq_ui_file *ui;  /* the answer is of the web interface; else NULL */
    void (*undo)(struct sq_request *r); /* frees what `data` holds outside the arena */
};

/* Whose operation it is. */
static inline struct sq_request *sq_request_of(struct sq_op *op)
{
    return (struct sq_request *)((char *)op - offsetof(struct sq_request, op));
}

/* ---- for the steps of routes */

/* A query parameter, decoded into the arena; NULL when absent or not text.  The n-th
 * of that name, from 0. */
const char *sq_request_query(struct sq_request *r, const char *name, int n);
/* Call `fn` with a pooled connection. */
int sq_request_read(struct sq_request *r,
                    int (*fn)(struct sq_request *r, struct sq_db *db,
                              struct sq_err *err),
                    struct sq_err *err);
/* Zeroed memory of the request; SQ_ENOMEM. */
int sq_request_alloc(struct sq_request *r, size_t size, void *ret_ptr,
                     struct sq_err *err);
/* The body must be an object (absent counts as an empty one, borrowed). */
int sq_request_object(struct sq_request *r, const json_t **ret, struct sq_err *err);

/* ---- for the server */

/* The four callbacks of libmicrohttpd that requests live by. */
enum MHD_Result sq_request_access(void *server, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **request);
void sq_request_completed(void *server, struct MHD_Connection *connection,
                          void **request, enum MHD_RequestTerminationCode how);

/* ---- for answer.c */

/* Queue the answer as r->status, r->out, r->stream say. */
enum MHD_Result sq_answer_send(struct sq_request *r);
/* Make the error the answer, and log it when it is ours. */
void sq_answer_error(struct sq_request *r, int code);

#endif
