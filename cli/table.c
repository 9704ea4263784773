/* Aligned tables: cells are cleaned, cut and copied as they come; a block of rows is
 * padded to the widest cell of each column and written. */
#include "cli/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"
#include "lib/visible.h"

enum {
    CUT_OVER = 50, /* characters */
    CUT_TO = 49,
    CELL_BYTES = 64 * 1024 * 1024, /* one value: the server's own limit is lower */
    BLOCK_BYTES = 1024 * 1024 * 1024
};

/* Clean and cut `text` into the scratch buffer. */
static void render(struct sq_table *t, const char *text)
{
    struct sq_buf *b = &t->scratch;
    sq_buf_clear(b);
    if (!text || !*text)
        text = "-";
    if (t->cut && strlen(text) > CUT_OVER &&
        sq_utf8_count(text, strlen(text)) > CUT_OVER) {
        size_t keep = sq_utf8_bytes(text, strlen(text), CUT_TO);
        char head[CUT_TO * 4 + 1];
        memcpy(head, text, keep);
        head[keep] = 0;
        sq_visible_add(b, head, false);
        sq_buf_adds(b, "...");
    } else {
        sq_visible_add(b, text, false);
    }
}

static void write_row(const struct sq_table *t, char **cells)
{
    for (size_t i = 0; i + 1 < t->n_columns; i++) {
        size_t chars = sq_utf8_count(cells[i], strlen(cells[i]));
        fprintf(t->out, "%s%*s", cells[i], (int)(t->width[i] - chars + 2), "");
    }
    fprintf(t->out, "%s\n", cells[t->n_columns - 1]);
}

static void flush(struct sq_table *t)
{
    for (size_t i = 0; i < t->n_rows; i++)
        write_row(t, t->rows[i]);
    t->n_rows = 0;
    sq_arena_reset(&t->cells);
}

int sq_table_row(struct sq_table *t, const char *const *texts, struct sq_err *err)
{
    char **cells = sq_arena_array(&t->cells, t->n_columns, sizeof *cells);
    for (size_t i = 0; cells && i < t->n_columns; i++) {
        render(t, texts[i]);
        if (sq_buf_ok(&t->scratch))
            cells[i] = sq_arena_memdup(&t->cells, t->scratch.data, t->scratch.len);
        if (!cells[i])
            return sq_fail(err, SQ_ENOMEM, "out of memory for the table");
        size_t chars = sq_utf8_count(cells[i], t->scratch.len);
        if (chars > t->width[i])
            t->width[i] = chars;
    }
    if (!cells)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the table");
    t->rows[t->n_rows++] = cells;
    if (t->n_rows == SQ_TABLE_BLOCK)
        flush(t);
    return 0;
}

int sq_table_open(FILE *out, const char *const *columns, bool header, bool cut,
                  struct sq_table **ret, struct sq_err *err)
{
    struct sq_table *t = calloc(1, sizeof *t);
    if (!t)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    t->out = out;
    t->cut = cut;
    sq_arena_init(&t->cells, BLOCK_BYTES);
    sq_buf_init(&t->scratch, CELL_BYTES);
    while (columns[t->n_columns])
        t->n_columns++;
    assert(t->n_columns <= SQ_TABLE_COLUMNS);
    int rc = header ? sq_table_row(t, columns, err) : 0;
    if (rc != 0)
        sq_table_close(t, false);
    else
        *ret = t;
    return rc;
}

void sq_table_close(struct sq_table *t, bool write)
{
    if (write)
        flush(t);
    sq_arena_fini(&t->cells);
    sq_buf_fini(&t->scratch);
    free(t);
}
