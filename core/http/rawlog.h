/* GET /executions/<id>/log/<stdout|stderr>: the bytes as they were written, a range of
 * them, or all that will still be written (follow=1), in constant memory. */
#ifndef SQ_HTTP_RAWLOG_H
#define SQ_HTTP_RAWLOG_H

#include "core/http/request.h"

struct sq_raw_log;

struct MHD_Response *sq_raw_log_response(struct sq_request *r);
void sq_raw_log_free(struct sq_raw_log *l); /* NULL is allowed */

#endif
