/* MD5 (RFC 1321), which storages and sequence archives give to compare contents with.
 * For noticing damage; no protection against anybody.  Nothing here allocates, fails or
 * locks: it may be used after fork(). */
#ifndef SCITQ_MD5_H
#define SCITQ_MD5_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sq_md5 {
    uint32_t state[4];
    uint64_t total_bytes;
    unsigned char block[64]; /* total_bytes % 64 of it are waiting */
};

void sq_md5_init(struct sq_md5 *m);
void sq_md5_add(struct sq_md5 *m, const void *data, size_t len);
/* 32 small hexadecimal digits and a 0.  Init again before another use. */
void sq_md5_end(struct sq_md5 *m, char ret[33]);

#ifdef __cplusplus
}
#endif
#endif
