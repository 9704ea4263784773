/* What the openstack plugin tells of OVH by its own API, against the mock of that
 * (tests/servers/ovh.py): flavors that can be had, their tags and prices, signed with
 * the time by OVH's clock; and what it says when that is refused. */
#include "tests/contract/provider/instance.h"
#include "tests/contract/provider/openstack_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "providers/openstack/openstack.h"

/* As tests/servers/ovh.py has them; nobody logs in to the cloud itself. */
static const char *const settings[] = {
    "OVH_APPLICATIONKEY=appkey0123456789",
    "OVH_APPLICATIONSECRET=appsecret0123456789abcdef",
    "OVH_CONSUMERKEY=consumer0123456789",
    "OVH_REGIONS=GRA11 DE1",
    "OS_AUTH_URL=http://127.0.0.1:9/v3",
    NULL};

static char seen[3000];

static int on_flavor(void *arg, const struct sq_flavor *f)
{
    size_t len = strlen(seen);
    (void)arg;
    snprintf(seen + len, sizeof seen - len, "%s:%d:%g:%g:%s:%s:%g ", f->name, f->cpu,
             f->ram_gb, f->disk_gb, f->tags, f->gpu, f->gpumem_gb);
    return 0;
}

static int on_offer(void *arg, const struct sq_offer *o)
{
    size_t len = strlen(seen);
    (void)arg;
    snprintf(seen + len, sizeof seen - len, "%s@%s=%g ", o->flavor, o->region, o->cost);
    return o->eviction;
}

static int flavors(struct sq_err *err)
{
    seen[0] = 0;
    return world.ops->flavors(world.p, on_flavor, NULL, &no_call, err);
}

/* What has Windows, and what is sold out, is left out; NVMe disks count. */
static void test_flavors(void **state)
{
    (void)state;
    struct sq_err err;
    OK(err, flavors(&err));
    assert_string_equal(seen,
                        "b2-7:2:7:50:::0 c2-60:16:60:400:::0 r2-240:16:240:400:::0 "
                        "i1-45:8:45:1950:N::0 t1-45:8:45:400:G:1 x Tesla V100:16 "
                        "bm-l1:32:128:960:M::0 ");
    seen[0] = 0;
    OK(err, world.ops->offers(world.p, on_offer, NULL, &no_call, &err));
    assert_string_equal(
        seen, "b2-7@GRA11=0.0681 c2-60@GRA11=0.8 r2-240@GRA11=0.77 i1-45@GRA11=0.5 "
              "t1-45@GRA11=1.8 bm-l1@GRA11=1.5 b2-7@DE1=0.0681 c2-60@DE1=0.8 "
              "i1-45@DE1=0.5 t1-45@DE1=1.8 ");
    none_refused();
}

/* Its clock is an hour ahead of ours. */
static void test_clock(void **state)
{
    (void)state;
    struct sq_err err;
    order("/_mock/set", "{\"clock_offset_s\": 3600}");
    OK(err, flavors(&err));
    none_refused();
}

/* With another setting it fails so, in these words. */
static void refused(const char *key, const char *value, int code, const char *words)
{
    struct sq_err err;
    OK(err, again_with(key, value, &err));
    int rc = flavors(&err);
    if (rc != code || !strstr(err.text, words) || strstr(err.text, "wrong-secret"))
        fail_msg("%s: %s: %s", key, sq_code_name(rc), err.text);
}

static void test_refused(void **state)
{
    (void)state;
    const char *const same[] = {NULL};
    struct sq_err err;
    refused("OVH_APPLICATIONKEY", "x", SQ_EAUTH, "This application key is invalid");
    refused("OVH_CONSUMERKEY", "x", SQ_EAUTH, "This credential is not valid");
    refused("OVH_APPLICATIONSECRET", "wrong-secret", SQ_EAUTH, "Invalid signature");
    refused("OS_PROJECT_ID", "11111111111111111111111111111111", SQ_EINVAL,
            "This service does not exist");
    refused("OVH_SUBSIDIARY", "XX", SQ_EINVAL, "ovh cannot tell its prices");
    OK(err, again(same, &err));
    order("/_mock/set", "{\"granted\": \".*/region\"}");
    assert_int_equal(flavors(&err), SQ_EAUTH);
    assert_non_null(strstr(err.text, "This call has not been granted"));
    order("/_mock/faults", "[{\"match\": \"catalog\", \"do\": \"garbage\"}]");
    assert_int_equal(flavors(&err), SQ_EPROTO);
    assert_non_null(strstr(err.text, "OVH_ENDPOINT"));
}

/* FIPS 180-4's examples, and lengths around the ends of a block. */
static void test_sha1(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t times; /* of the text */
        const char *sum;
    } rows[] = {
        {"", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
        {"a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {"a", 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
        {"a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {"a", 119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
        {"a", 120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        char text[200] = "", sum[41];
        for (size_t j = 0; j < rows[i].times; j++)
            strcat(text, rows[i].text);
        sha1(text, sum);
        assert_string_equal(sum, rows[i].sum);
    }
}

static int begin(void **state)
{
    char url[60];
    (void)state;
    for (size_t i = 0; openstack_settings[i]; i++)
        putenv((char *)openstack_settings[i]);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/1.0", mock_start("ovh"));
    setenv("OVH_ENDPOINT", url, 1);
    instance_begin("ovh", settings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flavors),
        TEST(clock),
        TEST(refused),
        cmocka_unit_test(test_sha1),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
