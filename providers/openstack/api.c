/* Calls of a cloud's services: one, and a list page by page.
 *
 * A token may be refused at any moment, expired or revoked: then we log in again, once.
 * Lists of Nova (docs.openstack.org/api-guide/compute/paginated_collections) are asked
 * for by the last row seen and not by the links that they tell, which behind a proxy
 * may lead elsewhere; a row that went in between makes the cloud forget where we were,
 * and the list begins again. */
#include "providers/openstack/openstack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_TRIES = 5,
    LIST_BYTES_MAX = 64 << 20 /* all pages together: their rows are kept */
};

int api_init(struct api *a, struct sq_err *err, const char *method, const char *what,
             const char *fmt, ...)
{
    va_list args;
    *a = (struct api){.method = method, .what = what, .nova = true};
    va_start(args, fmt);
    if (vasprintf(&a->url, fmt, args) < 0)
        a->url = NULL;
    va_end(args);
    return a->url ? 0 : no_memory(err);
}

void api_fini(struct api *a)
{
    json_decref(a->json);
    json_decref(a->body);
    free(a->url);
    *a = (struct api){0};
}

static int send_once(struct sq_provider *p, struct sq_call *call, struct api *a,
                     const char *body, struct sq_err *err)
{
    struct sq_web_header headers[4] = {{"X-Auth-Token", p->token.text},
                                       {"Accept", "application/json"}};
    struct sq_web_request request = {.method = a->method,
                                     .url = a->url,
                                     .headers = headers,
                                     .n_headers = 2,
                                     .body = body,
                                     .body_len = body ? strlen(body) : 0,
                                     .flags = a->once ? SQ_WEB_ONCE : 0,
                                     .ca_file = p->ca_file};
    struct sq_web_answer *answer = NULL;
    int rc;
    if (a->nova)
        headers[request.n_headers++] =
            (struct sq_web_header){"OpenStack-API-Version", MICROVERSION};
    if (body)
        headers[request.n_headers++] =
            (struct sq_web_header){"Content-Type", "application/json"};
    rc = p->host->web(p->host, call, &request, &answer, err);
    if (rc)
        return rc;
    json_decref(a->json);
    a->status = answer->status;
    a->bytes = answer->body_len;
    a->json = json_loadb(answer->body, answer->body_len, 0, NULL);
    if (a->status < 300 && a->status != 204 && !a->json)
        rc = sq_fail(err, SQ_EPROTO,
                     "openstack cannot %s: it answers %d with something that is no "
                     "JSON",
                     a->what, a->status);
    p->host->web_free(answer);
    return rc;
}

int api_call(struct sq_provider *p, struct sq_call *call, struct api *a,
             struct sq_err *err)
{
    char *body = a->body ? json_dumps(a->body, JSON_COMPACT) : NULL;
    int rc = a->body && !body ? no_memory(err) : login_token(p, call, false, err);
    if (rc == 0)
        rc = send_once(p, call, a, body, err);
    if (rc == 0 && a->status == 401) {
        rc = login_token(p, call, true, err);
        if (rc == 0)
            rc = send_once(p, call, a, body, err);
    }
    free(body);
    if (rc || (a->status >= 200 && a->status < 300))
        return rc;
    return words_fail(a->what, a->status, a->json, err);
}

/* One page behind `marker` ("": the first) to the end of `rows`.  1: there are more. */
static int one_page(struct sq_provider *p, struct sq_call *call, struct api *a,
                    const char *key, json_t *rows, struct sq_err *err)
{
    char links[64];
    const json_t *page;
    int rc = api_call(p, call, a, err);
    if (rc)
        return rc;
    page = json_object_get(a->json, key);
    if (!json_is_array(page))
        return sq_fail(err, SQ_EPROTO, "openstack cannot %s: it answers without %s",
                       a->what, key);
    if (json_array_extend(rows, (json_t *)page))
        return no_memory(err);
    snprintf(links, sizeof links, "%s_links", key);
    return json_array_size(page) > 0 &&
           json_array_size(json_object_get(a->json, links)) > 0;
}

/* Whole, into the empty `rows`.  1: a row that we came to is gone, begin again. */
static int all_pages(struct sq_provider *p, struct sq_call *call, const char *what,
                     const char *url, const char *key, json_t *rows, struct sq_err *err)
{
    size_t bytes = 0;
    int rc = 1;
    for (int pages = 0; rc == 1; pages++) {
        size_t n = json_array_size(rows);
        const char *last = n ? text_of(json_array_get(rows, n - 1), "id") : "";
        char *marker = escape(last);
        struct api a = {0};
        bool lost = false;
        if (pages == PAGES_MAX || bytes > LIST_BYTES_MAX)
            rc = sq_fail(err, SQ_EPROTO,
                         "openstack cannot %s: more than %d pages or %d MiB", what,
                         PAGES_MAX, LIST_BYTES_MAX >> 20);
        else
            rc = !marker ? no_memory(err)
                         : api_init(&a, err, "GET", what, "%s?limit=1000%s%s", url,
                                    n ? "&marker=" : "", marker);
        if (rc == 0)
            rc = one_page(p, call, &a, key, rows, err);
        lost = n > 0 && a.status == 400;
        bytes += a.bytes;
        api_fini(&a);
        free(marker);
        if (lost)
            return 1;
    }
    return rc;
}

int api_list(struct sq_provider *p, struct sq_call *call, const char *what,
             const char *url, const char *key, json_t **ret, struct sq_err *err)
{
    int rc = 1;
    for (int i = 0; i < LIST_TRIES && rc == 1; i++) {
        json_t *rows = json_array();
        rc = rows ? all_pages(p, call, what, url, key, rows, err) : no_memory(err);
        if (rc == 0)
            *ret = rows;
        else
            json_decref(rows);
    }
    return rc == 1
               ? sq_fail(err, SQ_EBUSY,
                         "openstack cannot %s: the list changes while it is read", what)
               : rc;
}
