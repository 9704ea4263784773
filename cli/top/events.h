/* Word from the server that something has changed (GET /events). */
#ifndef SQ_CLI_TOP_EVENTS_H
#define SQ_CLI_TOP_EVENTS_H

#include "cli/cli.h"

struct sq_top_events;

/* Borrows `cli`'s options; a server that has no events is no error. */
int sq_top_events_start(struct sq_cli *cli, struct sq_top_events **ret,
                        struct sq_err *err);
void sq_top_events_stop(struct sq_top_events *e); /* NULL is allowed */
/* Readable when something has come; -1: nobody listens. */
int sq_top_events_fd(const struct sq_top_events *e);
bool sq_top_events_live(const struct sq_top_events *e);
/* Take what has come: true when something has changed.  When the stream has ended,
 * which may have hidden a change, nobody listens any more. */
bool sq_top_events_take(struct sq_top_events *e);
/* Listen again where nobody does. */
void sq_top_events_again(struct sq_top_events *e);

#endif
