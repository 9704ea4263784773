/* The tokens of SCITQ_TOKEN_FILE, and which role each has.
 *
 * A line a token: role:token[:name].  Empty lines, and those that begin with #, count
 * nothing.  The file is read only when nobody but its owner can; what is kept is the
 * hash of each token, and whoever presents one is compared with all of them in a time
 * that tells nothing. */
#ifndef SQ_HTTP_TOKENS_H
#define SQ_HTTP_TOKENS_H

#include <scitq/error.h>
#include "lib/sha256.h"
#include "lib/util.h"

enum sq_may { SQ_MAY_NONE, SQ_MAY_READ, SQ_MAY_WORKER, SQ_MAY_ADMIN };

enum { SQ_TOKENS_MAX = 1000, SQ_TOKEN_NAME = 201 /* a worker's name, at most 200 */ };

struct sq_known_token {
    unsigned char hash[SQ_SHA256_BYTES];
    enum sq_may role;
    char name[SQ_TOKEN_NAME]; /* "": none */
};
struct sq_known_tokens {
    struct sq_known_token *v;
    size_t n;
};

/* SQ_EINVAL: not as it must be, or readable to others; SQ_ENOENT, SQ_EIO.  Sentences
 * name the file and the line, and never what stands there. */
int sq_known_tokens_read(const char *path, struct sq_known_tokens *ret,
                         struct sq_err *err);
void sq_known_tokens_free(struct sq_known_tokens *t);
/* NULL: nobody's.  Borrowed. */
const struct sq_known_token *sq_known_tokens_find(const struct sq_known_tokens *t,
                                                  const char *token);
/* "admin", "worker", "read"; "nobody". */
const char *sq_may_name(enum sq_may role);

#endif
