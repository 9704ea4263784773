/* TLS: the server's certificate and key, which can be read anew while it serves.
 *
 * Versions before 1.2 are not spoken.  libmicrohttpd asks for the certificate at each
 * handshake, so that a new one is used from the next connection on, and those that are
 * there go on. */
#ifndef SQ_HTTP_TLS_H
#define SQ_HTTP_TLS_H

#include <scitq/error.h>
#include "lib/util.h"

/* What is offered, in GnuTLS's words. */
#define SQ_TLS_PRIORITIES                                                              \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

/* A certificate and its key, read. */
struct sq_tls;

/* PEM files: a chain whose first certificate is the server's, and its key, which only
 * the owner and the group may read.  SQ_EINVAL, SQ_ENOENT, SQ_EIO. */
int sq_tls_new(const char *cert, const char *key, struct sq_tls **ret,
               struct sq_err *err);
void sq_tls_free(struct sq_tls *t); /* one that is not used; NULL is allowed */
/* Takes the one that handshakes use from now on: there is one for the process, since
 * libmicrohttpd does not say whose handshake it is. */
void sq_tls_use(struct sq_tls *t);
/* None is served any more. */
void sq_tls_end(void);
/* Seconds since 1970 when the certificate that is used ends. */
int64_t sq_tls_ends(void);
/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
void *sq_tls_callback(void);

#endif
