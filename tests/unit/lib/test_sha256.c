/* SHA-256 against FIPS 180-4's examples and around the ends of blocks, its HMAC against
 * RFC 4231. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sha256.h"

static void expect(const unsigned char *code, const char *hex)
{
    char text[2 * SQ_SHA256_BYTES + 1];
    for (int i = 0; i < SQ_SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", code[i]);
    assert_string_equal(text, hex);
}

static const struct {
    const char *text, *hex;
} texts[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

/* n times x, from sha256sum. */
static const struct {
    size_t n;
    const char *hex;
} ends[] = {
    {1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
    {55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"},
    {56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"},
    {57, "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217"},
    {63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"},
    {64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"},
    {65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9"},
    {119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"},
    {120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"},
    {128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"},
    {1000, "44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f"},
};

static void hashes(void **state)
{
    unsigned char code[SQ_SHA256_BYTES];
    (void)state;
    for (size_t i = 0; i < SQ_LEN(texts); i++) {
        sq_sha256(texts[i].text, strlen(texts[i].text), code);
        expect(code, texts[i].hex);
    }
    for (size_t i = 0; i < SQ_LEN(ends); i++) {
        char *text = malloc(ends[i].n + 1);
        memset(text, 'x', ends[i].n);
        sq_sha256(text, ends[i].n, code);
        expect(code, ends[i].hex);
        free(text);
    }
}

static void codes(void **state)
{
    unsigned char code[SQ_SHA256_BYTES], key[131];
    (void)state;
    memset(key, 0x0b, 20); /* RFC 4231, test cases 1, 2 and 6 */
    sq_hmac_sha256(key, 20, "Hi There", 8, code);
    expect(code, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    sq_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, code);
    expect(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    sq_hmac_sha256(key, sizeof key,
                   "Test Using Larger Than Block-Size Key - Hash Key First", 54, code);
    expect(code, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void compares(void **state)
{
    (void)state;
    assert_true(sq_same_bytes("abc", "abc", 3));
    assert_true(sq_same_bytes("abc", "abd", 2));
    assert_false(sq_same_bytes("abc", "abd", 3));
    assert_false(sq_same_bytes("abc", "bbc", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes), cmocka_unit_test(codes), cmocka_unit_test(compares)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
