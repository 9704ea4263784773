/* The web interface's files: read once, when the server starts, and served from memory
 * to anybody who can connect, since they hold nothing but code; what they show they ask
 * of the API, as who looks at them.
 *
 * Which files there are is a table (ui.c), so that no path leads to any other.  Each is
 * told apart from an earlier one by its ETag, and forbids the browser what the pages do
 * not need: scripts and styles from elsewhere or inside the page, frames around it. */
#ifndef SQ_HTTP_UI_H
#define SQ_HTTP_UI_H

#include <microhttpd.h>
#include <scitq/error.h>
#include "lib/util.h"

struct sq_route;
struct sq_ui;
struct sq_ui_file;

/* Read what there is in `folder`; what is missing is told in the log, and to whoever
 * asks for it.  SQ_ENOMEM. */
int sq_ui_open(const char *folder, struct sq_ui **ret, struct sq_err *err);
void sq_ui_close(struct sq_ui *ui); /* NULL is allowed */

/* Is that a call of these files? */
bool sq_ui_serves(const struct sq_route *route);
/* What the answer with this file says besides its type. */
void sq_ui_headers(const struct sq_ui_file *file, struct MHD_Response *response);

#endif
