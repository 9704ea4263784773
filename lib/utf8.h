/* Bytes into text, by the API's rule (http-api.md A.1, "Bytes"): NUL is dropped,
 * each maximal invalid sequence becomes U+FFFD, positions count characters
 * (Unicode 15, table 3-7; section 3.9 "substitution of maximal subparts").
 *
 * The decoder works on chunks: an incomplete sequence at the end of one is carried
 * (at most 3 bytes) and completed, or replaced, by the next. */
#ifndef SQ_LIB_UTF8_H
#define SQ_LIB_UTF8_H

#include "lib/buf.h"

#define SQ_UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

struct sq_utf8 {
    unsigned char carry[4];
    unsigned carry_len;
    int64_t chars; /* characters produced so far */
};

/* Decode `len` bytes; append the text to `out` (NULL only counts).  The first
 * `*skip` characters are counted but not appended, *skip going down to 0 (NULL: none).
 */
void sq_utf8_feed(struct sq_utf8 *u, const void *data, size_t len, struct sq_buf *out,
                  int64_t *skip);
/* End of input: a carried sequence becomes one U+FFFD. */
void sq_utf8_finish(struct sq_utf8 *u, struct sq_buf *out, int64_t *skip);
/* The sequence at the start of `p` (len >= 1): its length 1 to 4 when it is valid; 0
 * when the bytes end in the middle of one that could still be; else minus the length of
 * the maximal subpart to replace.  NUL is a valid sequence here. */
int sq_utf8_sequence(const void *p, size_t len);
/* True when the whole is valid UTF-8 without NUL. */
bool sq_utf8_valid(const char *text, size_t len);
/* Number of characters of a valid text; bytes taken by its first n characters. */
size_t sq_utf8_count(const char *text, size_t len);
size_t sq_utf8_bytes(const char *text, size_t len, size_t n);

#endif
