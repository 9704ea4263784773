/* HTTP for plugins, against a scripted server in a thread of this test: what is tried
 * again, what never is, what a canceled call waits for, what is recorded. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/host.h"
#include "tests/unit/lib/scratch.h"

enum { REQUESTS_MAX = 10, ANSWER_MAX = 64 << 20 };

/* Each request takes the next reply: bytes as they are, then the connection ends. */
struct server {
    /* "": hang up; "hang": say nothing until the end; "huge": more than is taken; KEEP:
     * the connection stays, and ends without a word when it is used again */
    const char *const *replies;
    int listener, port;
    atomic_int requests;
    int64_t at_us[REQUESTS_MAX]; /* when each came */
    char last[4000];             /* the last request */
    pthread_t thread;
};
#define KEEP "keep "

static size_t read_request(struct server *s, int fd)
{
    size_t len = 0, body = 0;
    for (;;) {
        ssize_t n = read(fd, s->last + len, sizeof s->last - 1 - len);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        s->last[len] = 0;
        const char *end = strstr(s->last, "\r\n\r\n");
        const char *size = strcasestr(s->last, "Content-Length:");
        body = size ? (size_t)atoi(size + 15) : 0;
        if (end && len >= (size_t)(end + 4 - s->last) + body)
            return len;
    }
}

static bool take_request(struct server *s, int fd)
{
    if (!read_request(s, fd))
        return false;
    assert_true(s->requests < REQUESTS_MAX);
    s->at_us[s->requests] = sq_monotonic();
    atomic_fetch_add(&s->requests, 1);
    return true;
}

static void write_huge(int fd)
{
    static const char piece[1 << 20];
    static const char head[] = "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n";
    ssize_t n = write(fd, head, strlen(head));
    for (int64_t sent = 0; n > 0 && sent <= ANSWER_MAX; sent += n)
        n = send(fd, piece, sizeof piece, MSG_NOSIGNAL);
}

/* Until the connection is used or left, or another one comes. */
static void keep(struct server *s, int fd)
{
    struct pollfd p[] = {{.fd = s->listener, .events = POLLIN},
                         {.fd = fd, .events = POLLIN}};
    poll(p, 2, -1);
    if (p[1].revents)
        take_request(s, fd);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    for (int i = 0;; i++) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        if (take_request(s, fd)) {
            const char *reply = s->replies[i];
            bool kept = strncmp(reply, KEEP, strlen(KEEP)) == 0;
            reply += kept ? strlen(KEEP) : 0;
            if (strcmp(reply, "hang") == 0)
                (void)!read(fd, s->last, 1); /* until the client goes */
            else if (strcmp(reply, "huge") == 0)
                write_huge(fd);
            else
                (void)!write(fd, reply, strlen(reply));
            if (kept)
                keep(s, fd);
        }
        close(fd);
    }
}

static void server_start(struct server *s, const char *const *replies)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    memset(s, 0, sizeof *s);
    s->replies = replies;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 10), 0);
    getsockname(s->listener, (struct sockaddr *)&at, &len);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static const struct sq_provider_ops ops = {0};
static const struct sq_plugin plugin = {.name = (char *)"tst", .provider = &ops};

static struct sq_host *new_host(const char *record)
{
    struct sq_err err;
    struct sq_host *h = NULL;
    struct sq_host_conf conf = {.record = record};
    OK(err, sq_host_new(&plugin, &conf, &h, &err));
    return h;
}

#define REPLY(status, headers, body)                                                   \
    "HTTP/1.1 " status " x\r\nConnection: close\r\n" headers "\r\n" body

static const char *const busy_then_good[] = {
    REPLY("429", "Retry-After: 0\r\n", ""),
    REPLY("503", "retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "busy"),
    REPLY("201", "X-Mark:  yes \r\n", "made"), ""};
static const char *const refused[] = {REPLY("404", "", "{\"no\":1}"), ""};
static const char *const broken[] = {REPLY("500", "Retry-After: 0\r\n", "bad"),
                                     REPLY("200", "", "good"), ""};
static const char *const lost[] = {"", REPLY("200", "", "good"), ""};
static const char *const always_busy[] = {REPLY("429", "Retry-After: 0\r\n", "1"),
                                          REPLY("429", "Retry-After: 0\r\n", "2"),
                                          REPLY("429", "Retry-After: 0\r\n", "3"), ""};

static const struct {
    const char *const *replies;
    unsigned flags;
    int requests, code, status;
    const char *body;
} rows[] = {
    {busy_then_good, SQ_WEB_ONCE, 3, 0, 201, "made"},
    {busy_then_good, 0, 3, 0, 201, "made"},
    {refused, 0, 1, 0, 404, "{\"no\":1}"},
    {broken, 0, 2, 0, 200, "good"},
    {broken, SQ_WEB_ONCE, 1, 0, 500, "bad"},
    {lost, 0, 2, 0, 200, "good"},
    {lost, SQ_WEB_ONCE, 1, SQ_EIO, 0, NULL},
    {always_busy, 0, 3, 0, 429, "3"},
};

static void test_tries(void **state)
{
    (void)state;
    struct sq_host *h = new_host(NULL);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct server s;
        struct sq_err err = {0};
        char url[100];
        server_start(&s, rows[i].replies);
        snprintf(url, sizeof url, "http://127.0.0.1:%d/a?key=hidden", s.port);
        struct sq_web_request q = {.method = "POST",
                                   .url = url,
                                   .body = "{}",
                                   .body_len = 2,
                                   .flags = rows[i].flags,
                                   .tries = 3};
        struct sq_web_answer *a = NULL;
        int rc = h->web(h, NULL, &q, &a, &err);
        if (rc != rows[i].code || s.requests != rows[i].requests)
            fail_msg("row %zu: %s after %d requests: %s", i, sq_code_name(rc),
                     s.requests, err.text);
        if (rc == 0) {
            assert_int_equal(a->status, rows[i].status);
            assert_string_equal(a->body, rows[i].body);
            assert_int_equal(a->body_len, strlen(rows[i].body));
        } else {
            assert_null(strstr(err.text, "hidden"));
            assert_non_null(strstr(err.text, "POST http://127.0.0.1"));
        }
        if (rows[i].status == 201)
            assert_string_equal(h->web_header(a, "x-mark"), "yes");
        h->web_free(a);
        server_stop(&s);
    }
    h->web_free(NULL);
    sq_host_free(h);
}

static int call(struct sq_host *h, const struct server *s, struct sq_web_request *q,
                struct sq_err *err)
{
    char url[100];
    struct sq_web_answer *a = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/e", s->port);
    q->url = url;
    int rc = h->web(h, NULL, q, &a, err);
    h->web_free(a);
    return rc;
}

/* No sooner than the server wants, in seconds or as a date: longer than we would wait.
 */
static void test_retry_after(void **state)
{
    (void)state;
    for (int as_date = 0; as_date < 2; as_date++) {
        struct server s;
        struct sq_err err;
        char busy[200], date[50] = "1";
        const char *const replies[] = {busy, REPLY("200", "", "good"), ""};
        time_t later = time(NULL) + 3;
        struct tm tm;
        if (as_date)
            strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
                     gmtime_r(&later, &tm));
        snprintf(busy, sizeof busy, REPLY("503", "Retry-After: %s\r\n", ""), date);
        struct sq_host *h = new_host(NULL);
        struct sq_web_request q = {.method = "GET", .tries = 2};
        server_start(&s, replies);
        OK(err, call(h, &s, &q, &err));
        assert_int_equal(s.requests, 2);
        assert_true(s.at_us[1] - s.at_us[0] >= 990000);
        server_stop(&s);
        sq_host_free(h);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static const char *const huge[] = {"huge", ""}, *const hang[] = {"hang", ""};
    struct server s;
    struct sq_err err;
    struct sq_host *h = new_host(NULL);
    struct sq_web_request q = {.method = "GET", .tries = 1, .timeout_s = 1};
    server_start(&s, hang);
    assert_int_equal(call(h, &s, &q, &err), SQ_ETIMEDOUT);
    assert_non_null(strstr(err.text, "no answer in time"));
    server_stop(&s);
    q.timeout_s = 0;
    server_start(&s, huge);
    assert_int_equal(call(h, &s, &q, &err), SQ_EPROTO);
    assert_non_null(strstr(err.text, "larger than 64 MiB"));
    server_stop(&s);
    sq_host_free(h);
}

/* Over an old connection, which may be dead, libcurl itself would send it again. */
static void test_once_goes_over_a_new_connection(void **state)
{
    (void)state;
    static const char *const replies[] = {
        KEEP "HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\na", REPLY("201", "", "made"),
        ""};
    struct server s;
    struct sq_err err;
    struct sq_host *h = new_host(NULL);
    struct sq_web_request first = {.method = "GET"};
    struct sq_web_request q = {
        .method = "POST", .body = "{}", .body_len = 2, .flags = SQ_WEB_ONCE};
    server_start(&s, replies);
    OK(err, call(h, &s, &first, &err));
    OK(err, call(h, &s, &q, &err));
    server_stop(&s);
    assert_int_equal(s.requests, 2);
    sq_host_free(h);
}

/* Wherever a secret was put, an error does not tell it. */
static void test_errors_tell_no_secret(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_host *h = new_host(NULL);
    struct sq_web_answer *a = NULL;
    struct sq_web_request q = {
        .method = "GET", .url = "http://127.0.0.1:1/of/hunter22/x", .tries = 1};
    h->hide(h, "hunter22");
    assert_int_equal(h->web(h, NULL, &q, &a, &err), SQ_EIO);
    assert_non_null(strstr(err.text, "/of/***/x"));
    sq_host_free(h);
}

static void test_what_is_sent(void **state)
{
    (void)state;
    static const struct sq_web_header headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
    struct server s;
    struct sq_err err;
    char url[100];
    struct sq_host *h = new_host(NULL);
    server_start(&s, refused);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/b", s.port);
    struct sq_web_request q = {.method = "PATCH",
                               .url = url,
                               .headers = headers,
                               .n_headers = 2,
                               .body = "a\0b",
                               .body_len = 3};
    struct sq_web_answer *a = NULL;
    OK(err, h->web(h, NULL, &q, &a, &err));
    h->web_free(a);
    assert_non_null(strstr(s.last, "PATCH /b HTTP/1.1\r\n"));
    assert_non_null(strstr(s.last, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(s.last, "\r\nX-Empty:\r\n"));
    assert_null(strcasestr(s.last, "Content-Type"));
    assert_null(strcasestr(s.last, "Expect"));
    assert_memory_equal(strstr(s.last, "\r\n\r\n") + 4, "a\0b", 3);
    server_stop(&s);
    sq_host_free(h);
}

static void test_wrong_requests(void **state)
{
    (void)state;
    static const struct sq_web_header split = {"X", "a\r\nY: b"};
    static const struct sq_web_request wrong[] = {
        {.url = "http://127.0.0.1:1/"},
        {.method = "GET /x", .url = "http://127.0.0.1:1/"},
        {.method = "GET"},
        {.method = "GET", .url = "file:///etc/passwd"},
        {.method = "GET",
         .url = "http://127.0.0.1:1/",
         .headers = &split,
         .n_headers = 1},
    };
    struct sq_host *h = new_host(NULL);
    for (size_t i = 0; i < SQ_LEN(wrong); i++) {
        struct sq_err err;
        struct sq_web_answer *a = NULL;
        assert_int_equal(h->web(h, NULL, &wrong[i], &a, &err), SQ_EINVAL);
        assert_null(a);
    }
    sq_host_free(h);
}

struct stop {
    struct sq_call call;
    struct server *server;
    atomic_bool now;
};

static int is_canceled(const struct sq_call *call)
{
    return ((const struct stop *)call)->now;
}

/* Once the server has the request, about which it says nothing. */
static void *cancel_later(void *arg)
{
    struct stop *stop = arg;
    uint64_t one = 1;
    while (stop->server->requests == 0)
        usleep(1000);
    stop->now = true;
    if (stop->call.cancel_fd >= 0)
        (void)!write(stop->call.cancel_fd, &one, sizeof one);
    return NULL;
}

static void cancel(int cancel_fd)
{
    static const char *const hang[] = {"hang", ""};
    struct server s;
    struct sq_err err;
    pthread_t thread;
    char url[100];
    struct sq_host *h = new_host(NULL);
    server_start(&s, hang);
    struct stop stop = {.call = {.canceled = is_canceled, .cancel_fd = cancel_fd},
                        .server = &s};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/c", s.port);
    /* One try: what ends for another reason is not canceled before the next one. */
    struct sq_web_request q = {.method = "GET", .url = url, .tries = 1};
    struct sq_web_answer *a = NULL;
    pthread_create(&thread, NULL, cancel_later, &stop);
    assert_int_equal(h->web(h, &stop.call, &q, &a, &err), SQ_ECANCELED);
    assert_int_equal(h->pause(h, &stop.call, 1000000, &err), SQ_ECANCELED);
    pthread_join(thread, NULL);
    server_stop(&s);
    assert_int_equal(h->pause(h, NULL, 1, &err), 0);
    sq_host_free(h);
}

static void test_canceled(void **state)
{
    (void)state;
    int fd = eventfd(0, EFD_CLOEXEC);
    cancel(fd);
    cancel(-1); /* nothing to wait on: it is asked now and then */
    close(fd);
}

static void test_record(void **state)
{
    struct scratch *scratch = *state;
    static const struct sq_web_header headers[] = {{"Authorization", "Bearer abc"},
                                                   {"X-Key", "hunter22"}};
    static const char *const replies[] = {REPLY("200", "", "the key is hunter22"), ""};
    struct server s;
    struct sq_err err;
    char url[100];
    const char *file = scratch_path(scratch, "record");
    struct sq_host *h = new_host(file);
    server_start(&s, replies);
    h->hide(h, "hunter22");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/d", s.port);
    struct sq_web_request q = {
        .method = "GET", .url = url, .headers = headers, .n_headers = 2};
    struct sq_web_answer *a = NULL;
    OK(err, h->web(h, NULL, &q, &a, &err));
    assert_string_equal(a->body, "the key is hunter22");
    h->web_free(a);
    server_stop(&s);
    sq_host_free(h);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, 10000);
    OK(err, sq_file_read(file, &text, &err));
    assert_non_null(strstr(text.data, "/d\nAuthorization: ***\nX-Key: ***\n"));
    assert_non_null(strstr(text.data, "< 200\n"));
    assert_non_null(strstr(text.data, "\n\nthe key is ***\n"));
}

static void test_folder(void **state)
{
    struct scratch *scratch = *state;
    struct sq_err err;
    struct sq_host *h = NULL;
    const char *folder;
    struct sq_host *none = new_host(NULL);
    assert_int_equal(none->folder(none, &folder, &err), SQ_EUNSUPPORTED);
    sq_host_free(none);
    struct sq_host_conf conf = {.folder = scratch_path(scratch, "a/b")};
    OK(err, sq_host_new(&plugin, &conf, &h, &err));
    OK(err, h->folder(h, &folder, &err));
    assert_int_equal(access(folder, R_OK | W_OK | X_OK), 0);
    sq_host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tries),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_once_goes_over_a_new_connection),
        cmocka_unit_test(test_errors_tell_no_secret),
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_wrong_requests),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test_setup_teardown(test_record, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_folder, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
