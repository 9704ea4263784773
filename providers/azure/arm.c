/* Calls of the Resource Manager: one, a list page by page, and the wait for an
 * operation.
 *
 * A change is accepted with 201 or 202 and is not done yet (learn.microsoft.com/azure/
 * azure-resource-manager/management/async-operations): Azure-AsyncOperation names an
 * address that tells its status; where there is none, Location one that answers 202
 * until it ended.  Retry-After says when to ask. */
#include "providers/azure/azure.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int set_url(struct arm *a, char *url, struct sq_err *err)
{
    a->url = url;
    return url ? 0 : no_memory(err);
}

int arm_init(struct arm *a, struct sq_provider *p, struct sq_err *err,
             const char *method, const char *what, const char *fmt, ...)
{
    char *path = NULL, *url = NULL;
    va_list args;
    *a = (struct arm){.method = method, .what = what, .retry_after_ms = -1};
    va_start(args, fmt);
    if (vasprintf(&path, fmt, args) < 0)
        path = NULL;
    va_end(args);
    if (path && asprintf(&url, "%s%s", p->arm, path) < 0)
        url = NULL;
    free(path);
    return set_url(a, url, err);
}

/* A call of an address that an answer told.  SQ_EPROTO: it is not the endpoint's, which
 * alone may see the token. */
static int follow(struct arm *a, struct sq_provider *p, struct sq_err *err,
                  const char *what, const char *url)
{
    size_t len = strlen(p->arm);
    *a = (struct arm){.method = "GET", .what = what, .retry_after_ms = -1};
    if (strncasecmp(url, p->arm, len) != 0 || url[len] != '/')
        return sq_fail(err, SQ_EPROTO,
                       "azure sends us to %.200s, which is not below %s", url, p->arm);
    return set_url(a, strdup(url), err);
}

static void drop_answer(struct arm *a)
{
    json_decref(a->json);
    free(a->operation);
    free(a->location);
    a->json = NULL;
    a->operation = a->location = NULL;
    a->retry_after_ms = -1;
}

void arm_fini(struct arm *a)
{
    drop_answer(a);
    json_decref(a->body);
    free(a->url);
    a->body = NULL;
    a->url = NULL;
}

/* Headers and body of an answer; -1: out of memory. */
static int take(struct sq_provider *p, struct arm *a,
                const struct sq_web_answer *answer)
{
    const char *operation = p->host->web_header(answer, "Azure-AsyncOperation");
    const char *location = p->host->web_header(answer, "Location");
    const char *retry = p->host->web_header(answer, "Retry-After");
    drop_answer(a);
    a->status = answer->status;
    a->json = json_loadb(answer->body, answer->body_len, 0, NULL);
    a->operation = operation ? strdup(operation) : NULL;
    a->location = location ? strdup(location) : NULL;
    if (retry && *retry >= '0' && *retry <= '9')
        a->retry_after_ms = 1000 * strtol(retry, NULL, 10);
    return (operation && !a->operation) || (location && !a->location) ? -1 : 0;
}

static int send_once(struct sq_provider *p, struct sq_call *call, struct arm *a,
                     const char *body, struct sq_err *err)
{
    char *authorization = NULL;
    struct sq_web_answer *answer = NULL;
    int rc;
    if (asprintf(&authorization, "Bearer %s", p->token.text) < 0)
        return no_memory(err);
    {
        const struct sq_web_header headers[] = {{"Authorization", authorization},
                                                {"Accept", "application/json"},
                                                {"Content-Type", "application/json"}};
        struct sq_web_request request = {.method = a->method,
                                         .url = a->url,
                                         .headers = headers,
                                         .n_headers = body ? 3 : 2,
                                         .body = body,
                                         .body_len = body ? strlen(body) : 0};
        rc = p->host->web(p->host, call, &request, &answer, err);
    }
    free(authorization);
    if (rc)
        return rc;
    rc = take(p, a, answer) ? no_memory(err) : 0;
    /* 204 and 202 may be empty; whatever has a body has JSON. */
    if (rc == 0 && a->status < 300 && answer->body_len > 0 && !a->json)
        rc = sq_fail(err, SQ_EPROTO,
                     "azure cannot %s: it answers %d with something that is no JSON",
                     a->what, a->status);
    p->host->web_free(answer);
    return rc;
}

static int judge(struct arm *a, struct sq_err *err)
{
    if (a->status >= 200 && a->status < 300)
        return 0;
    return words_fail(a->what, a->status, a->json, false, err);
}

int arm_call(struct sq_provider *p, struct sq_call *call, struct arm *a,
             struct sq_err *err)
{
    char *body = a->body ? json_dumps(a->body, JSON_COMPACT) : NULL;
    int rc = a->body && !body ? no_memory(err) : login_token(p, call, false, err);
    if (rc == 0)
        rc = send_once(p, call, a, body, err);
    if (rc == 0 && words_is_token(a->status, a->json)) {
        rc = login_token(p, call, true, err);
        if (rc == 0)
            rc = send_once(p, call, a, body, err);
    }
    free(body);
    return rc ? rc : judge(a, err);
}

/* One look at an operation.  1: it goes on; 0: it succeeded. */
static int look(struct sq_provider *p, struct sq_call *call, const struct arm *a,
                int64_t *ret_retry_ms, struct sq_err *err)
{
    struct arm ask;
    const char *status;
    int rc = follow(&ask, p, err, a->what, a->operation ? a->operation : a->location);
    if (rc == 0)
        rc = arm_call(p, call, &ask, err);
    *ret_retry_ms = ask.retry_after_ms;
    status = text_of(ask.json, "status");
    if (rc == 0 && !a->operation)
        rc = ask.status == 202;
    else if (rc == 0 &&
             (strcmp(status, "Failed") == 0 || strcmp(status, "Canceled") == 0))
        rc = words_fail(a->what, ask.status, ask.json, true, err);
    else if (rc == 0 && !*status)
        rc = sq_fail(err, SQ_EPROTO, "azure cannot %s: its operation has no status",
                     a->what);
    else if (rc == 0)
        rc = strcmp(status, "Succeeded") != 0;
    arm_fini(&ask);
    return rc;
}

int arm_wait(struct sq_provider *p, struct sq_call *call, struct arm *a,
             struct sq_err *err)
{
    int64_t retry_ms = a->retry_after_ms, pause_ms = 0;
    int rc = a->operation || a->location ? 1 : 0;
    while (rc == 1) {
        rc = pause_more(p->host, call, retry_ms, &pause_ms, err);
        if (rc == 0)
            rc = look(p, call, a, &retry_ms, err);
    }
    return rc;
}

int arm_put(struct sq_provider *p, struct sq_call *call, const char *what, json_t *body,
            const char *group, const char *path, const char *version,
            struct sq_err *err)
{
    struct arm a;
    int rc = arm_init(&a, p, err, "PUT", what,
                      "/subscriptions/%s/resourceGroups/%s/providers/%s?api-version=%s",
                      p->subscription, group, path, version);
    a.body = body;
    if (rc == 0 && !body)
        rc = no_memory(err);
    if (rc == 0)
        rc = arm_call(p, call, &a, err);
    if (rc == 0)
        rc = arm_wait(p, call, &a, err);
    arm_fini(&a);
    return rc;
}

int arm_get(struct sq_provider *p, struct sq_call *call, const char *what,
            const char *group, const char *path, const char *version, json_t **ret,
            struct sq_err *err)
{
    struct arm a;
    int rc = arm_init(&a, p, err, "GET", what,
                      "/subscriptions/%s/resourceGroups/%s/providers/%s?api-version=%s",
                      p->subscription, group, path, version);
    if (rc == 0)
        rc = arm_call(p, call, &a, err);
    if (rc == 0 && !json_is_object(a.json))
        rc = sq_fail(err, SQ_EPROTO, "azure cannot %s: it answers without an object",
                     what);
    if (rc == 0)
        *ret = json_incref(a.json);
    arm_fini(&a);
    return rc;
}

static int each_row(struct arm *a, arm_row_fn each, void *arg, struct sq_err *err)
{
    json_t *rows = json_object_get(a->json, "value"), *row;
    size_t i;
    int rc = 0;
    if (!json_is_array(rows))
        return sq_fail(err, SQ_EPROTO, "azure cannot %s: it answers without a list",
                       a->what);
    json_array_foreach(rows, i, row)
    {
        rc = each(arg, row, err);
        if (rc)
            break;
    }
    return rc;
}

int arm_list(struct sq_provider *p, struct sq_call *call, struct arm *a,
             arm_row_fn each, void *arg, struct sq_err *err)
{
    int rc = 0, pages = 0;
    while (rc == 0) {
        struct arm next;
        rc = arm_call(p, call, a, err);
        if (rc == 0)
            rc = each_row(a, each, arg, err);
        if (rc || !*text_of(a->json, "nextLink"))
            break;
        if (++pages >= PAGES_MAX)
            rc = sq_fail(err, SQ_EPROTO, "azure cannot %s: more than %d pages", a->what,
                         PAGES_MAX);
        else
            rc = follow(&next, p, err, a->what, text_of(a->json, "nextLink"));
        if (rc == 0) {
            arm_fini(a);
            *a = next;
        }
    }
    arm_fini(a);
    return rc;
}
