/* The parts of the http plugin: one instance, one transfer at a time. */
#ifndef PLUGIN_HTTP_H
#define PLUGIN_HTTP_H

#include <curl/curl.h>
#include <scitq/storage.h>
#include <stdbool.h>

enum { TEXT_BYTES = 512 };

/* What the headers of the last answer said. */
struct answer {
    long status; /* HTTP's; 0 for ftp */
    char etag[TEXT_BYTES];
    char modified[TEXT_BYTES];
    int64_t range_start, range_total; /* of Content-Range; SQ_UNKNOWN */
    int64_t length;                   /* of what is coming; SQ_UNKNOWN */
};

struct sq_storage {
    struct sq_host *host;
    CURL *easy;
    CURLM *multi;
    struct answer answer;
    /* What the last get began, for its next try to go on with. */
    struct {
        char *url, *to;
        char validator[TEXT_BYTES]; /* for If-Range; "": cannot go on */
        int64_t size;               /* of the whole; SQ_UNKNOWN */
        int64_t date;               /* ftp's validator, with the size */
    } begun;
};

/* A URL made of a location, odd bytes escaped; NULL: out of memory.  Caller frees.  The
 * host is told the secrets in it. */
char *http_url(struct sq_host *host, const struct sq_location *at);
bool http_is_ftp(const struct sq_location *at);

/* There are no folders on the web. */
int http_no_folder(struct sq_storage *s, const struct sq_location *at, int code,
                   struct sq_err *err);

/* Make s->easy ready for a new transfer of `url`. */
void http_prepare(struct sq_storage *s, const char *url);
/* Run it to its end, or until the call is canceled.  `url` is for messages. */
int http_perform(struct sq_storage *s, const char *url, struct sq_call *call,
                 struct sq_err *err);
/* Size and date of what is at `url`, kind FILE. */
int http_look(struct sq_storage *s, const char *url, struct sq_call *call,
              struct sq_entry *ret, struct sq_err *err);

int http_info(struct sq_storage *s, const struct sq_location *at, unsigned want,
              struct sq_call *call, struct sq_entry *ret, struct sq_err *err);
int http_list(struct sq_storage *s, const struct sq_location *at, unsigned want,
              sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err);
int http_get(struct sq_storage *s, const struct sq_location *from, const char *to,
             struct sq_call *call, struct sq_entry *ret, struct sq_err *err);
/* By aria2c, in parallel segments. */
int http_aria2(struct sq_storage *s, const char *url, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err);

#endif
