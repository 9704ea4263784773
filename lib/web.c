/* One try is one transfer of a multi handle, so that a canceled call wakes the poll it
 * waits in; around it, the rule of what is tried again and after which pause.
 *
 * A request that must not be done twice (SQ_WEB_ONCE) goes over a new connection:
 * libcurl repeats by itself what it sent over an old one that died. */
#include "lib/web.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/http.h"

enum {
    TIMEOUT_S = 60,
    TRIES = 5,
    FIRST_PAUSE_MS = 500, /* doubles */
    PAUSE_MAX_MS = 30000,
    RETRY_AFTER_MAX_MS = 120000,
    WAKE_MS = 200, /* of a call without a descriptor to wait on */
    BODY_MAX = 64 << 20,
    HEADERS_MAX = 200,
    HEAD_MAX = 256 * 1024, /* all headers of an answer */
    IDLE_MAX = 4           /* sessions kept */
};

/* A connection's cache and the handle that uses it; of one call at a time. */
struct session {
    CURLM *multi;
    CURL *easy;
    struct session *next;
};

struct sq_web {
    pthread_mutex_t lock;
    struct session *idle;
    int n_idle;
};

struct answer {
    struct sq_web_answer api; /* first: what the module holds */
    struct sq_buf body, head; /* head: name\0value\0… */
    struct sq_web_header headers[HEADERS_MAX];
};

/* One try. */
struct
try {
    const struct sq_web_request *request;
    struct sq_call *call;
    CURL *easy;
    struct curl_slist *headers;
    struct answer *answer;
    char why[CURL_ERROR_SIZE];
};

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int no_memory(struct sq_err *err)
{
    return sq_fail(err, SQ_ENOMEM, "out of memory for a call");
}

int sq_web_new(struct sq_web **ret, struct sq_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct sq_web *w = calloc(1, sizeof *w);
    if (!w)
        return no_memory(err);
    pthread_mutex_init(&w->lock, NULL);
    *ret = w;
    return 0;
}

static void session_free(struct session *s)
{
    if (!s)
        return;
    curl_easy_cleanup(s->easy);
    curl_multi_cleanup(s->multi);
    free(s);
}

void sq_web_free(struct sq_web *w)
{
    if (!w)
        return;
    while (w->idle) {
        struct session *s = w->idle;
        w->idle = s->next;
        session_free(s);
    }
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static struct session *session_get(struct sq_web *w)
{
    pthread_mutex_lock(&w->lock);
    struct session *s = w->idle;
    if (s) {
        w->idle = s->next;
        w->n_idle--;
    }
    pthread_mutex_unlock(&w->lock);
    if (s)
        return s;
    s = calloc(1, sizeof *s);
    if (s && ((s->multi = curl_multi_init()) == NULL ||
              (s->easy = curl_easy_init()) == NULL)) {
        session_free(s);
        s = NULL;
    }
    return s;
}

static void session_put(struct sq_web *w, struct session *s)
{
    pthread_mutex_lock(&w->lock);
    bool keep = w->n_idle < IDLE_MAX;
    if (keep) {
        s->next = w->idle;
        w->idle = s;
        w->n_idle++;
    }
    pthread_mutex_unlock(&w->lock);
    if (!keep)
        session_free(s);
}

/* ---- waiting */

static int canceled(struct sq_call *call, struct sq_err *err)
{
    if (!call || !call->canceled || !call->canceled(call))
        return 0;
    return sq_fail(err, SQ_ECANCELED, "canceled");
}

int sq_web_pause(struct sq_call *call, int64_t ms, struct sq_err *err)
{
    int64_t until = sq_monotonic() + ms * 1000;
    int fd = call ? call->cancel_fd : -1;
    int rc;
    while ((rc = canceled(call, err)) == 0) {
        int64_t left = (until - sq_monotonic() + 999) / 1000;
        if (left <= 0)
            break;
        if (call && fd < 0 && left > WAKE_MS)
            left = WAKE_MS;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, left > 60000 ? 60000 : (int)left);
    }
    return rc;
}

/* ---- what comes back */

static struct answer *answer_new(void)
{
    struct answer *a = calloc(1, sizeof *a);
    if (a) {
        sq_buf_init(&a->body, BODY_MAX);
        sq_buf_init(&a->head, HEAD_MAX);
    }
    return a;
}

void sq_web_answer_free(struct sq_web_answer *api)
{
    struct answer *a = (struct answer *)api;
    if (!a)
        return;
    sq_buf_fini(&a->body);
    sq_buf_fini(&a->head);
    free(a);
}

const char *sq_web_header(const struct sq_web_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->n_headers; i++)
        if (strcasecmp(answer->headers[i].name, name) == 0)
            return answer->headers[i].value;
    return NULL;
}

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    struct answer *a = arg;
    (void)one;
    sq_buf_add(&a->body, data, len);
    return sq_buf_ok(&a->body) ? len : CURL_WRITEFUNC_ERROR;
}

/* A line "Name: value\r\n".  An answer before the answer (100) begins anew. */
static size_t on_header(char *line, size_t one, size_t len, void *arg)
{
    struct answer *a = arg;
    size_t n = len, name;
    (void)one;
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
        sq_buf_clear(&a->head);
        a->api.n_headers = 0;
        return len;
    }
    while (n > 0 && strchr("\r\n \t", line[n - 1]))
        n--;
    const char *colon = memchr(line, ':', n);
    if (!colon || a->api.n_headers == HEADERS_MAX)
        return len;
    name = (size_t)(colon - line);
    const char *value = colon + 1;
    while (value < line + n && (*value == ' ' || *value == '\t'))
        value++;
    sq_buf_add(&a->head, line, name);
    sq_buf_addc(&a->head, 0);
    sq_buf_add(&a->head, value, (size_t)(line + n - value));
    sq_buf_addc(&a->head, 0);
    a->api.n_headers++;
    return len;
}

static void finish(struct answer *a, long status)
{
    const char *at = a->head.data;
    for (size_t i = 0; i < a->api.n_headers; i++) {
        a->headers[i].name = at;
        at += strlen(at) + 1;
        a->headers[i].value = at;
        at += strlen(at) + 1;
    }
    a->api.status = (int)status;
    a->api.headers = a->headers;
    a->api.body = a->body.data ? a->body.data : "";
    a->api.body_len = a->body.len;
}

/* ---- one try */

static int add_header(struct try *t, const char *name, const char *value,
                      struct sq_err *err)
{
    char *line;
    if (!*name || strpbrk(name, "\r\n: ") || strpbrk(value, "\r\n"))
        return sq_fail(err, SQ_EINVAL, "a header of the call is no single line");
    /* libcurl leaves out what ends in a colon, and sends what ends in a semicolon. */
    if (asprintf(&line, *value ? "%s: %s" : "%s;%s", name, value) < 0)
        return no_memory(err);
    struct curl_slist *list = curl_slist_append(t->headers, line);
    free(line);
    if (!list)
        return no_memory(err);
    t->headers = list;
    return 0;
}

static int make_headers(struct try *t, struct sq_err *err)
{
    bool typed = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->request->n_headers; i++) {
        const struct sq_web_header *h = &t->request->headers[i];
        typed = typed || strcasecmp(h->name, "Content-Type") == 0;
        rc = add_header(t, h->name, h->value, err);
    }
    /* libcurl would call every body a form, and wait for a "100 Continue". */
    struct curl_slist *list =
        rc ? NULL : curl_slist_append(t->headers, typed ? "Expect:" : "Content-Type:");
    if (list && !typed)
        list = curl_slist_append(list, "Expect:");
    if (rc == 0 && !list)
        return no_memory(err);
    if (rc == 0)
        t->headers = list; /* it is another where the request had none */
    return rc;
}

static void set_request(struct try *t)
{
    const struct sq_web_request *q = t->request;
    CURL *c = t->easy;
    bool sends = q->body || strcmp(q->method, "POST") == 0 ||
                 strcmp(q->method, "PUT") == 0 || strcmp(q->method, "PATCH") == 0;
    if (strcmp(q->method, "HEAD") == 0)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    if (sends) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body ? q->body : "");
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, q->flags & SQ_WEB_ONCE ? 1L : 0L);
}

static void set_all(struct try *t)
{
    CURL *c = t->easy;
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
    curl_easy_setopt(c, CURLOPT_URL, t->request->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "scitq/" PACKAGE_VERSION);
    long timeout = t->request->timeout_s ? t->request->timeout_s : TIMEOUT_S;
    curl_easy_setopt(c, CURLOPT_TIMEOUT, timeout);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, timeout < 20 ? timeout : 20L);
    if (sq_http_is_near(t->request->url))
        curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t->answer);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t->answer);
    if (t->request->ca_file)
        curl_easy_setopt(c, CURLOPT_CAINFO, t->request->ca_file);
    set_request(t);
}

/* Until the transfer ends (*ret tells how) or the call is canceled. */
static int drive(struct session *s, struct try *t, CURLcode *ret, struct sq_err *err)
{
    int running = 1, left, rc = 0;
    int fd = t->call ? t->call->cancel_fd : -1;
    struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
    if (curl_multi_add_handle(s->multi, t->easy) != CURLM_OK)
        return no_memory(err);
    while (rc == 0 && running) {
        if (curl_multi_perform(s->multi, &running) != CURLM_OK)
            rc = no_memory(err);
        if (rc == 0)
            rc = canceled(t->call, err);
        if (rc == 0 && running)
            curl_multi_poll(s->multi, fd < 0 ? NULL : &extra, fd < 0 ? 0 : 1,
                            t->call && fd < 0 ? WAKE_MS : 1000, NULL);
    }
    *ret = CURLE_OK;
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));)
        if (m->msg == CURLMSG_DONE)
            *ret = m->data.result;
    curl_multi_remove_handle(s->multi, t->easy);
    return rc;
}

/* The address without what may be secret in it. */
static int url_len(const char *url)
{
    return (int)strcspn(url, "?#");
}

static int transport_error(const struct try *t, CURLcode code, struct sq_err *err)
{
    const char *why = t->why[0] ? t->why : curl_easy_strerror(code);
    const char *url = t->request->url;
    int len = url_len(url) > 200 ? 200 : url_len(url);
    switch (code) {
    case CURLE_OUT_OF_MEMORY: return no_memory(err);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return sq_fail(err, SQ_EINVAL, "%.*s is no address to call: %s", len, url, why);
    case CURLE_OPERATION_TIMEDOUT:
        return sq_fail(err, SQ_ETIMEDOUT, "%s %.*s: no answer in time (%s)",
                       t->request->method, len, url, why);
    case CURLE_SSL_CACERT_BADFILE:
        return sq_fail(err, SQ_EINVAL, "no certificates can be read from %.200s: %s",
                       t->request->ca_file ? t->request->ca_file : "the system's", why);
    case CURLE_PEER_FAILED_VERIFICATION:
        return sq_fail(err, SQ_EAUTH, "the certificate of %.*s cannot be trusted: %s",
                       len, url, why);
    case CURLE_WRITE_ERROR:
        return sq_fail(err, SQ_EPROTO, "%s %.*s: the answer is larger than %d MiB",
                       t->request->method, len, url, BODY_MAX >> 20);
    default:
        return sq_fail(err, SQ_EIO, "%s %.*s: %s", t->request->method, len, url, why);
    }
}

/* Nothing of the request can have reached the other side. */
static bool not_sent(CURL *easy, CURLcode code)
{
    long sent = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
           sent == 0;
}

/* One transfer: 0 with an answer, or an error; *ret_again: another try may help and do
 * no harm. */
static int try_once(struct session *s, struct try *t, bool *ret_again,
                    struct sq_err *err)
{
    bool once = t->request->flags & SQ_WEB_ONCE;
    CURLcode code = CURLE_OK;
    long status = 0;
    *ret_again = false;
    set_all(t);
    int rc = drive(s, t, &code, err);
    if (rc)
        return rc;
    if (code != CURLE_OK) {
        rc = transport_error(t, code, err);
        *ret_again =
            (rc == SQ_EIO || rc == SQ_ETIMEDOUT) && (!once || not_sent(t->easy, code));
        return rc;
    }
    if (!sq_buf_ok(&t->answer->head))
        return sq_fail(err, SQ_EPROTO, "%s %.*s: its headers are too long",
                       t->request->method, url_len(t->request->url), t->request->url);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    finish(t->answer, status);
    *ret_again =
        status == 429 || status == 503 || (!once && status >= 500 && status != 501);
    return 0;
}

/* ---- the tries */

/* What Retry-After asks for, in seconds or as a date; -1: nothing. */
static int64_t retry_after_ms(const struct sq_web_answer *a)
{
    const char *text = a->status ? sq_web_header(a, "Retry-After") : NULL;
    char *end;
    if (!text)
        return -1;
    long long s = strtoll(text, &end, 10);
    if (*end || end == text) {
        time_t date = curl_getdate(text, NULL);
        if (date < 0)
            return -1;
        s = (long long)(date - time(NULL));
    }
    int64_t ms = s < 0 ? 0 : s > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : s * 1000;
    return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

static int pause_before(struct try *t, int tried, struct sq_err *err)
{
    int64_t ms = (int64_t)FIRST_PAUSE_MS << (tried < 10 ? tried - 1 : 9);
    int64_t asked = retry_after_ms(&t->answer->api);
    if (ms > PAUSE_MAX_MS)
        ms = PAUSE_MAX_MS;
    struct sq_err stop;
    int rc = sq_web_pause(t->call, asked >= 0 ? asked : ms, &stop);
    return rc ? sq_fail(err, rc, "%s", stop.text) : 0;
}

static int check_request(const struct sq_web_request *q, struct sq_err *err)
{
    if (!q->method || !*q->method ||
        q->method[strspn(q->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
        return sq_fail(err, SQ_EINVAL, "a call has no method");
    if (!q->url || (strncmp(q->url, "http://", 7) && strncmp(q->url, "https://", 8)))
        return sq_fail(err, SQ_EINVAL, "%s: an address begins with http(s)://",
                       q->url ? q->url : "no address");
    return 0;
}

static int try_all(struct session *s, struct try *t, struct sq_err *err)
{
    int tries = t->request->tries > 0 ? t->request->tries : TRIES;
    for (int tried = 1;; tried++) {
        bool again;
        sq_buf_clear(&t->answer->body);
        sq_buf_clear(&t->answer->head);
        t->answer->api = (struct sq_web_answer){0};
        t->why[0] = 0;
        int rc = try_once(s, t, &again, err);
        if (!again || tried == tries)
            return rc;
        rc = pause_before(t, tried, err);
        if (rc)
            return rc;
    }
}

int sq_web_call(struct sq_web *w, struct sq_call *call,
                const struct sq_web_request *request, struct sq_web_answer **ret,
                struct sq_err *err)
{
    struct try t = {.request = request, .call = call};
    int rc = check_request(request, err);
    if (rc)
        return rc;
    struct session *s = session_get(w);
    t.answer = answer_new();
    if (!s || !t.answer)
        rc = no_memory(err);
    if (rc == 0)
        rc = make_headers(&t, err);
    if (rc == 0) {
        t.easy = s->easy;
        rc = try_all(s, &t, err);
    }
    curl_slist_free_all(t.headers);
    if (rc)
        sq_web_answer_free(t.answer ? &t.answer->api : NULL);
    else
        *ret = &t.answer->api;
    if (s)
        session_put(w, s);
    return rc;
}

/* ---- the record */

static bool is_secret(const char *name)
{
    static const char *const names[] = {"Authorization",   "X-Auth-Token",
                                        "X-Subject-Token", "Set-Cookie",
                                        "Cookie",          "Proxy-Authorization"};
    for (size_t i = 0; i < SQ_LEN(names); i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static void write_headers(const struct sq_web_header *v, size_t n, struct sq_buf *out)
{
    for (size_t i = 0; i < n; i++)
        sq_buf_addf(out, "%s: %s\n", v[i].name,
                    is_secret(v[i].name) ? "***" : v[i].value);
}

void sq_web_write(const struct sq_web_request *q, const struct sq_web_answer *a,
                  const char *why, struct sq_buf *out)
{
    sq_buf_addf(out, "> %s %s\n", q->method, q->url);
    write_headers(q->headers, q->n_headers, out);
    sq_buf_addc(out, '\n');
    if (q->body)
        sq_buf_add(out, q->body, q->body_len);
    if (a) {
        sq_buf_addf(out, "\n< %d\n", a->status);
        write_headers(a->headers, a->n_headers, out);
        sq_buf_addc(out, '\n');
        sq_buf_add(out, a->body, a->body_len);
    } else {
        sq_buf_addf(out, "\n< %s\n", why);
    }
    sq_buf_adds(out, "\n\n");
}
