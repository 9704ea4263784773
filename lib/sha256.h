/* SHA-256 (FIPS 180-4) and its HMAC (RFC 2104), for tokens: what is kept of them is
 * their hash, and those that the server makes itself are codes over what they say.
 * Pure; any thread. */
#ifndef SQ_LIB_SHA256_H
#define SQ_LIB_SHA256_H

#include "lib/util.h"

enum { SQ_SHA256_BYTES = 32 };

void sq_sha256(const void *data, size_t len, unsigned char ret[SQ_SHA256_BYTES]);
void sq_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    unsigned char ret[SQ_SHA256_BYTES]);
/* In a time that does not tell where they differ. */
bool sq_same_bytes(const void *a, const void *b, size_t len);

#endif
