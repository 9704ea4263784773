/* libcurl's multi interface on the loop: it tells which descriptors and which time to
 * watch, the loop tells it what happened. */
#include "worker/wire.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

enum {
    LANES_MAX = 2,
    ANSWER_MAX = 64 << 20, /* many executions, each with a long command */
    BUF_KEPT = 256 << 10,
    CONNECT_S = 10
};

struct sq_lane {
    struct sq_wire *wire;
    CURL *easy;
    struct sq_buf answer;
    char *url;
    char error[CURL_ERROR_SIZE];
    bool busy;
    sq_reply_fn *done;
    void *arg;
};

struct sq_wire {
    struct sq_loop *loop;
    CURLM *multi;
    char *base_url, *ca;
    bool loopback;
    struct curl_slist *headers;
    struct sq_timer timer;
    struct sq_lane lanes[LANES_MAX];
    int n_lanes;
};

struct socket_watch {
    struct sq_watch watch;
    struct sq_wire *wire;
};

static void finish(struct sq_lane *l, CURLcode code)
{
    long status = 0;
    struct sq_reply reply = {.body = l->answer.data ? l->answer.data : "",
                             .len = l->answer.len};
    curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(l->wire->multi, l->easy);
    l->busy = false;
    if (code == CURLE_OK)
        reply.status = (int)status;
    else if (!sq_buf_ok(&l->answer))
        reply.error = "its answer is too large";
    else
        reply.error = l->error[0] ? l->error : curl_easy_strerror(code);
    l->done(l->arg, &reply);
    if (!l->busy && l->answer.cap > BUF_KEPT) {
        sq_buf_fini(&l->answer);
        sq_buf_init(&l->answer, ANSWER_MAX);
    }
}

static void collect(struct sq_wire *w)
{
    int left;
    CURLMsg *msg;
    while ((msg = curl_multi_info_read(w->multi, &left))) {
        struct sq_lane *l = NULL;
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode code = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &l);
        finish(l, code);
    }
}

static void socket_ready(void *arg, unsigned events)
{
    struct socket_watch *s = arg;
    struct sq_wire *w = s->wire;
    int running, what = 0;
    if (events & EPOLLIN)
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_ERR;
    curl_multi_socket_action(w->multi, s->watch.fd, what, &running);
    collect(w);
}

static void timer_due(void *arg)
{
    struct sq_wire *w = arg;
    int running;
    curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(w);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct sq_wire *w = arg;
    if (timeout_ms < 0)
        sq_timer_stop(w->loop, &w->timer);
    else
        sq_timer_set(w->loop, &w->timer, (int64_t)timeout_ms * 1000);
    return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                      void *of_socket)
{
    struct sq_wire *w = arg;
    struct socket_watch *s = of_socket;
    struct sq_err err;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            sq_loop_unwatch(w->loop, &s->watch);
        free(s);
        curl_multi_assign(w->multi, fd, NULL);
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return -1;
        s->watch = (struct sq_watch){-1, socket_ready, s};
        s->wire = w;
        curl_multi_assign(w->multi, fd, s);
    }
    unsigned events =
        (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    return sq_loop_watch(w->loop, &s->watch, fd, events, &err) == 0 ? 0 : -1;
}

static size_t take_answer(char *data, size_t size, size_t n, void *arg)
{
    struct sq_lane *l = arg;
    sq_buf_add(&l->answer, data, size * n);
    return sq_buf_ok(&l->answer) ? size * n : 0;
}

static bool is_loopback(const char *url)
{
    static const char *const names[] = {"127.", "localhost", "[::1]"};
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    for (size_t i = 0; i < SQ_LEN(names); i++)
        if (strncmp(host, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static struct curl_slist *add_token(struct curl_slist *list, const char *token)
{
    struct curl_slist *more = NULL;
    char *line SQ_CLEANUP(sq_freep) = NULL;
    if (!*token)
        return list;
    if (asprintf(&line, "Authorization: Bearer %s", token) >= 0)
        more = curl_slist_append(list, line);
    if (!more)
        curl_slist_free_all(list);
    return more;
}

static struct curl_slist *make_headers(const char *token)
{
    static const char *const lines[] = {"Content-Type: application/json",
                                        "Accept: application/json", "Expect:"};
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < SQ_LEN(lines); i++) {
        struct curl_slist *more = curl_slist_append(list, lines[i]);
        if (!more) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = more;
    }
    return add_token(list, token);
}

int sq_wire_open(struct sq_loop *loop, const struct sq_wire_conf *conf,
                 struct sq_wire **ret, struct sq_err *err)
{
    struct sq_wire *w = calloc(1, sizeof *w);
    if (!w || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(w);
        return sq_fail(err, SQ_ENOMEM, "cannot start libcurl");
    }
    w->loop = loop;
    w->timer = (struct sq_timer){.fn = timer_due, .arg = w};
    w->base_url = strdup(conf->base_url);
    w->ca = conf->ca && *conf->ca ? strdup(conf->ca) : NULL;
    w->headers = make_headers(conf->token);
    w->multi = curl_multi_init();
    w->loopback = is_loopback(conf->base_url);
    if (!w->base_url || !w->headers || !w->multi) {
        sq_wire_close(w);
        return sq_fail(err, SQ_ENOMEM, "cannot start libcurl");
    }
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
    curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)LANES_MAX);
    *ret = w;
    return 0;
}

void sq_wire_close(struct sq_wire *w)
{
    if (!w)
        return;
    for (int i = 0; i < w->n_lanes; i++) {
        sq_lane_cancel(&w->lanes[i]);
        curl_easy_cleanup(w->lanes[i].easy);
        sq_buf_fini(&w->lanes[i].answer);
        free(w->lanes[i].url);
    }
    if (w->multi)
        curl_multi_cleanup(w->multi);
    sq_timer_stop(w->loop, &w->timer);
    curl_slist_free_all(w->headers);
    free(w->base_url);
    free(w->ca);
    free(w);
    curl_global_cleanup();
}

static void set_up(struct sq_lane *l)
{
    struct sq_wire *w = l->wire;
    curl_easy_setopt(l->easy, CURLOPT_PRIVATE, l);
    curl_easy_setopt(l->easy, CURLOPT_ERRORBUFFER, l->error);
    curl_easy_setopt(l->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(l->easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(l->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(l->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(l->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, w->headers);
    curl_easy_setopt(l->easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(l->easy, CURLOPT_WRITEDATA, l);
    curl_easy_setopt(l->easy, CURLOPT_USERAGENT, "scitq-worker");
    if (w->ca)
        curl_easy_setopt(l->easy, CURLOPT_CAINFO, w->ca);
    if (w->loopback)
        curl_easy_setopt(l->easy, CURLOPT_NOPROXY, "*");
}

struct sq_lane *sq_wire_lane(struct sq_wire *w, sq_reply_fn *done, void *arg,
                             struct sq_err *err)
{
    struct sq_lane *l = w->n_lanes < LANES_MAX ? &w->lanes[w->n_lanes] : NULL;
    CURL *easy = l ? curl_easy_init() : NULL;
    if (!easy) {
        sq_fail(err, SQ_ENOMEM, "cannot start libcurl");
        return NULL;
    }
    *l = (struct sq_lane){.wire = w, .easy = easy, .done = done, .arg = arg};
    sq_buf_init(&l->answer, ANSWER_MAX);
    set_up(l);
    w->n_lanes++;
    return l;
}

int sq_lane_send(struct sq_lane *l, const struct sq_request *req, struct sq_err *err)
{
    size_t size = strlen(l->wire->base_url) + strlen(req->path) + 1;
    char *url = realloc(l->url, size);
    if (!url)
        return sq_fail(err, SQ_ENOMEM, "no memory for a request");
    l->url = url;
    strcpy(stpcpy(url, l->wire->base_url), req->path);
    l->error[0] = 0;
    sq_buf_clear(&l->answer);
    curl_easy_setopt(l->easy, CURLOPT_URL, url);
    curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS, req->body->data);
    curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body->len);
    curl_easy_setopt(l->easy, CURLOPT_CUSTOMREQUEST, req->method);
    curl_easy_setopt(l->easy, CURLOPT_TIMEOUT, (long)req->limit_s);
    curl_easy_setopt(l->easy, CURLOPT_LOW_SPEED_LIMIT, req->stall_s ? 1L : 0L);
    curl_easy_setopt(l->easy, CURLOPT_LOW_SPEED_TIME, (long)req->stall_s);
    CURLMcode code = curl_multi_add_handle(l->wire->multi, l->easy);
    if (code != CURLM_OK)
        return sq_fail(err, SQ_EIO, "cannot begin a request: %s",
                       curl_multi_strerror(code));
    l->busy = true;
    return 0;
}

bool sq_lane_busy(const struct sq_lane *l)
{
    return l->busy;
}

void sq_lane_cancel(struct sq_lane *l)
{
    if (l->busy)
        curl_multi_remove_handle(l->wire->multi, l->easy);
    l->busy = false;
}
