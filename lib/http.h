/* The HTTP client of the tools: one server, one kept connection, blocking.
 *
 * Server names as users write them: host, host:port, [v6]:port are http, on port 5000
 * where none is given; an http(s)://… URL is taken as it is.  Errors a person
 * understands: "cannot reach the scitq server at http://h:5000: connection refused (is
 * it running?)", with what to do about it in the words of each program. */
#ifndef SQ_LIB_HTTP_H
#define SQ_LIB_HTTP_H

#include <jansson.h>
#include <scitq/error.h>
#include "lib/buf.h"

struct sq_http;

/* Turn what a user wrote into a base URL without final slash.  SQ_EINVAL. */
int sq_http_base_url(const char *server, struct sq_buf *out, struct sq_err *err);

/* True when the URL's host is localhost or a loopback address. */
bool sq_http_is_loopback(const char *base_url);
/* The same, or a link-local address, as metadata services have: never behind a proxy.
 */
bool sq_http_is_near(const char *base_url);
/* The token to send, found as http-api.md part C says; empty when there is none.
 * SQ_EINVAL when the first one found is not one printable word. */
int sq_http_token(struct sq_buf *out, struct sq_err *err);
/* The same, of a value and a file that settings name; NULL or "": not given. */
int sq_http_token_of(const char *value, const char *file, struct sq_buf *out,
                     struct sq_err *err);
/* Take SCITQ_TOKEN out of the environment, where children and whoever reads
 * /proc/PID/environ would find it; sq_http_token knows it still.  First thing in main:
 * one thread. */
void sq_http_hide_token(void);
/* What was hidden, or NULL. */
const char *sq_http_hidden_token(void);

/* Token and CA are looked for as http-api.md part C says. */
int sq_http_open(const char *server, int timeout_s, struct sq_http **ret,
                 struct sq_err *err);
/* What the program offers: "-s names another" when there is no server, "-t gives it
 * more time" when it is slow; NULL for nothing.  Borrowed. */
void sq_http_hint(struct sq_http *h, const char *elsewhere, const char *longer);
void sq_http_close(struct sq_http *h); /* NULL is allowed */

/* One call.  `body` NULL sends none (GET bodies are sent: filters travel there).
 * A non-2xx answer is an error with the server's message, its code from the status
 * (404 SQ_ENOENT, 4xx SQ_EINVAL, …).  *ret_json (may be NULL) is the caller's; JSON's
 * null for an empty answer. */
int sq_http_call(struct sq_http *h, const char *method, const char *path,
                 const json_t *body, json_t **ret_json, struct sq_err *err);
/* GET whose answer goes to `sink` as it arrives (no time limit while bytes come);
 * a non-zero return of sink stops: SQ_ECANCELED. */
typedef int sq_http_sink_fn(void *arg, const char *data, size_t len);
int sq_http_stream(struct sq_http *h, const char *path, sq_http_sink_fn *sink,
                   void *arg, struct sq_err *err);
/* Append `text` percent-encoded for a path segment or a query value. */
void sq_http_escape(const char *text, struct sq_buf *out);

#endif
