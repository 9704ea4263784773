/* What browsers tell of a call (Fetch, section 3.2; Fetch Metadata), judged. */
#include "core/http/site.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 256 };

static bool is(const char *text, const char *word)
{
    return text && strcasecmp(text, word) == 0;
}

static bool is_browser(const struct sq_site_call *c)
{
    return c->origin || c->referer || c->fetch_site || c->fetch_mode ||
           (c->agent && strncasecmp(c->agent, "Mozilla/", 8) == 0);
}

/* What follows ://, without a path; "" when there is none. */
static const char *authority(const char *url, size_t *ret_len)
{
    const char *at = url ? strstr(url, "://") : NULL;
    at = at ? at + 3 : "";
    *ret_len = strcspn(at, "/");
    return at;
}

static bool same_authority(const char *a, const char *b)
{
    size_t n, m;
    const char *x = authority(a, &n), *y = authority(b, &m);
    return n > 0 && n == m && strncasecmp(x, y, n) == 0;
}

static bool is_number(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 ||
           inet_pton(AF_INET6, host, &address) == 1;
}

/* The host of a Host header or an authority, without port and brackets. */
static bool cut_host(const char *text, size_t len, char ret[HOST_MAX])
{
    if (len && *text == '[') {
        const char *end = memchr(text, ']', len);
        len = end ? (size_t)(end - text - 1) : 0;
        text++;
    } else {
        const char *colon = memchr(text, ':', len);
        len = colon ? (size_t)(colon - text) : len;
    }
    if (len && text[len - 1] == '.')
        len--;
    if (len == 0 || len >= HOST_MAX)
        return false;
    memcpy(ret, text, len);
    ret[len] = 0;
    return true;
}

static bool is_known(const struct sq_site *site, const char *header)
{
    char host[HOST_MAX], named[HOST_MAX];
    size_t len;
    if (!header || !cut_host(header, strlen(header), host))
        return false;
    size_t n = strlen(host);
    if (is_number(host) || is(host, "localhost") ||
        (n > 10 && is(host + n - 10, ".localhost")))
        return true;
    const char *at = authority(site->url, &len);
    if (cut_host(at, len, named) && is(host, named))
        return true;
    for (int i = 0; i < SQ_SITE_NAMES; i++)
        if (is(site->names[i], host))
            return true;
    return false;
}

static bool same_origin(const struct sq_site *site, const struct sq_site_call *c)
{
    size_t len;
    const char *at = authority(c->origin, &len);
    if (c->host && len && strlen(c->host) == len && strncasecmp(at, c->host, len) == 0)
        return true;
    return same_authority(c->origin, site->url);
}

/* Following a link of another site to a page of ours is no attack. */
static bool is_visit(const struct sq_site_call *c)
{
    return c->get && !c->changes && is(c->fetch_mode, "navigate");
}

int sq_site_check(const struct sq_site *site, const struct sq_site_call *c,
                  struct sq_err *err)
{
    if (c->origin && !same_origin(site, c))
        return sq_fail(err, SQ_EAUTH, "a call of another site's page is refused");
    if ((is(c->fetch_site, "cross-site") || is(c->fetch_site, "same-site")) &&
        !is_visit(c))
        return sq_fail(err, SQ_EAUTH, "a call of another site's page is refused");
    if (c->by_token || !is_browser(c))
        return 0;
    if (!is_known(site, c->host))
        return sq_fail(err, SQ_EAUTH,
                       "this server is not known as %.100s, so that a browser is not "
                       "answered under that name: use its address, or set SCITQ_SERVER",
                       c->host ? c->host : "(no Host)");
    if (c->get && c->changes && !is(c->fetch_site, "same-origin"))
        return sq_fail(err, SQ_EAUTH,
                       "this call changes something: no browser makes it by a link");
    return 0;
}
