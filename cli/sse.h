/* The text of Server-Sent Events, as it comes in pieces of any size (WHATWG HTML,
 * section 9.2.6; lines end with LF or CRLF).
 *
 * An event counts, and its id is remembered, once it is whole: who goes on from the
 * last id misses nothing and hears nothing twice. */
#ifndef SQ_CLI_SSE_H
#define SQ_CLI_SSE_H

#include <scitq/error.h>
#include "lib/buf.h"

/* A row of the database; one that is larger is told as "reset": look for yourself. */
enum { SQ_SSE_DATA_MAX = 16 << 20, SQ_SSE_WORD = 32, SQ_SSE_ID = 100 };

struct sq_sse_event {
    const char *name; /* "message" when none is said */
    const char *data; /* its lines, joined; valid during the call */
    size_t len;
};
/* A non-zero return ends sq_sse_take with it. */
typedef int sq_sse_fn(void *arg, const struct sq_sse_event *e, struct sq_err *err);

struct sq_sse {
    sq_sse_fn *fn;
    void *arg;
    char id[SQ_SSE_ID]; /* of the last whole event; "" before the first */
    /* Of what is not whole yet: */
    struct sq_buf line, data;
    char name[SQ_SSE_WORD], next_id[SQ_SSE_ID];
    bool has_data;
};

void sq_sse_init(struct sq_sse *s, sq_sse_fn *fn, void *arg);
void sq_sse_fini(struct sq_sse *s);
/* A new connection: what was not whole is forgotten, the id is not. */
void sq_sse_again(struct sq_sse *s);
int sq_sse_take(struct sq_sse *s, const char *data, size_t len, struct sq_err *err);

#endif
