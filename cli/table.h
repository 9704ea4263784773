/* Rows as aligned plain text, columns separated by two spaces.
 *
 * People cut these with awk, so each cell is one visible run: an absent or empty
 * value is "-", control characters are written \n, \t, \xNN.  With `cut`, values
 * over 50 characters become their first 49 and "...".  Rows are kept until there are
 * SQ_TABLE_BLOCK of them, then written: shorter tables are aligned throughout, in a
 * longer one a column may widen between blocks, and memory stays bounded. */
#ifndef SQ_CLI_TABLE_H
#define SQ_CLI_TABLE_H

#include <scitq/error.h>
#include <stdio.h>
#include "lib/arena.h"
#include "lib/buf.h"

enum { SQ_TABLE_BLOCK = 10000, SQ_TABLE_COLUMNS = 24 };

struct sq_table {
    FILE *out;
    size_t n_columns;
    size_t width[SQ_TABLE_COLUMNS]; /* in characters */
    bool cut;
    struct sq_arena cells;
    struct sq_buf scratch;
    char **rows[SQ_TABLE_BLOCK];
    size_t n_rows;
};

/* `columns` ends with NULL.  A header line is written when `header`. */
int sq_table_open(FILE *out, const char *const *columns, bool header, bool cut,
                  struct sq_table **ret, struct sq_err *err);
/* Add a row of n_columns texts (NULL: absent), which are copied. */
int sq_table_row(struct sq_table *t, const char *const *texts, struct sq_err *err);
/* Write what is kept, or drop it, and free the table. */
void sq_table_close(struct sq_table *t, bool write);

#endif
