/* What the azure plugin does beyond the contract of all providers: what it is asked to
 * make, what it says of each refusal, what it tells of sizes, prices, eviction and
 * limits, whom it gives its token, and when it sees that its machine is taken back. */
#include "tests/contract/provider/azure_world.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/plugin.h"

static struct world {
    struct sq_plugins *plugins;
    const struct sq_plugin *plugin;
    const struct sq_provider_ops *ops;
    struct sq_host *host;
    struct sq_provider *p;
    char said[20000]; /* the log */
    char record[100]; /* "": none */
} world;

static void on_log(void *arg, enum sq_log_kind kind, const char *name, const char *text)
{
    size_t len = strlen(world.said);
    (void)arg;
    (void)kind;
    (void)name;
    snprintf(world.said + len, sizeof world.said - len, "%s\n", text);
}

static int open_plugin(struct sq_err *err)
{
    const struct sq_host_conf host = {.log = on_log,
                                      .record = world.record[0] ? world.record : NULL};
    const struct sq_provider_conf conf = {.as = "azure", .owner = "lab"};
    OK(*err, sq_host_new(world.plugin, &host, &world.host, err));
    return world.ops->open(world.host, &conf, &world.p, err);
}

static int set_up(void **state)
{
    struct sq_err err;
    (void)state;
    for (size_t i = 0; azure_settings[i]; i++)
        putenv((char *)azure_settings[i]);
    order("/_mock/reset", "{}");
    world.said[0] = 0;
    OK(err, open_plugin(&err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world.ops->close(world.p);
    sq_host_free(world.host);
    world.p = NULL;
    world.host = NULL;
    return 0;
}

/* Open once more, with another setting. */
static int again(const char *key, const char *value, struct sq_err *err)
{
    char *old = getenv(key) ? strdup(getenv(key)) : NULL;
    tear_down(NULL);
    if (value)
        setenv(key, value, 1);
    else
        unsetenv(key);
    int rc = open_plugin(err);
    if (old)
        setenv(key, old, 1);
    else
        unsetenv(key);
    free(old);
    return rc;
}

static int never(const struct sq_call *call)
{
    (void)call;
    return 0;
}

static struct sq_call no_call = {.canceled = never, .cancel_fd = -1};

static struct sq_launch wanted(const char *token, const char *name, const char *flavor)
{
    return (struct sq_launch){.token = token,
                              .name = name,
                              .flavor = flavor,
                              .region = "swedencentral",
                              .tags = "",
                              .ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0 lab"};
}

static int launch(const struct sq_launch *req, struct sq_machine *ret,
                  struct sq_err *err)
{
    return world.ops->launch(world.p, req, &no_call, ret, err);
}

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

static void nothing_refused(void)
{
    json_t *rows = ask("/_mock/refused");
    if (json_array_size(rows))
        fail_msg("refused: %s", json_dumps(json_array_get(rows, 0), 0));
    json_decref(rows);
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
    nothing_refused();
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
    nothing_refused();
}

static void test_regular(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1", "w1", "Standard_B2ms");
    struct sq_machine m;
    struct sq_err err;
    OK(err, again("AZURE_SPOT", "0", &err));
    OK(err, launch(&req, &m, &err));
    json_t *table = ask("/_mock/table");
    assert_string_equal(text_at(table, "machines/0/priority"), "Regular");
    json_decref(table);
    nothing_refused();
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
    nothing_refused();
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
        OK(err, again(rows[i].key, rows[i].value, &err));
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
    char text[20000] = "";
    snprintf(world.record, sizeof world.record, "/tmp/scitq-azure-%d", (int)getpid());
    order("/_mock/set", "{\"secret\": \"a b+c&d=e%f/~g\"}");
    OK(err, again("AZURE_SECRET", "a b+c&d=e%f/~g", &err));
    assert_int_equal(world.ops->find(world.p, "t1", &no_call, &m, &err), SQ_ENOENT);
    FILE *f = fopen(world.record, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    unlink(world.record);
    world.record[0] = 0;
    assert_non_null(strstr(text, "client_secret=***&"));
    assert_null(strstr(text, "%2Bc"));
    nothing_refused();
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
        int rc = again(rows[i].key, rows[i].value, &err);
        if (rc != rows[i].code || (rc && !strstr(err.text, rows[i].key)))
            fail_msg("%s=%s: %s: %s", rows[i].key, rows[i].value, sq_code_name(rc),
                     err.text);
    }
    struct sq_err err;
    struct sq_launch req = wanted("t1", "w1", "Standard_D4ds_v5");
    struct sq_machine m;
    OK(err, again("AZURE_IMAGE", "Ubuntu 22.04", &err));
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

/* ---- what is sold: in swedencentral and northeurope */

struct told {
    char text[20000];
};

static void add(struct told *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct told *t, const char *fmt, ...)
{
    size_t len = strlen(t->text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->text + len, sizeof t->text - len, fmt, args);
    va_end(args);
}

static int on_flavor(void *arg, const struct sq_flavor *f)
{
    add(arg, "%s %d %g %g %s %g %s\n", f->name, f->cpu, f->ram_gb, round(f->disk_gb),
        f->gpu, f->gpumem_gb, f->tags);
    return 0;
}

static int on_offer(void *arg, const struct sq_offer *o)
{
    add(arg, "%s %s %g %d\n", o->flavor, o->region, o->cost, o->eviction);
    return 0;
}

static int on_quota(void *arg, const struct sq_quota *q)
{
    add(arg, "%s %lld\n", q->region, (long long)q->cpus);
    return 0;
}

static const char *sold(void)
{
    static struct told t;
    struct sq_err err;
    t.text[0] = 0;
    OK(err, world.ops->flavors(world.p, on_flavor, &t, &no_call, &err));
    add(&t, "\n");
    OK(err, world.ops->offers(world.p, on_offer, &t, &no_call, &err));
    add(&t, "\n");
    OK(err, world.ops->quotas(world.p, on_quota, &t, &no_call, &err));
    return t.text;
}

/* Left out: A1 (first generation, no Premium), B2ms (no spot), D4ps (ARM), D16d (no
 * Premium), M128s in swedencentral (restricted; E16ds is only in a zone), L8s in
 * northeurope (not there).  Prices are of Linux and Spot; rates that are not known 5.
 */
static void test_sold(void **state)
{
    (void)state;
    order("/_mock/set", "{\"page_size\": 2}");
    assert_string_equal(sold(), "Standard_D4ds_v5 4 16 150  0 \n"
                                "Standard_D16ds_v5 16 64 600  0 \n"
                                "Standard_E16ds_v5 16 128 600  0 \n"
                                "Standard_F32s_v2 32 64 256  0 \n"
                                "Standard_L8s_v3 8 64 1788  0 N\n"
                                "Standard_NC4as_T4_v3 4 28 180 1 x Tesla T4 16 G\n"
                                "Standard_NC24ads_A100_v4 24 220 894 1 x A100 80 GN\n"
                                "Standard_M128s 128 2048 4096  0 \n"
                                "\n"
                                "Standard_D4ds_v5 swedencentral 0.046 5\n"
                                "Standard_D16ds_v5 swedencentral 0.184 20\n"
                                "Standard_E16ds_v5 swedencentral 0.2416 5\n"
                                "Standard_F32s_v2 swedencentral 0.3104 25\n"
                                "Standard_L8s_v3 swedencentral 0.1436 5\n"
                                "Standard_NC4as_T4_v3 swedencentral 0.1262 5\n"
                                "Standard_NC24ads_A100_v4 swedencentral 0.8816 5\n"
                                "Standard_D4ds_v5 northeurope 0.0506 10\n"
                                "Standard_D16ds_v5 northeurope 0.2024 5\n"
                                "Standard_E16ds_v5 northeurope 0.26576 5\n"
                                "Standard_F32s_v2 northeurope 0.34144 5\n"
                                "Standard_M128s northeurope 3.3748 5\n"
                                "Standard_NC4as_T4_v3 northeurope 0.13882 5\n"
                                "Standard_NC24ads_A100_v4 northeurope 0.96976 5\n"
                                "\n"
                                "swedencentral 200\n"
                                "northeurope 200\n");
    nothing_refused();
}

static void test_sold_regular(void **state)
{
    (void)state;
    struct sq_err err;
    OK(err, again("AZURE_SPOT", "0", &err));
    const char *text = sold();
    assert_non_null(strstr(text, "\nStandard_B2ms swedencentral 0.0912 0\n"));
    assert_non_null(strstr(text, "\nStandard_D4ds_v5 swedencentral 0.23 0\n"));
    assert_non_null(strstr(text, "\nswedencentral 350\n"));
    nothing_refused();
}

/* The graph may be forbidden to who may make machines. */
static void test_no_rates(void **state)
{
    (void)state;
    order("/_mock/faults",
          "[{\"match\": \"ResourceGraph\", \"do\": \"status\", \"status\": 403, "
          "\"body\": "
          "{\"error\": {\"code\": \"AccessDenied\", \"message\": \"Not you.\"}}}]");
    assert_non_null(strstr(sold(), "\nStandard_F32s_v2 swedencentral 0.3104 5\n"));
    assert_non_null(strstr(world.said, "Not you."));
}

static void test_limits(void **state)
{
    (void)state;
    struct told t = {""};
    struct sq_err err;
    OK(err, again("AZURE_CPUQUOTAS", "64 0", &err));
    OK(err, world.ops->quotas(world.p, on_quota, &t, &no_call, &err));
    assert_string_equal(t.text, "swedencentral 64\nnortheurope 0\n");
    OK(err, again("AZURE_REGIONS", NULL, &err));
    assert_int_equal(world.ops->flavors(world.p, on_flavor, &t, &no_call, &err),
                     SQ_EINVAL);
    assert_non_null(strstr(err.text, "AZURE_REGIONS"));
}

/* ---- eviction */

struct watch {
    struct sq_call call;
    struct sq_host *host;
    atomic_bool stop, ended;
    int rc;
    struct sq_err err;
};

static int is_stopped(const struct sq_call *call)
{
    return ((const struct watch *)call)->stop;
}

static void *watch(void *arg)
{
    struct watch *w = arg;
    w->rc = world.ops->watch(w->host, &w->call, &w->err);
    w->ended = true;
    return NULL;
}

static size_t asked(void)
{
    json_t *log = ask("/_mock/log"), *row;
    size_t i, n = 0;
    json_array_foreach(log, i, row) n +=
        strstr(json_string_value(json_array_get(row, 1)), "scheduledevents") != NULL;
    json_decref(log);
    return n;
}

static void wait_asked(size_t more)
{
    for (size_t from = asked(); asked() < from + more;)
        usleep(20000);
}

/* A reboot is none; a service that fails in between is asked again; then it comes. */
static void test_watch(void **state)
{
    (void)state;
    struct watch w = {.host = world.host,
                      .call = {.canceled = is_stopped, .cancel_fd = eventfd(0, 0)}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
    wait_asked(1);
    order("/_mock/act", "{\"do\": \"event\", \"type\": \"Reboot\", \"vm\": \"w1\"}");
    wait_asked(2);
    assert_false(w.ended);
    order("/_mock/act", "{\"do\": \"evict\", \"vm\": \"w1\"}");
    pthread_join(thread, NULL);
    OK(w.err, w.rc);
    close(w.call.cancel_fd);
    nothing_refused();
}

static void test_watch_trouble(void **state)
{
    (void)state;
    uint64_t one = 1;
    struct watch w = {.host = world.host,
                      .call = {.canceled = is_stopped, .cancel_fd = eventfd(0, 0)}};
    pthread_t thread;
    order("/_mock/faults", "[{\"match\": \"scheduledevents\", \"do\": \"status\", "
                           "\"status\": 500, \"times\": -1}]");
    assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
    while (asked() < 1)
        usleep(20000);
    w.stop = true;
    assert_int_equal(write(w.call.cancel_fd, &one, sizeof one), sizeof one);
    pthread_join(thread, NULL);
    assert_int_equal(w.rc, SQ_ECANCELED);
    close(w.call.cancel_fd);
}

static int begin(void **state)
{
    struct sq_err err;
    (void)state;
    azure_start(NULL);
    OK(err, sq_plugins_load_providers(NULL, &world.plugins, &err));
    OK(err, sq_plugins_provider(world.plugins, "azure", &world.plugin, &err));
    world.ops = world.plugin->provider;
    return 0;
}

static int end(void **state)
{
    (void)state;
    mock_stop();
    sq_plugins_free(world.plugins);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(made),     TEST(gpu),           TEST(regular),     TEST(same_name),
        TEST(moved),    TEST(refusals),      TEST(credentials), TEST(secret),
        TEST(settings), TEST(elsewhere),     TEST(patience),    TEST(not_deleted),
        TEST(sold),     TEST(sold_regular),  TEST(no_rates),    TEST(limits),
        TEST(watch),    TEST(watch_trouble),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
