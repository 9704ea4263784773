/* The server's database before anything stands on it: made, checked, refused. */
#ifndef SQ_CORE_DATABASE_H
#define SQ_CORE_DATABASE_H

#include "core/settings.h"

/* Open it once, make its tables if there are none, close it.  *ret_words ("sqlite
 * /path/file.db") and *ret_id (sq_schema_identity) are the caller's to free, and
 * untouched on failure. */
int sq_database_prepare(const struct sq_settings *s, char **ret_words, char **ret_id,
                        struct sq_err *err);
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
