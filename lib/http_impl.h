/* One call of the client, for whoever carries it: http.c waits for its end,
 * http_streams.c has several under way. */
#ifndef SQ_LIB_HTTP_IMPL_H
#define SQ_LIB_HTTP_IMPL_H

#include <curl/curl.h>
#include "lib/http.h"

struct sq_http {
    CURL *curl;
    struct curl_slist *headers;
    struct sq_buf base;
    long timeout_s;
    bool near;
    const char *elsewhere, *longer; /* what the program offers; or NULL */
    char why[CURL_ERROR_SIZE];
};

/* One call under way.  The first part is the caller's to fill in. */
struct sq_http_run {
    struct sq_http *h;
    const char *method, *path;
    const char *body; /* JSON text or NULL */
    long timeout_s;   /* 0: none once connected */
    sq_http_sink_fn *sink;
    void *arg;
    /* Of the client: */
    long status;
    bool stopped; /* by the sink */
    struct sq_buf message;
};

/* One more header for each call.  SQ_ENOMEM. */
int sq_http_add_header(struct sq_http *h, const char *line, struct sq_err *err);
/* Give h->curl all that the call needs. */
int sq_http_run_begin(struct sq_http_run *c, struct sq_err *err);
/* What has become of it, once curl said `code`: 0 for a whole answer of 2xx. */
int sq_http_run_end(struct sq_http_run *c, CURLcode code, struct sq_err *err);

#endif
