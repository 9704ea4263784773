/* What the azure plugin tells of sizes, prices, rates of eviction and limits. */
#include "tests/contract/provider/azure_instance.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- in swedencentral and northeurope */

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
    none_refused();
}

static void test_sold_regular(void **state)
{
    (void)state;
    struct sq_err err;
    OK(err, again_with("AZURE_SPOT", "0", &err));
    const char *text = sold();
    assert_non_null(strstr(text, "\nStandard_B2ms swedencentral 0.0912 0\n"));
    assert_non_null(strstr(text, "\nStandard_D4ds_v5 swedencentral 0.23 0\n"));
    assert_non_null(strstr(text, "\nswedencentral 350\n"));
    none_refused();
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
    OK(err, again_with("AZURE_CPUQUOTAS", "64 0", &err));
    OK(err, world.ops->quotas(world.p, on_quota, &t, &no_call, &err));
    assert_string_equal(t.text, "swedencentral 64\nnortheurope 0\n");
    OK(err, again_with("AZURE_REGIONS", NULL, &err));
    assert_int_equal(world.ops->flavors(world.p, on_flavor, &t, &no_call, &err),
                     SQ_EINVAL);
    assert_non_null(strstr(err.text, "AZURE_REGIONS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sold),
        TEST(sold_regular),
        TEST(no_rates),
        TEST(limits),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
