/* GET /events: Server-Sent Events of every change of a task, execution, worker or job.
 */
#ifndef SQ_HTTP_EVENTS_H
#define SQ_HTTP_EVENTS_H

#include "core/http/request.h"

struct sq_events;
void sq_events_free(struct sq_events *e); /* NULL is allowed */
/* The response of a request that has r->events. */
struct MHD_Response *sq_events_response(struct sq_request *r);

#endif
