/* The openstack provider against the mock of OpenStack (tests/servers/openstack.py):
 * machines are counted in the mock's own table, and no request may be of another form
 * than the published one. */
#include "tests/contract/provider/openstack_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/long.h"

static int count(const char *owner, const char *token)
{
    none_refused();
    return each_server(owner, token, NULL);
}

/* By turns it is off or broken. */
static void one_down(const json_t *server)
{
    static int turn;
    order_server(server, turn++ % 2 ? "error" : "stop");
}

static void take_down(const char *owner, const char *token)
{
    assert_int_equal(each_server(owner, token, one_down), 1);
}

static void drop(const json_t *server)
{
    order_server(server, "delete");
}

static void vanish(const char *owner, const char *token)
{
    assert_int_equal(each_server(owner, token, drop), 1);
}

/* "faults […]", "set {…}" or "act {…}". */
static void set_fault(const char *how)
{
    char path[50];
    const char *body = how ? strchr(how, ' ') : NULL;
    if (!how) {
        order("/_mock/faults", "[]");
        order("/_mock/set", "{\"delay_s\": 0.01, \"full\": \"\", \"cores\": 200, "
                            "\"instances\": 50, \"token_lifetime_s\": 3600}");
        return;
    }
    snprintf(path, sizeof path, "/_mock/%.*s", (int)(body - how), how);
    order(path, body + 1);
}

#define THIS(what, more) "faults [{\"match\": \"" what "\", " more "}]"
#define STATUS(n) "\"do\": \"status\", \"status\": " #n ", \"times\": 2"
#define SERVERS "POST .*/servers$"

/* The last ones, during which the plugin's host waits between tries, are for ./check
 * long. */
enum { PATIENT = 8 };
static struct fault faults[] = {
    {"slow builds", "set {\"delay_s\": 0.3}", false},
    {"a lost login", THIS("POST .*tokens", "\"do\": \"lose\""), false},
    {"a lost answer about the server", THIS(SERVERS, "\"do\": \"lose\""), false},
    {"lost answers about the server", THIS(SERVERS, "\"do\": \"lose\", \"times\": 2"),
     false},
    {"a lost answer about its end", THIS("DELETE", "\"do\": \"lose\""), false},
    {"lost lists", THIS("GET .*detail", "\"do\": \"lose\""), false},
    {"requests done twice", THIS("(POST|DELETE)", "\"do\": \"repeat\", \"times\": -1"),
     false},
    {"HTML", THIS(SERVERS, "\"do\": \"garbage\""), true},
    {"HTML about a server", THIS("GET .*/servers/[^/]*$", "\"do\": \"garbage\""), true},
    {"tokens that expire at once", "set {\"token_lifetime_s\": 1}", false},
    {"a token that is not valid any more", "act {\"do\": \"expire\"}", false},
    {"a server in ERROR", THIS(SERVERS, "\"do\": \"fail\", \"message\": \"No.\""),
     true},
    {"a server that is forgotten", THIS(SERVERS, "\"do\": \"forget\""), true},
    {"no valid host", "set {\"full\": \".*\"}", true},
    {"over the quota of instances", "set {\"instances\": 0}", true},
    {"over the quota of cores", "set {\"cores\": 1}", true},
    {"a server that is said to be gone once", THIS("DELETE", "\"do\": \"lie\""), false},
    {"slow answers", THIS(".", "\"do\": \"slow\", \"delay_s\": 0.05, \"times\": -1"),
     false},
    {"a 401 in the middle",
     THIS("GET .*/servers/[^/]*$", "\"do\": \"status\", \"status\": 401"), false},
    {"a server that is never gone", THIS("DELETE", "\"do\": \"lie\", \"times\": -1"),
     true},
    {"429 with Retry-After",
     THIS(".",
          STATUS(429) ", \"headers\": {\"Retry-After\": 1}, \"body\": {\"overLimit\": "
                      "{\"code\": 429, \"message\": \"Slow down.\"}}"),
     false},
    {"500", THIS(SERVERS, STATUS(500)), false},
    {"500 of lists", THIS("GET .*detail", STATUS(500)), false},
    {"503 with Retry-After",
     THIS("(GET|POST|DELETE) .*compute", STATUS(503) ", \"headers\": {\"Retry-After\": "
                                                     "1}"),
     false},
    {"503 for ever",
     THIS(SERVERS, "\"do\": \"status\", \"status\": 503, \"times\": -1, "
                   "\"headers\": {\"Retry-After\": 0}"),
     true},
    {"dropped requests", THIS("(POST|DELETE)", "\"do\": \"drop\", \"times\": 2"),
     false},
    {"half an answer", THIS("(POST|DELETE|GET)", "\"do\": \"cut\", \"times\": 2"),
     false},
    {NULL, NULL, false}};

static const struct target target = {
    .plugin = "openstack",
    .as = "ovh",
    .settings = openstack_settings,
    .flavor = "b2-7",
    .region = "GRA11",
    .other_region = "SBG5",
    .start = openstack_start,
    .count = count,
    .settle = mock_settle,
    .break_it = take_down,
    .vanish = vanish,
    .faults = faults,
    .set_fault = set_fault,
    .makes_twins = true,
};

int main(void)
{
    if (!test_is_long())
        faults[SQ_LEN(faults) - 1 - PATIENT].label = NULL;
    return provider_main(&target);
}
