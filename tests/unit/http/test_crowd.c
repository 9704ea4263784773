/* Strangers, counted: how many connections, how many wrong tokens. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/http/crowd.h"

static struct sq_crowd *crowd;

static int made(void **state)
{
    struct sq_err err = {0};
    (void)state;
    OK(err, sq_crowd_new(&crowd, &err));
    return 0;
}

static int unmade(void **state)
{
    (void)state;
    sq_crowd_free(crowd);
    return 0;
}

static void v4(unsigned n, unsigned char ret[SQ_ADDRESS_BYTES])
{
    memset(ret, 0, 10);
    ret[10] = ret[11] = 0xff;
    for (int i = 0; i < 4; i++)
        ret[12 + i] = (unsigned char)(n >> (24 - 8 * i));
}

static void one_address(void **state)
{
    static struct sq_place places[SQ_CROWD_ADDRESS + 1], other;
    unsigned char a[SQ_ADDRESS_BYTES], b[SQ_ADDRESS_BYTES];
    (void)state;
    v4(1, a);
    v4(2, b);
    for (int i = 0; i < SQ_CROWD_ADDRESS; i++)
        assert_true(sq_crowd_enter(crowd, a, &places[i]));
    assert_false(sq_crowd_enter(crowd, a, &places[SQ_CROWD_ADDRESS]));
    assert_null(places[SQ_CROWD_ADDRESS].entry);
    assert_true(sq_crowd_enter(crowd, b, &other));
    sq_crowd_leave(crowd, &places[0]); /* proved */
    sq_crowd_leave(crowd, &places[0]); /* and gone */
    assert_true(sq_crowd_enter(crowd, a, &places[0]));
    assert_false(sq_crowd_enter(crowd, a, &places[SQ_CROWD_ADDRESS]));
    for (int i = 0; i <= SQ_CROWD_ADDRESS; i++)
        sq_crowd_leave(crowd, &places[i]);
    sq_crowd_leave(crowd, &other);
}

static void everybody(void **state)
{
    struct sq_place *places = calloc(SQ_CROWD_ALL + 1, sizeof *places);
    unsigned char a[SQ_ADDRESS_BYTES];
    (void)state;
    for (unsigned i = 0; i < SQ_CROWD_ALL; i++) {
        v4(i, a);
        assert_true(sq_crowd_enter(crowd, a, &places[i]));
    }
    v4(SQ_CROWD_ALL, a);
    assert_false(sq_crowd_enter(crowd, a, &places[SQ_CROWD_ALL]));
    sq_crowd_leave(crowd, &places[5]);
    assert_true(sq_crowd_enter(crowd, a, &places[SQ_CROWD_ALL]));
    for (unsigned i = 0; i <= SQ_CROWD_ALL; i++)
        sq_crowd_leave(crowd, &places[i]);
    free(places);
}

/* Of IPv6 a machine has 2^64 addresses. */
static void same_machine(void **state)
{
    static struct sq_place places[SQ_CROWD_ADDRESS + 1];
    unsigned char a[SQ_ADDRESS_BYTES] = {0x20, 1};
    (void)state;
    for (int i = 0; i < SQ_CROWD_ADDRESS; i++) {
        a[15] = (unsigned char)i;
        assert_true(sq_crowd_enter(crowd, a, &places[i]));
    }
    a[8] = 1;
    assert_false(sq_crowd_enter(crowd, a, &places[SQ_CROWD_ADDRESS]));
    a[7] = 1;
    assert_true(sq_crowd_enter(crowd, a, &places[SQ_CROWD_ADDRESS]));
    for (int i = 0; i <= SQ_CROWD_ADDRESS; i++)
        sq_crowd_leave(crowd, &places[i]);
}

static void wrong(void **state)
{
    unsigned char a[SQ_ADDRESS_BYTES], b[SQ_ADDRESS_BYTES];
    struct sq_place place = {0};
    const int64_t minute = 60000000;
    (void)state;
    v4(7, a);
    v4(8, b);
    assert_int_equal(sq_crowd_wrong(crowd, a, 1000), 1);
    assert_int_equal(sq_crowd_wrong(crowd, a, 2000), 2);
    assert_int_equal(sq_crowd_wrong(crowd, b, 2000), 1);
    assert_true(sq_crowd_enter(crowd, a, &place));
    sq_crowd_leave(crowd, &place); /* is not forgiven for it */
    assert_int_equal(sq_crowd_wrong(crowd, a, 3000), 3);
    assert_int_equal(sq_crowd_wrong(crowd, a, 1001 + minute), 1);
}

/* Addresses that are made up one after the other take no more than a bounded place. */
static void made_up(void **state)
{
    unsigned char a[SQ_ADDRESS_BYTES];
    const int64_t later = 200000000;
    int counted = 0;
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        v4(1000000 + i, a);
        counted += sq_crowd_wrong(crowd, a, 5000);
    }
    assert_true(counted > 0 && counted <= 2 * SQ_CROWD_ALL);
    v4(99, a);
    assert_int_equal(sq_crowd_wrong(crowd, a, 6000), 0);
    assert_int_equal(sq_crowd_wrong(crowd, a, later), 1);
}

/* Nor do they keep out who comes from another address, for as long as they are
 * remembered. */
static void not_in_the_way(void **state)
{
    unsigned char a[SQ_ADDRESS_BYTES];
    struct sq_place inside = {0}, place = {0};
    (void)state;
    v4(50, a);
    assert_true(sq_crowd_enter(crowd, a, &inside));
    for (unsigned i = 0; i < 100000; i++) {
        v4(2000000 + i, a);
        sq_crowd_wrong(crowd, a, 500000000);
    }
    v4(51, a);
    assert_true(sq_crowd_enter(crowd, a, &place));
    sq_crowd_leave(crowd, &place);
    sq_crowd_leave(crowd, &inside);
}

/* A full table is looked through for what is over once a second, whoever comes. */
static void once_a_second(void **state)
{
    unsigned char a[SQ_ADDRESS_BYTES];
    const int64_t start = 1000000000, minute = 60000000, second = 1000000;
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        v4(3000000 + i, a);
        sq_crowd_wrong(crowd, a, start);
    }
    v4(52, a);
    assert_int_equal(sq_crowd_wrong(crowd, a, start + minute), 0); /* not over yet */
    assert_int_equal(sq_crowd_wrong(crowd, a, start + minute + second / 2), 0);
    assert_int_equal(sq_crowd_wrong(crowd, a, start + minute + second), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address),   cmocka_unit_test(everybody),
        cmocka_unit_test(same_machine),  cmocka_unit_test(wrong),
        cmocka_unit_test(made_up),       cmocka_unit_test(not_in_the_way),
        cmocka_unit_test(once_a_second),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, made, unmade);
}
