/* What the openstack plugin does beyond the contract of all providers: what it asks
 * for, what it says of each refusal, and what it tells of flavors and limits (its
 * logins: test_openstack_login.c, prices: test_openstack_ovh.c). */
#include "tests/contract/provider/openstack_instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int on_machine(void *arg, const struct sq_machine *m)
{
    (void)m;
    ++*(int *)arg;
    return 0;
}

/* ---- what is made */

static json_t *first_server(void)
{
    json_t *table = ask("/_mock/table");
    json_t *ret = json_incref(json_array_get(json_object_get(table, "servers"), 0));
    json_decref(table);
    assert_non_null(ret);
    return ret;
}

static void test_made(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    OK(err, launch(&req, &m, &err));
    json_t *server = first_server();
    const json_t *body = json_object_get(server, "body");
    assert_string_equal(text(body, "name"), "w1");
    assert_string_equal(text(body, "key_name"), "testkey");
    assert_string_equal(text(body, "availability_zone"), "nova");
    /* "#cloud-config\n{\"ssh_authorized_keys\": [\"ssh-ed25519 AAAA… lab\"]}\n" */
    assert_string_equal(text(body, "user_data"),
                        "I2Nsb3VkLWNvbmZpZwp7InNzaF9hdXRob3JpemVkX2tleXMiOiBbInNzaC1lZD"
                        "I1NTE5IEFBQUFDM05"
                        "6YUMxbFpESTFOVEU1QUFBQUlCMCBsYWIiXX0K");
    assert_string_equal(text(json_object_get(server, "metadata"), "scitq-owner"),
                        "lab");
    assert_string_equal(text(json_object_get(server, "metadata"), "scitq-token"), "t1");
    assert_true(strncmp(m.id, "GRA11/", 6) == 0);
    assert_string_equal(m.id + 6, text(server, "id"));
    assert_string_equal(m.user, "ubuntu");
    assert_true(strncmp(m.ipv4, "203.0.113.", 10) == 0);
    assert_true(strncmp(m.ipv6, "2001:db8::", 10) == 0);
    assert_true(m.created_s > 1600000000);
    json_decref(server);
    none_refused();
}

/* Where there are two the fixed one is of a private network. */
static void test_floating(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    order("/_mock/set", "{\"floating\": true}");
    OK(err, launch(&req, &m, &err));
    order("/_mock/set", "{\"floating\": false}");
    assert_true(strncmp(m.ipv4, "203.0.113.", 10) == 0);
    none_refused();
}

/* Images and networks go with the kind of flavor. */
static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *flavor, *tags, *network, *image;
    } rows[] = {
        {"b2-7", "", "Ext-Net", "OPENSTACK_IMAGE"},
        {"t1-45", "G", "Ext-Net", "OPENSTACK_GPU_IMAGE"},
        {"bm-l1", "M", "Ext-Net-Baremetal", "OPENSTACK_METAL_IMAGE"},
        {"bm-l1", "", "Ext-Net-Baremetal", "OPENSTACK_METAL_IMAGE"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char set[60];
        snprintf(set, sizeof set, "%s=no such image", rows[i].image);
        const char *const settings[] = {set, NULL}, *const same[] = {NULL};
        struct sq_launch req = wanted("t1");
        struct sq_machine m;
        struct sq_err err;
        req.flavor = rows[i].flavor;
        req.tags = rows[i].tags;
        OK(err, again(settings, &err));
        fails(set, launch(&req, &m, &err), SQ_EINVAL, rows[i].image, &err);
        OK(err, again(same, &err));
        OK(err, launch(&req, &m, &err));
        json_t *server = first_server();
        assert_non_null(
            json_object_get(json_object_get(server, "addresses"), rows[i].network));
        json_decref(server);
        OK(err, world.ops->destroy(world.p, "t1", m.id, &no_call, &err));
    }
    none_refused();
}

/* The same token elsewhere, or as another flavor: the first goes. */
static void test_moved(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    OK(err, launch(&req, &m, &err));
    req.region = "DE1";
    OK(err, launch(&req, &m, &err));
    assert_string_equal(m.region, "DE1");
    req.flavor = "c2-60";
    OK(err, launch(&req, &m, &err));
    assert_string_equal(m.flavor, "c2-60");
    assert_int_equal(each_server("lab", NULL, NULL), 1);
}

/* Two regions that are names of one place: a machine is in the one that it was made in,
 * and there once. */
static void test_alias(void **state)
{
    (void)state;
    const char *const same[] = {NULL};
    struct sq_launch req = wanted("t1");
    struct sq_machine m, seen_again;
    struct sq_err err;
    int n = 0;
    order("/_mock/set", "{\"alias\": \"GRA12\"}");
    for (int i = 0; i < 2; i++) {
        req.region = i ? "GRA11" : "GRA12";
        OK(err, launch(&req, &m, &err));
        assert_string_equal(m.region, req.region);
        OK(err, again(same, &err));
        OK(err, launch(&req, &seen_again, &err));
        assert_string_equal(seen_again.id, m.id);
        OK(err, world.ops->list(world.p, on_machine, &n, &no_call, &err));
        assert_int_equal(n, i + 1);
        assert_int_equal(each_server("lab", NULL, NULL), 1);
    }
    OK(err, world.ops->destroy(world.p, "t1", m.id, &no_call, &err));
    assert_int_equal(each_server("lab", NULL, NULL), 0);
    none_refused();
}

/* Seven in a region, two a page; one goes while the list is read. */
static void test_many(void **state)
{
    (void)state;
    struct sq_machine m;
    struct sq_err err;
    char token[20];
    for (int i = 0; i < 7; i++) {
        snprintf(token, sizeof token, "t%d", i);
        struct sq_launch req = wanted(token);
        OK(err, launch(&req, &m, &err));
    }
    for (int i = 0; i < 7; i++) {
        snprintf(token, sizeof token, "t%d", i);
        OK(err, find(token, &err));
    }
    order("/_mock/faults",
          "[{\"match\": \"marker=\", \"do\": \"status\", \"status\": 400, \"body\": "
          "{\"badRequest\": {\"code\": 400, \"message\": \"marker [x] not found\"}}}]");
    OK(err, find("t0", &err));
    order("/_mock/faults", "[{\"match\": \"marker=\", \"do\": \"status\", \"status\": "
                           "400, \"times\": -1}]");
    fails("a list that changes", find("t0", &err), SQ_EBUSY, "the list changes", &err);
    none_refused();
}

/* Whoever answers without an end takes no more memory than a list may. */
static void test_endless(void **state)
{
    (void)state;
    enum { ROW = 3 << 20 };
    struct sq_err err;
    char *row = malloc(ROW + 1), *faults = NULL;
    assert_non_null(row);
    memset(row, 'x', ROW);
    row[ROW] = 0;
    assert_true(asprintf(&faults,
                         "[{\"match\": \"servers/detail\", \"do\": \"status\", "
                         "\"status\": 200, \"times\": -1, \"body\": {\"servers\": "
                         "[{\"id\": \"x\", \"name\": \"%s\"}], \"servers_links\": "
                         "[{}]}}]",
                         row) > 0);
    order("/_mock/faults", faults);
    free(faults);
    free(row);
    fails("a list without an end", find("t0", &err), SQ_EPROTO, "64 MiB", &err);
    none_refused();
}

/* ---- what is refused */

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *set, *setting, *words;
        int code;
    } rows[] = {
        {"{\"full\": \".*\"}", NULL, "No valid host was found", SQ_ECAPACITY},
        {"{\"full\": \"\", \"instances\": 0}", NULL,
         "Quota exceeded for instances: Requested 1, but already used 0 of 0",
         SQ_ENOSPC},
        {"{\"instances\": 9, \"cores\": 1}", NULL, "Quota exceeded for cores",
         SQ_ENOSPC},
        {"{\"cores\": 99}", "OPENSTACK_KEYNAME=nokey", "Invalid key_name provided.",
         SQ_EINVAL},
        {"{}", "OPENSTACK_ZONE=moon", "availability zone is not available", SQ_EINVAL},
        {"{}", "OPENSTACK_IMAGE=Debian 99", "no image \"Debian 99\" in GRA11",
         SQ_EINVAL},
        {"{}", "OPENSTACK_NETWORK=a&b c", "no network \"a&b c\" in GRA11", SQ_EINVAL},
        {"{\"forbidden\": true}", NULL, "Policy doesn't allow", SQ_EAUTH},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *const settings[] = {rows[i].setting, NULL};
        struct sq_launch req = wanted("t1");
        struct sq_machine m;
        struct sq_err err;
        OK(err, again(settings, &err));
        OK(err, world.ops->destroy(world.p, "t1", NULL, &no_call, &err));
        order("/_mock/set", rows[i].set);
        fails(rows[i].words, launch(&req, &m, &err), rows[i].code, rows[i].words, &err);
    }
    none_refused();
}

/* The shapes of an error, and the fault of a machine. */
static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *words;
        int code;
    } rows[] = {
        {"\"status\": 400, \"body\": {\"badRequest\": {\"code\": 400, \"message\": "
         "\"Not so.\"}}",
         "Not so.", SQ_EINVAL},
        {"\"status\": 400, \"body\": {\"NeutronError\": {\"type\": \"x\", "
         "\"message\": \"Bad net.\", \"detail\": \"\"}}",
         "Bad net.", SQ_EINVAL},
        {"\"status\": 400, \"body\": {\"code\": \"400 Bad Request\", \"title\": \"Bad\""
         ", \"message\": \"Not <b>this</b>.<br /><br />\\n\\n\"}",
         "Not this. (400)", SQ_EINVAL},
        {"\"status\": 403, \"body\": {\"error\": {\"code\": 403, \"message\": \"Not "
         "you.\", \"title\": \"Forbidden\"}}",
         "Not you.", SQ_EAUTH},
        {"\"status\": 413, \"body\": {\"overLimit\": {\"code\": 413, \"message\": "
         "\"Quota exceeded for ram\"}}",
         "Quota exceeded for ram", SQ_ENOSPC},
        {"\"status\": 406, \"body\": {\"notAcceptable\": {\"message\": \"Version 2.1 "
         "is not supported by the API.\"}}",
         "is not supported by the API.", SQ_EUNSUPPORTED},
        {"\"status\": 418", "it does not say why (418)", SQ_EINVAL},
    };
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char fault[500];
        snprintf(
            fault, sizeof fault,
            "[{\"match\": \"POST .*/servers$\", \"do\": \"status\", \"times\": -1, "
            "%s}]",
            rows[i].answer);
        order("/_mock/faults", fault);
        fails(rows[i].words, launch(&req, &m, &err), rows[i].code, rows[i].words, &err);
    }
    order("/_mock/faults", "[{\"match\": \"POST .*/servers$\", \"do\": \"fail\", "
                           "\"message\": \"Disk is on fire.\"}]");
    fails("a fault", launch(&req, &m, &err), SQ_EIO, "Disk is on fire.", &err);
    OK(err, world.ops->find(world.p, "t1", &no_call, &m, &err));
    assert_int_equal(m.state, SQ_MACHINE_BROKEN);
    assert_string_equal(m.detail, "Disk is on fire.");
}

/* Nobody could log in without a key; with a key pair alone one can, the settings' or
 * the site's. */
static void test_keys(void **state)
{
    (void)state;
    const char *const none[] = {"OPENSTACK_KEYNAME=", NULL}, *const same[] = {NULL};
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    req.ssh_key = NULL;
    OK(err, again(none, &err));
    fails("no key", launch(&req, &m, &err), SQ_EINVAL, "OPENSTACK_KEYNAME", &err);
    req.key_name = "testkey";
    OK(err, launch(&req, &m, &err));
    json_t *server = first_server();
    assert_string_equal(text(json_object_get(server, "body"), "key_name"), "testkey");
    assert_string_equal(text(json_object_get(server, "body"), "user_data"), "(none)");
    json_decref(server);
    OK(err, world.ops->destroy(world.p, "t1", m.id, &no_call, &err));
    req.key_name = "nokey";
    fails("no such key", launch(&req, &m, &err), SQ_EINVAL, "Invalid key_name", &err);
    OK(err, again(same, &err));
    OK(err, launch(&req, &m, &err));
}

/* Two of one token, made behind our back: the one that is told stays. */
static void test_twins(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_machine m;
    struct sq_err err;
    order("/_mock/faults", "[{\"match\": \"POST .*/servers$\", \"do\": \"repeat\"}]");
    OK(err, launch(&req, &m, &err));
    json_t *table = ask("/_mock/table");
    assert_int_equal(json_integer_value(json_object_get(table, "made")), 2);
    assert_int_equal(json_integer_value(json_object_get(table, "gone")), 1);
    json_decref(table);
    json_t *server = first_server();
    assert_string_equal(m.id + 6, text(server, "id"));
    json_decref(server);
}

/* The older of two is found, and kept. */
static void test_older(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_machine made, found, m;
    struct sq_err err;
    OK(err, launch(&req, &made, &err));
    json_t *server = first_server();
    order_server(server, "twin");
    OK(err, world.ops->find(world.p, "t1", &no_call, &found, &err));
    assert_string_not_equal(found.id, made.id);
    assert_int_equal(found.created_s, made.created_s - 3600);
    OK(err, launch(&req, &m, &err));
    assert_string_equal(m.id, found.id);
    assert_int_equal(each_server("lab", "t1", NULL), 1);
    json_decref(server);
    none_refused();
}

static void twin_lingers(const json_t *server)
{
    if (strncmp(text(server, "id"), "ffffffff", 8) == 0)
        order_server(server, "linger");
}

/* What is being deleted remains of a machine; it is none where there is another. */
static void test_leaving(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_machine made, m;
    struct sq_err err;
    OK(err, launch(&req, &made, &err));
    json_t *server = first_server();
    order_server(server, "twin");
    each_server("lab", "t1", twin_lingers);
    OK(err, world.ops->find(world.p, "t1", &no_call, &m, &err));
    assert_string_equal(m.id, made.id);
    assert_int_equal(m.state, SQ_MACHINE_RUNNING);
    order_server(server, "linger");
    OK(err, world.ops->find(world.p, "t1", &no_call, &m, &err));
    assert_int_equal(m.state, SQ_MACHINE_REMAINS);
    assert_string_equal(m.detail, "being deleted");
    json_decref(server);
    none_refused();
}

/* Canceled as soon as there is a server. */
static int once_made(const struct sq_call *call)
{
    (void)call;
    json_t *table = ask("/_mock/table");
    json_int_t made = json_integer_value(json_object_get(table, "made"));
    json_decref(table);
    return made > 0;
}

/* A launch that ended as if the program had, and what it asked for is in no list yet.
 */
static void test_late(void **state)
{
    (void)state;
    struct sq_launch req = wanted("t1");
    struct sq_call call = {.canceled = once_made, .cancel_fd = -1};
    struct sq_machine m;
    struct sq_err err;
    order("/_mock/faults", "[{\"match\": \"POST .*/servers$\", \"do\": \"late\"}]");
    assert_int_equal(world.ops->launch(world.p, &req, &call, &m, &err), SQ_ECANCELED);
    assert_int_equal(each_server("lab", "t1", NULL), 1);
    OK(err, world.ops->destroy(world.p, "t1", NULL, &no_call, &err));
    assert_int_equal(each_server("lab", "t1", NULL), 0);
    none_refused();
}

/* ---- what there is */

static char seen[2000];

static int on_flavor(void *arg, const struct sq_flavor *f)
{
    size_t len = strlen(seen);
    (void)arg;
    snprintf(seen + len, sizeof seen - len, "%s:%d:%.2f:%.0f:%s ", f->name, f->cpu,
             f->ram_gb, f->disk_gb, f->tags);
    return 0;
}

static int on_offer(void *arg, const struct sq_offer *o)
{
    size_t len = strlen(seen);
    (void)arg;
    snprintf(seen + len, sizeof seen - len, "%s@%s=%g ", o->flavor, o->region, o->cost);
    return 0;
}

static int on_quota(void *arg, const struct sq_quota *q)
{
    size_t len = strlen(seen);
    (void)arg;
    snprintf(seen + len, sizeof seen - len, "%s=%lld ", q->region,
             q->cpus == SQ_UNKNOWN ? -1LL : (long long)q->cpus);
    return 0;
}

static void test_sold(void **state)
{
    (void)state;
    struct sq_err err;
    seen[0] = 0;
    OK(err, world.ops->flavors(world.p, on_flavor, NULL, &no_call, &err));
    assert_string_equal(seen, "b2-7:2:7.34:50: c2-60:16:62.91:400: "
                              "r2-240:16:251.66:400: i1-45:8:47.19:50: "
                              "t1-45:8:47.19:400: bm-l1:32:134.22:960:M ");
    seen[0] = 0;
    OK(err, world.ops->offers(world.p, on_offer, NULL, &no_call, &err));
    assert_non_null(strstr(seen, "t1-45@GRA11=0 "));
    assert_null(strstr(seen, "t1-45@SBG5"));
    assert_null(strstr(seen, "@DE1"));
    const char *const nowhere[] = {"OVH_REGIONS=GRA11 MOON1", NULL};
    OK(err, again(nowhere, &err));
    fails("no such region",
          world.ops->flavors(world.p, on_flavor, NULL, &no_call, &err), SQ_EINVAL,
          "\"MOON1\" is no region of this cloud: it has DE1 SBG5 GRA11", &err);
    none_refused();
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *settings[3], *set, *said;
    } rows[] = {
        {{NULL}, "{\"cores\": 77}", "GRA11=77 SBG5=77 "},
        {{NULL}, "{\"cores\": -1}", "GRA11=-1 SBG5=-1 "},
        {{"OVH_CPUQUOTAS=10 20"}, "{}", "GRA11=10 SBG5=20 "},
        {{"OVH_REGIONS=", "OS_REGION_NAME=DE1"}, "{\"cores\": 5}", "DE1=5 "},
        {{"OVH_REGIONS="}, "{}", "DE1=5 SBG5=5 GRA11=5 "},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err;
        seen[0] = 0;
        order("/_mock/set", rows[i].set);
        OK(err, again(rows[i].settings, &err));
        OK(err, world.ops->quotas(world.p, on_quota, NULL, &no_call, &err));
        assert_string_equal(seen, rows[i].said);
    }
    none_refused();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(made),   TEST(floating), TEST(kinds),    TEST(moved),
        TEST(alias),  TEST(many),     TEST(refusals), TEST(words),
        TEST(keys),   TEST(twins),    TEST(late),     TEST(sold),
        TEST(limits), TEST(endless),  TEST(older),    TEST(leaving),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
