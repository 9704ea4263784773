/* MD5 against RFC 1321's own values, and around the ends of blocks. */
#include "tests/test.h"

#include <string.h>

#include <scitq/md5.h>
#include "lib/util.h"

static void digest(const void *data, size_t len, size_t step, char ret[33])
{
    struct sq_md5 m;
    const char *p = data;
    sq_md5_init(&m);
    for (size_t at = 0; at < len; at += step)
        sq_md5_add(&m, p + at, len - at < step ? len - at : step);
    sq_md5_end(&m, ret);
}

static const struct {
    const char *text, *md5;
} rfc[] = {
    {"", "d41d8cd98f00b204e9800998ecf8427e"},
    {"a", "0cc175b9c0f1b6a831c399e269772661"},
    {"abc", "900150983cd24fb0d6963f7d28e17f72"},
    {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
     "d174ab98d277d9f5a5611c2c9f419d9f"},
    {"1234567890123456789012345678901234567890"
     "1234567890123456789012345678901234567890",
     "57edf4a22be3c955ac49da2e2107b67a"},
};

/* n times x, from md5sum. */
static const struct {
    size_t n;
    const char *md5;
} ends[] = {
    {55, "04364420e25c512fd958a70738aa8f72"},
    {56, "668a72d5ba17f08e62dabcafad6db14b"},
    {57, "693037871c4a9d3d8685018905cb530a"},
    {63, "7dc2ca208106a2f703567bdff99d8981"},
    {64, "c1bb4f81d892b2d57947682aeb252456"},
    {65, "1bc932052302d074bdec39795fe00cf6"},
    {119, "ab347a5f68c8a443cfcddc633f12c24f"},
    {120, "fb98667f98096de92620b64f46e1c5b5"},
};

static void test_known(void **state)
{
    (void)state;
    char got[33], x[128];
    for (size_t i = 0; i < SQ_LEN(rfc); i++) {
        digest(rfc[i].text, strlen(rfc[i].text), 1000, got);
        assert_string_equal(got, rfc[i].md5);
    }
    memset(x, 'x', sizeof x);
    for (size_t i = 0; i < SQ_LEN(ends); i++)
        for (size_t step = 1; step < 130; step += 9) {
            digest(x, ends[i].n, step, got);
            assert_string_equal(got, ends[i].md5);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
