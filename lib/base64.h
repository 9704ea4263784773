/* Base64 with the standard alphabet and padding (RFC 4648, section 4). */
#ifndef SQ_LIB_BASE64_H
#define SQ_LIB_BASE64_H

#include "lib/buf.h"

void sq_base64_encode(const void *data, size_t len, struct sq_buf *out);
/* False, with nothing promised of `out`, when `text` is not exact base64. */
bool sq_base64_decode(const char *text, size_t len, struct sq_buf *out);

#endif
