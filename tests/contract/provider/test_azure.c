/* The azure provider against the mock of Azure (tests/servers/azure.py): machines are
 * counted in the mock's own table, and no request may be of another form than the
 * published one. */
#include "tests/contract/provider/azure_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/long.h"

static const char *tag(const json_t *group, const char *name)
{
    const char *value =
        json_string_value(json_object_get(json_object_get(group, "tags"), name));
    return value ? value : "";
}

/* Call `on` with the worker's name of each group of the owner and token. */
static int each(const char *owner, const char *token, void (*on)(const json_t *group))
{
    json_t *table = ask("/_mock/table"), *group;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(table, "groups"), i, group)
    {
        if (strcmp(tag(group, "scitq-owner"), owner) == 0 &&
            (!token || strcmp(tag(group, "scitq-token"), token) == 0)) {
            n++;
            if (on)
                on(group);
        }
    }
    json_decref(table);
    return n;
}

/* Groups: all that is billed is in one.  And never was a request refused for its form.
 */
static int count(const char *owner, const char *token)
{
    none_refused();
    return each(owner, token, NULL);
}

static void deallocate(const json_t *group)
{
    char body[200];
    snprintf(body, sizeof body, "{\"do\": \"deallocate\", \"vm\": \"%s\"}",
             tag(group, "scitq-worker"));
    order("/_mock/act", body);
}

static void take_back(const char *owner, const char *token)
{
    assert_int_equal(each(owner, token, deallocate), 1);
}

static void drop(const json_t *group)
{
    char body[300];
    snprintf(body, sizeof body, "{\"do\": \"delete\", \"group\": \"%s\"}",
             json_string_value(json_object_get(group, "name")));
    order("/_mock/act", body);
}

static void vanish(const char *owner, const char *token)
{
    assert_int_equal(each(owner, token, drop), 1);
}

/* "faults […]", "set {…}" or "act {…}". */
static void set_fault(const char *how)
{
    char path[50];
    const char *body = how ? strchr(how, ' ') : NULL;
    if (!how) {
        order("/_mock/faults", "[]");
        order("/_mock/set",
              "{\"delay_s\": 0.01, \"capacity\": {}, \"spot_cores\": 200, "
              "\"retry_after_s\": 0, \"token_lifetime_s\": 3599}");
        return;
    }
    snprintf(path, sizeof path, "/_mock/%.*s", (int)(body - how), how);
    order(path, body + 1);
}

#define THIS(what, more) "faults [{\"match\": \"" what "\", " more "}]"
#define STATUS(n) "\"do\": \"status\", \"status\": " #n ", \"times\": 2"
#define FAIL(code) "\"do\": \"fail\", \"code\": \"" code "\", \"message\": \"No.\""

/* The last ones, during which the plugin's host waits between tries, are for ./check
 * long.
 */
enum { PATIENT = 7 };
static struct fault faults[] = {
    {"slow operations", "set {\"delay_s\": 0.3}", false},
    {"a lost login", THIS("POST .*token", "\"do\": \"lose\""), false},
    {"a lost answer about the group",
     THIS("(PUT|DELETE) .*resourcegroups", "\"do\": \"lose\""), false},
    {"a lost answer about the machine",
     THIS("PUT .*virtualMachines", "\"do\": \"lose\""), false},
    {"a lost answer about an operation", THIS("GET .*operation", "\"do\": \"lose\""),
     false},
    {"requests done twice", THIS("(PUT|DELETE)", "\"do\": \"repeat\", \"times\": -1"),
     false},
    {"HTML", THIS("PUT .*virtualMachines", "\"do\": \"garbage\""), true},
    {"HTML about an operation", THIS("GET .*operation", "\"do\": \"garbage\""), true},
    {"tokens that expire at once", "set {\"token_lifetime_s\": 1}", false},
    {"a token that is not valid any more", "act {\"do\": \"expire\"}", false},
    {"an address that cannot be made",
     THIS("PUT .*publicIPAddresses", FAIL("InternalServerError")), true},
    {"a machine that comes up broken",
     THIS("PUT .*virtualMachines", FAIL("OSProvisioningTimedOut")), true},
    {"a group that cannot be deleted",
     THIS("DELETE", FAIL("ResourceGroupDeletionBlocked")), true},
    {"a group that is said to be gone",
     THIS("DELETE", "\"do\": \"lie\", \"times\": -1"), true},
    {"a group that is said to be gone once", THIS("DELETE", "\"do\": \"lie\""), false},
    {"no capacity", "set {\"capacity\": {\"*\": \"SkuNotAvailable\"}}", true},
    {"allocation failed", "set {\"capacity\": {\"*\": \"AllocationFailed\"}}", true},
    {"overconstrained",
     "set {\"capacity\": {\"*\": \"OverconstrainedAllocationRequest\"}}", true},
    {"over the quota", "set {\"spot_cores\": 0}", true},
    {"slow answers", THIS(".", "\"do\": \"slow\", \"delay_s\": 0.05, \"times\": -1"),
     false},
    {"429 with Retry-After",
     THIS(".",
          STATUS(429) ", \"headers\": {\"Retry-After\": 1}, \"body\": {\"error\": "
                      "{\"code\": \"TooManyRequests\", \"message\": \"Slow down.\"}}"),
     false},
    {"500", THIS("PUT .*virtualMachines", STATUS(500)), false},
    {"503 with Retry-After",
     THIS("(GET|PUT|DELETE) .*resourcegroups",
          STATUS(503) ", \"headers\": {\"Retry-After\": 1}"),
     false},
    {"503 for ever",
     THIS("PUT", "\"do\": \"status\", \"status\": 503, \"times\": -1, "
                 "\"headers\": {\"Retry-After\": 0}"),
     true},
    {"dropped requests", THIS("(PUT|DELETE)", "\"do\": \"drop\", \"times\": 2"), false},
    {"half an answer", THIS("(PUT|DELETE|GET)", "\"do\": \"cut\", \"times\": 2"),
     false},
    {NULL, NULL, false}};

static const struct target target = {
    .plugin = "azure",
    .settings = azure_settings,
    .flavor = "Standard_D4ds_v5",
    .region = "swedencentral",
    .other_region = "northeurope",
    .start = azure_start,
    .count = count,
    .settle = mock_settle,
    .break_it = take_back,
    .vanish = vanish,
    .faults = faults,
    .set_fault = set_fault,
};

int main(void)
{
    if (!test_is_long())
        faults[SQ_LEN(faults) - 1 - PATIENT].label = NULL;
    return provider_main(&target);
}
