/* How the openstack plugin logs in: by each kind of account an openrc file can have, by
 * TLS, again when a token is refused; and what it says of settings that are none. */
#include "tests/contract/provider/openstack_instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"

static void test_logins(void **state)
{
    (void)state;
    char url[2][200];
    const char *base = getenv("OS_AUTH_URL");
    snprintf(url[0], sizeof url[0], "OS_AUTH_URL=%.*s", (int)strlen(base) - 3, base);
    snprintf(url[1], sizeof url[1], "OS_AUTH_URL=%s/", base);
    const char *const rows[][SETTINGS_MAX] = {
        {url[0]},
        {url[1]},
        {"OS_PROJECT_ID=", "OS_PROJECT_NAME=lab", "OS_PROJECT_DOMAIN_NAME=Default"},
        {"OS_PROJECT_ID=", "OS_PROJECT_NAME=lab", "OS_PROJECT_DOMAIN_ID=default"},
        {"OS_USERNAME=", "OS_USER_ID=8f2a6c1e0b7d4c3f9e5a1b2c3d4e5f60"},
        {"OS_USER_DOMAIN_NAME=", "OS_USER_DOMAIN_ID=default"},
        {"OS_USER_DOMAIN_NAME="},
        {"OS_PASSWORD=",
         "OS_APPLICATION_CREDENTIAL_ID=c0ffee00c0ffee00c0ffee00c0ffee00",
         "OS_APPLICATION_CREDENTIAL_SECRET=s3cr3t-of-app",
         "OS_USERNAME=", "OS_PROJECT_ID="},
        {"OS_PASSWORD=", "OS_APPLICATION_CREDENTIAL_NAME=scitq",
         "OS_APPLICATION_CREDENTIAL_SECRET=s3cr3t-of-app"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err;
        OK(err, again(rows[i], &err));
        fails(rows[i][0], find("t1", &err), SQ_ENOENT, "nothing of t1", &err);
    }
    none_refused();
}

static void test_credentials(void **state)
{
    (void)state;
    static const char *const rows[][SETTINGS_MAX] = {
        {"OS_PASSWORD=wrong"},
        {"OS_USERNAME=nobody"},
        {"OS_PROJECT_ID=00000000000000000000000000000000"},
        {"OS_USER_DOMAIN_NAME=Elsewhere"},
        {"OS_APPLICATION_CREDENTIAL_ID=c0ffee00c0ffee00c0ffee00c0ffee00",
         "OS_APPLICATION_CREDENTIAL_SECRET=wrong"},
    };
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        OK(err, again(rows[i], &err));
        fails(rows[i][0], find("t1", &err), SQ_EAUTH, "requires authentication. (401)",
              &err);
    }
    none_refused();
}

static void test_interfaces(void **state)
{
    (void)state;
    static const char *const internal[] = {"OS_INTERFACE=internal", NULL},
                             *const none[] = {"OS_INTERFACE=nothing", NULL};
    struct sq_err err;
    fails("no such interface", again(none, &err), SQ_EINVAL, "OS_INTERFACE is", &err);
    order("/_mock/set", "{\"interfaces\": \"public\"}");
    OK(err, again(internal, &err));
    fails("not in the catalog", find("t1", &err), SQ_EPROTO, "and OS_INTERFACE", &err);
    none_refused();
}

/* By TLS, from an authority that only OS_CACERT knows: the login and all services. */
static void test_tls(void **state)
{
    (void)state;
    char folder[] = "/tmp/scitq-openstack-XXXXXX", body[100], url[100], ca[200];
    assert_non_null(mkdtemp(folder));
    snprintf(body, sizeof body, "{\"do\": \"tls\", \"folder\": \"%s\"}", folder);
    json_t *tls = json_loads(mock_ask("POST", "/_mock/act", body), 0, NULL);
    snprintf(url, sizeof url, "OS_AUTH_URL=https://127.0.0.1:%d/identity/v3",
             (int)json_integer_value(json_object_get(tls, "port")));
    snprintf(ca, sizeof ca, "OS_CACERT=%s", text(tls, "ca"));
    json_decref(tls);
    const char *const settings[][3] = {
        {url, ca}, {url, "OS_CACERT="}, {url, "OS_CACERT=/no/such"}};
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    OK(err, again(settings[0], &err));
    OK(err, launch(&req, &m, &err));
    OK(err, world.ops->destroy(world.p, "t1", m.id, &no_call, &err));
    OK(err, again(settings[1], &err));
    fails("nobody's", find("t1", &err), SQ_EAUTH, "cannot be trusted", &err);
    none_refused();
    fails("no file", again(settings[2], &err), SQ_EINVAL,
          "OS_CACERT: cannot read /no/such: No such file", &err);
    OK(err, again(settings[0], &err));
    OK(err, sq_dir_remove(folder, &err));
}

/* A token serves many calls, and one that is refused is renewed, once. */
static void test_renewal(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    OK(err, launch(&req, &m, &err));
    order("/_mock/act", "{\"do\": \"expire\"}");
    OK(err, find("t1", &err));
    json_t *table = ask("/_mock/table");
    assert_int_equal(json_integer_value(json_object_get(table, "logins")), 2);
    json_decref(table);
    order("/_mock/faults", "[{\"match\": \"GET .*detail\", \"do\": \"status\", "
                           "\"status\": 401, \"times\": -1}]");
    fails("always refused", find("t1", &err), SQ_EAUTH, "(401)", &err);
}

/* A password may hold anything, and is in nothing that is written down. */
static void test_secret(void **state)
{
    (void)state;
    static char said[40000];
    const char *const same[] = {NULL};
    struct sq_err err;
    record_begin();
    OK(err, again(same, &err));
    assert_int_equal(find("t1", &err), SQ_ENOENT);
    record_end(said, sizeof said);
    assert_non_null(strstr(said, "***"));
    assert_null(strstr(said, "wörd"));
    assert_null(strstr(said, "ss w"));
    assert_null(strstr(said, "gAAAAA"));
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *set, *words;
        int code;
    } rows[] = {
        {"OS_AUTH_URL", "OS_AUTH_URL is not set", SQ_EAUTH},
        {"OS_AUTH_URL=keystone.example", "OS_AUTH_URL is no address", SQ_EINVAL},
        {"OS_USERNAME", "OS_USERNAME is not set", SQ_EAUTH},
        {"OS_PASSWORD", "OS_PASSWORD is not set", SQ_EAUTH},
        {"OS_PROJECT_ID", "OS_PROJECT_ID is not set", SQ_EAUTH},
        {"OS_APPLICATION_CREDENTIAL_ID=x", "OS_APPLICATION_CREDENTIAL_SECRET",
         SQ_EAUTH},
        {"OS_IDENTITY_API_VERSION=2", "OS_IDENTITY_API_VERSION is 2", SQ_EINVAL},
        {"OVH_REGIONS=GRA11 a/b", "\"a/b\" is no region", SQ_EINVAL},
        {"OVH_CPUQUOTAS=10", "as many numbers", SQ_EINVAL},
        {"OVH_CPUQUOTAS=10 20 30", "as many numbers", SQ_EINVAL},
        {"OVH_CPUQUOTAS=10 many", "\"many\" is no number", SQ_EINVAL},
        {"OVH_APPLICATIONKEY=k", "OVH_CONSUMERKEY is not set", SQ_EAUTH},
        {"OVH_CPUQUOTAS=10 20", "", 0},
        {"OVH_REGIONS", "", 0},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *const settings[] = {rows[i].set, NULL};
        struct sq_err err = {0};
        fails(rows[i].set, again(settings, &err), rows[i].code, rows[i].words, &err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(logins), TEST(credentials), TEST(renewal),    TEST(tls),
        TEST(secret), TEST(settings),    TEST(interfaces),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
