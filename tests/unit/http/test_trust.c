/* Trusted networks: what is taken, what is refused, and who is in. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/http/trust.h"

static void bytes(const char *text, unsigned char ret[SQ_ADDRESS_BYTES])
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
        assert_true(sq_address_bytes((struct sockaddr *)&in4, ret));
        return;
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    assert_true(sq_address_bytes((struct sockaddr *)&in6, ret));
}

static const struct {
    const char *list, *address;
    bool in;
} rows[] = {
    {"10.0.0.0/8", "10.255.255.255", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.0.0.0/8", "9.255.255.255", false},
    {"10.0.0.0/8", "::ffff:10.1.2.3", true},
    {"10.0.0.0/8", "a00::1", false},
    {"192.168.1.4/30", "192.168.1.7", true},
    {"192.168.1.4/30", "192.168.1.8", false},
    {"192.168.1.4/30", "192.168.1.3", false},
    {"192.168.1.4", "192.168.1.4", true},
    {"192.168.1.4", "192.168.1.5", false},
    {"192.168.1.4/32", "192.168.1.4", true},
    {"10.0.0.0/8, 192.168.0.0/16\t172.16.0.0/12", "172.31.255.255", true},
    {"10.0.0.0/8, 192.168.0.0/16\t172.16.0.0/12", "172.32.0.0", false},
    {"128.0.0.0/1", "129.1.1.1", true},
    {"128.0.0.0/1", "127.0.0.1", false},
    {"::1", "::1", true},
    {"::1", "::2", false},
    {"::1", "127.0.0.1", false},
    {"fd00::/8", "fdff:ffff::1", true},
    {"fd00::/8", "fe00::1", false},
    {"2001:db8::/33", "2001:db8:7fff::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"2001:db8::1/128", "2001:db8::1", true},
    {"::ffff:10.0.0.0/104", "10.0.0.1", true},
    {"::/0", "2001:db8::1", true},
    {"::/0", "10.0.0.1", false},
    {"::/80", "10.0.0.1", false},
    {"0.0.0.0/0", "10.0.0.1", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"", "127.0.0.1", false},
};

static void members(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_trust t;
        struct sq_err err = {0};
        unsigned char address[SQ_ADDRESS_BYTES];
        OK(err, sq_trust_parse(rows[i].list, &t, &err));
        bytes(rows[i].address, address);
        if (sq_trust_has(&t, address) != rows[i].in)
            fail_msg("%s in \"%s\" is not %d", rows[i].address, rows[i].list,
                     rows[i].in);
    }
}

static const struct {
    const char *list, *words;
} refused[] = {
    {"10.0.0.1/8", "\"10.0.0.1/8\": the address has bits beyond"},
    {"fd00::1/8", "bits beyond"},
    {"10.0.0.0/33", "from 0 to 32"},
    {"10.0.0.0/", "from 0 to 32"},
    {"10.0.0.0/08", "from 0 to 32"},
    {"10.0.0.0/+8", "from 0 to 32"},
    {"10.0.0.0/-1", "from 0 to 32"},
    {"10.0.0.0/8x", "from 0 to 32"},
    {"10.0.0.0/8/8", "from 0 to 32"},
    {"fd00::/129", "from 0 to 128"},
    {"10.0.0/8", "no network"},
    {"10/8", "no network"},
    {"010.0.0.0/8", "no network"},
    {"0x0a000000/8", "no network"},
    {"10.0.0.256", "no network"},
    {"lab.example.org", "no network"},
    {"localhost", "no network"},
    {"[::1]", "no network"},
    {"fe80::1%eth0", "no network"},
    {"10.0.0.0/255.0.0.0", "from 0 to 32"},
    {"192.168.0.0/16 bogus", "\"bogus\""},
    {"/8", "no network"},
    {"1111111111111111111111111111111111111111111111111111111111111111111111", "long"},
};

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(refused); i++) {
        struct sq_trust t;
        struct sq_err err = {0};
        assert_int_equal(sq_trust_parse(refused[i].list, &t, &err), SQ_EINVAL);
        if (!strstr(err.text, refused[i].words))
            fail_msg("\"%s\": %s", refused[i].list, err.text);
    }
}

static void everybody(void **state)
{
    static const struct {
        const char *list;
        bool open;
    } lists[] = {{"0.0.0.0/0", true},  {"::/0", true},        {"10.0.0.0/8 ::/0", true},
                 {"0.0.0.0/1", false}, {"10.0.0.0/8", false}, {"", false}};
    (void)state;
    for (size_t i = 0; i < SQ_LEN(lists); i++) {
        struct sq_trust t;
        struct sq_err err = {0};
        OK(err, sq_trust_parse(lists[i].list, &t, &err));
        assert_int_equal(sq_trust_is_open(&t), lists[i].open);
    }
}

static void many(void **state)
{
    char list[SQ_TRUST_MAX * 20] = "";
    struct sq_trust t;
    struct sq_err err = {0};
    (void)state;
    for (int i = 0; i < SQ_TRUST_MAX; i++)
        snprintf(list + strlen(list), 20, "10.0.%d.0/24 ", i);
    OK(err, sq_trust_parse(list, &t, &err));
    assert_int_equal(t.n, SQ_TRUST_MAX);
    strcat(list, "::1");
    assert_int_equal(sq_trust_parse(list, &t, &err), SQ_EINVAL);
}

static void words(void **state)
{
    static const struct {
        const char *address, *text;
        bool loopback;
    } v[] = {{"127.0.0.1", "127.0.0.1", true},
             {"127.8.8.8", "127.8.8.8", true},
             {"::1", "::1", true},
             {"10.0.0.1", "10.0.0.1", false},
             {"::ffff:127.0.0.1", "127.0.0.1", true},
             {"::2", "::2", false}};
    (void)state;
    for (size_t i = 0; i < SQ_LEN(v); i++) {
        unsigned char address[SQ_ADDRESS_BYTES];
        char text[64];
        bytes(v[i].address, address);
        sq_address_text(address, text, sizeof text);
        assert_string_equal(text, v[i].text);
        assert_int_equal(sq_address_is_loopback(address), v[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),   cmocka_unit_test(mistakes),
        cmocka_unit_test(everybody), cmocka_unit_test(many),
        cmocka_unit_test(words),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
