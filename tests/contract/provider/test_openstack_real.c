/* The openstack provider against a real cloud, for whoever has one (HACKING.md, "A real
 * OpenStack"):
 *
 *     SCITQ_TEST_LONG=1 SCITQ_TEST_OPENSTACK="d2-2 GRA11 UK1" \
 *         SCITQ_TEST_OPENSTACK_RC=openrc tests/contract/provider/test_openstack_real
 *
 * Machines are counted by questions of our own to Nova, not by the plugin.  Everything
 * it makes belongs to owners of its own and is deleted. */
#include "tests/contract/provider/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/web.h"
#include "tests/long.h"

enum { PLACES_MAX = 20 };

static struct {
    struct sq_web *web;
    char token[10000];
    char places[PLACES_MAX][300]; /* addresses of Nova */
    int n_places;
} cloud;

/* One call; the answer's JSON (NULL: it has none), whose status is in *ret_status. */
static json_t *ask(const char *method, const char *url, const char *body,
                   int *ret_status)
{
    struct sq_web_answer *answer = NULL;
    struct sq_web_header headers[] = {{"Content-Type", "application/json"},
                                      {"X-Auth-Token", cloud.token},
                                      {"OpenStack-API-Version", "compute 2.79"}};
    const struct sq_web_request q = {.method = method,
                                     .url = url,
                                     .headers = headers,
                                     .n_headers = cloud.token[0] ? 3 : 1,
                                     .body = body,
                                     .body_len = body ? strlen(body) : 0};
    struct sq_err err;
    OK(err, sq_web_call(cloud.web, NULL, &q, &answer, &err));
    for (size_t i = 0; i < answer->n_headers; i++)
        if (strcasecmp(answer->headers[i].name, "X-Subject-Token") == 0)
            snprintf(cloud.token, sizeof cloud.token, "%s", answer->headers[i].value);
    json_t *ret = json_loads(answer->body, 0, NULL);
    *ret_status = answer->status;
    sq_web_answer_free(answer);
    return ret;
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static void add_place(const char *url)
{
    for (int i = 0; i < cloud.n_places; i++)
        if (strcmp(cloud.places[i], url) == 0)
            return;
    assert_true(cloud.n_places < PLACES_MAX);
    snprintf(cloud.places[cloud.n_places++], sizeof cloud.places[0], "%s", url);
}

static void read_catalog(const json_t *catalog)
{
    const json_t *service, *end;
    size_t i, j;
    json_array_foreach(catalog, i, service)
    {
        if (strcmp(text(service, "type"), "compute") != 0)
            continue;
        json_array_foreach(json_object_get(service, "endpoints"), j, end)
        {
            if (strcmp(text(end, "interface"), "public") == 0)
                add_place(text(end, "url"));
        }
    }
}

/* Anew when a token is refused. */
static void log_in(void)
{
    char url[300];
    int status;
    json_t *body = json_pack(
        "{s:{s:{s:[s], s:{s:{s:s, s:{s:s}, s:s}}}, s:{s:{s:s}}}}", "auth", "identity",
        "methods", "password", "password", "user", "name", getenv("OS_USERNAME"),
        "domain", "name",
        getenv("OS_USER_DOMAIN_NAME") ? getenv("OS_USER_DOMAIN_NAME") : "Default",
        "password", getenv("OS_PASSWORD"), "scope", "project", "id",
        getenv("OS_PROJECT_ID"));
    char *sent = body ? json_dumps(body, 0) : NULL;
    if (!sent)
        fail_msg("OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_ID are needed");
    snprintf(url, sizeof url, "%s/auth/tokens", getenv("OS_AUTH_URL"));
    cloud.token[0] = 0;
    json_t *answer = ask("POST", url, sent, &status);
    assert_int_equal(status, 201);
    read_catalog(json_object_get(json_object_get(answer, "token"), "catalog"));
    json_decref(answer);
    json_decref(body);
    free(sent);
}

static json_t *servers_at(const char *place)
{
    char url[400];
    int status;
    snprintf(url, sizeof url, "%s/servers/detail?limit=1000", place);
    json_t *answer = ask("GET", url, NULL, &status);
    if (status == 401) {
        json_decref(answer);
        log_in();
        answer = ask("GET", url, NULL, &status);
    }
    assert_int_equal(status, 200);
    return answer;
}

/* Call `on` with the address of each server. */
static int each(const char *owner, const char *token, void (*on)(const char *url))
{
    int n = 0;
    for (int i = 0; i < cloud.n_places; i++) {
        json_t *answer = servers_at(cloud.places[i]), *row;
        size_t j;
        json_array_foreach(json_object_get(answer, "servers"), j, row)
        {
            const json_t *meta = json_object_get(row, "metadata");
            char url[400];
            if (strcmp(text(meta, "scitq-owner"), owner) != 0 ||
                (token && strcmp(text(meta, "scitq-token"), token) != 0))
                continue;
            n++;
            snprintf(url, sizeof url, "%s/servers/%s", cloud.places[i],
                     text(row, "id"));
            if (on)
                on(url);
        }
        json_decref(answer);
    }
    return n;
}

static int count(const char *owner, const char *token)
{
    return each(owner, token, NULL);
}

/* Asked at intervals, since Nova has no way to be waited for. */
static void drop(const char *url)
{
    int status;
    json_decref(ask("DELETE", url, NULL, &status));
    while (status != 404) {
        usleep(200000);
        json_decref(ask("GET", url, NULL, &status));
    }
}

static void vanish(const char *owner, const char *token)
{
    assert_int_equal(each(owner, token, drop), 1);
}

static struct target target = {
    .plugin = "openstack",
    .count = count,
    .vanish = vanish,
    .kills = 8,
    .cycles = 30,
    .makes_twins = true,
};

/* This program again, as if its openrc had been sourced. */
static void source(const char *rc)
{
    char self[4096] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    setenv("SCITQ_TEST_OPENSTACK_RC", "", 1);
    execl("/bin/sh", "sh", "-c", ". \"$1\" && exec \"$2\"", "sh", rc, self, NULL);
    fail_msg("there is no /bin/sh");
}

int main(void)
{
    static char flavor[100], region[100], other[100];
    struct sq_err err;
    const char *what = getenv("SCITQ_TEST_OPENSTACK");
    const char *rc = getenv("SCITQ_TEST_OPENSTACK_RC");
    int n = what ? sscanf(what, "%99s %99s %99s", flavor, region, other) : 0;
    if (n < 2) {
        printf("1..0 # SKIP no real cloud: SCITQ_TEST_OPENSTACK is not set\n");
        return 0;
    }
    if (!test_is_long()) {
        printf("1..0 # SKIP a real cloud takes minutes: only in the long form\n");
        return 0;
    }
    if (rc && *rc)
        source(rc);
    target.flavor = flavor;
    target.region = region;
    target.other_region = n > 2 ? other : NULL;
    OK(err, sq_web_new(&cloud.web, &err));
    log_in();
    int failed = provider_main(&target);
    sq_web_free(cloud.web);
    return failed;
}
