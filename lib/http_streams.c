/* libcurl's multi handle carries the calls; each has a client of its own, so that it
 * begins with the token and the CA as they are then. */
#include "lib/http_streams.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/http_impl.h"

struct sq_streams {
    CURLM *multi;
    struct sq_stream *first;
};

struct sq_stream {
    struct sq_streams *in;
    struct sq_stream *next;
    struct sq_stream_conf conf;
    struct sq_http_run run;
    bool under_way, opened;
};

int sq_streams_new(struct sq_streams **ret, struct sq_err *err)
{
    struct sq_streams *s = calloc(1, sizeof *s);
    if (!s || !(s->multi = curl_multi_init())) {
        free(s);
        return sq_fail(err, SQ_ENOMEM, "out of memory for calls to the server");
    }
    *ret = s;
    return 0;
}

void sq_streams_free(struct sq_streams *s)
{
    if (!s)
        return;
    while (s->first)
        sq_stream_close(s->first);
    curl_multi_cleanup(s->multi);
    free(s);
}

static void look_whether_open(struct sq_stream *t)
{
    long status = 0;
    if (t->opened)
        return;
    curl_easy_getinfo(t->run.h->curl, CURLINFO_RESPONSE_CODE, &status);
    t->opened = status >= 200 && status <= 299;
    if (t->opened && t->conf.opened)
        t->conf.opened(t->conf.arg, status);
}

static int on_bytes(void *stream, const char *data, size_t len)
{
    struct sq_stream *t = stream;
    look_whether_open(t);
    return t->conf.sink(t->conf.arg, data, len);
}

static int begin(struct sq_stream *t, struct sq_err *err)
{
    const struct sq_stream_conf *c = &t->conf;
    struct sq_http *h;
    int rc = sq_http_open(c->server, c->connect_s, &h, err);
    if (rc)
        return rc;
    t->run = (struct sq_http_run){
        .h = h, .method = "GET", .path = c->path, .sink = on_bytes, .arg = t};
    if (c->header)
        rc = sq_http_add_header(h, c->header, err);
    if (rc == 0)
        rc = sq_http_run_begin(&t->run, err);
    if (rc)
        return rc;
    curl_easy_setopt(h->curl, CURLOPT_PRIVATE, t);
    if (c->quiet_s) {
        curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_TIME, (long)c->quiet_s);
    }
    t->under_way = curl_multi_add_handle(t->in->multi, h->curl) == CURLM_OK;
    return t->under_way ? 0 : sq_fail(err, SQ_ENOMEM, "out of memory for a call");
}

int sq_stream_open(struct sq_streams *s, const struct sq_stream_conf *conf,
                   struct sq_stream **ret, struct sq_err *err)
{
    struct sq_stream *t = calloc(1, sizeof *t);
    if (!t)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a call to the server");
    t->in = s;
    t->conf = *conf;
    t->next = s->first;
    s->first = t;
    int rc = begin(t, err);
    if (rc)
        sq_stream_close(t);
    else
        *ret = t;
    return rc;
}

static void take_off(struct sq_stream *t)
{
    if (t->under_way)
        curl_multi_remove_handle(t->in->multi, t->run.h->curl);
    t->under_way = false;
}

void sq_stream_close(struct sq_stream *t)
{
    if (!t)
        return;
    struct sq_stream **at = &t->in->first;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    take_off(t);
    sq_buf_fini(&t->run.message);
    sq_http_close(t->run.h);
    free(t);
}

static void end_one(CURL *curl, CURLcode code)
{
    struct sq_err err = {0};
    char *private = NULL;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &private);
    struct sq_stream *t = (struct sq_stream *)(void *)private;
    int rc = sq_http_run_end(&t->run, code, &err);
    take_off(t);
    t->conf.ended(t->conf.arg, rc, &err);
}

int sq_streams_wait(struct sq_streams *s, int fd, int wait_ms, struct sq_err *err)
{
    struct curl_waitfd other = {.fd = fd, .events = CURL_WAIT_POLLIN};
    int left;
    CURLMcode code = curl_multi_poll(s->multi, fd < 0 ? NULL : &other, fd >= 0,
                                     wait_ms < 0 ? INT_MAX : wait_ms, NULL);
    if (code == CURLM_OK)
        code = curl_multi_perform(s->multi, &left);
    if (code != CURLM_OK)
        return sq_fail(err, SQ_EIO, "cannot wait for the server: %s",
                       curl_multi_strerror(code));
    for (struct sq_stream *t = s->first; t; t = t->next)
        if (t->under_way)
            look_whether_open(t);
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left)) != NULL;)
        if (m->msg == CURLMSG_DONE)
            end_one(m->easy_handle, m->data.result);
    return 0;
}
