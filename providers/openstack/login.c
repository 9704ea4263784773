/* The login: Keystone v3 (docs.openstack.org/api-ref/identity/v3), with a user's
 * password for a project, or with an application credential, which knows its project.
 * The token comes in a header, the catalog in the body; the token is renewed before it
 * expires, by our own clock, whatever the cloud's says. */
#include "providers/openstack/openstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A setting that is there and not empty, or NULL. */
static const char *set(const struct sq_provider *p, const char *key)
{
    const char *value = p->host->setting(p->host, key);
    return value && *value ? value : NULL;
}

static bool by_credential(const struct sq_provider *p)
{
    return set(p, "OS_APPLICATION_CREDENTIAL_ID") ||
           set(p, "OS_APPLICATION_CREDENTIAL_NAME");
}

static int missing(const char *what, struct sq_err *err)
{
    return sq_fail(err, SQ_EAUTH, "%s is not set: see scitq-plugin(7)", what);
}

static int check_credential(const struct sq_provider *p, struct sq_err *err)
{
    if (!set(p, "OS_APPLICATION_CREDENTIAL_SECRET"))
        return missing("OS_APPLICATION_CREDENTIAL_SECRET", err);
    if (!set(p, "OS_APPLICATION_CREDENTIAL_ID") && !set(p, "OS_USERNAME") &&
        !set(p, "OS_USER_ID"))
        return missing("OS_USERNAME, whose OS_APPLICATION_CREDENTIAL_NAME it is,", err);
    return 0;
}

int login_check(struct sq_provider *p, struct sq_err *err)
{
    const char *version = set(p, "OS_IDENTITY_API_VERSION");
    const char *url = set(p, "OS_AUTH_URL");
    if (!url)
        return missing("OS_AUTH_URL", err);
    if ((strncmp(url, "http://", 7) && strncmp(url, "https://", 8)) ||
        strpbrk(url, "?# "))
        return sq_fail(err, SQ_EINVAL, "OS_AUTH_URL is no address: https://…/v3");
    if (version && version[0] != '3')
        return sq_fail(err, SQ_EINVAL,
                       "OS_IDENTITY_API_VERSION is %s: only 3 is spoken here", version);
    if (by_credential(p))
        return check_credential(p, err);
    if (!set(p, "OS_USERNAME") && !set(p, "OS_USER_ID"))
        return missing("OS_USERNAME", err);
    if (!set(p, "OS_PASSWORD"))
        return missing("OS_PASSWORD", err);
    if (!set(p, "OS_PROJECT_ID") && !set(p, "OS_PROJECT_NAME"))
        return missing("OS_PROJECT_ID", err);
    return 0;
}

/* {"id": …} or {"name": …}; "Default" where nothing is said, as in an openrc file. */
static json_t *domain(const struct sq_provider *p, const char *id, const char *name)
{
    if (set(p, id))
        return json_pack("{s:s}", "id", set(p, id));
    return json_pack("{s:s}", "name", set(p, name) ? set(p, name) : "Default");
}

static json_t *user(const struct sq_provider *p)
{
    if (set(p, "OS_USER_ID"))
        return json_pack("{s:s}", "id", set(p, "OS_USER_ID"));
    return json_pack("{s:s, s:o}", "name", set(p, "OS_USERNAME"), "domain",
                     domain(p, "OS_USER_DOMAIN_ID", "OS_USER_DOMAIN_NAME"));
}

static json_t *project(const struct sq_provider *p)
{
    if (set(p, "OS_PROJECT_ID"))
        return json_pack("{s:s}", "id", set(p, "OS_PROJECT_ID"));
    return json_pack("{s:s, s:o}", "name", set(p, "OS_PROJECT_NAME"), "domain",
                     domain(p, "OS_PROJECT_DOMAIN_ID", "OS_PROJECT_DOMAIN_NAME"));
}

static json_t *credential(const struct sq_provider *p)
{
    const char *id = set(p, "OS_APPLICATION_CREDENTIAL_ID");
    const char *secret = set(p, "OS_APPLICATION_CREDENTIAL_SECRET");
    if (id)
        return json_pack("{s:s, s:s}", "id", id, "secret", secret);
    return json_pack("{s:s, s:s, s:o}", "name",
                     set(p, "OS_APPLICATION_CREDENTIAL_NAME"), "secret", secret, "user",
                     user(p));
}

/* Out of memory or a setting that is no UTF-8: NULL. */
static json_t *request_of(const struct sq_provider *p)
{
    json_t *who;
    if (by_credential(p))
        return json_pack("{s:{s:{s:[s], s:o}}}", "auth", "identity", "methods",
                         "application_credential", "application_credential",
                         credential(p));
    who = user(p);
    if (who &&
        json_object_set_new(who, "password", json_string(set(p, "OS_PASSWORD")))) {
        json_decref(who);
        who = NULL;
    }
    return json_pack("{s:{s:{s:[s], s:{s:o}}, s:{s:o}}}", "auth", "identity", "methods",
                     "password", "password", "user", who, "scope", "project",
                     project(p));
}

/* A secret is sent as JSON writes it, which may be another text. */
static void hide(const struct sq_provider *p, const char *secret)
{
    json_t *text = secret ? json_string(secret) : NULL;
    char *sent = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
    if (sent && strlen(sent) > 2) {
        sent[strlen(sent) - 1] = 0;
        p->host->hide(p->host, sent + 1);
    }
    free(sent);
    json_decref(text);
}

/* "2026-11-22T14:00:00.000000Z", always UTC; 0: it is none. */
static int64_t date_s(const char *text)
{
    struct tm t = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%S", &t) ? (int64_t)timegm(&t) : 0;
}

static int keep(struct sq_provider *p, const char *token, const json_t *body,
                struct sq_err *err)
{
    const json_t *about = json_object_get(body, "token");
    int64_t life_s =
        date_s(text_of(about, "expires_at")) - date_s(text_of(about, "issued_at"));
    int rc;
    if (!token || !*token || !json_is_object(about))
        return sq_fail(err, SQ_EPROTO,
                       "openstack's login answers something without a token: check "
                       "OS_AUTH_URL");
    rc = token_keep(p->host, &p->token, token, life_s, err);
    return rc ? rc : catalog_read(p, json_object_get(about, "catalog"), err);
}

static int judge(struct sq_provider *p, const struct sq_web_answer *answer,
                 struct sq_err *err)
{
    json_t *body = json_loadb(answer->body, answer->body_len, 0, NULL);
    int rc;
    if (answer->status == 201)
        rc = keep(p, p->host->web_header(answer, "X-Subject-Token"), body, err);
    else if (answer->status == 401)
        rc = sq_fail(err, SQ_EAUTH,
                     "openstack refuses the login: %.200s (401): check OS_AUTH_URL, "
                     "OS_PROJECT_ID, %s",
                     text_of(json_object_get(body, "error"), "message"),
                     by_credential(p) ? "OS_APPLICATION_CREDENTIAL_ID and its secret"
                                      : "OS_USERNAME and OS_PASSWORD");
    else if (answer->status == 404 || answer->status < 400)
        rc = sq_fail(err, SQ_EPROTO,
                     "openstack's login answers %d: OS_AUTH_URL leads elsewhere",
                     answer->status);
    else
        rc = words_fail("log in", answer->status, body, err);
    json_decref(body);
    return rc;
}

static int ask(struct sq_provider *p, struct sq_call *call, const char *url,
               const char *body, struct sq_err *err)
{
    const struct sq_web_header headers[] = {{"Content-Type", "application/json"},
                                            {"Accept", "application/json"}};
    struct sq_web_request request = {.method = "POST",
                                     .url = url,
                                     .headers = headers,
                                     .n_headers = 2,
                                     .body = body,
                                     .body_len = strlen(body),
                                     .ca_file = p->ca_file};
    struct sq_web_answer *answer = NULL;
    int rc = p->host->web(p->host, call, &request, &answer, err);
    if (rc)
        return rc == SQ_ECANCELED
                   ? rc
                   : sq_prefix(err, "openstack cannot be reached by OS_AUTH_URL: ");
    rc = judge(p, answer, err);
    p->host->web_free(answer);
    return rc;
}

/* OS_AUTH_URL with or without its version and a final slash. */
static char *address(const struct sq_provider *p)
{
    size_t len = strlen(p->auth_url);
    char *url = NULL;
    while (len > 0 && p->auth_url[len - 1] == '/')
        len--;
    if (len > 3 && strncmp(p->auth_url + len - 3, "/v3", 3) == 0)
        len -= 3;
    if (asprintf(&url, "%.*s/v3/auth/tokens", (int)len, p->auth_url) < 0)
        return NULL;
    return url;
}

int login_token(struct sq_provider *p, struct sq_call *call, bool again,
                struct sq_err *err)
{
    json_t *request;
    char *body, *url;
    int rc;
    if (!again && token_is_good(&p->token))
        return 0;
    hide(p, set(p, "OS_PASSWORD"));
    hide(p, set(p, "OS_APPLICATION_CREDENTIAL_SECRET"));
    request = request_of(p);
    body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    url = address(p);
    rc = body && url ? ask(p, call, url, body, err)
                     : sq_fail(err, SQ_EINVAL,
                               "a setting of openstack's login cannot be sent: it has "
                               "to be UTF-8");
    json_decref(request);
    free(body);
    free(url);
    return rc;
}
