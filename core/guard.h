/* Who may reach this server, and under which names: made of the settings before any
 * port is open, looked at again on SIGHUP, and what is unsafe in it said in the log. */
#ifndef SQ_CORE_GUARD_H
#define SQ_CORE_GUARD_H

#include "core/http/auth.h"
#include "core/http/site.h"
#include "core/http/tls.h"
#include "core/settings.h"

struct sq_guard {
    struct sq_auth *auth;
    struct sq_tls *tls; /* NULL: none */
    struct sq_site site;
    char host[256], host_short[256]; /* of this machine; in `site` */
};

/* SCITQ_CA, for the programs that this one runs, and for local workers.  Before any
 * thread.  SQ_EINVAL: it cannot be read. */
int sq_guard_tell_ca(const struct sq_settings *s, struct sq_err *err);
/* `s` is borrowed.  SQ_EINVAL: tokens or
 * certificate cannot be read. */
int sq_guard_init(struct sq_guard *g, const struct sq_settings *s, struct sq_err *err);
/* Read the files again; those that cannot be are logged, and the old ones stay. */
void sq_guard_reload(struct sq_guard *g);
void sq_guard_fini(struct sq_guard *g);
/* Log what an administrator should know of how open the server is. */
void sq_guard_warn(const struct sq_guard *g, const struct sq_settings *s);

#endif
