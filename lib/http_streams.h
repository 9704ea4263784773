/* GETs whose answers go on for long, side by side: for a loop that waits for several
 * of them, and for a key or another descriptor.  A connection each.  One thread. */
#ifndef SQ_LIB_HTTP_STREAMS_H
#define SQ_LIB_HTTP_STREAMS_H

#include "lib/http.h"

struct sq_streams;
struct sq_stream;

int sq_streams_new(struct sq_streams **ret, struct sq_err *err);
void sq_streams_free(struct sq_streams *s); /* closes them; NULL is allowed */

struct sq_stream_conf {
    const char *server; /* as sq_http_open takes it */
    const char *path;
    const char *header; /* one more line; NULL: none */
    int connect_s;
    int quiet_s; /* without a byte for as long it is taken for lost; 0: never */
    /* The server accepted, with this status of HTTP's; bytes may follow. */
    void (*opened)(void *arg, long status);
    sq_http_sink_fn *sink;
    /* Its last call: 0 when the answer is whole, else as sq_http_stream fails.  Closes
     * nothing: the stream is still the caller's to close. */
    void (*ended)(void *arg, int code, const struct sq_err *err);
    void *arg;
};

/* Texts of `conf` are borrowed until it is closed. */
int sq_stream_open(struct sq_streams *s, const struct sq_stream_conf *conf,
                   struct sq_stream **ret, struct sq_err *err);
/* Not from `opened` or `sink`; NULL is allowed. */
void sq_stream_close(struct sq_stream *t);

/* Wait until a stream has something to say, `fd` (-1: none) is readable or `wait_ms`
 * (-1: no limit) have passed, and call back whom it concerns. */
int sq_streams_wait(struct sq_streams *s, int fd, int wait_ms, struct sq_err *err);

#endif
