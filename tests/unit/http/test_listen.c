/* Listen addresses: what is taken and what is not, as tables; the sockets. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/http/listen.h"

static const struct {
    const char *text;
    int family; /* 0: refused */
    const char *address;
    int port;
    bool loopback;
} addresses[] = {
    {"127.0.0.1:5000", AF_INET, "127.0.0.1", 5000, true},
    {"127.9.9.9:5000", AF_INET, "127.9.9.9", 5000, true},
    {"localhost:1", AF_INET, "127.0.0.1", 1, true},
    {"*:65535", AF_INET, "0.0.0.0", 65535, false},
    {"0.0.0.0:80", AF_INET, "0.0.0.0", 80, false},
    {"10.0.0.1:80", AF_INET, "10.0.0.1", 80, false},
    {"[::1]:5000", AF_INET6, "::1", 5000, true},
    {"[::]:5000", AF_INET6, "::", 5000, false},
    {"[::ffff:127.0.0.1]:5000", AF_INET6, "::ffff:127.0.0.1", 5000, false},
    {"bogus", 0, NULL, 0, false},
    {"::1:5000", 0, NULL, 0, false},
    {"[127.0.0.1]:5000", 0, NULL, 0, false},
    {"[::1:5000", 0, NULL, 0, false},
    {"::1]:5000", 0, NULL, 0, false},
    {"]:5000", 0, NULL, 0, false},
    {"[:5000", 0, NULL, 0, false},
    {"127.0.0.1", 0, NULL, 0, false},
    {"127.0.0.1:", 0, NULL, 0, false},
    {"127.0.0.1:0", 0, NULL, 0, false},
    {"127.0.0.1:65536", 0, NULL, 0, false},
    {"127.0.0.1:99999999999999999999", 0, NULL, 0, false},
    {"127.0.0.1:-1", 0, NULL, 0, false},
    {"127.0.0.1:50x", 0, NULL, 0, false},
    {":5000", 0, NULL, 0, false},
    {"myhost:5000", 0, NULL, 0, false},
    {"999.0.0.1:5000", 0, NULL, 0, false},
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
    assert_int_equal(l->loopback, addresses[i].loopback);
    assert_string_equal(l->text, addresses[i].text);
    assert_int_equal(l->fd, -1);
}

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(addresses); i++) {
        struct sq_listens l;
        struct sq_err err = {0};
        const char *text = addresses[i].text;
        int code = sq_listen_parse(text, &l, &err);
        if ((code == 0) != (addresses[i].family != 0))
            fail_msg("%s: %d %s", text, code, err.text);
        if (code == 0) {
            assert_int_equal(l.n, 1);
            check_address(&l.v[0], i);
            continue;
        }
        assert_int_equal(code, SQ_EINVAL);
        assert_non_null(strstr(err.text, "must be address:port"));
        assert_non_null(strstr(err.text, text));
    }
}

static void test_lists(void **state)
{
    struct sq_listens l;
    struct sq_err err = {0};
    (void)state;
    OK(err, sq_listen_parse("  127.0.0.1:1,[::1]:2\t*:3 ", &l, &err));
    assert_int_equal(l.n, 3);
    assert_string_equal(l.v[1].text, "[::1]:2");
    assert_string_equal(l.v[2].text, "*:3");
    assert_int_equal(sq_listen_parse("127.0.0.1:1 bogus", &l, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "and bogus is not"));
    assert_int_equal(sq_listen_parse(" ", &l, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "not empty"));
    char many[17 * 6 + 1] = "";
    for (int i = 0; i < 17; i++)
        strcat(many, "*:500 ");
    assert_int_equal(sq_listen_parse(many, &l, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "more than 16"));
    char huge[5000];
    memset(huge, '1', sizeof huge);
    huge[sizeof huge - 1] = 0;
    assert_int_equal(sq_listen_parse(huge, &l, &err), SQ_EINVAL);
}

/* A port that is taken is named, and what was opened before it can be closed. */
static void test_open(void **state)
{
    struct sq_listens l;
    struct sq_err err = {0};
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    char text[64];
    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int taken = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(taken, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(taken, 1), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&at, &len), 0);
    snprintf(text, sizeof text, "127.0.0.2:%d 127.0.0.1:%d", ntohs(at.sin_port),
             ntohs(at.sin_port));
    OK(err, sq_listen_parse(text, &l, &err));
    assert_int_equal(sq_listen_open(&l, &err), SQ_EEXIST);
    assert_non_null(strstr(err.text, l.v[1].text));
    assert_true(l.v[0].fd >= 0);
    assert_int_equal(l.v[1].fd, -1);
    sq_listen_close(&l);
    assert_int_equal(l.v[0].fd, -1);
    close(taken);
    OK(err, sq_listen_open(&l, &err));
    sq_listen_close(&l);
    /* Of IPv6 its own alone: the other may stand beside it. */
    snprintf(text, sizeof text, "*:%d [::]:%d", ntohs(at.sin_port), ntohs(at.sin_port));
    OK(err, sq_listen_parse(text, &l, &err));
    OK(err, sq_listen_open(&l, &err));
    sq_listen_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
