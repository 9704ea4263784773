/* HTTP for plugins: one call to an API and its whole answer.
 *
 * The host (struct sq_host.web) carries the bytes, so that connections, certificates,
 * time limits, tries, the hiding of secrets and the recording of what was said for
 * tests live in one place.  A module says what is to be sent and judges the answer. */
#ifndef SCITQ_WEB_H
#define SCITQ_WEB_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sq_web_header {
    const char *name, *value; /* one line each, else SQ_EINVAL */
};

enum {
    /* What is sent must not be done twice (the POST that makes a machine).  It is tried
     * again only where the other side surely did nothing: no connection, or an answer
     * of 429 or 503.  Without this flag a call is tried again also after a lost answer
     * and any other 5xx but 501. */
    SQ_WEB_ONCE = 1
};

struct sq_web_request {
    const char *method; /* "GET" */
    const char *url;    /* http:// or https://, whole and already escaped */
    const struct sq_web_header *headers; /* User-Agent and Host are the host's */
    size_t n_headers;
    const void *body; /* borrowed during the call; NULL: none */
    size_t body_len;
    unsigned flags;
    int timeout_s; /* of each try, connection included; 0: 60 */
    int tries;     /* at most, counting the first; 0: 5 */
    /* A file of certificates (PEM) whose authorities are trusted, in place of the
     * system's; NULL: the system's. */
    const char *ca_file;
};

/* The host's; given back by web_free.  It lives longer than its call. */
struct sq_web_answer {
    int status; /* 100-599 */
    /* 0-terminated (there may be zeros inside); at most 64 MiB; "" when there is none.
     */
    const char *body;
    size_t body_len;
    const struct sq_web_header *headers; /* in the order they came */
    size_t n_headers;
};

#ifdef __cplusplus
}
#endif
#endif
