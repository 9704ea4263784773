/* Appending output.  Reading it is in log_read.c.
 *
 * One query finds where each stream of the call ends and in what state its decoder is;
 * from there chunks are rows that follow each other, and the state is carried along in
 * memory.  A stream that has only 1.3's text column gets that text as its first rows.
 */
#include "core/store/log.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/status.h"
#include "core/store/changes.h"
#include "core/store/rows.h"
#include "lib/utf8.h"

enum {
    OLD_TEXT_MAX = 256 * 1024 * 1024, /* of 1.3's text, taken over at an append */
    /* Rows that start in this window hold the tail: it may begin in the middle of the
     * row before. */
    TAIL_WINDOW = SQ_LOG_TAIL + SQ_LOG_CHUNK_MAX
};

/* A stream of the call. */
struct end {
    int64_t execution_id;
    int stream;
    bool found; /* the execution exists */
    bool ended;
    int64_t worker_id;
    int64_t bytes;
    struct sq_utf8 decoder;
    bool old_text, changed;
};

static int by_stream(const void *a, const void *b)
{
    const struct end *x = a, *y = b;
    if (x->execution_id != y->execution_id)
        return x->execution_id > y->execution_id ? 1 : -1;
    return (x->stream > y->stream) - (x->stream < y->stream);
}

static struct end *find(struct end *ends, size_t n, int64_t execution_id, int stream)
{
    struct end key = {.execution_id = execution_id, .stream = stream};
    return bsearch(&key, ends, n, sizeof *ends, by_stream);
}

static size_t distinct_streams(const struct sq_log_chunk *chunks, size_t n,
                               struct end *ends)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        ends[i] = (struct end){.execution_id = chunks[i].execution_id,
                               .stream = chunks[i].stream};
    qsort(ends, n, sizeof *ends, by_stream);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || by_stream(&ends[i], &ends[found - 1]) != 0)
            ends[found++] = ends[i];
    return found;
}

/* The state of a decoder after the row at columns chars, carry, data. */
static void read_decoder(struct sq_stmt *st, int chars, struct sq_utf8 *ret,
                         size_t *ret_len)
{
    size_t carry_len, len;
    *ret = (struct sq_utf8){.chars = sq_col_int(st, chars)};
    const void *carry = sq_col_blob(st, chars + 1, &carry_len);
    if (carry && carry_len <= sizeof ret->carry) {
        memcpy(ret->carry, carry, carry_len);
        ret->carry_len = (unsigned)carry_len;
    }
    const void *data = sq_col_blob(st, chars + 2, &len);
    if (data)
        sq_utf8_feed(ret, data, len, NULL, NULL);
    *ret_len = len;
}

static int read_ends(struct sq_tx *tx, struct end *ends, size_t n, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set pairs;
    sq_set_init(&pairs);
    for (size_t i = 0; i < n; i++) {
        sq_set_open(&pairs);
        sq_jw_int(&pairs.w, ends[i].execution_id);
        sq_jw_int(&pairs.w, ends[i].stream);
        sq_set_close(&pairs);
    }
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_LOG_ENDS);
    sq_bind_text(st, 1, sq_set_text(&pairs));
    while (sq_row(st)) {
        struct end *e = find(ends, n, sq_col_int(st, 0), (int)sq_col_int(st, 1));
        size_t len = 0;
        e->found = true;
        e->ended = !sq_execution_live(
            sq_name_find(&sq_execution_statuses, sq_col_text(st, 2, NULL)));
        e->worker_id = sq_col_int(st, 3);
        e->old_text = sq_col_null(st, 4) && sq_col_bool(st, 8) == 1;
        if (sq_col_null(st, 4))
            continue;
        read_decoder(st, 5, &e->decoder, &len);
        e->bytes = sq_col_int(st, 4) + (int64_t)len;
    }
    return sq_db_error(tx->db, err);
}

static void store(struct sq_tx *tx, struct end *e, const char *data, size_t len)
{
    while (len) {
        size_t some = len < SQ_LOG_CHUNK_MAX ? len : SQ_LOG_CHUNK_MAX;
        struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_LOG_INSERT);
        sq_bind_int(st, 1, e->execution_id);
        sq_bind_int(st, 2, e->stream);
        sq_bind_int(st, 3, e->bytes);
        sq_bind_int(st, 4, e->decoder.chars);
        if (e->decoder.carry_len)
            sq_bind_blob(st, 5, e->decoder.carry, e->decoder.carry_len);
        sq_bind_blob(st, 6, data, some);
        sq_send(st);
        sq_utf8_feed(&e->decoder, data, some, NULL, NULL);
        e->bytes += (int64_t)some;
        e->changed = true;
        data += some;
        len -= some;
    }
}

static int take_over_old_text(struct sq_tx *tx, struct end *e, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text;
    sq_buf_init(&text, OLD_TEXT_MAX);
    int code =
        sq_log_read(tx->db, e->execution_id, e->stream, 0, OLD_TEXT_MAX, &text, err);
    if (!code)
        store(tx, e, text.data, text.len);
    e->old_text = false;
    return code;
}

static int append(struct sq_tx *tx, struct end *e, const struct sq_log_chunk *c,
                  struct sq_err *err)
{
    if (!e->found || (c->owner && c->owner != e->worker_id) || !c->len)
        return 0;
    int code = e->old_text ? take_over_old_text(tx, e, err) : 0;
    if (code)
        return code;
    int64_t start = c->start == SQ_NULL ? e->bytes : c->start;
    if (start < 0 || start > e->bytes)
        return sq_fail(err, SQ_EPROTO,
                       "%s of execution %lld would go on at byte %lld, but %lld are "
                       "stored",
                       c->stream == SQ_STDOUT ? "stdout" : "stderr",
                       (long long)c->execution_id, (long long)start,
                       (long long)e->bytes);
    uint64_t known = (uint64_t)(e->bytes - start);
    if (known < c->len)
        store(tx, e, (const char *)c->data + known, c->len - known);
    return 0;
}

/* Executions that had ended: what was added belongs to their tails. */
static int note_changes(struct sq_tx *tx, const struct end *ends, size_t n,
                        struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) int64_t *ended = calloc(n, sizeof *ended);
    size_t n_ended = 0;
    if (!ended)
        return sq_fail(err, SQ_ENOMEM, "out of memory for output");
    for (size_t i = 0; i < n; i++) {
        if (!ends[i].changed)
            continue;
        sq_changes_output(tx->changes, ends[i].execution_id);
        bool again = n_ended && ended[n_ended - 1] == ends[i].execution_id;
        if (ends[i].ended && !again)
            ended[n_ended++] = ends[i].execution_id;
    }
    int code = sq_db_error(tx->db, err);
    return code ? code : sq_log_write_tails(tx, ended, n_ended, err);
}

int sq_log_append(struct sq_tx *tx, const struct sq_log_chunk *chunks, size_t n,
                  struct sq_err *err)
{
    if (n == 0)
        return 0;
    SQ_CLEANUP(sq_freep) struct end *ends = calloc(n, sizeof *ends);
    if (!ends)
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu chunks of output", n);
    size_t n_ends = distinct_streams(chunks, n, ends);
    int code = read_ends(tx, ends, n_ends, err);
    for (size_t i = 0; i < n && !code; i++)
        code = append(tx, find(ends, n_ends, chunks[i].execution_id, chunks[i].stream),
                      &chunks[i], err);
    return code ? code : note_changes(tx, ends, n_ends, err);
}

/* Tails. */

/* The end of a stream, being gathered row by row. */
struct tail {
    int64_t execution_id; /* SQ_NULL: none yet */
    struct sq_buf bytes[3], text[3];
};

static void tail_init(struct tail *t)
{
    t->execution_id = SQ_NULL;
    for (int i = SQ_STDOUT; i <= SQ_STDERR; i++) {
        /* A row more than the window, were the last one longest. */
        sq_buf_init(&t->bytes[i], TAIL_WINDOW + 2 * SQ_LOG_CHUNK_MAX);
        sq_buf_init(&t->text[i], 4 * SQ_LOG_TAIL);
    }
}

static void tail_fini(struct tail *t)
{
    for (int i = SQ_STDOUT; i <= SQ_STDERR; i++) {
        sq_buf_fini(&t->bytes[i]);
        sq_buf_fini(&t->text[i]);
    }
}

/* The last bytes as text, from the first whole character; NULL when there are none. */
static const char *tail_text(struct tail *t, int stream)
{
    const struct sq_buf *in = &t->bytes[stream];
    size_t from = in->len > SQ_LOG_TAIL ? in->len - SQ_LOG_TAIL : 0;
    for (int i = 0; from && i < 3 && from < in->len; i++, from++)
        if (((unsigned char)in->data[from] & 0xc0) != 0x80)
            break;
    struct sq_utf8 decoder = {0};
    sq_buf_clear(&t->text[stream]);
    if (!in->len)
        return NULL;
    sq_utf8_feed(&decoder, in->data + from, in->len - from, &t->text[stream], NULL);
    sq_utf8_finish(&decoder, &t->text[stream], NULL);
    sq_buf_adds(&t->text[stream], "");
    return t->text[stream].data;
}

static void tail_write(struct tail *t, struct sq_rows *r)
{
    if (t->execution_id != SQ_NULL) {
        sq_rows_int(r, t->execution_id);
        sq_rows_text(r, tail_text(t, SQ_STDOUT));
        sq_rows_text(r, tail_text(t, SQ_STDERR));
        sq_rows_next(r);
    }
    sq_buf_clear(&t->bytes[SQ_STDOUT]);
    sq_buf_clear(&t->bytes[SQ_STDERR]);
}

int sq_log_write_tails(struct sq_tx *tx, const int64_t *execution_ids, size_t n,
                       struct sq_err *err)
{
    if (n == 0)
        return 0;
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    SQ_CLEANUP(tail_fini) struct tail tail;
    sq_set_init(&ids);
    sq_set_ints(&ids, execution_ids, n);
    tail_init(&tail);
    struct sq_rows rows;
    sq_rows_begin(&rows, tx->db, SQ_Q_LOG_SET_TAILS);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_LOG_TAIL_ROWS);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_bind_int(st, 2, TAIL_WINDOW);
    while (sq_row(st)) {
        size_t len;
        if (sq_col_int(st, 0) != tail.execution_id)
            tail_write(&tail, &rows);
        tail.execution_id = sq_col_int(st, 0);
        const void *data = sq_col_blob(st, 2, &len);
        sq_buf_add(&tail.bytes[sq_col_int(st, 1) == SQ_STDOUT ? 1 : 2], data, len);
    }
    tail_write(&tail, &rows);
    sq_rows_end(&rows);
    return sq_db_error(tx->db, err);
}
