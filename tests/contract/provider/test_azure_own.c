/* What the azure plugin does beyond the contract of all providers: what it is asked to
 * make, what it says of each refusal, and whom it gives its token. */
#include "tests/contract/provider/azure_instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A launch of a new token that fails so, with these words. */
static void refused(const char *flavor, int code, const char *words)
{
    static int n;
    char token[20], name[20];
    struct sq_machine m;
    struct sq_err err;
    snprintf(token, sizeof token, "r%d", ++n);
    snprintf(name, sizeof name, "r-node%d", n);
    struct sq_launch req = wanted(token, name, flavor);
    int rc = launch(&req, &m, &err);
    if (rc != code || !strstr(err.text, words))
        fail_msg("%s: %s, not %s: %s", flavor, sq_code_name(rc), sq_code_name(code),
                 rc ? err.text : "");
    if (strstr(err.text, "sesame"))
        fail_msg("the secret is in \"%s\"", err.text);
    OK(err, world.ops->destroy(world.p, token, NULL, &no_call, &err));
}

/* ---- what is made */

static const char *text_at(const json_t *root, const char *path)
{
    char copy[300], *rest = copy;
    const json_t *at = root;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *step; at && (step = strsep(&rest, "/"));)
        at = *step >= '0' && *step <= '9' ? json_array_get(at, (size_t)atoi(step))
                                          : json_object_get(at, step);
    return json_string_value(at) ? json_string_value(at) : "(none)";
}

static void test_made(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value;
    } rows[] = {
        {"groups/0/name", "scitq-w1"},
        {"groups/0/tags/scitq-owner", "lab"},
        {"groups/0/tags/scitq-token", "t1"},
        {"machines/0/name", "w1"},
        {"machines/0/priority", "Spot"},
        {"machines/0/body/properties/evictionPolicy", "Deallocate"},
        {"machines/0/body/properties/osProfile/adminUsername", "ubuntu"},
        {"machines/0/body/properties/storageProfile/imageReference/sku",
         "22_04-lts-gen2"},
        {"machines/0/body/properties/storageProfile/osDisk/managedDisk/"
         "storageAccountType",
         "Premium_LRS"},
        {"machines/0/plan", "(none)"},
    };
    struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
    struct sq_machine m;
    struct sq_err err;
    OK(err, launch(&req, &m, &err));
    json_t *table = ask("/_mock/table");
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        assert_string_equal(text_at(table, rows[i].path), rows[i].value);
    assert_int_equal(json_array_size(json_object_get(table, "groups")), 1);
    json_decref(table);
    assert_string_equal(m.user, "ubuntu");
    assert_true(m.created_s > 1600000000);
    assert_string_equal(m.id, "scitq-w1");
    none_refused();
}

/* A flavor with a GPU, told by its tags or by its name, gets the image with its plan.
 */
static void test_gpu(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1", "w1", "Standard_NC4as_T4_v3");
    struct sq_machine m;
    struct sq_err err;
    req.tags = "G";
    OK(err, launch(&req, &m, &err));
    req.token = "t2";
    req.name = "w2";
    req.tags = "";
    OK(err, launch(&req, &m, &err));
    json_t *table = ask("/_mock/table");
    for (size_t i = 0; i < 2; i++) {
        const json_t *vm = json_array_get(json_object_get(table, "machines"), i);
        assert_string_equal(text_at(vm, "plan/publisher"), "nvidia");
        assert_string_equal(text_at(vm, "plan/product"), "ngc_azure_17_11");
        assert_string_equal(text_at(vm, "plan/name"), "ngc-base-version-24_03_4_gen2");
    }
    json_decref(table);
    order("/_mock/set", "{\"plan_accepted\": false}");
    refused("Standard_NC4as_T4_v3", SQ_EINVAL, "az vm image terms accept");
    none_refused();
}

static void test_regular(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1", "w1", "Standard_B2ms");
    struct sq_machine m;
    struct sq_err err;
    OK(err, again_with("AZURE_SPOT", "0", &err));
    OK(err, launch(&req, &m, &err));
    json_t *table = ask("/_mock/table");
    assert_string_equal(text_at(table, "machines/0/priority"), "Regular");
    json_decref(table);
    none_refused();
}

/* Two tokens, one name: two machines, each found and destroyed by its own token. */
static void test_same_name(void **state)
{
    (void)state;
    struct sq_launch one = wanted("t1", "w1", "Standard_D4ds_v5"), two = one;
    struct sq_machine m[2], seen;
    struct sq_err err;
    two.token = "t2";
    OK(err, launch(&one, &m[0], &err));
    OK(err, launch(&two, &m[1], &err));
    assert_string_equal(m[1].id, "scitq-lab-t2");
    assert_string_equal(m[1].name, "w1");
    OK(err, world.ops->destroy(world.p, "t1", m[1].id, &no_call, &err));
    OK(err, world.ops->find(world.p, "t2", &no_call, &seen, &err));
    assert_int_equal(seen.state, SQ_MACHINE_RUNNING);
    assert_int_equal(world.ops->find(world.p, "t1", &no_call, &seen, &err), SQ_ENOENT);
}

/* The same token elsewhere, or as another size: the first goes. */
static void test_moved(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
    struct sq_machine m;
    struct sq_err err;
    OK(err, launch(&req, &m, &err));
    req.region = "northeurope";
    OK(err, launch(&req, &m, &err));
    assert_string_equal(m.region, "northeurope");
    req.flavor = "Standard_F32s_v2";
    OK(err, launch(&req, &m, &err));
    assert_string_equal(m.flavor, "Standard_F32s_v2");
    json_t *table = ask("/_mock/table");
    assert_int_equal(json_array_size(json_object_get(table, "machines")), 1);
    json_decref(table);
}

/* ---- what is refused */

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *set, *flavor, *words;
        int code;
    } rows[] = {
        {"{\"capacity\": {\"*\": \"SkuNotAvailable\"}}", "Standard_D4ds_v5",
         "is currently not available in location 'swedencentral'", SQ_ECAPACITY},
        {"{\"capacity\": {\"*\": \"AllocationFailed\"}}", "Standard_D4ds_v5",
         "We do not have sufficient capacity", SQ_ECAPACITY},
        {"{\"capacity\": {\"*\": \"OverconstrainedAllocationRequest\"}}",
         "Standard_D4ds_v5", "the condition is too restrictive", SQ_ECAPACITY},
        {"{\"capacity\": {}, \"spot_cores\": 3}", "Standard_D4ds_v5",
         "exceeding approved LowPriorityCores quota", SQ_ENOSPC},
        {"{\"spot_cores\": 200}", "Standard_M128s", "SkuNotAvailable", SQ_ECAPACITY},
        {"{}", "Standard_D4_none", "Standard_D4_none provided for the VM size",
         SQ_EINVAL},
        {"{}", "Standard_B2ms", "does not support Spot", SQ_EINVAL},
        {"{\"forbidden\": true}", "Standard_D4ds_v5", "the role Contributor", SQ_EAUTH},
    };
    for (size_t i = 0; i + 1 < SQ_LEN(rows); i++) {
        order("/_mock/set", rows[i].set);
        refused(rows[i].flavor, rows[i].code, rows[i].words);
    }
    order(
        "/_mock/faults",
        "[{\"match\": \"PUT .*virtualMachines\", \"do\": \"status\", \"status\": 409, "
        "\"body\": {\"error\": {\"code\": \"DeploymentFailed\", \"message\": \"At "
        "least one failed.\", \"details\": [{\"code\": \"Conflict\", \"message\": "
        "\"x\"}, {\"code\": \"QuotaExceeded\", \"message\": \"No more cores.\"}]}}}]");
    refused("Standard_D4ds_v5", SQ_ENOSPC, "No more cores.");
    order(
        "/_mock/faults",
        "[{\"match\": \"PUT .*virtualMachines\", \"do\": \"status\", \"status\": 409, "
        "\"body\": {\"error\": {\"code\": \"Conflict\", \"message\": \"Busy "
        "now.\"}}}]");
    refused("Standard_D4ds_v5", SQ_EBUSY, "Busy now.");
    struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
    struct sq_machine m;
    struct sq_err err;
    req.ssh_key = "ecdsa-sha2-nistp256 AAAA lab";
    assert_int_equal(launch(&req, &m, &err), SQ_EINVAL);
    req.ssh_key = NULL;
    assert_int_equal(launch(&req, &m, &err), SQ_EINVAL);
    none_refused();
    order("/_mock/set", rows[SQ_LEN(rows) - 1].set);
    req = wanted("t1", "w1", "Standard_D4ds_v5");
    assert_int_equal(launch(&req, &m, &err), SQ_EAUTH);
    assert_non_null(strstr(err.text, "the role Contributor"));
}

static void test_credentials(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *words;
        int code;
    } rows[] = {
        {"AZURE_SECRET", "wrong-secret-1", "AADSTS7000215", SQ_EAUTH},
        {"AZURE_CLIENT_ID", "nobody", "AADSTS700016", SQ_EAUTH},
        {"AZURE_TENANT", "nowhere", "AADSTS90002", SQ_EAUTH},
        {"AZURE_SUBSCRIPTION_ID", "22222222-2222-2222-2222-222222222222",
         "check AZURE_SUBSCRIPTION_ID", SQ_EINVAL},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err;
        struct sq_machine m;
        OK(err, again_with(rows[i].key, rows[i].value, &err));
        int rc = world.ops->find(world.p, "t1", &no_call, &m, &err);
        if (rc != rows[i].code || !strstr(err.text, rows[i].words))
            fail_msg("%s: %s: %s", rows[i].key, sq_code_name(rc), err.text);
        if (strstr(err.text, "wrong-secret") || strchr(err.text, '\r'))
            fail_msg("not to be shown: %s", err.text);
    }
}

/* A secret may hold anything, and is in nothing that is written down. */
static void test_secret(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_machine m;
    char text[20000];
    record_begin();
    order("/_mock/set", "{\"secret\": \"a b+c&d=e%f/~g\"}");
    OK(err, again_with("AZURE_SECRET", "a b+c&d=e%f/~g", &err));
    assert_int_equal(world.ops->find(world.p, "t1", &no_call, &m, &err), SQ_ENOENT);
    record_end(text, sizeof text);
    assert_non_null(strstr(text, "client_secret=***&"));
    assert_null(strstr(text, "%2Bc"));
    none_refused();
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        int code;
    } rows[] = {
        {"AZURE_SECRET", NULL, SQ_EAUTH},
        {"AZURE_TENANT", NULL, SQ_EAUTH},
        {"AZURE_CLIENT_ID", "", SQ_EAUTH},
        {"AZURE_SUBSCRIPTION_ID", "a/b", SQ_EINVAL},
        {"AZURE_REGIONS", "Sweden Central", SQ_EINVAL},
        {"AZURE_CPUQUOTAS", "10", SQ_EINVAL},
        {"AZURE_CPUQUOTAS", "10 20 30", SQ_EINVAL},
        {"AZURE_CPUQUOTAS", "10 many", SQ_EINVAL},
        {"AZURE_CPUQUOTAS", "10 -1", SQ_EINVAL},
        {"AZURE_EVICTION_POLICY", "Stop", SQ_EINVAL},
        {"AZURE_GROUP_PREFIX", "a/b", SQ_EINVAL},
        {"AZURE_GROUP_PREFIX", "a-prefix-that-is-too-long", SQ_EINVAL},
        {"AZURE_ARM_ENDPOINT", "management.azure.com", SQ_EINVAL},
        {"AZURE_LOGIN_ENDPOINT", "https://login.example/", SQ_EINVAL},
        {"AZURE_CPUQUOTAS", "10 20", 0},
        {"AZURE_REGIONS", NULL, 0},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err = {0};
        int rc = again_with(rows[i].key, rows[i].value, &err);
        if (rc != rows[i].code || (rc && !strstr(err.text, rows[i].key)))
            fail_msg("%s=%s: %s: %s", rows[i].key, rows[i].value, sq_code_name(rc),
                     err.text);
    }
    struct sq_err err;
    struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
    struct sq_machine m;
    OK(err, again_with("AZURE_IMAGE", "Ubuntu 22.04", &err));
    assert_int_equal(launch(&req, &m, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "AZURE_IMAGE"));
}

/* An answer may not send the token elsewhere. */
static void test_elsewhere(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "[{\"match\": \"GET .*resourcegroups\", \"do\": \"status\", \"status\": 200, "
        "\"body\": {\"value\": [], \"nextLink\": "
        "\"http://127.0.0.1:9/subscriptions\"}}]",
        "[{\"match\": \"PUT .*virtualNetworks\", \"do\": \"status\", \"status\": 201, "
        "\"body\": {}, \"headers\": {\"Azure-AsyncOperation\": "
        "\"http://127.0.0.1:9/subscriptions/x\"}}]"};
    for (size_t i = 0; i < SQ_LEN(faults); i++) {
        struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
        struct sq_machine m;
        struct sq_err err;
        order("/_mock/faults", faults[i]);
        assert_int_equal(launch(&req, &m, &err), SQ_EPROTO);
        assert_non_null(strstr(err.text, "127.0.0.1:9"));
    }
}

/* Retry-After is waited for, and a token serves many calls and is renewed. */
static void test_patience(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
    struct sq_machine m;
    struct sq_err err;
    OK(err, launch(&req, &m, &err));
    json_t *table = ask("/_mock/table");
    assert_int_equal(json_integer_value(json_object_get(table, "logins")), 1);
    json_decref(table);
    order("/_mock/act", "{\"do\": \"expire\"}");
    order("/_mock/set", "{\"retry_after_s\": 1, \"delay_s\": 0.5}");
    OK(err, world.ops->destroy(world.p, "t1", NULL, &no_call, &err));
    table = ask("/_mock/table");
    assert_int_equal(json_integer_value(json_object_get(table, "early")), 0);
    assert_int_equal(json_integer_value(json_object_get(table, "logins")), 2);
    json_decref(table);
}

/* Destroyed is what is not there any more; what hinders it is told. */
static void test_not_deleted(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *words;
        int code;
    } rows[] = {
        {"\"do\": \"fail\", \"code\": \"ResourceGroupDeletionBlocked\", \"message\": "
         "\"A lock is on it.\", \"times\": -1",
         "A lock is on it.", SQ_EBUSY},
        {"\"do\": \"status\", \"status\": 403, \"body\": {\"error\": {\"code\": "
         "\"AuthorizationFailed\", \"message\": \"Not you.\"}}",
         "Not you.", SQ_EAUTH},
        {"\"do\": \"lie\", \"times\": -1", "still there", SQ_EBUSY},
    };
    struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
    struct sq_machine m;
    struct sq_err err;
    OK(err, launch(&req, &m, &err));
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char faults[400];
        snprintf(faults, sizeof faults, "[{\"match\": \"DELETE\", %s}]", rows[i].fault);
        order("/_mock/faults", faults);
        int rc = world.ops->destroy(world.p, "t1", m.id, &no_call, &err);
        if (rc != rows[i].code || !strstr(err.text, rows[i].words))
            fail_msg("%s: %s", sq_code_name(rc), err.text);
        OK(err, world.ops->find(world.p, "t1", &no_call, &m, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(made),     TEST(gpu),       TEST(regular),     TEST(same_name),
        TEST(moved),    TEST(refusals),  TEST(credentials), TEST(secret),
        TEST(settings), TEST(elsewhere), TEST(patience),    TEST(not_deleted),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
