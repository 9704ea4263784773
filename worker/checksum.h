/* FNV-1a, 64 bits (Fowler, Noll, Vo): tells a torn or damaged line of our own files
 * from a whole one.  No defence against malice: whoever can write there is us. */
#ifndef SQ_WORKER_CHECKSUM_H
#define SQ_WORKER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t sq_checksum(const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ p[i]) * 0x100000001b3u;
    return sum;
}

#endif
