/* Calls of other sites' pages: each row is what a browser, or a program, would send. */
#include "tests/test.h"

#include <string.h>

#include "core/http/site.h"

#define UA "Mozilla/5.0 (X11; Linux x86_64)"

static const struct sq_site site = {.names = {"lab1.example.org", "lab1"},
                                    .url = "https://scitq.example.org"};

static const struct {
    const char *what;
    struct sq_site_call call;
    const char *words; /* NULL: it is let in */
} rows[] = {
    {"1.3's client, by any name",
     {.host = "alias:5000", .agent = "python-requests/2.28", .changes = true},
     NULL},
    {"curl without a host", {.get = true}, NULL},
    {"our page, by number",
     {.origin = "http://127.0.0.1:5000", .host = "127.0.0.1:5000", .changes = true},
     NULL},
    {"our page, by IPv6",
     {.origin = "http://[::1]:5000", .host = "[::1]:5000", .changes = true},
     NULL},
    {"our page, by localhost",
     {.origin = "http://localhost:5000", .host = "localhost:5000", .agent = UA},
     NULL},
    {"our page, by a name below localhost",
     {.host = "scitq.localhost:5000", .agent = UA, .get = true},
     NULL},
    {"our page, by a name that is whole",
     {.host = "lab1.example.org.:5000", .agent = UA, .get = true},
     NULL},
    {"our page, by this machine's name",
     {.origin = "http://LAB1:5000", .host = "lab1:5000", .agent = UA, .changes = true},
     NULL},
    {"our page, behind a proxy that tells its own host",
     {.origin = "https://scitq.example.org", .host = "127.0.0.1:5000", .changes = true},
     NULL},
    {"our page, behind a proxy that keeps the host",
     {.origin = "https://scitq.example.org", .host = "scitq.example.org", .agent = UA},
     NULL},
    {"another site's form",
     {.origin = "http://evil.example", .host = "127.0.0.1:5000", .changes = true},
     "another site"},
    {"another port of this machine",
     {.origin = "http://127.0.0.1:8080", .host = "127.0.0.1:5000", .changes = true},
     "another site"},
    {"a sandboxed frame",
     {.origin = "null", .host = "127.0.0.1:5000", .changes = true},
     "another site"},
    {"an origin that ends like ours",
     {.origin = "http://evil-127.0.0.1:5000", .host = "127.0.0.1:5000"},
     "another site"},
    {"another site's form, with a token of its own",
     {.origin = "http://evil.example", .host = "127.0.0.1:5000", .by_token = true},
     "another site"},
    {"a name that leads here: a form of its own",
     {.origin = "http://evil.example:5000",
      .host = "evil.example:5000",
      .changes = true},
     "not known as evil.example"},
    {"a name that leads here: a GET of its own",
     {.host = "evil.example:5000", .agent = UA, .get = true},
     "not known as evil.example"},
    {"a name that leads here: told by the referer",
     {.host = "evil.example:5000", .referer = "http://evil.example:5000/", .get = true},
     "not known as"},
    {"a name that begins like ours",
     {.host = "lab1.evil.example", .agent = UA, .get = true},
     "not known as"},
    {"a name that ends like localhost",
     {.host = "evillocalhost", .agent = UA, .get = true},
     "not known as"},
    {"a name that is a dot", {.host = ".", .agent = UA, .get = true}, "not known as"},
    {"a page of a sister site, with a token",
     {.host = "127.0.0.1:5000",
      .fetch_site = "same-site",
      .fetch_mode = "cors",
      .by_token = true,
      .get = true},
     "another site"},
    {"a browser with a token, by any name",
     {.host = "alias:5000", .agent = UA, .by_token = true, .changes = true},
     NULL},
    {"a browser without a host", {.agent = UA, .get = true}, "not known as"},
    {"a link of another site to a page",
     {.host = "127.0.0.1:5000",
      .agent = UA,
      .fetch_site = "cross-site",
      .fetch_mode = "navigate",
      .get = true},
     NULL},
    {"a picture of another site",
     {.host = "127.0.0.1:5000",
      .agent = UA,
      .fetch_site = "cross-site",
      .fetch_mode = "no-cors",
      .get = true},
     "another site"},
    {"a link of another site that changes",
     {.host = "127.0.0.1:5000",
      .agent = UA,
      .fetch_site = "cross-site",
      .fetch_mode = "navigate",
      .get = true,
      .changes = true},
     "another site"},
    {"a picture that changes, where the browser says nothing",
     {.host = "10.0.0.1:5000", .agent = UA, .get = true, .changes = true},
     "no browser"},
    {"a script of ours that changes by GET",
     {.host = "127.0.0.1:5000",
      .agent = UA,
      .fetch_site = "same-origin",
      .fetch_mode = "cors",
      .get = true,
      .changes = true},
     NULL},
    {"a page that is read",
     {.host = "127.0.0.1:5000", .agent = UA, .fetch_site = "none", .get = true},
     NULL},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err = {0};
        int rc = sq_site_check(&site, &rows[i].call, &err);
        if (rc != (rows[i].words ? SQ_EAUTH : 0) ||
            (rows[i].words && !strstr(err.text, rows[i].words)))
            fail_msg("%s: %d %s", rows[i].what, rc, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
