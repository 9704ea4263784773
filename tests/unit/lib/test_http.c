/* The tools' HTTP client, against a small server in a thread of this test.  The server
 * answers by path, keeps the connection, and remembers what it was sent. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http.h"
#include "tests/unit/lib/scratch.h"

enum { REQUEST_MAX = 4 << 20 };

struct server {
    pthread_t thread;
    int listener;
    atomic_int fd; /* the connection served, -1 */
    int connections;
    char name[40];
    struct sq_buf request; /* the last one: head and body */
    size_t head_len;
    struct scratch *scratch;
};

/* What each path is answered; the length is added where nothing ends the connection. */
static const struct {
    const char *path;
    int status;
    const char *headers, *body;
} answers[] = {
    {"/ok", 200, "", "{\"a\":[1]}"},
    {"/created", 201, "", "7"},
    {"/empty", 200, "", ""},
    {"/nojson", 200, "", "<html>"},
    {"/absent", 404, "", "{\"message\": \"Task 9 doesn't exist\"}"},
    {"/bad", 422, "", "{\"message\":\"no\"}\n"},
    {"/state", 500, "", "{\"message\":\"st\"}\n"},
    {"/proxy", 502, "", "<html>"},
    {"/busy", 503, "", "{}"},
    {"/auth", 401, "", "{}"},
    {"/moved", 308, "Location: /ok\r\n", ""},
    {"/cut", 200, "Content-Length: 100\r\nConnection: close\r\n", "{\"a\":"},
    {"/bytes", 200, "Connection: close\r\n", "some raw bytes"},
    {"/", 200, "", "true"},
};

/* Read one request; false when the client has gone. */
static bool read_request(struct server *s, int fd)
{
    char *end = NULL, piece[65536];
    size_t need = 0;
    for (bool first = true; !end || s->request.len < need; first = false) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n <= 0)
            return false;
        if (first) /* until now the test may look at the one before */
            sq_buf_clear(&s->request);
        sq_buf_add(&s->request, piece, (size_t)n);
        if (end || !(end = strstr(s->request.data, "\r\n\r\n")))
            continue;
        const char *length = strcasestr(s->request.data, "\r\nContent-Length: ");
        s->head_len = (size_t)(end + 4 - s->request.data);
        need = s->head_len;
        if (length && length < end)
            need += (size_t)atol(length + 18);
    }
    return true;
}

/* False when the connection must end. */
static bool answer(struct server *s, int fd)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 10000);
    const char *path = strchr(s->request.data, ' ') + 1;
    size_t len = strcspn(path, " "), i = 0;
    if (strncmp(path, "/hangup ", 8) == 0)
        return false;
    if (strncmp(path, "/slow ", 6) == 0)
        return recv(fd, &len, 1, 0) > 0; /* until the client gives up */
    while (i < SQ_LEN(answers) - 1 &&
           (strlen(answers[i].path) != len || strncmp(answers[i].path, path, len) != 0))
        i++;
    bool ends = strstr(answers[i].headers, "close") != NULL;
    sq_buf_addf(&b, "HTTP/1.1 %d x\r\n%s", answers[i].status, answers[i].headers);
    if (!ends)
        sq_buf_addf(&b, "Content-Length: %zu\r\n", strlen(answers[i].body));
    sq_buf_addf(&b, "\r\n%s", answers[i].body);
    struct sq_err err;
    return sq_write_all(fd, b.data, b.len, &err) == 0 && !ends;
}

static void *serve(void *arg)
{
    struct server *s = arg;
    for (;;) {
        SQ_CLEANUP(sq_closep) int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        s->connections++;
        atomic_store(&s->fd, fd);
        while (read_request(s, fd) && answer(s, fd))
            ;
        atomic_store(&s->fd, -1);
    }
}

static int setup(void **state)
{
    struct server *s = calloc(1, sizeof *s);
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    void *scratch = NULL;
    if (!s || scratch_setup(&scratch) != 0)
        return -1;
    s->scratch = scratch;
    s->fd = -1;
    unsetenv("SCITQ_TOKEN_FILE");
    setenv("SCITQ_TOKEN", "secret-1", 1);
    setenv("http_proxy", "http://127.0.0.1:1/", 1); /* must not be used */
    sq_buf_init(&s->request, REQUEST_MAX);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(s->listener, 5) < 0 ||
        getsockname(s->listener, (struct sockaddr *)&addr, &len) < 0)
        return -1;
    snprintf(s->name, sizeof s->name, "127.0.0.1:%d", ntohs(addr.sin_port));
    *state = s;
    return pthread_create(&s->thread, NULL, serve, s);
}

static int teardown(void **state)
{
    struct server *s = *state;
    void *scratch = s->scratch;
    shutdown(s->listener, SHUT_RDWR);         /* ends accept() */
    shutdown(atomic_load(&s->fd), SHUT_RDWR); /* left open by a test that failed */
    pthread_join(s->thread, NULL);
    close(s->listener);
    sq_buf_fini(&s->request);
    free(s);
    return scratch_teardown(&scratch);
}

static struct sq_http *open_client(struct server *s)
{
    struct sq_http *h = NULL;
    struct sq_err err;
    OK(err, sq_http_open(s->name, 10, &h, &err));
    return h;
}

static void test_calls_share_a_connection(void **state)
{
    struct server *s = *state;
    struct sq_http *h = open_client(s);
    struct sq_err err;
    for (int i = 0; i < 5; i++) {
        json_t *v = NULL;
        OK(err, sq_http_call(h, "GET", "/ok", NULL, &v, &err));
        assert_int_equal(json_integer_value(json_array_get(json_object_get(v, "a"), 0)),
                         1);
        json_decref(v);
        OK(err, sq_http_call(h, "DELETE", "/created", NULL, &v, &err));
        assert_int_equal(json_integer_value(v), 7);
        json_decref(v);
        OK(err, sq_http_call(h, "PUT", "/empty", NULL, &v, &err));
        assert_true(json_is_null(v));
        OK(err, sq_http_call(h, "POST", "/", NULL, NULL, &err));
    }
    sq_http_close(h);
    assert_int_equal(s->connections, 1);
}

static void expect_head(const struct server *s, const char *text, bool there)
{
    if ((strcasestr(s->request.data, text) != NULL) != there)
        fail_msg("%s %s in: %s", text, there ? "is not" : "is", s->request.data);
}

static void test_what_is_sent(void **state)
{
    struct server *s = *state;
    struct sq_http *h = open_client(s);
    struct sq_err err;
    json_t *body = json_pack("{s:[ii]}", "batch", 1, 2);
    OK(err, sq_http_call(h, "GET", "/tasks/?a=1", body, NULL, &err));
    assert_memory_equal(s->request.data, "GET /tasks/?a=1 HTTP/1.1\r\n", 26);
    expect_head(s, "\r\nAuthorization: Bearer secret-1\r\n", true);
    expect_head(s, "\r\nContent-Type: application/json\r\n", true);
    expect_head(s, "\r\nContent-Length: 15\r\n", true);
    assert_string_equal(s->request.data + s->head_len, "{\"batch\":[1,2]}");
    OK(err, sq_http_call(h, "GET", "/batch/../x", NULL, NULL, &err));
    assert_memory_equal(s->request.data, "GET /batch/../x HTTP/1.1\r\n", 26);
    expect_head(s, "Content-Length", false);
    OK(err, sq_http_call(h, "PUT", "/x", NULL, NULL, &err));
    expect_head(s, "\r\nContent-Length: 0\r\n", true);
    json_decref(body);
    sq_http_close(h);
}

static void test_large_bodies_do_not_wait(void **state)
{
    struct server *s = *state;
    struct sq_http *h = open_client(s);
    struct sq_err err;
    json_t *body = json_array();
    for (int i = 0; i < 200000; i++)
        json_array_append_new(body, json_integer(1000000 + i));
    OK(err, sq_http_call(h, "POST", "/tasks/", body, NULL, &err));
    expect_head(s, "\r\nExpect:", false);
    assert_int_equal(s->request.len - s->head_len, 200000 * 8 + 1);
    json_decref(body);
    sq_http_close(h);
}

static void test_no_token_no_header(void **state)
{
    struct server *s = *state;
    struct sq_err err;
    unsetenv("SCITQ_TOKEN");
    setenv("HOME", s->scratch->dir, 1);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf token;
    sq_buf_init(&token, 100);
    OK(err, sq_http_token(&token, &err));
    if (token.len)
        skip(); /* this machine has an /etc/scitq/token */
    struct sq_http *h = open_client(s);
    OK(err, sq_http_call(h, "GET", "/ok", NULL, NULL, &err));
    expect_head(s, "Authorization", false);
    sq_http_close(h);
}

static void test_errors_of_the_server(void **state)
{
    static const struct {
        const char *path;
        int code;
        const char *text;
    } rows[] = {
        {"/absent", SQ_ENOENT, "Task 9 doesn't exist"},
        {"/bad", SQ_EINVAL, "no"},
        {"/state", SQ_ESTATE, "st"},
        {"/proxy", SQ_EIO, "answered 502 to GET /proxy"},
        {"/busy", SQ_EBUSY, "answered 503 to GET /busy"},
        {"/auth", SQ_EAUTH, "answered 401 to GET /auth"},
        {"/moved", SQ_EPROTO, "answered 308 to GET /moved"},
        {"/nojson", SQ_EPROTO, "did not answer JSON: is it a scitq server?"},
        {"/cut", SQ_EIO, "the call to the scitq server at "},
        {"/hangup", SQ_EIO, "the call to the scitq server at "},
    };
    struct server *s = *state;
    struct sq_http *h = open_client(s);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err = {0};
        json_t *v = NULL;
        int rc = sq_http_call(h, "GET", rows[i].path, NULL, &v, &err);
        if (rc != rows[i].code || !strstr(err.text, rows[i].text))
            fail_msg("%s: %s %s", rows[i].path, sq_code_name(rc), err.text);
        assert_null(v);
    }
    struct sq_err err;
    OK(err, sq_http_call(h, "GET", "/ok", NULL, NULL, &err));
    sq_http_close(h);
}

static void test_no_server(void **state)
{
    struct server *s = *state;
    struct sq_http *h;
    struct sq_err err;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    char name[40], wanted[200];
    snprintf(name, sizeof name, "127.0.0.1:%d", ntohs(addr.sin_port)); /* not heard */
    snprintf(wanted, sizeof wanted,
             "cannot reach the scitq server at http://%s: connection refused (is it "
             "running?  -s names another)",
             name);
    OK(err, sq_http_open(name, 5, &h, &err));
    sq_http_hint(h, "-s names another", NULL);
    assert_int_equal(sq_http_call(h, "GET", "/ok", NULL, NULL, &err), SQ_EIO);
    assert_string_equal(err.text, wanted);
    sq_http_close(h);
    close(fd);
    (void)s;
}

static void test_slow_server(void **state)
{
    struct server *s = *state;
    struct sq_http *h;
    struct sq_err err;
    OK(err, sq_http_open(s->name, 1, &h, &err));
    assert_int_equal(sq_http_call(h, "GET", "/slow", NULL, NULL, &err), SQ_ETIMEDOUT);
    assert_non_null(strstr(err.text, " did not answer within 1 s"));
    assert_null(strstr(err.text, "-t"));
    sq_http_hint(h, NULL, "wait longer");
    assert_int_equal(sq_http_call(h, "GET", "/slow", NULL, NULL, &err), SQ_ETIMEDOUT);
    assert_non_null(strstr(err.text, " did not answer within 1 s: wait longer"));
    sq_http_close(h);
}

struct sink {
    struct sq_buf got;
    bool stop;
};

static int on_bytes(void *arg, const char *data, size_t len)
{
    struct sink *k = arg;
    sq_buf_add(&k->got, data, len);
    return k->stop;
}

static void test_stream(void **state)
{
    struct server *s = *state;
    struct sq_http *h = open_client(s);
    struct sink k = {.stop = false};
    struct sq_err err;
    sq_buf_init(&k.got, 1000);
    OK(err, sq_http_stream(h, "/bytes", on_bytes, &k, &err));
    assert_string_equal(k.got.data, "some raw bytes");
    assert_int_equal(sq_http_stream(h, "/absent", on_bytes, &k, &err), SQ_ENOENT);
    assert_string_equal(err.text, "Task 9 doesn't exist");
    assert_int_equal(k.got.len, 14);
    assert_int_equal(sq_http_stream(h, "/cut", on_bytes, &k, &err), SQ_EIO);
    k.stop = true;
    assert_int_equal(sq_http_stream(h, "/ok", on_bytes, &k, &err), SQ_ECANCELED);
    OK(err, sq_http_call(h, "GET", "/ok", NULL, NULL, &err));
    sq_buf_fini(&k.got);
    sq_http_close(h);
}

static void test_base_urls(void **state)
{
    static const struct {
        const char *server, *url;
        int near; /* 1: link-local, 2: loopback */
    } rows[] = {
        {"localhost", "http://localhost:5000", 2},
        {"h", "http://h:5000", 0},
        {"h:80", "http://h:80", 0},
        {"h.example.org:65535", "http://h.example.org:65535", 0},
        {"10.0.0.1", "http://10.0.0.1:5000", 0},
        {"127.1.2.3:1", "http://127.1.2.3:1", 2},
        {"127.example.org", "http://127.example.org:5000", 0},
        {"[::1]", "http://[::1]:5000", 2},
        {"[fe80::1]:81", "http://[fe80::1]:81", 1},
        {"[fec0::1]", "http://[fec0::1]:5000", 0},
        {"http://169.254.169.254", "http://169.254.169.254", 1},
        {"169.253.1.1", "http://169.253.1.1:5000", 0},
        {"::1", "http://[::1]:5000", 2},
        {"http://h", "http://h", 0},
        {"HTTPS://h/", "https://h", 0},
        {"https://h:8443/scitq//", "https://h:8443/scitq", 0},
        {"http://[::1]:5000/", "http://[::1]:5000", 2},
        {"a.localhost", "http://a.localhost:5000", 2},
        {"h/", "http://h:5000", 0},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        struct sq_err err;
        sq_buf_init(&b, 1000);
        OK(err, sq_http_base_url(rows[i].server, &b, &err));
        assert_string_equal(b.data, rows[i].url);
        assert_int_equal(sq_http_is_loopback(b.data), rows[i].near == 2);
        assert_int_equal(sq_http_is_near(b.data), rows[i].near > 0);
    }
}

static void test_bad_names(void **state)
{
    static const char *const rows[] = {
        "",          " ",           ":5000",        "h:",           "h:0",
        "h:65536",   "h:123456",    "h:12x",        "h:1:2",        "h/path",
        "ftp://h",   "http://",     "http:///x",    "h x",          "[::1",
        "[::1]x",    "[h]",         "u@h",          "http://u:p@h", "-h",
        "h\r\nX: y", "http://h/?q", "http://h/a b", "http://h/#f",  "://h",
        "\xc3\xa9",  "[::1]:",      "h?x",          "[]",
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
        struct sq_http *h = NULL;
        struct sq_err err;
        sq_buf_init(&b, 1000);
        if (sq_http_base_url(rows[i], &b, &err) != SQ_EINVAL)
            fail_msg("\"%s\" was accepted: %s", rows[i], b.data);
        assert_int_equal(sq_http_open(rows[i], 1, &h, &err), SQ_EINVAL);
        assert_null(h);
    }
}

static void test_escape(void **state)
{
    (void)state;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 1000);
    sq_http_escape("aZ9-._~", &b);
    sq_http_escape(" /?#%&+=:@\xc3\xa9\n", &b);
    assert_string_equal(b.data, "aZ9-._~%20%2F%3F%23%25%26%2B%3D%3A%40%C3%A9%0A");
}

static void expect_token(const char *token, int code, const char *why)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    struct sq_err err = {0};
    sq_buf_init(&b, 10000);
    int rc = sq_http_token(&b, &err);
    if (rc != code || (why && !strstr(err.text, why)))
        fail_msg("%d %s, not %d %s", rc, err.text, code, why ? why : "");
    if (!rc)
        assert_string_equal(b.data, token);
    assert_null(strstr(err.text, "hidden"));
}

static void test_tokens(void **state)
{
    struct server *s = *state;
    struct sq_err err;
    setenv("HOME", s->scratch->dir, 1);
    OK(err, sq_mkdirs(scratch_path(s->scratch, ".config/scitq"), 0700, &err));
    scratch_write(s->scratch, ".config/scitq/token", " of-home \n", 10);
    const char *file = scratch_write(s->scratch, "token", "of-file\n", 8);
    setenv("SCITQ_TOKEN", " of-environment\n", 1);
    setenv("SCITQ_TOKEN_FILE", file, 1);
    expect_token("of-environment", 0, NULL);
    unsetenv("SCITQ_TOKEN");
    expect_token("of-file", 0, NULL);
    setenv("SCITQ_TOKEN_FILE", "/no/such/file", 1);
    expect_token(NULL, SQ_ENOENT, "SCITQ_TOKEN_FILE: cannot open /no/such/file");
    setenv("SCITQ_TOKEN_FILE", "", 1);
    expect_token("of-home", 0, NULL);
    setenv("SCITQ_TOKEN", "hidden two", 1);
    expect_token(NULL, SQ_EINVAL, "the token of SCITQ_TOKEN is more than one word");
    setenv("SCITQ_TOKEN", "hidden\x01", 1);
    expect_token(NULL, SQ_EINVAL, "the token of SCITQ_TOKEN has odd characters");
    char *longest = calloc(1, 4098);
    memset(longest, 'x', 4097);
    setenv("SCITQ_TOKEN", longest, 1);
    expect_token(NULL, SQ_EINVAL, "longer than 4096 bytes");
    longest[4096] = 0;
    setenv("SCITQ_TOKEN", longest, 1);
    expect_token(longest, 0, NULL);
    free(longest);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_calls_share_a_connection),
        SERVED(test_what_is_sent),
        SERVED(test_large_bodies_do_not_wait),
        SERVED(test_no_token_no_header),
        SERVED(test_errors_of_the_server),
        SERVED(test_no_server),
        SERVED(test_slow_server),
        SERVED(test_stream),
        cmocka_unit_test(test_base_urls),
        cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_escape),
        SERVED(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
