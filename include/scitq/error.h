/* Errors: one code and one sentence.
 *
 * A function that can fail returns 0 or a negative SQ_E* code and, when given a
 * `struct sq_err`, leaves a sentence there that names what failed, on what, why
 * and, where it helps, what to do.  An error is logged once, where it is handled.
 * Nothing here allocates; every function may be called from any thread. */
#ifndef SCITQ_ERROR_H
#define SCITQ_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum sq_code {
    SQ_OK = 0,
    SQ_EINVAL = -1,        /* bad input: a wrong value, type or field */
    SQ_ENOENT = -2,        /* the object does not exist */
    SQ_EEXIST = -3,        /* conflicts with something that exists */
    SQ_ESTATE = -4,        /* a status change that is not allowed (HTTP 500, as 1.3) */
    SQ_ETOOBIG = -5,       /* over a limit of size */
    SQ_ETYPE = -6,         /* the body is not JSON */
    SQ_EAUTH = -7,         /* no token, a wrong one, or one that does not suffice */
    SQ_EIO = -8,           /* network, disk, database: may pass */
    SQ_EBUSY = -9,         /* too much at once: try again */
    SQ_ENOMEM = -10,       /* out of memory */
    SQ_ENOSPC = -11,       /* out of disk or quota */
    SQ_ETIMEDOUT = -12,    /* took longer than allowed */
    SQ_ECANCELED = -13,    /* stopped on request */
    SQ_EUNSUPPORTED = -14, /* not offered here */
    SQ_EPROTO = -15,       /* the other side broke the protocol */
    SQ_ECAPACITY = -16     /* the provider has no such machine to give now */
};

struct sq_err {
    int code;       /* SQ_OK or the code returned */
    char text[500]; /* one sentence, no final newline; cut if longer */
};

/* Set `err` (NULL is allowed) and return `code`: `return sq_fail(err, SQ_EIO,
 * "cannot read %s: %s", path, strerror(errno));`.  `fmt` may use err->text itself. */
int sq_fail(struct sq_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put words before the sentence already in `err`: "reading settings: …".
 * Returns err->code. */
int sq_prefix(struct sq_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "SQ_EINVAL" and the like; "SQ_E?" for a number that is no code. */
const char *sq_code_name(int code);

/* The HTTP status a code is answered with (500 for an unknown one). */
int sq_code_http(int code);

/* 1 when trying the same again later may succeed. */
int sq_code_retryable(int code);

#ifdef __cplusplus
}
#endif
#endif
