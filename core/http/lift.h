/* Long texts lifted out of a JSON document before it is parsed: megabytes of base64
 * are then looked at once, by their decoder, instead of being walked through and
 * copied by the parser, which is ten times slower at it. */
#ifndef SQ_HTTP_LIFT_H
#define SQ_HTTP_LIFT_H

#include <jansson.h>
#include <scitq/error.h>
#include "lib/arena.h"
#include "lib/buf.h"

struct sq_lifted {
    struct sq_lifted_text {
        const char *text; /* inside the document, unchecked */
        size_t len;
    } * texts;
    size_t n, cap;
};

/* Copy `json` to `out` with the value of every member `key` that is a string without
 * escapes replaced by a short mark.  What is malformed stays so.  The texts are
 * borrowed from `json`.  SQ_ENOMEM. */
int sq_lift(const char *key, const char *json, size_t len, struct sq_arena *arena,
            struct sq_buf *out, struct sq_lifted *ret, struct sq_err *err);

/* The text that this value stands for: a lifted one, or its own; NULL text when it is
 * no string. */
struct sq_lifted_text sq_lifted_get(const struct sq_lifted *l, const json_t *value);

#endif
