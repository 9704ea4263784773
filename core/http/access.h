/* What each role may call (http-api.md part C).
 *
 *   admin   everything
 *   read    GETs that change nothing, but /config/
 *   worker  its own row, its executions and their tasks, what a worker asks for
 *   nobody  /healthz, /version, the files of the web interface
 *
 * A worker's token is bound to a row (the one that its deployment got), to the rows of
 * a name (in SCITQ_TOKEN_FILE), or to none: then every worker's row is its own. */
#ifndef SQ_HTTP_ACCESS_H
#define SQ_HTTP_ACCESS_H

#include "core/http/auth.h"
#include "core/http/route.h"

struct sq_request;

/* May `role` call this route at all?  Pure. */
bool sq_access_may(const struct sq_route *route, enum sq_may role);

/* Headers are here: who calls, and may it?  SQ_EAUTH with the words for it; r->caller
 * is filled.  HTTP thread. */
int sq_access_admit(struct sq_request *r, const char *method, struct sq_err *err);
/* Has the caller of an answer without end still the right to it? */
bool sq_access_holds(struct sq_request *r);
/* The body is read: is what a worker names its own?  SQ_EAUTH. */
int sq_access_own(struct sq_request *r, struct sq_err *err);
/* May the caller have this row, which it registers as?  SQ_EAUTH. */
int sq_access_register(const struct sq_caller *caller, int64_t worker_id,
                       const char *name, struct sq_err *err);

#endif
