/* Small texts of HTTP that are parsed by hand: a Range header, listen addresses. */
#ifndef SQ_HTTP_RANGE_H
#define SQ_HTTP_RANGE_H

#include <scitq/error.h>
#include <sys/socket.h>
#include "lib/util.h"

enum sq_range { SQ_RANGE_WHOLE, SQ_RANGE_PART, SQ_RANGE_UNSATISFIABLE };

/* One byte range of RFC 9110, section 14: "bytes=5-9", "bytes=5-", "bytes=-5", over a
 * body of `size` bytes.  What is not understood (other units, several ranges) means the
 * whole, as the RFC allows.  *ret_end is exclusive. */
enum sq_range sq_range_parse(const char *header, int64_t size, int64_t *ret_start,
                             int64_t *ret_end);

/* One listen address: "127.0.0.1:5000", "[::1]:5000", "*:5000", "localhost:5000".
 * Numbers are not looked up anywhere.  SQ_EINVAL names the defect. */
struct sq_listen {
    struct sockaddr_storage address;
    socklen_t len;
};
int sq_listen_parse(const char *text, size_t len, struct sq_listen *ret,
                    struct sq_err *err);

#endif
