/* Networks whose callers need no token: SCITQ_TRUSTED_NETWORKS.
 *
 * Parsed strictly, since what is misread here lets somebody in: an address with bits
 * beyond its length, or a number written in another way than usual, is refused. */
#ifndef SQ_HTTP_TRUST_H
#define SQ_HTTP_TRUST_H

#include <scitq/error.h>
#include <sys/socket.h>
#include "lib/util.h"

enum { SQ_TRUST_MAX = 256, SQ_ADDRESS_BYTES = 16 };

struct sq_network {
    unsigned char address[SQ_ADDRESS_BYTES]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;                                /* of the 128 */
};
struct sq_trust {
    struct sq_network v[SQ_TRUST_MAX];
    int n;
};

/* "10.0.0.0/8 192.168.1.7 fd00::/8": separated by blanks or commas.  SQ_EINVAL quotes
 * the entry; the sentence goes on after the setting's name. */
int sq_trust_parse(const char *list, struct sq_trust *ret, struct sq_err *err);
/* Is everybody in one of them? */
bool sq_trust_is_open(const struct sq_trust *t);
bool sq_trust_has(const struct sq_trust *t, const unsigned char *address);

/* The 16 bytes of an address, IPv4 as ::ffff:a.b.c.d; false for another family. */
bool sq_address_bytes(const struct sockaddr *a, unsigned char ret[SQ_ADDRESS_BYTES]);
bool sq_address_is_loopback(const unsigned char *address);
/* As people write it. */
void sq_address_text(const unsigned char *address, char *ret, size_t size);

#endif
