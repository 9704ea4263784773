/* Certificates in generations: a handshake under way may still use the one before, so
 * that it is kept until no handshake can be that old (a client has SQ_SLOW_S for its
 * own). */
#include "core/http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/file.h"

enum { FILE_MAX = 1 << 20, CHAIN_MAX = 16 };
static const int64_t KEPT_US = 300000000;

struct sq_tls {
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
    int64_t ends, retired;
    struct sq_tls *older;
};

/* Of the process, see sq_tls_use. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sq_tls *current;

void sq_tls_free(struct sq_tls *g)
{
    if (!g)
        return;
    for (unsigned i = 0; i < g->n; i++)
        gnutls_pcert_deinit(&g->chain[i]);
    if (g->key)
        gnutls_privkey_deinit(g->key);
    free(g);
}

static int wrong(const char *path, const char *what, int code, struct sq_err *err)
{
    return sq_fail(err, SQ_EINVAL, "%s has no %s that can be used: %s", path, what,
                   gnutls_strerror(code));
}

/* Opened and judged, then read. */
static int read_file(const char *path, mode_t forbidden, struct sq_buf *out,
                     struct sq_err *err)
{
    struct stat st;
    SQ_CLEANUP(sq_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0)
        return sq_fail(err, sq_errno_code(errno), "cannot open %s: %s", path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode))
        return sq_fail(err, SQ_EINVAL, "%s is not a file", path);
    if (st.st_mode & forbidden)
        return sq_fail(
            err, SQ_EINVAL,
            "%s is open to everybody (mode %04o): chmod 600 it, and make a new "
            "key if somebody may have read it",
            path, (unsigned)(st.st_mode & 07777));
    int rc = sq_read_all(fd, out, err);
    sq_buf_addc(out, '\n');
    return rc ? sq_prefix(err, "%s: ", path) : 0;
}

static int load_chain(struct sq_tls *g, const char *path, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    unsigned n = CHAIN_MAX;
    sq_buf_init(&text, FILE_MAX);
    int rc = read_file(path, 0, &text, err);
    if (rc)
        return rc;
    const gnutls_datum_t pem = {(unsigned char *)text.data, (unsigned)text.len};
    int code =
        gnutls_pcert_list_import_x509_raw(g->chain, &n, &pem, GNUTLS_X509_FMT_PEM, 0);
    if (code < 0)
        return wrong(path, "certificate", code, err);
    g->n = n;
    gnutls_x509_crt_t first;
    if (gnutls_pcert_export_x509(&g->chain[0], &first) == 0) {
        g->ends = gnutls_x509_crt_get_expiration_time(first);
        gnutls_x509_crt_deinit(first);
    }
    return 0;
}

static int load_key(struct sq_tls *g, const char *path, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, FILE_MAX);
    int rc = read_file(path, 007, &text, err);
    if (rc)
        return rc;
    const gnutls_datum_t pem = {(unsigned char *)text.data, (unsigned)text.len};
    int code = gnutls_privkey_init(&g->key);
    if (code == 0)
        code =
            gnutls_privkey_import_x509_raw(g->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    explicit_bzero(text.data, text.cap);
    return code < 0 ? wrong(path, "key", code, err) : 0;
}

static bool key_id(gnutls_pubkey_t key, unsigned char id[64], size_t *len)
{
    *len = 64;
    return gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, len) == 0;
}

static bool belong_together(const struct sq_tls *g)
{
    unsigned char a[64], b[64];
    size_t n, m;
    gnutls_pubkey_t of_key;
    if (gnutls_pubkey_init(&of_key) != 0)
        return false;
    bool same = gnutls_pubkey_import_privkey(of_key, g->key, 0, 0) == 0 &&
                key_id(of_key, a, &n) && key_id(g->chain[0].pubkey, b, &m) && n == m &&
                memcmp(a, b, n) == 0;
    gnutls_pubkey_deinit(of_key);
    return same;
}

int sq_tls_new(const char *cert, const char *key, struct sq_tls **ret,
               struct sq_err *err)
{
    struct sq_tls *g = calloc(1, sizeof *g);
    if (!g)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a certificate");
    int rc = load_chain(g, cert, err);
    if (rc == 0)
        rc = load_key(g, key, err);
    if (rc == 0 && !belong_together(g))
        rc = sq_fail(err, SQ_EINVAL, "the key of %s is not that of the certificate %s",
                     key, cert);
    if (rc)
        sq_tls_free(g);
    else
        *ret = g;
    return rc;
}

/* Those that no handshake can need any more at `now`; INT64_MAX: all but the first. */
static void drop_old(struct sq_tls *g, int64_t now)
{
    while (g->older)
        if (now - g->older->retired > KEPT_US || now == INT64_MAX) {
            struct sq_tls *old = g->older;
            g->older = old->older;
            sq_tls_free(old);
        } else {
            g = g->older;
        }
}

void sq_tls_use(struct sq_tls *t)
{
    pthread_mutex_lock(&lock);
    if (current)
        current->retired = sq_monotonic();
    t->older = current;
    current = t;
    drop_old(t, sq_monotonic());
    pthread_mutex_unlock(&lock);
}

void sq_tls_end(void)
{
    pthread_mutex_lock(&lock);
    if (current) {
        drop_old(current, INT64_MAX);
        sq_tls_free(current);
    }
    current = NULL;
    pthread_mutex_unlock(&lock);
}

int64_t sq_tls_ends(void)
{
    pthread_mutex_lock(&lock);
    int64_t ends = current ? current->ends : 0;
    pthread_mutex_unlock(&lock);
    return ends;
}

static int choose(gnutls_session_t session, const gnutls_datum_t *authorities,
                  int n_authorities, const gnutls_pk_algorithm_t *algorithms,
                  int n_algorithms, gnutls_pcert_st **ret, unsigned *ret_n,
                  gnutls_privkey_t *ret_key)
{
    (void)session, (void)authorities, (void)n_authorities;
    (void)algorithms, (void)n_algorithms;
    pthread_mutex_lock(&lock);
    struct sq_tls *g = current;
    pthread_mutex_unlock(&lock);
    if (!g)
        return -1;
    *ret = g->chain;
    *ret_n = g->n;
    *ret_key = g->key;
    return 0;
}

void *sq_tls_callback(void)
{
    gnutls_certificate_retrieve_function2 *fn = choose;
    void *callback;
    memcpy(&callback, &fn, sizeof callback);
    return callback;
}
