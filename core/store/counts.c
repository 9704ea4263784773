/* All of them in one statement, so that they fit together. */
#include "core/store/counts.h"

int sq_counts_read(struct sq_db *db, void (*each)(void *arg, const struct sq_count *c),
                   void *arg, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_COUNTS);
    while (sq_row(st)) {
        const char *status = sq_col_text(st, 2, NULL);
        struct sq_count c = {.what = sq_col_text(st, 0, NULL),
                             .batch = sq_col_text(st, 1, NULL),
                             .status = status ? status : "",
                             .n = sq_col_int(st, 3)};
        each(arg, &c);
    }
    return sq_db_error(db, err);
}
