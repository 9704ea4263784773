/* Times to and from text, against a table and against libc's calendar. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "tests/unit/lib/rng.h"

#define US INT64_C(1000000)

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t t;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00"},
        {1, "1970-01-01T00:00:00.000001"},
        {-1, "1969-12-31T23:59:59.999999"},
        {1795307998 * US + 356026, "2026-11-22T00:39:58.356026"},
        {951782400 * US, "2000-02-29T00:00:00"},
        {-62135596800 * US, "0001-01-01T00:00:00"},
        {253402300799 * US + 999999, "9999-12-31T23:59:59.999999"},
        {253402300800 * US, "10000-01-01T00:00:00"},
        {SQ_NULL, ""},
    };
    char text[SQ_TIME_TEXT];
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        assert_string_equal(sq_time_format(rows[i].t, 'T', text), rows[i].text);
    assert_string_equal(sq_time_format(0, ' ', text), "1970-01-01 00:00:00");
    sq_time_format(INT64_MAX, 'T', text);
    assert_true(strlen(text) < sizeof text);
    sq_time_format(SQ_NULL + 1, 'T', text);
    assert_true(strlen(text) < sizeof text);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t t;
    } rows[] = {
        {"1970-01-01T00:00:00", 0},
        {"1970-01-01 00:00:00", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.5+00:00", 500000},
        {"1970-01-01T00:00:00.000001", 1},
        {"1969-12-31T23:59:59.999999", -1},
        {"2024-02-29T12:00:00", 1709208000 * US},
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        int64_t t = -7;
        if (!sq_time_parse(rows[i].text, &t))
            fail_msg("%s was refused", rows[i].text);
        assert_int_equal(t, rows[i].t);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "1970",
        "1970-01-01",
        "1970-01-01T00:00",
        "1970-13-01T00:00:00",
        "1970-00-01T00:00:00",
        "1970-01-00T00:00:00",
        "1970-01-32T00:00:00",
        "2023-02-29T00:00:00",
        "1900-02-29T00:00:00",
        "1970-01-01T24:00:00",
        "1970-01-01T00:60:00",
        "1970-01-01T00:00:60",
        "1970-01-01T00:00:00.",
        "1970-01-01T00:00:00.1234567",
        "1970-01-01T00:00:00+01:00",
        "1970-01-01T00:00:00 ",
        " 1970-01-01T00:00:00",
        "1970-01-01t00:00:00",
        "+970-01-01T00:00:00",
        "19700-01-01T00:00:00",
        "1970/01/01T00:00:00",
    };
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        int64_t t = -7;
        if (sq_time_parse(rows[i], &t))
            fail_msg("\"%s\" was accepted", rows[i]);
        assert_int_equal(t, -7);
    }
}

/* Years 0 to 9999: the same as gmtime(), and read back exactly. */
static void test_random_times_agree_with_libc(void **state)
{
    (void)state;
    struct rng r = {7};
    for (int i = 0; i < 200000; i++) {
        int64_t day = (int64_t)rng_below(&r, 3652425) - 719528;
        int64_t s = day * 86400 + (int64_t)rng_below(&r, 86400);
        int64_t us = rng_below(&r, 3) ? (int64_t)rng_below(&r, 1000000) : 0;
        struct tm tm;
        time_t t = (time_t)s;
        char mine[SQ_TIME_TEXT], libc[80];
        gmtime_r(&t, &tm);
        int n = snprintf(libc, sizeof libc, "%04d-%02d-%02dT%02d:%02d:%02d",
                         tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                         tm.tm_min, tm.tm_sec);
        if (us)
            snprintf(libc + n, sizeof libc - (size_t)n, ".%06d", (int)us);
        assert_string_equal(sq_time_format(s * US + us, 'T', mine), libc);
        int64_t back = 0;
        assert_true(sq_time_parse(mine, &back));
        assert_int_equal(back, s * US + us);
    }
}

static void test_clocks_move_forward(void **state)
{
    (void)state;
    int64_t a = sq_monotonic(), b = sq_monotonic();
    assert_true(b >= a);
    assert_true(sq_now() > 1700000000 * US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_random_times_agree_with_libc),
        cmocka_unit_test(test_clocks_move_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
