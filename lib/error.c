/* The table of error codes, and the two functions that fill an error. */
#include <scitq/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/util.h"

static const struct code_row {
    const char *name;
    int http;
    int retryable;
} codes[] = {
    [-SQ_OK] = {"SQ_OK", 200, 0},
    [-SQ_EINVAL] = {"SQ_EINVAL", 400, 0},
    [-SQ_ENOENT] = {"SQ_ENOENT", 404, 0},
    [-SQ_EEXIST] = {"SQ_EEXIST", 409, 0},
    [-SQ_ESTATE] = {"SQ_ESTATE", 500, 0},
    [-SQ_ETOOBIG] = {"SQ_ETOOBIG", 413, 0},
    [-SQ_ETYPE] = {"SQ_ETYPE", 415, 0},
    [-SQ_EAUTH] = {"SQ_EAUTH", 401, 0},
    [-SQ_EIO] = {"SQ_EIO", 503, 1},
    [-SQ_EBUSY] = {"SQ_EBUSY", 503, 1},
    [-SQ_ENOMEM] = {"SQ_ENOMEM", 503, 1},
    [-SQ_ENOSPC] = {"SQ_ENOSPC", 507, 1},
    [-SQ_ETIMEDOUT] = {"SQ_ETIMEDOUT", 504, 1},
    [-SQ_ECANCELED] = {"SQ_ECANCELED", 500, 0},
    [-SQ_EUNSUPPORTED] = {"SQ_EUNSUPPORTED", 501, 0},
    [-SQ_EPROTO] = {"SQ_EPROTO", 409, 0},
    [-SQ_ECAPACITY] = {"SQ_ECAPACITY", 503, 1},
};

static const struct code_row *find(int code)
{
    if (code > 0 || (size_t)-code >= SQ_LEN(codes))
        return NULL;
    return &codes[-code];
}

int sq_fail(struct sq_err *err, int code, const char *fmt, ...)
{
    if (err) {
        char text[sizeof err->text];
        va_list args;
        va_start(args, fmt);
        vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        memcpy(err->text, text, sizeof text);
        err->code = code;
    }
    return code;
}

int sq_prefix(struct sq_err *err, const char *fmt, ...)
{
    char before[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(before, sizeof before, fmt, args);
    va_end(args);
    if (n < 0)
        return err->code;
    size_t shift = strnlen(before, sizeof before - 1);
    size_t rest = strnlen(err->text, sizeof err->text - 1);
    if (rest > sizeof err->text - 1 - shift)
        rest = sizeof err->text - 1 - shift;
    memmove(err->text + shift, err->text, rest);
    memcpy(err->text, before, shift);
    err->text[shift + rest] = 0;
    return err->code;
}

const char *sq_code_name(int code)
{
    const struct code_row *row = find(code);
    return row ? row->name : "SQ_E?";
}

int sq_code_http(int code)
{
    const struct code_row *row = find(code);
    return row ? row->http : 500;
}

int sq_code_retryable(int code)
{
    const struct code_row *row = find(code);
    return row ? row->retryable : 0;
}
