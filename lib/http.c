/* The blocking HTTP client: one libcurl handle kept open, so that a tool that makes a
 * hundred calls makes one connection.
 *
 * Every call sets all its options anew (the reset keeps the connection).  The body of
 * an answer goes to its reader only when the status is 2xx; else it is gathered, for
 * the server's message, whose limit is MESSAGE_MAX. */
#include "lib/http.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/http_impl.h"
#include "lib/jsonio.h"

/* A list of a million tasks still fits; a server that never ends does not. */
#define ANSWER_MAX ((size_t)1 << 30)
enum { MESSAGE_MAX = 65536, URL_MAX = 65536, HEADER_MAX = 8192 };

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int out_of_memory(struct sq_err *err)
{
    return sq_fail(err, SQ_ENOMEM, "out of memory for a call to the server");
}

static bool add_header(struct sq_http *h, const char *text)
{
    struct curl_slist *list = curl_slist_append(h->headers, text);
    if (list)
        h->headers = list;
    return list != NULL;
}

int sq_http_add_header(struct sq_http *h, const char *line, struct sq_err *err)
{
    return add_header(h, line) ? 0 : out_of_memory(err);
}

static int make_headers(struct sq_http *h, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf token, line;
    sq_buf_init(&token, HEADER_MAX);
    sq_buf_init(&line, HEADER_MAX);
    int rc = sq_http_token(&token, err);
    if (rc)
        return rc;
    sq_buf_addf(&line, "Authorization: Bearer %s", token.data);
    /* curl waits for "100 Continue" before long bodies otherwise. */
    bool ok = add_header(h, "Expect:") && add_header(h, "Accept: application/json") &&
              add_header(h, "Content-Type: application/json") && sq_buf_ok(&line);
    if (ok && token.len)
        ok = add_header(h, line.data);
    return ok ? 0 : out_of_memory(err);
}

int sq_http_open(const char *server, int timeout_s, struct sq_http **ret,
                 struct sq_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct sq_http *h = calloc(1, sizeof *h);
    if (!h)
        return out_of_memory(err);
    sq_buf_init(&h->base, HEADER_MAX);
    h->timeout_s = timeout_s;
    int rc = sq_http_base_url(server, &h->base, err);
    if (!rc)
        rc = make_headers(h, err);
    if (!rc && !(h->curl = curl_easy_init()))
        rc = out_of_memory(err);
    if (rc) {
        sq_http_close(h);
        return rc;
    }
    h->near = sq_http_is_near(h->base.data);
    *ret = h;
    return 0;
}

void sq_http_hint(struct sq_http *h, const char *elsewhere, const char *longer)
{
    h->elsewhere = elsewhere;
    h->longer = longer;
}

void sq_http_close(struct sq_http *h)
{
    if (!h)
        return;
    curl_easy_cleanup(h->curl);
    curl_slist_free_all(h->headers);
    sq_buf_fini(&h->base);
    free(h);
}

/* libcurl's write callback. */
static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    struct sq_http_run *c = arg;
    assert(one == 1);
    curl_easy_getinfo(c->h->curl, CURLINFO_RESPONSE_CODE, &c->status);
    if (c->status < 200 || c->status > 299) {
        sq_buf_add(&c->message, data, len); /* cut at its maximum */
        return len;
    }
    c->stopped = c->sink(c->arg, data, len) != 0;
    return c->stopped ? CURL_WRITEFUNC_ERROR : len;
}

/* The method and the body.  A GET's body is sent too: filters travel there. */
static void set_request(const struct sq_http_run *c)
{
    CURL *curl = c->h->curl;
    bool sends = c->body || strcmp(c->method, "POST") == 0 || !strcmp(c->method, "PUT");
    if (sends) {
        const char *body = c->body ? c->body : "";
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, c->method);
}

static void set_connection(const struct sq_http_run *c)
{
    CURL *curl = c->h->curl;
    const char *ca = getenv("SCITQ_CA");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    /* A server whose machine is gone says nothing: found out within two minutes. */
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, 10L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, c->h->timeout_s);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, c->timeout_s);
    if (c->h->near)
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (ca && *ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
}

static void set_all(struct sq_http_run *c, const char *url)
{
    struct sq_http *h = c->h;
    curl_easy_reset(h->curl);
    h->why[0] = 0;
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->why);
    curl_easy_setopt(h->curl, CURLOPT_URL, url);
    /* A batch may be named "..": it is a segment like others. */
    curl_easy_setopt(h->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "scitq/" PACKAGE_VERSION);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, c);
    set_connection(c);
    set_request(c);
}

/* "connection refused" and the like, from the system's words. */
static int cannot_connect(struct sq_http *h, struct sq_err *err)
{
    long os = 0;
    char reason[100] = "no connection";
    curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &os);
    if (os)
        strncpy(reason, strerror((int)os), sizeof reason - 1);
    reason[0] = (char)tolower((unsigned char)reason[0]);
    return sq_fail(err, SQ_EIO,
                   "cannot reach the scitq server at %s: %s (is it running?%s%s)",
                   h->base.data, reason, h->elsewhere ? "  " : "",
                   h->elsewhere ? h->elsewhere : "");
}

static int transport_error(struct sq_http_run *c, CURLcode code, struct sq_err *err)
{
    const char *url = c->h->base.data;
    const char *why = c->h->why[0] ? c->h->why : curl_easy_strerror(code);
    if (c->stopped)
        return sq_fail(err, SQ_ECANCELED, "stopped reading %s%s", url, c->path);
    switch (code) {
    case CURLE_COULDNT_CONNECT: return cannot_connect(c->h, err);
    case CURLE_COULDNT_RESOLVE_HOST:
        return sq_fail(err, SQ_EIO,
                       "cannot reach the scitq server at %s: no such host is known%s%s",
                       url, c->h->elsewhere ? ": " : "",
                       c->h->elsewhere ? c->h->elsewhere : "");
    case CURLE_OPERATION_TIMEDOUT:
        return sq_fail(err, SQ_ETIMEDOUT,
                       "the scitq server at %s did not answer within %ld s%s%s", url,
                       c->h->timeout_s, c->h->longer ? ": " : "",
                       c->h->longer ? c->h->longer : "");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return sq_fail(
            err, SQ_EAUTH,
            "the certificate of %s cannot be trusted: %s (SCITQ_CA names the "
            "file of its authority)",
            url, why);
    case CURLE_SSL_CONNECT_ERROR:
        return sq_fail(err, SQ_EIO,
                       "the scitq server at %s does not speak TLS as it should: %s "
                       "(http:// is for one without)",
                       url, why);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
        return sq_fail(err, SQ_EIO, "the call to the scitq server at %s failed: %s%s",
                       url, why,
                       strncmp(url, "http:", 5) == 0
                           ? " (does it speak TLS?  then its name begins with https://)"
                           : "");
    case CURLE_OUT_OF_MEMORY: return out_of_memory(err);
    default:
        return sq_fail(err, SQ_EIO, "the call to the scitq server at %s failed: %s",
                       url, why);
    }
}

static int code_of_status(long status)
{
    switch (status) {
    case 401:
    case 403: return SQ_EAUTH;
    case 404: return SQ_ENOENT;
    case 408:
    case 504: return SQ_ETIMEDOUT;
    case 409: return SQ_EEXIST;
    case 413: return SQ_ETOOBIG;
    case 415: return SQ_ETYPE;
    case 429:
    case 503: return SQ_EBUSY;
    case 500: return SQ_ESTATE;
    case 501: return SQ_EUNSUPPORTED;
    case 507: return SQ_ENOSPC;
    default: break;
    }
    if (status >= 400 && status <= 499)
        return SQ_EINVAL;
    return status >= 500 ? SQ_EIO : SQ_EPROTO;
}

/* The server's own words where it gave some. */
static int status_error(struct sq_http_run *c, struct sq_err *err)
{
    int code = code_of_status(c->status);
    json_t *v = NULL;
    if (c->message.len && sq_buf_ok(&c->message))
        sq_json_parse(c->message.data, c->message.len, &v, NULL);
    const char *words = json_string_value(json_object_get(v, "message"));
    if (words)
        sq_fail(err, code, "%s", words);
    else
        sq_fail(err, code, "the server at %s answered %ld to %s %s", c->h->base.data,
                c->status, c->method, c->path);
    json_decref(v);
    return code;
}

int sq_http_run_begin(struct sq_http_run *c, struct sq_err *err)
{
    assert(c->path[0] == '/');
    SQ_CLEANUP(sq_buf_fini) struct sq_buf url;
    sq_buf_init(&url, URL_MAX);
    sq_buf_init(&c->message, MESSAGE_MAX);
    sq_buf_adds(&url, c->h->base.data);
    sq_buf_adds(&url, c->path);
    if (!sq_buf_ok(&url))
        return sq_fail(err, SQ_ETOOBIG, "the address of the call is too long");
    set_all(c, url.data);
    return 0;
}

int sq_http_run_end(struct sq_http_run *c, CURLcode code, struct sq_err *err)
{
    int rc = 0;
    curl_easy_getinfo(c->h->curl, CURLINFO_RESPONSE_CODE, &c->status);
    if (code != CURLE_OK)
        rc = transport_error(c, code, err);
    else if (c->status < 200 || c->status > 299)
        rc = status_error(c, err);
    sq_buf_fini(&c->message);
    return rc;
}

static int run(struct sq_http_run *c, struct sq_err *err)
{
    int rc = sq_http_run_begin(c, err);
    return rc ? rc : sq_http_run_end(c, curl_easy_perform(c->h->curl), err);
}

static int gather(void *arg, const char *data, size_t len)
{
    struct sq_buf *answer = arg;
    sq_buf_add(answer, data, len);
    return !sq_buf_ok(answer);
}

static int parse_answer(const struct sq_http *h, const struct sq_buf *answer,
                        json_t **ret, struct sq_err *err)
{
    if (answer->len == 0) {
        *ret = json_null();
        return 0;
    }
    struct sq_err why;
    if (sq_json_parse(answer->data, answer->len, ret, &why) == 0)
        return 0;
    return sq_fail(err, SQ_EPROTO, "%s did not answer JSON: is it a scitq server? (%s)",
                   h->base.data, why.text);
}

int sq_http_call(struct sq_http *h, const char *method, const char *path,
                 const json_t *body, json_t **ret_json, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) char *text = NULL;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf answer;
    sq_buf_init(&answer, ANSWER_MAX);
    if (body && !(text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY)))
        return out_of_memory(err);
    struct sq_http_run c = {.h = h,
                            .method = method,
                            .path = path,
                            .body = text,
                            .timeout_s = h->timeout_s,
                            .sink = gather,
                            .arg = &answer};
    int rc = run(&c, err);
    if (rc && !sq_buf_ok(&answer))
        return sq_fail(err, SQ_ETOOBIG, "the answer of %s%s is too large", h->base.data,
                       path);
    if (rc || !ret_json)
        return rc;
    return parse_answer(h, &answer, ret_json, err);
}

int sq_http_stream(struct sq_http *h, const char *path, sq_http_sink_fn *sink,
                   void *arg, struct sq_err *err)
{
    struct sq_http_run c = {
        .h = h, .method = "GET", .path = path, .sink = sink, .arg = arg};
    return run(&c, err);
}
