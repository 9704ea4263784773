/* The Range header and listen addresses, as tables. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

static const struct {
    const char *text;
    int family; /* 0: refused */
    const char *address;
    int port;
} addresses[] = {
    {"127.0.0.1:5000", AF_INET, "127.0.0.1", 5000},
    {"localhost:1", AF_INET, "127.0.0.1", 1},
    {"*:65535", AF_INET, "0.0.0.0", 65535},
    {"0.0.0.0:80", AF_INET, "0.0.0.0", 80},
    {"[::1]:5000", AF_INET6, "::1", 5000},
    {"[::]:5000", AF_INET6, "::", 5000},
    {"::1:5000", 0, NULL, 0},
    {"[127.0.0.1]:5000", 0, NULL, 0},
    {"[::1:5000", 0, NULL, 0},
    {"::1]:5000", 0, NULL, 0},
    {"]:5000", 0, NULL, 0},
    {"127.0.0.1", 0, NULL, 0},
    {"127.0.0.1:", 0, NULL, 0},
    {"127.0.0.1:0", 0, NULL, 0},
    {"127.0.0.1:65536", 0, NULL, 0},
    {"127.0.0.1:-1", 0, NULL, 0},
    {"127.0.0.1:50x", 0, NULL, 0},
    {"127.0.0.1: 5000", 0, NULL, 0},
    {":5000", 0, NULL, 0},
    {"myhost:5000", 0, NULL, 0},
    {"999.0.0.1:5000", 0, NULL, 0},
    {"", 0, NULL, 0},
};

static void check_address(const struct sq_listen *l, size_t i)
{
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)&l->address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&l->address;
    bool v6 = addresses[i].family == AF_INET6;
    assert_int_equal(l->address.ss_family, addresses[i].family);
    inet_ntop(addresses[i].family,
              v6 ? (const void *)&in6->sin6_addr : (const void *)&in4->sin_addr, text,
              sizeof text);
    assert_string_equal(text, addresses[i].address);
    assert_int_equal(ntohs(v6 ? in6->sin6_port : in4->sin_port), addresses[i].port);
}

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(addresses); i++) {
        struct sq_listen l;
        struct sq_err err = {0};
        const char *text = addresses[i].text;
        int code = sq_listen_parse(text, strlen(text), &l, &err);
        if ((code == 0) != (addresses[i].family != 0))
            fail_msg("%s: %d %s", text, code, err.text);
        if (code == 0)
            check_address(&l, i);
        else
            assert_int_equal(code, SQ_EINVAL);
    }
}

static void test_only_len_bytes_are_read(void **state)
{
    (void)state;
    struct sq_listen l;
    struct sq_err err = {0};
    OK(err, sq_listen_parse("127.0.0.1:5000 [::1]:5001", 14, &l, &err));
    char huge[5000];
    memset(huge, '1', sizeof huge);
    assert_int_equal(sq_listen_parse(huge, sizeof huge, &l, &err), SQ_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_only_len_bytes_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
