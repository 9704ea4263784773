/* The login: a token for the application's own credentials, renewed before it expires.
 *
 * learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow: POST
 * {login}/{tenant}/oauth2/v2.0/token with the secret; the token is for the Resource
 * Manager, so that its scope is that endpoint's. */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Percent-encode as a form's field; NULL: out of memory. */
static char *escape(const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *ret = malloc(3 * strlen(text) + 1), *to = ret;
    if (!ret)
        return NULL;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (strchr("-._~", *c) || (*c >= '0' && *c <= '9') ||
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')) {
            *to++ = (char)*c;
        } else {
            *to++ = '%';
            *to++ = hex[*c >> 4];
            *to++ = hex[*c & 15];
        }
    *to = 0;
    return ret;
}

/* client_id and the rest; the caller frees it.  The secret is hidden in this form too.
 */
static char *form(const struct sq_provider *p)
{
    char *client = escape(p->client), *secret = escape(p->secret);
    char *scope = escape(p->arm), *ret = NULL;
    if (secret)
        p->host->hide(p->host, secret);
    if (!client || !secret || !scope ||
        asprintf(
            &ret,
            "grant_type=client_credentials&client_id=%s&client_secret=%s&scope=%s%%2F."
            "default",
            client, secret, scope) < 0)
        ret = NULL;
    free(client);
    free(secret);
    free(scope);
    return ret;
}

/* Its sentence comes with a trace below it, which helps nobody here. */
static int refused(int status, const json_t *body, struct sq_err *err)
{
    char said[300];
    copy(said, sizeof said, text_of(body, "error_description"));
    said[strcspn(said, "\r\n")] = 0;
    if (status >= 500 || status == 429)
        return sq_fail(err, SQ_EIO, "azure's login answers %d: %s", status, said);
    return sq_fail(
        err, SQ_EAUTH,
        "azure refuses the login: %s (%d): check AZURE_TENANT, AZURE_CLIENT_ID "
        "and AZURE_SECRET",
        *said ? said : "no reason given", status);
}

static int keep(struct sq_provider *p, const json_t *body, struct sq_err *err)
{
    const char *token = text_of(body, "access_token");
    int64_t lifetime_s = json_integer_value(json_object_get(body, "expires_in"));
    if (!*token || strpbrk(token, "\r\n") || lifetime_s <= 0)
        return sq_fail(err, SQ_EPROTO,
                       "azure's login answers something without a token: check "
                       "AZURE_LOGIN_ENDPOINT");
    free(p->token);
    p->token = strdup(token);
    if (!p->token)
        return no_memory(err);
    p->host->hide(p->host, token);
    /* Renewed five minutes early, since an operation follows it for a while. */
    lifetime_s = lifetime_s > 600 ? lifetime_s - 300 : lifetime_s / 2;
    p->token_until_ms = now_ms() + lifetime_s * 1000;
    return 0;
}

static int ask(struct sq_provider *p, struct sq_call *call, const char *url,
               const char *body, struct sq_err *err)
{
    const struct sq_web_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded"},
        {"Accept", "application/json"}};
    struct sq_web_request request = {.method = "POST",
                                     .url = url,
                                     .headers = headers,
                                     .n_headers = 2,
                                     .body = body,
                                     .body_len = strlen(body)};
    struct sq_web_answer *answer = NULL;
    json_t *json;
    int rc = p->host->web(p->host, call, &request, &answer, err);
    if (rc)
        return rc;
    json = json_loadb(answer->body, answer->body_len, 0, NULL);
    rc =
        answer->status == 200 ? keep(p, json, err) : refused(answer->status, json, err);
    json_decref(json);
    p->host->web_free(answer);
    return rc;
}

int login_token(struct sq_provider *p, struct sq_call *call, bool again,
                struct sq_err *err)
{
    char *url = NULL, *body;
    int rc;
    if (!again && p->token && now_ms() < p->token_until_ms)
        return 0;
    if (asprintf(&url, "%s/%s/oauth2/v2.0/token", p->login, p->tenant) < 0)
        return no_memory(err);
    body = form(p);
    rc = body ? ask(p, call, url, body, err) : no_memory(err);
    free(body);
    free(url);
    return rc;
}
