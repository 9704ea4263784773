/* What scitq-fetch says, a line at a time.  No I/O. */
#ifndef SQ_WORKER_TRANSFER_EVENT_H
#define SQ_WORKER_TRANSFER_EVENT_H

#include "worker/transfer.h"

/* The event's texts live in `texts`, which is cleared first. */
int sq_transfer_event_read(const char *line, size_t len, struct sq_buf *texts,
                           struct sq_transfer_event *ret, struct sq_err *err);

#endif
