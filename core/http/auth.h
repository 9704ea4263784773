/* Who calls: the role of a request, from its token or its address.
 *
 * With neither SCITQ_TOKEN_FILE nor SCITQ_TRUSTED_NETWORKS everybody who can connect is
 * admin: that is the server on loopback, or SCITQ_INSECURE.  Else a token that is sent
 * has to be right, wherever it comes from, and who sends none has to be in a trusted
 * network.  What each role may do is in access.h. */
#ifndef SQ_HTTP_AUTH_H
#define SQ_HTTP_AUTH_H

#include "core/http/tokens.h"
#include "core/http/trust.h"
#include "core/model/pass.h"

struct sq_auth_conf {
    const char *token_file; /* SCITQ_TOKEN_FILE; NULL: none */
    const struct sq_trust *trust;
};

struct sq_caller {
    enum sq_may role;
    bool by_token, wrong; /* a token was sent; it is nobody's */
    unsigned reading;     /* of the tokens: which one was asked */
    /* Of a worker: the row it is bound to and its machine's token, or the name. */
    int64_t worker_id; /* SQ_NULL: none */
    char machine[SQ_PASS_MACHINE];
    char name[SQ_TOKEN_NAME]; /* "": none */
};

struct sq_auth;
/* Reads the tokens.  `conf` is borrowed, with what it names. */
int sq_auth_new(const struct sq_auth_conf *conf, struct sq_auth **ret,
                struct sq_err *err);
void sq_auth_free(struct sq_auth *a); /* NULL is allowed */
/* The key of passes, borrowed; before anybody calls. */
void sq_auth_set_key(struct sq_auth *a, const char *key);
/* From now on judge as `fresh` would, which is used up.  Any thread. */
void sq_auth_take(struct sq_auth *a, struct sq_auth *fresh);

/* Is everybody admin? */
bool sq_auth_is_open(struct sq_auth *a);
/* Does this address need no token? */
bool sq_auth_trusts(struct sq_auth *a, const unsigned char *address);
/* Who calls from `address` with this Authorization header (NULL: none); now in seconds
 * since 1970.  SQ_EAUTH in words for the caller, with *ret filled.  Any thread. */
int sq_auth_call(struct sq_auth *a, const unsigned char *address, const char *header,
                 int64_t now_s, struct sq_caller *ret, struct sq_err *err);
/* Has *c, of sq_auth_call, still its role?  Its answer may have no end, and the tokens
 * may have been read again since.  Any thread. */
bool sq_auth_holds(struct sq_auth *a, const unsigned char *address, const char *header,
                   int64_t now_s, struct sq_caller *c);

#endif
