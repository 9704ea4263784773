/* Word from the server that something has changed (GET /events), without a gap: after
 * a loss it goes on from the last event heard, and where the server does not remember
 * that one it says so. */
#ifndef SQ_CLI_EVENTS_H
#define SQ_CLI_EVENTS_H

#include "cli/follow.h"
#include "cli/sse.h"

/* Called with "ready" first and with "reset" after a gap: look at everything anew; else
 * with "task", "execution", "worker" or "job" and the row, or its id and "deleted". */
struct sq_listener {
    struct sq_tail tail;
    struct sq_sse sse;
};

/* `path` (borrowed) is "/events" with its filters.  The memory is the caller's. */
void sq_listener_open(struct sq_listener *l, struct sq_follow *f, const char *path,
                      sq_sse_fn *fn, void *arg);
/* One that is all zeros was not opened. */
void sq_listener_close(struct sq_listener *l);
/* Whether this one says that anything may have changed. */
bool sq_event_is_anew(const struct sq_sse_event *e);
/* The row of an event; NULL where it is none of that kind and id. */
json_t *sq_event_row(const struct sq_sse_event *e, const char *kind, int64_t id);

#endif
