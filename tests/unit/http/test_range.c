/* The Range header, as a table. */
#include "tests/test.h"

#include <string.h>

#include "core/http/range.h"

static const struct {
    const char *header;
    int64_t size;
    enum sq_range kind;
    int64_t start, end;
} ranges[] = {
    {NULL, 10, SQ_RANGE_WHOLE, 0, 10},
    {"bytes=0-", 10, SQ_RANGE_PART, 0, 10},
    {"bytes=0-0", 10, SQ_RANGE_PART, 0, 1},
    {"bytes=3-5", 10, SQ_RANGE_PART, 3, 6},
    {"bytes=3-9", 10, SQ_RANGE_PART, 3, 10},
    {"bytes=3-10", 10, SQ_RANGE_PART, 3, 10},
    {"bytes=3-99999999999999999999999", 10, SQ_RANGE_PART, 3, 10},
    {"bytes=9-", 10, SQ_RANGE_PART, 9, 10},
    {"bytes=10-", 10, SQ_RANGE_UNSATISFIABLE, 0, 10},
    {"bytes=99999999999999999999-", 10, SQ_RANGE_UNSATISFIABLE, 0, 10},
    {"bytes=0-", 0, SQ_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-3", 10, SQ_RANGE_PART, 7, 10},
    {"bytes=-30", 10, SQ_RANGE_PART, 0, 10},
    {"bytes=-0", 10, SQ_RANGE_UNSATISFIABLE, 0, 10},
    {"bytes=-5", 0, SQ_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=5-3", 10, SQ_RANGE_WHOLE, 0, 10},
    {"bytes=-", 10, SQ_RANGE_WHOLE, 0, 10},
    {"bytes=", 10, SQ_RANGE_WHOLE, 0, 10},
    {"bytes=a-b", 10, SQ_RANGE_WHOLE, 0, 10},
    {"bytes=1-2,4-5", 10, SQ_RANGE_WHOLE, 0, 10},
    {"lines=1-2", 10, SQ_RANGE_WHOLE, 0, 10},
    {"", 10, SQ_RANGE_WHOLE, 0, 10},
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(ranges); i++) {
        int64_t start, end;
        enum sq_range kind =
            sq_range_parse(ranges[i].header, ranges[i].size, &start, &end);
        if (kind != ranges[i].kind || start != ranges[i].start || end != ranges[i].end)
            fail_msg("%s of %lld: kind %d, %lld-%lld", ranges[i].header,
                     (long long)ranges[i].size, kind, (long long)start, (long long)end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
