/* The file of tokens: what is taken, what is refused without telling a token, and who
 * a caller is by it. */
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/http/auth.h"

static char folder[] = "/tmp/sq-tokens-XXXXXX";
static char path[64];

static void put(const char *text, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int made(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/tokens", folder);
    return 0;
}

static int unmade(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void taken(void **state)
{
    static const char text[] = "# who may\n"
                               "admin:first-token-000:alice of the lab\r\n"
                               "\n"
                               "worker:second-token-00:node-1  \n"
                               "read:third-token-0000";
    static const struct {
        const char *token;
        enum sq_may role;
        const char *name;
    } rows[] = {{"first-token-000", SQ_MAY_ADMIN, "alice of the lab"},
                {"second-token-00", SQ_MAY_WORKER, "node-1"},
                {"third-token-0000", SQ_MAY_READ, ""},
                {"third-token-000", SQ_MAY_NONE, NULL},
                {"third-token-00000", SQ_MAY_NONE, NULL},
                {"", SQ_MAY_NONE, NULL},
                {"# who may", SQ_MAY_NONE, NULL}};
    struct sq_known_tokens t;
    struct sq_err err = {0};
    (void)state;
    put(text, strlen(text), 0600);
    OK(err, sq_known_tokens_read(path, &t, &err));
    assert_int_equal(t.n, 3);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const struct sq_known_token *k = sq_known_tokens_find(&t, rows[i].token);
        assert_int_equal(k ? k->role : SQ_MAY_NONE, rows[i].role);
        if (k)
            assert_string_equal(k->name, rows[i].name);
    }
    sq_known_tokens_free(&t);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *words;
    } rows[] = {
        {"admin:secret-word\n", 0640, "is open to others than its owner (mode 0640)"},
        {"admin:secret-word\n", 0604, "chmod 600"},
        {"admin:secret-word\n", 0601, "chmod 600"},
        {"\nsecret-word\n", 0600, "line 2: it is not role:token"},
        {"boss:secret-word\n", 0600, "line 1: the role is none of"},
        {"nobody:secret-word\n", 0600, "the role is none of"},
        {"Admin:secret-word\n", 0600, "the role is none of"},
        {"admin:\n", 0600, "the token is not one word"},
        {"admin:secret-word two\n", 0600, "the token is not one word"},
        {"admin:secret-word\x01\n", 0600, "the token is not one word"},
        {"admin:secret-word:\n", 0600, "the name is empty"},
        {"admin:secret-word\nread:secret-word\n", 0600, "line 2: another line has"},
        {"", 0600, "has no token"},
        {"# admin:secret-word\n", 0600, "has no token"},
    };
    struct sq_known_tokens t;
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_err err = {0};
        put(rows[i].text, strlen(rows[i].text), rows[i].mode);
        assert_int_equal(sq_known_tokens_read(path, &t, &err), SQ_EINVAL);
        if (!strstr(err.text, rows[i].words) || strstr(err.text, "secret-word"))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

/* A line made of so many bytes of token, then of name. */
static int read_line(size_t token, size_t name, struct sq_known_tokens *t,
                     struct sq_err *err)
{
    char text[3000];
    size_t len = (size_t)snprintf(text, sizeof text, "read:%0*d", (int)token, 0);
    if (name)
        len += (size_t)snprintf(text + len, sizeof text - len, ":%0*d", (int)name, 0);
    put(text, len, 0600);
    return sq_known_tokens_read(path, t, err);
}

static void lengths(void **state)
{
    struct sq_known_tokens t;
    struct sq_err err = {0};
    const size_t name = sizeof t.v->name - 1;
    (void)state;
    OK(err, read_line(1024, name, &t, &err));
    assert_int_equal(strlen(t.v[0].name), name);
    sq_known_tokens_free(&t);
    assert_int_equal(read_line(1025, 0, &t, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "at most 1024"));
    assert_int_equal(read_line(10, name + 1, &t, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "the name is"));
    char *many = malloc(20 * (SQ_TOKENS_MAX + 1));
    size_t len = 0;
    for (int i = 0; i < SQ_TOKENS_MAX; i++)
        len += (size_t)sprintf(many + len, "read:token-%d\n", i);
    put(many, len, 0600);
    OK(err, sq_known_tokens_read(path, &t, &err));
    assert_int_equal(t.n, SQ_TOKENS_MAX);
    sq_known_tokens_free(&t);
    len += (size_t)sprintf(many + len, "read:one-more\n");
    put(many, len, 0600);
    free(many);
    assert_int_equal(sq_known_tokens_read(path, &t, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "more than 1000"));
}

/* Who could write it could be anybody. */
static void whose(void **state)
{
    struct sq_known_tokens t;
    struct sq_err err = {0};
    (void)state;
    if (geteuid() != 0)
        skip();
    put("admin:secret-word\n", 18, 0600);
    assert_int_equal(chown(path, 4321, 0), 0);
    assert_int_equal(sq_known_tokens_read(path, &t, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "belongs to user 4321"));
    assert_int_equal(chown(path, 0, 0), 0);
}

static void odd_files(void **state)
{
    struct sq_known_tokens t;
    struct sq_err err = {0};
    (void)state;
    put("admin:a\0b\n", 10, 0600);
    assert_int_equal(sq_known_tokens_read(path, &t, &err), SQ_EINVAL);
    unlink(path);
    assert_int_equal(sq_known_tokens_read(path, &t, &err), SQ_ENOENT);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(sq_known_tokens_read(path, &t, &err), SQ_EINVAL);
    assert_int_equal(sq_known_tokens_read(folder, &t, &err), SQ_EINVAL);
    unlink(path);
    char *big = malloc(2 << 20);
    memset(big, '#', 2 << 20);
    put(big, 2 << 20, 0600);
    free(big);
    assert_int_equal(sq_known_tokens_read(path, &t, &err), SQ_ETOOBIG);
}

/* ---- callers */

static const unsigned char here[SQ_ADDRESS_BYTES] = {[10] = 0xff, [11] = 0xff, 127,
                                                     0,           0,           1};
static const unsigned char there[SQ_ADDRESS_BYTES] = {[10] = 0xff, [11] = 0xff, 10,
                                                      0,           0,           9};
static const char pass_key[] = "the key";

static struct sq_auth *guarded(const struct sq_trust *trust)
{
    static const char text[] = "admin:aaaa\nread:rrrr:someone\nworker:wwww:node\n";
    const struct sq_auth_conf conf = {.token_file = path, .trust = trust};
    struct sq_auth *a;
    struct sq_err err = {0};
    put(text, strlen(text), 0600);
    OK(err, sq_auth_new(&conf, &a, &err));
    sq_auth_set_key(a, pass_key);
    return a;
}

static void callers(void **state)
{
    static const struct {
        const char *header;
        enum sq_may here, there;
        bool wrong;
    } rows[] = {
        {NULL, SQ_MAY_ADMIN, SQ_MAY_NONE, false},
        {"Bearer aaaa", SQ_MAY_ADMIN, SQ_MAY_ADMIN, false},
        {"bearer   aaaa", SQ_MAY_ADMIN, SQ_MAY_ADMIN, false},
        {"Bearer rrrr", SQ_MAY_READ, SQ_MAY_READ, false},
        {"Bearer wwww", SQ_MAY_WORKER, SQ_MAY_WORKER, false},
        {"Bearer aaa", SQ_MAY_NONE, SQ_MAY_NONE, true},
        {"Bearer aaaaa", SQ_MAY_NONE, SQ_MAY_NONE, true},
        {"Bearer AAAA", SQ_MAY_NONE, SQ_MAY_NONE, true},
        {"Bearer aaaa rrrr", SQ_MAY_NONE, SQ_MAY_NONE, true},
        {"Bearer ", SQ_MAY_NONE, SQ_MAY_NONE, true},
        {"Bearer", SQ_MAY_NONE, SQ_MAY_NONE, false},
        {"Bearerx aaaa", SQ_MAY_NONE, SQ_MAY_NONE, false},
        {"Basic YWFhYTo=", SQ_MAY_NONE, SQ_MAY_NONE, false},
        {"", SQ_MAY_NONE, SQ_MAY_NONE, false},
    };
    struct sq_trust trust;
    struct sq_err err = {0};
    struct sq_caller c;
    (void)state;
    OK(err, sq_trust_parse("127.0.0.0/8", &trust, &err));
    struct sq_auth *a = guarded(&trust);
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        int rc = sq_auth_call(a, here, rows[i].header, 0, &c, &err);
        assert_int_equal(rc, rows[i].here == SQ_MAY_NONE ? SQ_EAUTH : 0);
        assert_int_equal(c.role, rows[i].here);
        rc = sq_auth_call(a, there, rows[i].header, 0, &c, &err);
        assert_int_equal(rc, rows[i].there == SQ_MAY_NONE ? SQ_EAUTH : 0);
        assert_int_equal(c.role, rows[i].there);
        assert_int_equal(c.wrong, rows[i].wrong);
    }
    sq_auth_call(a, there, "Bearer wwww", 0, &c, &err);
    assert_string_equal(c.name, "node");
    sq_auth_call(a, there, "Bearer rrrr", 0, &c, &err);
    assert_string_equal(c.name, ""); /* a name of a person */
    sq_auth_free(a);
}

static void passes(void **state)
{
    struct sq_trust none = {.n = 0};
    struct sq_auth *a = guarded(&none);
    struct sq_pass worker = {.kind = SQ_PASS_WORKER, .worker_id = 5, .machine = "m5"};
    struct sq_pass job = {.kind = SQ_PASS_JOB, .until_s = 1000};
    char text[SQ_PASS_SIZE], header[SQ_PASS_SIZE + 8];
    struct sq_caller c;
    struct sq_err err = {0};
    (void)state;
    sq_pass_write(pass_key, &worker, text);
    snprintf(header, sizeof header, "Bearer %s", text);
    OK(err, sq_auth_call(a, there, header, 0, &c, &err));
    assert_int_equal(c.role, SQ_MAY_WORKER);
    assert_int_equal(c.worker_id, 5);
    assert_string_equal(c.machine, "m5");
    sq_pass_write(pass_key, &job, text);
    snprintf(header, sizeof header, "Bearer %s", text);
    OK(err, sq_auth_call(a, there, header, 1000, &c, &err));
    assert_int_equal(c.role, SQ_MAY_READ);
    assert_int_equal(sq_auth_call(a, there, header, 1001, &c, &err), SQ_EAUTH);
    assert_int_equal(c.role, SQ_MAY_NONE);
    sq_pass_write("another key", &worker, text);
    snprintf(header, sizeof header, "Bearer %s", text);
    assert_int_equal(sq_auth_call(a, there, header, 0, &c, &err), SQ_EAUTH);
    sq_auth_free(a);
}

static void opened(void **state)
{
    struct sq_trust none = {.n = 0};
    const struct sq_auth_conf conf = {.trust = &none};
    struct sq_auth *a;
    struct sq_caller c;
    struct sq_err err = {0};
    (void)state;
    OK(err, sq_auth_new(&conf, &a, &err));
    assert_true(sq_auth_is_open(a));
    OK(err, sq_auth_call(a, there, NULL, 0, &c, &err));
    assert_int_equal(c.role, SQ_MAY_ADMIN);
    OK(err, sq_auth_call(a, there, "Bearer whatever", 0, &c, &err));
    assert_int_equal(c.role, SQ_MAY_ADMIN);
    sq_auth_free(a);
}

static void reloaded(void **state)
{
    struct sq_trust none = {.n = 0};
    struct sq_auth *a = guarded(&none);
    struct sq_caller c;
    struct sq_err err = {0};
    (void)state;
    const struct sq_auth_conf conf = {.token_file = path, .trust = &none};
    struct sq_auth *fresh;
    put("admin:bbbb\n", 11, 0600);
    OK(err, sq_auth_new(&conf, &fresh, &err));
    sq_auth_take(a, fresh);
    assert_int_equal(sq_auth_call(a, there, "Bearer aaaa", 0, &c, &err), SQ_EAUTH);
    OK(err, sq_auth_call(a, there, "Bearer bbbb", 0, &c, &err));
    put("nonsense\n", 9, 0600);
    assert_int_equal(sq_auth_new(&conf, &fresh, &err), SQ_EINVAL);
    const struct sq_auth_conf open = {.trust = &none};
    OK(err, sq_auth_new(&open, &fresh, &err));
    sq_auth_take(a, fresh);
    OK(err, sq_auth_call(a, there, NULL, 0, &c, &err));
    assert_int_equal(c.role, SQ_MAY_ADMIN);
    sq_auth_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),     cmocka_unit_test(refused),
        cmocka_unit_test(lengths),   cmocka_unit_test(whose),
        cmocka_unit_test(odd_files), cmocka_unit_test(callers),
        cmocka_unit_test(passes),    cmocka_unit_test(opened),
        cmocka_unit_test(reloaded),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, made, unmade);
}
