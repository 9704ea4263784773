/* Word from the server that something has changed (GET /events): a child that listens.
 * Its descriptor is readable when something has come. */
#ifndef SQ_CLI_TOP_EVENTS_H
#define SQ_CLI_TOP_EVENTS_H

#include "cli/top/child.h"

/* Listen where nobody does; a server that has no events is no error. */
void sq_top_events_again(struct sq_top_child *c, struct sq_cli *cli);
/* Take what has come: true when something has changed.  When the stream has ended,
 * which may have hidden a change, nobody listens any more. */
bool sq_top_events_take(struct sq_top_child *c);

#endif
