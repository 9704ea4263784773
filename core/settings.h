/* The server's settings: scitq.conf and the environment, checked as a whole. */
#ifndef SQ_CORE_SETTINGS_H
#define SQ_CORE_SETTINGS_H

#include "core/http/listen.h"
#include "core/http/trust.h"
#include "core/options.h"
#include "core/store/recruited.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "lib/plugin.h"

struct sq_settings {
    struct sq_conf *conf;
    struct sq_conf *told;     /* while it runs: with what changes at the next start */
    struct sq_conf_key *keys; /* ours and the providers' */
    struct sq_plugins *providers;
    bool borrows; /* keys and providers, of those it was started with */
    char *path;   /* the file they were read from; NULL: none */
    char *database_uri, *state_dir;
    char *server;      /* URL at which workers reach this server */
    bool on_loopback;  /* ...and nobody but this machine's, since none was set */
    char *server_name; /* names of recruited workers begin with it */
    enum sq_eviction eviction;
    bool janitor_destroys;
    struct sq_log_conf log;
    struct sq_listens listen;
    struct sq_trust trust;  /* networks that need no token */
    const char *token_file; /* these: NULL: none */
    const char *tls_cert, *tls_key, *ca;
};

/* Read and check, before anything is opened: what would be unsafe refuses to start,
 * what this version lacks is warned about.  SQ_EINVAL or SQ_ENOENT with the sentence.
 */
int sq_settings_load(const struct sq_options *options, struct sq_settings *ret,
                     struct sq_err *err);
/* The same while the server runs: a new set, in which everything that only a start can
 * change is as in `running`, which has to outlive it.  It is checked as the next start
 * would, and as what counts from now on. */
int sq_settings_load_again(const struct sq_options *options,
                           const struct sq_settings *running, struct sq_settings *ret,
                           struct sq_err *err);
/* Log as they say, be it more than that.  SQ_EINVAL: the file cannot be opened. */
int sq_settings_open_log(const struct sq_settings *s, enum sq_level least,
                         struct sq_err *err);
void sq_settings_fini(struct sq_settings *s);

#endif
