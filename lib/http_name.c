/* How a server is named, and what is sent to prove who calls: shared by the tools and
 * the worker, whatever way they speak HTTP. */
#include "lib/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/file.h"

enum { HOST_MAX = 255, TOKEN_MAX_BYTES = 4096 };

static int bad_name(struct sq_err *err, const char *server, const char *why)
{
    return sq_fail(err, SQ_EINVAL,
                   "bad server name \"%.200s\": %s (write host, host:port or a URL)",
                   server, why);
}

static bool is_ipv6(const char *text, size_t len)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    if (len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = 0;
    return inet_pton(AF_INET6, host, &addr) == 1;
}

static bool is_host(const char *text, size_t len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789.-_";
    return len > 0 && len <= HOST_MAX && text[0] != '-' && strspn(text, allowed) >= len;
}

/* 1 to 65535, all digits. */
static bool is_port(const char *text, size_t len)
{
    long port = 0;
    if (len == 0 || len > 5 || strspn(text, "0123456789") < len)
        return false;
    for (size_t i = 0; i < len; i++)
        port = port * 10 + (text[i] - '0');
    return port >= 1 && port <= 65535;
}

/* Where a name or address, and its port, stand in a text. */
struct authority {
    const char *host, *port;
    size_t host_len, port_len; /* port_len 0: none */
    bool v6;
};

/* NULL, or what is wrong. */
static const char *cut_authority(const char *text, size_t len, struct authority *a)
{
    const char *end = text + len, *colon;
    *a = (struct authority){.host = text, .host_len = len};
    if (len && *text == '[') {
        const char *close = memchr(text, ']', len);
        if (!close || !is_ipv6(text + 1, (size_t)(close - text - 1)))
            return "not an IPv6 address between [ and ]";
        *a = (struct authority){text + 1, NULL, (size_t)(close - text - 1), 0, true};
        colon = close + 1;
        if (colon < end && *colon != ':')
            return "only :port may follow the ]";
    } else if (is_ipv6(text, len)) {
        a->v6 = true;
        return NULL;
    } else {
        colon = memchr(text, ':', len);
        colon = colon ? colon : end;
        a->host_len = (size_t)(colon - text);
        if (!is_host(a->host, a->host_len))
            return "not a host name or an address";
    }
    if (colon == end)
        return NULL;
    a->port = colon + 1;
    a->port_len = (size_t)(end - a->port);
    return is_port(a->port, a->port_len) ? NULL : "the port is not between 1 and 65535";
}

/* Length of "http://" or "https://" at the start, else 0. */
static size_t scheme_length(const char *text)
{
    if (strncasecmp(text, "http://", 7) == 0)
        return 7;
    return strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
}

/* Printable, without query, fragment or white space. */
static bool is_path(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("?#\"<>\\", *p))
            return false;
    return true;
}

int sq_http_base_url(const char *server, struct sq_buf *out, struct sq_err *err)
{
    size_t scheme = scheme_length(server);
    if (!scheme && strstr(server, "://"))
        return bad_name(err, server, "only http:// and https:// are spoken");
    const char *text = server + scheme, *path = text + strcspn(text, "/");
    size_t path_len = strlen(path);
    struct authority a;
    const char *why = cut_authority(text, (size_t)(path - text), &a);
    if (why)
        return bad_name(err, server, why);
    while (path_len && path[path_len - 1] == '/')
        path_len--;
    if (path_len && !scheme)
        return bad_name(err, server, "a path needs http:// before it");
    if (!is_path(path))
        return bad_name(err, server, "odd characters in the path");
    sq_buf_adds(out, scheme == 8 ? "https://" : "http://");
    sq_buf_addf(out, a.v6 ? "[%.*s]" : "%.*s", (int)a.host_len, a.host);
    if (a.port_len)
        sq_buf_addf(out, ":%.*s", (int)a.port_len, a.port);
    else if (!scheme)
        sq_buf_adds(out, ":5000");
    sq_buf_add(out, path, path_len);
    return sq_buf_ok(out) ? 0 : bad_name(err, server, "it is too long");
}

/* The URL's host, 0-terminated; its address where it is one: AF_INET, AF_INET6, else 0.
 */
struct host {
    char name[HOST_MAX + 1];
    int family;
    struct in_addr v4;
    struct in6_addr v6;
};

static struct host host_of(const char *url)
{
    const char *text = url + scheme_length(url);
    struct authority a;
    struct host h = {.family = 0};
    if (cut_authority(text, strcspn(text, "/"), &a) || a.host_len > HOST_MAX)
        return h;
    memcpy(h.name, a.host, a.host_len);
    if (a.v6 ? inet_pton(AF_INET6, h.name, &h.v6) == 1
             : inet_pton(AF_INET, h.name, &h.v4) == 1)
        h.family = a.v6 ? AF_INET6 : AF_INET;
    return h;
}

bool sq_http_is_loopback(const char *base_url)
{
    struct host h = host_of(base_url);
    size_t len = strlen(h.name);
    if (h.family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&h.v6);
    if (h.family == AF_INET)
        return ntohl(h.v4.s_addr) >> 24 == 127;
    return strcasecmp(h.name, "localhost") == 0 ||
           (len > 10 && strcasecmp(h.name + len - 10, ".localhost") == 0);
}

/* 169.254/16: RFC 3927. */
bool sq_http_is_near(const char *base_url)
{
    struct host h = host_of(base_url);
    bool local = h.family == AF_INET6  ? IN6_IS_ADDR_LINKLOCAL(&h.v6)
                 : h.family == AF_INET ? ntohl(h.v4.s_addr) >> 16 == 0xA9FE
                                       : false;
    return local || sq_http_is_loopback(base_url);
}

/* Keep the first word of `out`, if it may go into a header. */
static int check_token(struct sq_buf *out, const char *from, struct sq_err *err)
{
    if (!sq_buf_ok(out))
        return sq_fail(err, SQ_EINVAL, "the token of %s is longer than %d bytes", from,
                       TOKEN_MAX_BYTES);
    sq_buf_consume(out, strspn(out->data, " \t\r\n"));
    size_t len = strcspn(out->data, " \t\r\n");
    if (out->data[len + strspn(out->data + len, " \t\r\n")])
        return sq_fail(err, SQ_EINVAL, "the token of %s is more than one word", from);
    for (size_t i = 0; i < out->len && i < len; i++)
        if (out->data[i] <= ' ' || out->data[i] >= 0x7f)
            return sq_fail(err, SQ_EINVAL, "the token of %s has odd characters", from);
    out->len = len;
    out->data[len] = 0;
    return 0;
}

/* A default place may be absent, or not ours to read: then the next one counts. */
static bool try_file(const char *path, struct sq_buf *out)
{
    sq_buf_clear(out);
    return sq_file_read(path, out, NULL) == 0;
}

static int token_of_file(const char *path, struct sq_buf *out, struct sq_err *err)
{
    int rc = sq_file_read(path, out, err);
    if (rc)
        return sq_prefix(err, "SCITQ_TOKEN_FILE: ");
    return check_token(out, path, err);
}

static int find_token(const char *value, const char *file, struct sq_buf *out,
                      struct sq_err *err)
{
    const char *home = getenv("HOME");
    if (value && *value) {
        sq_buf_adds(out, value);
        return check_token(out, "SCITQ_TOKEN", err);
    }
    if (file && *file)
        return token_of_file(file, out, err);
    SQ_CLEANUP(sq_freep) char *mine = NULL;
    if (home && *home && asprintf(&mine, "%s/.config/scitq/token", home) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    if (mine && try_file(mine, out))
        return check_token(out, mine, err);
    if (try_file("/etc/scitq/token", out))
        return check_token(out, "/etc/scitq/token", err);
    sq_buf_clear(out);
    return 0;
}

static char *hidden;

void sq_http_hide_token(void)
{
    char *value = getenv("SCITQ_TOKEN");
    if (!value || !*value || !(hidden = strdup(value)))
        return;
    memset(value, 0, strlen(value));
    unsetenv("SCITQ_TOKEN");
}

const char *sq_http_hidden_token(void)
{
    return hidden;
}

int sq_http_token(struct sq_buf *out, struct sq_err *err)
{
    const char *value = getenv("SCITQ_TOKEN");
    return sq_http_token_of(value && *value ? value : hidden,
                            getenv("SCITQ_TOKEN_FILE"), out, err);
}

int sq_http_token_of(const char *value, const char *file, struct sq_buf *out,
                     struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf token;
    sq_buf_init(&token, TOKEN_MAX_BYTES);
    struct sq_err why = {0};
    int rc = find_token(value, file, &token, &why);
    if (rc)
        return sq_fail(err, rc, "%s", why.text);
    sq_buf_add(out, token.data ? token.data : "", token.len);
    return sq_buf_ok(out) ? 0 : sq_fail(err, SQ_ENOMEM, "no room for the token");
}

void sq_http_escape(const char *text, struct sq_buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    while (*text) {
        size_t n = strspn(text, plain);
        sq_buf_add(out, text, n);
        text += n;
        if (*text)
            sq_buf_addf(out, "%%%02X", (unsigned char)*text++);
    }
}
