/* A growable byte buffer with a maximum set at birth.
 *
 * Appending past the maximum, or out of memory, makes the buffer *failed*: later
 * appends do nothing, so that a long sequence is written straight and checked
 * once with sq_buf_ok().  data is always 0-terminated after the first append. */
#ifndef SQ_LIB_BUF_H
#define SQ_LIB_BUF_H

#include "lib/util.h"

struct sq_buf {
    char *data; /* NULL before the first append */
    size_t len;
    size_t cap;
    size_t max_bytes;
    bool failed;
};

void sq_buf_init(struct sq_buf *b, size_t max_bytes);
void sq_buf_fini(struct sq_buf *b);  /* frees; b may be inited again */
void sq_buf_clear(struct sq_buf *b); /* len = 0, failed = false, memory kept */
bool sq_buf_ok(const struct sq_buf *b);

void sq_buf_add(struct sq_buf *b, const void *data, size_t len);
void sq_buf_adds(struct sq_buf *b, const char *text);
void sq_buf_addc(struct sq_buf *b, char c);
void sq_buf_addf(struct sq_buf *b, const char *fmt, ...) SQ_PRINTF(2, 3);
/* Room for `len` more bytes at the returned pointer (NULL on failure); the caller
 * then adds what it wrote to b->len. */
char *sq_buf_room(struct sq_buf *b, size_t len);
/* Copy what stands from *at on, at most `max` bytes, and move *at past it; the number
 * of bytes. */
size_t sq_buf_copy(const struct sq_buf *b, size_t *at, void *to, size_t max);
/* Drop `len` bytes from the front. */
void sq_buf_consume(struct sq_buf *b, size_t len);

#endif
