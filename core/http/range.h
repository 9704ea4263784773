/* The Range header, parsed by hand. */
#ifndef SQ_HTTP_RANGE_H
#define SQ_HTTP_RANGE_H

#include "lib/util.h"

enum sq_range { SQ_RANGE_WHOLE, SQ_RANGE_PART, SQ_RANGE_UNSATISFIABLE };

/* One byte range of RFC 9110, section 14: "bytes=5-9", "bytes=5-", "bytes=-5", over a
 * body of `size` bytes.  What is not understood (other units, several ranges) means the
 * whole, as the RFC allows.  *ret_end is exclusive. */
enum sq_range sq_range_parse(const char *header, int64_t size, int64_t *ret_start,
                             int64_t *ret_end);

#endif
