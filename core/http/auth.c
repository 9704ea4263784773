/* Roles of callers.  Who they are may be read anew while others are judged: each call
 * is by the one or the other, wholly. */
#include "core/http/auth.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct sq_auth {
    struct sq_auth_conf conf;
    const char *key;
    pthread_rwlock_t lock;
    struct sq_known_tokens tokens;
    atomic_uint readings;
};

int sq_auth_new(const struct sq_auth_conf *conf, struct sq_auth **ret,
                struct sq_err *err)
{
    struct sq_auth *a = calloc(1, sizeof *a);
    if (!a)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    a->conf = *conf;
    a->key = "";
    pthread_rwlock_init(&a->lock, NULL);
    int rc =
        conf->token_file ? sq_known_tokens_read(conf->token_file, &a->tokens, err) : 0;
    if (rc)
        sq_auth_free(a);
    else
        *ret = a;
    return rc;
}

void sq_auth_take(struct sq_auth *a, struct sq_auth *fresh)
{
    pthread_rwlock_wrlock(&a->lock);
    struct sq_known_tokens old = a->tokens;
    a->conf = fresh->conf;
    a->tokens = fresh->tokens;
    atomic_fetch_add(&a->readings, 1);
    pthread_rwlock_unlock(&a->lock);
    fresh->tokens = old;
    sq_auth_free(fresh);
}

void sq_auth_free(struct sq_auth *a)
{
    if (!a)
        return;
    sq_known_tokens_free(&a->tokens);
    pthread_rwlock_destroy(&a->lock);
    free(a);
}

void sq_auth_set_key(struct sq_auth *a, const char *key)
{
    a->key = key;
}

/* ---- under the lock */

static bool is_open(const struct sq_auth *a)
{
    return !a->conf.token_file && a->conf.trust->n == 0;
}

static bool take_pass(const struct sq_auth *a, const char *token, int64_t now_s,
                      struct sq_caller *ret)
{
    struct sq_pass pass;
    if (!sq_pass_read(a->key, token, &pass))
        return false;
    if (pass.kind == SQ_PASS_JOB) {
        ret->role = pass.until_s >= now_s ? SQ_MAY_READ : SQ_MAY_NONE;
        return ret->role != SQ_MAY_NONE;
    }
    ret->role = SQ_MAY_WORKER;
    ret->worker_id = pass.worker_id;
    memcpy(ret->machine, pass.machine, sizeof ret->machine);
    return true;
}

static bool take_known(const struct sq_auth *a, const char *token,
                       struct sq_caller *ret)
{
    const struct sq_known_token *known = sq_known_tokens_find(&a->tokens, token);
    if (known) {
        ret->role = known->role;
        if (known->role == SQ_MAY_WORKER)
            memcpy(ret->name, known->name, sizeof ret->name);
    }
    return known != NULL;
}

/* RFC 6750 section 2.1; NULL for another scheme. */
static const char *bearer(const char *header)
{
    if (strncasecmp(header, "Bearer", 6) != 0 || header[6] != ' ')
        return NULL;
    return header + 6 + strspn(header + 6, " ");
}

static int judge(const struct sq_auth *a, const unsigned char *address,
                 const char *header, int64_t now_s, struct sq_caller *ret,
                 struct sq_err *err)
{
    *ret =
        (struct sq_caller){.worker_id = SQ_NULL, .reading = atomic_load(&a->readings)};
    if (is_open(a)) {
        ret->role = SQ_MAY_ADMIN;
        return 0;
    }
    const char *token = header ? bearer(header) : NULL;
    ret->by_token = header != NULL;
    if (!header && sq_trust_has(a->conf.trust, address)) {
        ret->role = SQ_MAY_ADMIN;
        return 0;
    }
    if (!header)
        return sq_fail(
            err, SQ_EAUTH,
            "a token is needed, and none was sent: SCITQ_TOKEN_FILE names the "
            "file that has yours");
    if (!token)
        return sq_fail(err, SQ_EAUTH, "the header Authorization must be: Bearer TOKEN");
    if (take_known(a, token, ret) || take_pass(a, token, now_s, ret))
        return 0;
    ret->wrong = true;
    return sq_fail(err, SQ_EAUTH, "the token is not one that this server knows");
}

/* ---- who takes it */

bool sq_auth_is_open(struct sq_auth *a)
{
    pthread_rwlock_rdlock(&a->lock);
    bool open = is_open(a);
    pthread_rwlock_unlock(&a->lock);
    return open;
}

bool sq_auth_trusts(struct sq_auth *a, const unsigned char *address)
{
    pthread_rwlock_rdlock(&a->lock);
    bool trusts = is_open(a) || sq_trust_has(a->conf.trust, address);
    pthread_rwlock_unlock(&a->lock);
    return trusts;
}

int sq_auth_call(struct sq_auth *a, const unsigned char *address, const char *header,
                 int64_t now_s, struct sq_caller *ret, struct sq_err *err)
{
    pthread_rwlock_rdlock(&a->lock);
    int rc = judge(a, address, header, now_s, ret, err);
    pthread_rwlock_unlock(&a->lock);
    return rc;
}

bool sq_auth_holds(struct sq_auth *a, const unsigned char *address, const char *header,
                   int64_t now_s, struct sq_caller *c)
{
    struct sq_caller now;
    if (c->reading == atomic_load(&a->readings))
        return true;
    if (sq_auth_call(a, address, header, now_s, &now, NULL) != 0 ||
        now.role != c->role || now.worker_id != c->worker_id ||
        strcmp(now.name, c->name) != 0)
        return false;
    c->reading = now.reading;
    return true;
}
