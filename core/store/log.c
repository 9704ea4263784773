/* Appending output.  A call reads where each of its streams ends in one query, then
 * adds rows.  A row knows the text decoder's state at its own start: how many
 * characters came before, and the bytes of a character that the row before it cut in
 * two.  The state at the end is that of decoding the last row. */
#include "core/store/log.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/rows.h"
#include "core/store/set.h"
#include "lib/utf8.h"

/* The end of one stream of one execution. */
struct end {
    int64_t execution_id;
    int stream;
    bool exists; /* the execution does */
    int64_t at;  /* bytes stored */
    struct sq_utf8 decoder;
};

static int end_compare(const void *a, const void *b)
{
    const struct end *x = a, *y = b;
    if (x->execution_id != y->execution_id)
        return x->execution_id < y->execution_id ? -1 : 1;
    return x->stream - y->stream;
}

static struct end *end_find(struct end *ends, size_t n, int64_t execution_id,
                            int stream)
{
    struct end key = {.execution_id = execution_id, .stream = stream};
    return bsearch(&key, ends, n, sizeof *ends, end_compare);
}

/* The distinct streams that the chunks speak of, sorted. */
static size_t ends_of(const struct sq_log_chunk *chunks, size_t n, struct end *ends)
{
    for (size_t i = 0; i < n; i++)
        ends[i] = (struct end){.execution_id = chunks[i].execution_id,
                               .stream = chunks[i].stream};
    qsort(ends, n, sizeof *ends, end_compare);
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++)
        if (distinct == 0 || end_compare(&ends[distinct - 1], &ends[i]) != 0)
            ends[distinct++] = ends[i];
    return distinct;
}

static void insert_rows(struct sq_tx *tx, struct end *end, const char *data, size_t len)
{
    while (len > 0) {
        size_t part = len < SQ_LOG_CHUNK_MAX ? len : SQ_LOG_CHUNK_MAX;
        struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_LOG_INSERT);
        sq_bind_int(st, 1, end->execution_id);
        sq_bind_int(st, 2, end->stream);
        sq_bind_int(st, 3, end->at);
        sq_bind_int(st, 4, end->decoder.chars);
        sq_bind_blob(st, 5, end->decoder.carry, end->decoder.carry_len);
        sq_bind_blob(st, 6, data, part);
        struct sq_utf8 after = end->decoder;
        sq_run(st);
        sq_utf8_feed(&after, data, part, NULL, NULL);
        end->decoder = after;
        end->at += (int64_t)part;
        data += part;
        len -= part;
    }
}

/* Take over what the last row says of a stream's end. */
static void read_end(struct sq_stmt *st, struct end *end)
{
    size_t len = 0;
    const void *carry = sq_col_blob(st, 4, &len);
    end->decoder.chars = sq_col_int(st, 3);
    if (carry && len <= sizeof end->decoder.carry) {
        memcpy(end->decoder.carry, carry, len);
        end->decoder.carry_len = (unsigned)len;
    }
    const void *data = sq_col_blob(st, 5, &len);
    end->at = sq_col_int(st, 2) + (int64_t)len;
    sq_utf8_feed(&end->decoder, data, len, NULL, NULL);
}

/* 1.3's text, which is to be continued in rows: kept until the query is over. */
struct old_text {
    struct end *end;
    const char *text;
    struct old_text *next;
};

static struct old_text *keep_old(struct sq_tx *tx, struct end *end, struct sq_stmt *st,
                                 struct old_text *next)
{
    size_t len;
    const char *text = sq_col_text(st, 6, &len);
    struct old_text *old = sq_arena_alloc(tx->arena, sizeof *old);
    char *copy = sq_arena_memdup(tx->arena, text, len);
    if (!old || !copy)
        return NULL;
    *old = (struct old_text){end, copy, next};
    return old;
}

/* Where every stream of the call ends. */
static int read_ends(struct sq_tx *tx, struct end *ends, size_t n, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set keys;
    sq_set_init(&keys);
    for (size_t i = 0; i < n; i++) {
        sq_set_open(&keys);
        sq_jw_int(&keys.w, ends[i].execution_id);
        sq_jw_int(&keys.w, ends[i].stream);
        sq_set_close(&keys);
    }
    struct old_text *olds = NULL;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_LOG_ENDS);
    sq_bind_text(st, 1, sq_set_text(&keys));
    while (sq_row(st)) {
        struct end *end = end_find(ends, n, sq_col_int(st, 0), (int)sq_col_int(st, 1));
        if (!end)
            continue;
        end->exists = true;
        if (!sq_col_null(st, 2)) {
            read_end(st, end);
        } else if (!sq_col_null(st, 6)) {
            olds = keep_old(tx, end, st, olds);
            if (!olds)
                return sq_fail(err, SQ_ENOMEM,
                               "out of memory for an execution's output");
        }
    }
    for (; olds; olds = olds->next)
        insert_rows(tx, olds->end, olds->text, strlen(olds->text));
    return sq_db_error(tx->db, err);
}

static int append_one(struct sq_tx *tx, struct end *end,
                      const struct sq_log_chunk *chunk, struct sq_err *err)
{
    int64_t start = chunk->start == SQ_NULL ? end->at : chunk->start;
    if (start > end->at)
        return sq_fail(err, SQ_EPROTO,
                       "%s of execution %lld has %lld bytes here: a chunk at %lld "
                       "would leave a gap",
                       chunk->stream == SQ_STDOUT ? "stdout" : "stderr",
                       (long long)chunk->execution_id, (long long)end->at,
                       (long long)start);
    size_t known = (size_t)(end->at - start);
    if (known >= chunk->len)
        return 0;
    insert_rows(tx, end, (const char *)chunk->data + known, chunk->len - known);
    sq_changes_execution(tx->changes, chunk->execution_id);
    return 0;
}

int sq_log_append(struct sq_tx *tx, const struct sq_log_chunk *chunks, size_t n,
                  struct sq_err *err)
{
    if (n == 0)
        return 0;
    SQ_CLEANUP(sq_freep) struct end *ends = calloc(n, sizeof *ends);
    if (!ends)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu chunks of output", n);
    size_t n_ends = ends_of(chunks, n, ends);
    int code = read_ends(tx, ends, n_ends, err);
    for (size_t i = 0; i < n && code == 0; i++) {
        struct end *end =
            end_find(ends, n_ends, chunks[i].execution_id, chunks[i].stream);
        if (end->exists)
            code = append_one(tx, end, &chunks[i], err);
    }
    return code ? code : sq_db_error(tx->db, err);
}

/* The tails of one execution, gathered from its rows. */
struct tails {
    int64_t execution_id;
    struct sq_buf bytes[3]; /* by stream */
};

/* The last SQ_LOG_TAIL bytes as text, from the start of a character. */
static const char *tail_text(const struct sq_buf *bytes, struct sq_buf *text)
{
    if (bytes->len == 0)
        return NULL;
    size_t from = bytes->len > SQ_LOG_TAIL ? bytes->len - SQ_LOG_TAIL : 0;
    for (int i = 0; from > 0 && i < 3 && from < bytes->len; i++, from++)
        if (((unsigned char)bytes->data[from] & 0xC0) != 0x80)
            break;
    struct sq_utf8 decoder = {0};
    sq_buf_clear(text);
    sq_buf_adds(text, "");
    sq_utf8_feed(&decoder, bytes->data + from, bytes->len - from, text, NULL);
    sq_utf8_finish(&decoder, text, NULL);
    return sq_buf_ok(text) ? text->data : NULL;
}

static void write_tails(struct sq_rows *rows, struct tails *t, struct sq_buf text[3])
{
    if (t->bytes[SQ_STDOUT].len == 0 && t->bytes[SQ_STDERR].len == 0)
        return;
    sq_rows_int(rows, t->execution_id);
    sq_rows_text(rows, tail_text(&t->bytes[SQ_STDOUT], &text[SQ_STDOUT]));
    sq_rows_text(rows, tail_text(&t->bytes[SQ_STDERR], &text[SQ_STDERR]));
    sq_rows_next(rows);
    sq_buf_clear(&t->bytes[SQ_STDOUT]);
    sq_buf_clear(&t->bytes[SQ_STDERR]);
}

/* Copy the tails of a few executions; few, since their bytes are held together. */
static void copy_tails(struct sq_tx *tx, const int64_t *ids, size_t n, struct tails *t,
                       struct sq_buf text[3])
{
    SQ_CLEANUP(sq_set_fini) struct sq_set set;
    sq_set_init(&set);
    sq_set_ints(&set, ids, n);
    SQ_CLEANUP(sq_rows_end) struct sq_rows rows;
    sq_rows_begin(&rows, tx->db, SQ_Q_LOG_SET_TAILS);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_LOG_TAIL_ROWS);
    sq_bind_text(st, 1, sq_set_text(&set));
    while (sq_row(st)) {
        int64_t id = sq_col_int(st, 0);
        int stream = (int)sq_col_int(st, 1);
        size_t len;
        const void *data = sq_col_blob(st, 2, &len);
        if (id != t->execution_id)
            write_tails(&rows, t, text);
        t->execution_id = id;
        if (stream == SQ_STDOUT || stream == SQ_STDERR)
            sq_buf_add(&t->bytes[stream], data, len);
    }
    write_tails(&rows, t, text);
}

int sq_log_write_tails(struct sq_tx *tx, const int64_t *execution_ids, size_t n,
                       struct sq_err *err)
{
    enum { AT_ONCE = 64 };
    /* Rows from the last one's start less the tail: at most a tail and two rows. */
    const size_t max_bytes = 2 * SQ_LOG_CHUNK_MAX + SQ_LOG_TAIL;
    struct tails tails = {.execution_id = SQ_NULL};
    struct sq_buf text[3];
    for (int s = 0; s < 3; s++) {
        sq_buf_init(&tails.bytes[s], max_bytes);
        sq_buf_init(&text[s], 3 * SQ_LOG_TAIL + 16);
    }
    for (size_t i = 0; i < n; i += AT_ONCE)
        copy_tails(tx, execution_ids + i, n - i < AT_ONCE ? n - i : AT_ONCE, &tails,
                   text);
    for (int s = 0; s < 3; s++) {
        sq_buf_fini(&tails.bytes[s]);
        sq_buf_fini(&text[s]);
    }
    return sq_db_error(tx->db, err);
}
