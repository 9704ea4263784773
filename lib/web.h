/* HTTP for plugins: what struct sq_host.web promises (scitq/plugin.h, scitq/web.h),
 * but for the hiding of secrets, which is the host's.
 *
 * Connections are kept between calls.  Any thread; calls at the same time have a
 * connection each. */
#ifndef SQ_LIB_WEB_H
#define SQ_LIB_WEB_H

#include <scitq/plugin.h>
#include "lib/buf.h"

struct sq_web;

/* SQ_ENOMEM. */
int sq_web_new(struct sq_web **ret, struct sq_err *err);
void sq_web_free(struct sq_web *w); /* NULL is allowed; no call may be under way */

int sq_web_call(struct sq_web *w, struct sq_call *call,
                const struct sq_web_request *request, struct sq_web_answer **ret,
                struct sq_err *err);
void sq_web_answer_free(struct sq_web_answer *answer);
const char *sq_web_header(const struct sq_web_answer *answer, const char *name);
/* As sq_host.pause. */
int sq_web_pause(struct sq_call *call, int64_t ms, struct sq_err *err);

/* What was said, for people and tests: the request, and the answer or `why` there is
 * none.  Values of headers that carry credentials are left out. */
void sq_web_write(const struct sq_web_request *request,
                  const struct sq_web_answer *answer, const char *why,
                  struct sq_buf *out);

#endif
