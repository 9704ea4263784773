/* The server's database before anything stands on it: made, checked, refused. */
#ifndef SQ_CORE_DATABASE_H
#define SQ_CORE_DATABASE_H

#include "core/settings.h"

struct sq_known_database {
    char *words;  /* "sqlite /path/file.db" */
    char *id;     /* sq_schema_identity */
    char *secret; /* sq_schema_secret */
};
/* Open it once, make its tables if there are none, close it.  *ret is the caller's to
 * forget, and untouched on failure. */
int sq_database_prepare(const struct sq_settings *s, struct sq_known_database *ret,
                        struct sq_err *err);
void sq_database_forget(struct sq_known_database *known);
/* --db init: the same, and say so on standard output. */
int sq_database_init(const struct sq_settings *s, struct sq_err *err);
/* --db upgrade, upgrade-or-init: bring an older one forward, 1.3's included, and say
 * so; one without tables only where `may_init`. */
int sq_database_upgrade(const struct sq_settings *s, bool may_init, struct sq_err *err);
/* --db prune: forget outputs, but for their ends, of what ended `days` ago or before.
 */
int sq_database_prune(const struct sq_settings *s, int64_t days, struct sq_err *err);
/* --db check: say whether the tables are right; changes nothing. */
int sq_database_check(const struct sq_settings *s, struct sq_err *err);

#endif
