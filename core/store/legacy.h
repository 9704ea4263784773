/* Tables that scitq 1.3 made: told from others', and brought to where migration 0001
 * goes on.  Source: the revisions of its schema, each of which added columns. */
#ifndef SQ_STORE_LEGACY_H
#define SQ_STORE_LEGACY_H

#include "core/store/db.h"

/* Tables with 1.3's names have the columns it gave them at every revision.  Else
 * *ret_table and *ret_column, which are constants, are the first that is absent. */
bool sq_legacy_is(struct sq_db *db, const char **ret_table, const char **ret_column);
/* SQ_EUNSUPPORTED: the tables are of a revision later than those known. */
int sq_legacy_check(struct sq_db *db, struct sq_err *err);
/* Inside a transaction.  No row is moved, and no old column's value changes but nulls
 * that 1.3 took for something (no batch: Default).  Checked before, as above. */
int sq_legacy_convert(struct sq_db *db, struct sq_err *err);

#endif
