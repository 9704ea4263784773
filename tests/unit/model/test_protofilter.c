/* Protofilters: what is refused and in which words, what holds of what. */
#include "tests/test.h"

#include <string.h>

#include "core/model/protofilter.h"
#include "lib/util.h"

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"c2-15", "begins with auto"},
        {"automatic", "begins with auto"},
        {"auto:", "an empty rule"},
        {"auto:cpu>=1:", "an empty rule"},
        {"auto:cpu >= 1", "region and provider, without spaces"},
        {"auto:cores>=1", "protofilter cores>=1: one can ask about cpu"},
        {"auto:CPU>=1", "one can ask about"},
        {"auto:cpu", "a comparator is one of"},
        {"auto:cpu=1", "a comparator is one of"},
        {"auto:cpu=>1", "a comparator is one of"},
        {"auto:cpu>=", "cpu>=: a number is missing"},
        {"auto:cpu>=many", "many is not a number"},
        {"auto:cpu>=-1", "is not a number"},
        {"auto:cpu>=1e3", "is not a number"},
        {"auto:cpu>=0x10", "is not a number"},
        {"auto:cpu>=inf", "is not a number"},
        {"auto:cpu>=1.2.3", "is not a number"},
        {"auto:cpu>= 1", "is not a number"},
        {"auto:cpu~1", "cpu cannot be compared by ~"},
        {"auto:cpu#G", "cpu cannot be compared by #"},
        {"auto:region#G", "region cannot be compared by #"},
        {"auto:region>=GRA", "region cannot be compared by >="},
        {"auto:tags~", "its value may hold"},
        {"auto:region==G'R", "its value may hold"},
        {"auto:region==a b", "its value may hold"},
        {"auto:region==\xc3\xa9", "its value may hold"},
        {"auto:region==0123456789012345678901234567890123456789"
         "0123456789012345678901234",
         "longer than 64"},
        {"auto:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:"
         "cpu>1:cpu>1:cpu>1:cpu>1:cpu>1:cpu>1",
         "at most 16 rules"},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_protofilter f = {.n = 99};
        struct sq_err err;
        assert_int_equal(sq_protofilter_parse(rows[i].text, &f, &err), SQ_EINVAL);
        if (!strstr(err.text, rows[i].words))
            fail_msg("%s: %s", rows[i].text, err.text);
        assert_int_equal(f.n, 99);
    }
}

static void test_what_holds(void **state)
{
    const struct sq_proto_facts facts = {
        .numbers = {[SQ_PROTO_CPU] = 16,
                    [SQ_PROTO_RAM] = 117.5,
                    [SQ_PROTO_DISK] = 400,
                    [SQ_PROTO_EVICTION] = 3,
                    [SQ_PROTO_COST] = 0.25},
        .texts = {[SQ_PROTO_TAGS] = "GN",
                  [SQ_PROTO_REGION] = "GRA_11",
                  [SQ_PROTO_PROVIDER] = "ovh"},
    };
    static const struct {
        const char *text;
        bool holds;
    } rows[] = {
        {"auto", true},
        {"auto:cpu==16", true},
        {"auto:cpu!=16", false},
        {"auto:cpu>=16", true},
        {"auto:cpu>16", false},
        {"auto:cpu<=16", true},
        {"auto:cpu<16", false},
        {"auto:ram>=117.5", true},
        {"auto:ram>117.5", false},
        {"auto:cost<0.26:disk>=400", true},
        {"auto:cost<0.26:disk>400", false},
        {"auto:gpumem>0", false},
        {"auto:gpumem==0", true},
        {"auto:eviction<3", false},
        {"auto:tags#G", true},
        {"auto:tags#NG", true},
        {"auto:tags#GM", false},
        {"auto:tags!#M", true},
        {"auto:tags!#MG", false},
        {"auto:tags==GN", true},
        {"auto:tags==NG", false},
        {"auto:tags!=NG", true},
        {"auto:region~GRA%", true},
        {"auto:region~gra%", false},
        {"auto:region~%1", true},
        {"auto:region~%A%1", true},
        {"auto:region~%11%", true},
        {"auto:region~GRA_11", true},
        {"auto:region~GRA-11", false},
        {"auto:region~GRA__1", false},
        {"auto:region~GRA", false},
        {"auto:region~%%%", true},
        {"auto:region!~GRA%", false},
        {"auto:region!~SBG%", true},
        {"auto:region==GRA%", false},
        {"auto:provider==ovh", true},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_protofilter f;
        struct sq_err err;
        OK(err, sq_protofilter_parse(rows[i].text, &f, &err));
        if (sq_protofilter_match(&f, &facts) != rows[i].holds)
            fail_msg("%s", rows[i].text);
    }
}

/* Metal and what is often evicted are left out unless the filter speaks of them. */
static void test_defaults(void **state)
{
    static const struct {
        const char *text, *tags;
        double eviction;
        bool holds;
    } rows[] = {
        {"auto", NULL, 5, true},
        {"auto", "M", 0, false},
        {"auto", "GMN", 0, false},
        {"auto", "", 5.5, false},
        {"auto:tags#M", "M", 0, true},
        {"auto:tags#M", "M", 6, false},
        {"auto:tags!=G", "M", 0, true},
        {"auto:eviction<=20", "", 20, true},
        {"auto:eviction<=20", "M", 1, false},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_protofilter f;
        struct sq_err err;
        const struct sq_proto_facts facts = {
            .numbers = {[SQ_PROTO_EVICTION] = rows[i].eviction},
            .texts = {[SQ_PROTO_TAGS] = rows[i].tags}};
        OK(err, sq_protofilter_parse(rows[i].text, &f, &err));
        if (sq_protofilter_match(&f, &facts) != rows[i].holds)
            fail_msg("%s with tags %s, eviction %g", rows[i].text,
                     rows[i].tags ? rows[i].tags : "none", rows[i].eviction);
    }
}

static void test_names_are_no_filters(void **state)
{
    assert_true(sq_is_protofilter("auto"));
    assert_true(sq_is_protofilter("auto:x"));
    assert_false(sq_is_protofilter("auto-1"));
    assert_false(sq_is_protofilter("aut"));
    assert_false(sq_is_protofilter(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_holds),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_names_are_no_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
