/* Passes as text: what is said, a dot, and the code over it in hexadecimal digits. */
#include "core/model/pass.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sha256.h"

enum { CODE = 2 * SQ_SHA256_BYTES };

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

static void write_code(const char *key, const char *said, size_t len,
                       char ret[CODE + 1])
{
    unsigned char code[SQ_SHA256_BYTES];
    sq_hmac_sha256(key, strlen(key), said, len, code);
    for (unsigned i = 0; i < SQ_SHA256_BYTES; i++)
        snprintf(ret + 2 * i, 3, "%02x", code[i]);
}

void sq_pass_write(const char *key, const struct sq_pass *pass, char ret[SQ_PASS_SIZE])
{
    char code[CODE + 1];
    size_t len = strlen(pass->machine);
    *ret = 0;
    if (pass->kind == SQ_PASS_WORKER && len && strspn(pass->machine, letters) == len)
        snprintf(ret, SQ_PASS_SIZE, "w.%" PRId64 ".%s", pass->worker_id, pass->machine);
    if (pass->kind == SQ_PASS_JOB)
        snprintf(ret, SQ_PASS_SIZE, "j.%" PRId64, pass->until_s);
    if (!*ret)
        return;
    len = strlen(ret);
    write_code(key, ret, len, code);
    snprintf(ret + len, SQ_PASS_SIZE - len, ".%s", code);
}

static bool parse_number(const char *text, int64_t *ret, const char **ret_end)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *ret = strtoll(text, &end, 10);
    *ret_end = end;
    return *end == '.';
}

/* Whose code was found to be right: so every part is as sq_pass_write made it. */
static bool parse(const char *text, struct sq_pass *ret)
{
    const char *end;
    *ret = (struct sq_pass){0};
    if (text[0] == 'j' && parse_number(text + 2, &ret->until_s, &end)) {
        ret->kind = SQ_PASS_JOB;
        return true;
    }
    if (text[0] != 'w' || !parse_number(text + 2, &ret->worker_id, &end))
        return false;
    size_t len = strcspn(end + 1, ".");
    if (len >= sizeof ret->machine)
        return false;
    memcpy(ret->machine, end + 1, len);
    ret->kind = SQ_PASS_WORKER;
    return true;
}

bool sq_pass_read(const char *key, const char *text, struct sq_pass *ret)
{
    char code[CODE + 1];
    size_t len = strlen(text);
    if (!*key || len < CODE + 4 || len >= SQ_PASS_SIZE || text[1] != '.' ||
        text[len - CODE - 1] != '.')
        return false;
    write_code(key, text, len - CODE - 1, code);
    return sq_same_bytes(code, text + len - CODE, CODE) && parse(text, ret);
}
