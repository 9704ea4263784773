/* The login: a token for the application's own credentials, renewed before it expires.
 *
 * learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow: POST
 * {login}/{tenant}/oauth2/v2.0/token with the secret; the token is for the Resource
 * Manager, so that its scope is that endpoint's. */
#include "providers/azure/azure.h"

#include <stdlib.h>
#include <string.h>

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
    return token_keep(p->host, &p->token, token, lifetime_s, err);
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
    if (!again && token_is_good(&p->token))
        return 0;
    if (asprintf(&url, "%s/%s/oauth2/v2.0/token", p->login, p->tenant) < 0)
        return no_memory(err);
    body = form(p);
    rc = body ? ask(p, call, url, body, err) : no_memory(err);
    free(body);
    free(url);
    return rc;
}
