/* Many rows through one named statement, in the way each engine likes best: SQLite runs
 * the statement once a row (a prepared run costs about 2 us, parsing JSON ten times
 * that); PostgreSQL runs it once for up to a thousand rows, sent as one JSON array of
 * arrays in $1, since every round trip counts.
 *
 * So such a query has two texts: $1, $2, … are the columns of a row on SQLite; on
 * PostgreSQL they are v->>0, v->>1, … of json_array_elements(cast($1 as json)) j(v).
 *
 *   SQ_CLEANUP(sq_rows_end) struct sq_rows r;
 *   sq_rows_begin(&r, db, SQ_Q_SIGNAL_INSERT);
 *   sq_rows_int(&r, 7); sq_rows_int(&r, 9); sq_rows_next(&r);
 */
#ifndef SQ_STORE_ROWS_H
#define SQ_STORE_ROWS_H

#include "core/store/db.h"
#include "core/store/set.h"

struct sq_rows {
    struct sq_db *db;
    enum sq_query query;
    struct sq_stmt *st; /* of the row under way; SQLite */
    int column;
    bool sets;
    struct sq_set set; /* PostgreSQL */
};

void sq_rows_begin(struct sq_rows *r, struct sq_db *db, enum sq_query query);
void sq_rows_int(struct sq_rows *r, int64_t v);      /* SQ_NULL: null */
void sq_rows_text(struct sq_rows *r, const char *v); /* borrowed until next; NULL */
void sq_rows_time(struct sq_rows *r, int64_t v);     /* SQ_NULL: null */
/* The row is complete. */
void sq_rows_next(struct sq_rows *r);
/* Run what is left.  Errors stick to the connection. */
void sq_rows_end(struct sq_rows *r);

#endif
