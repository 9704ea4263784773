/* Who may reach this server, and under which names: made of the settings before any
 * port is open, read anew on SIGHUP, and what is unsafe in it said in the log. */
#ifndef SQ_CORE_GUARD_H
#define SQ_CORE_GUARD_H

#include "core/http/auth.h"
#include "core/http/site.h"
#include "core/http/tls.h"
#include "core/settings.h"

struct sq_guard {
    struct sq_auth *auth;
    bool tls;
    struct sq_site site;
    char host[256], host_short[256]; /* of this machine; in `site` */
};

/* SCITQ_CA, for the programs that this one runs, and for local workers.  Before any
 * thread. */
int sq_guard_tell_ca(const struct sq_settings *s, struct sq_err *err);
/* `s` is borrowed.  SQ_EINVAL: tokens or certificate cannot be read. */
int sq_guard_init(struct sq_guard *g, const struct sq_settings *s, struct sq_err *err);

/* What the files say that `s` (borrowed) names. */
struct sq_guard_files {
    struct sq_auth *auth;
    struct sq_tls *tls; /* NULL: none */
};
/* SQ_EINVAL: tokens or certificate cannot be read; the guard is as it was. */
int sq_guard_read(const struct sq_settings *s, struct sq_guard_files *ret,
                  struct sq_err *err);
/* Guard by these from now on.  They are used up, by either. */
void sq_guard_take(struct sq_guard *g, struct sq_guard_files *files);
void sq_guard_drop(struct sq_guard_files *files);
void sq_guard_fini(struct sq_guard *g);
/* Log what an administrator should know of how open the server is. */
void sq_guard_warn(const struct sq_guard *g, const struct sq_settings *s);

#endif
