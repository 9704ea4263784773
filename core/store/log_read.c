/* Reading output: bytes by offset, text by character.
 *
 * Each row knows how many characters were before it and the bytes that the decoder
 * still held, so text from character p starts at the row that holds p, wherever that
 * is.  A character takes at least one byte: p is first looked for at byte p, where it
 * is in plain ASCII, and from there to the right by halving. */
#include "core/store/log.h"

#include <string.h>

#include "core/model/status.h"
#include "lib/utf8.h"

enum {
    OLD_MAX = 1 << 30,             /* PostgreSQL's texts end there */
    WINDOW = 2 * SQ_LOG_CHUNK_MAX, /* bytes read in one query */
    SLICE = 4096 /* decoded at a time: how far a text may pass its maximum */
};

static void bind_stream(struct sq_stmt *st, int64_t execution_id, int stream)
{
    sq_bind_int(st, 1, execution_id);
    sq_bind_int(st, 2, stream);
}

/* One number, SQ_NULL when there is none. */
static int64_t read_number(struct sq_db *db, enum sq_query q, int64_t execution_id,
                           int stream)
{
    struct sq_stmt *st = sq_db_query(db, q);
    bind_stream(st, execution_id, stream);
    int64_t v = sq_row(st) ? sq_col_int(st, 0) : SQ_NULL;
    sq_stmt_end(st);
    return v;
}

int sq_log_size(struct sq_db *db, int64_t execution_id, int stream, int64_t *ret,
                struct sq_err *err)
{
    int64_t size = read_number(db, SQ_Q_LOG_SIZE, execution_id, stream);
    if (size == SQ_NULL)
        size = read_number(db, SQ_Q_LOG_OLD_SIZE, execution_id, stream);
    int code = sq_db_error(db, err);
    if (!code)
        *ret = size == SQ_NULL ? 0 : size;
    return code;
}

/* Bytes. */

static int full(struct sq_db *db, const struct sq_buf *out, struct sq_err *err)
{
    int code = sq_db_error(db, err);
    if (!code && !sq_buf_ok(out))
        code = sq_fail(err, SQ_ETOOBIG, "this output does not fit in %zu bytes",
                       out->max_bytes);
    return code;
}

static void read_old(struct sq_db *db, int64_t execution_id, int stream, int64_t start,
                     size_t max, struct sq_buf *out)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_OLD_BYTES);
    bind_stream(st, execution_id, stream);
    sq_bind_int(st, 3, start < OLD_MAX ? start : OLD_MAX);
    sq_bind_int(st, 4, max < OLD_MAX ? (int64_t)max : OLD_MAX);
    size_t len;
    const void *data = sq_row(st) ? sq_col_blob(st, 0, &len) : NULL;
    if (data)
        sq_buf_add(out, data, len);
    sq_stmt_end(st);
}

static struct sq_stmt *read_chunks(struct sq_db *db, int64_t execution_id, int stream,
                                   int64_t start, int64_t end)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_CHUNKS);
    bind_stream(st, execution_id, stream);
    sq_bind_int(st, 3, start);
    sq_bind_int(st, 4, end);
    return st;
}

int sq_log_read(struct sq_db *db, int64_t execution_id, int stream, int64_t start,
                size_t max, struct sq_buf *out, struct sq_err *err)
{
    bool any = false;
    if (max > INT64_MAX / 2)
        max = INT64_MAX / 2;
    if (start > INT64_MAX / 2)
        start = INT64_MAX / 2;
    struct sq_stmt *st =
        read_chunks(db, execution_id, stream, start, start + (int64_t)max);
    while (max && sq_row(st)) {
        size_t len;
        const char *data = sq_col_blob(st, 3, &len);
        int64_t skip = start - sq_col_int(st, 0);
        any = true;
        if (!data || skip >= (int64_t)len)
            continue;
        size_t some = len - (size_t)skip < max ? len - (size_t)skip : max;
        sq_buf_add(out, data + skip, some);
        start += (int64_t)some;
        max -= some;
    }
    sq_stmt_end(st);
    if (!any && max)
        read_old(db, execution_id, stream, start, max, out);
    return full(db, out, err);
}

/* Text. */

struct probe {
    int64_t start, chars;           /* the row */
    int64_t next_start, next_chars; /* SQ_NULL: it is the last */
};

static bool probe(struct sq_db *db, int64_t execution_id, int stream, int64_t byte,
                  struct probe *ret)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_PROBE);
    bind_stream(st, execution_id, stream);
    sq_bind_int(st, 3, byte);
    *ret = (struct probe){SQ_NULL, SQ_NULL, SQ_NULL, SQ_NULL};
    if (sq_row(st)) {
        ret->start = sq_col_int(st, 0);
        ret->chars = sq_col_int(st, 1);
    }
    if (sq_row(st)) {
        ret->next_start = sq_col_int(st, 0);
        ret->next_chars = sq_col_int(st, 1);
    }
    sq_stmt_end(st);
    return ret->start != SQ_NULL;
}

/* Where the row with character `from` starts; SQ_NULL when there are no rows. */
static int64_t find_row(struct sq_db *db, int64_t execution_id, int stream,
                        int64_t from)
{
    struct probe p;
    int64_t low = from, high = SQ_NULL;
    if (!probe(db, execution_id, stream, from, &p))
        return SQ_NULL;
    while (p.chars > from || (p.next_start != SQ_NULL && p.next_chars <= from)) {
        if (high == SQ_NULL)
            high = read_number(db, SQ_Q_LOG_SIZE, execution_id, stream);
        if (p.chars > from)
            high = p.start;
        else
            low = p.next_start;
        if (!probe(db, execution_id, stream, low + (high - low) / 2, &p))
            return SQ_NULL;
    }
    return p.start;
}

static bool has_ended(struct sq_db *db, int64_t execution_id)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_EXECUTION_STATUS);
    sq_bind_int(st, 1, execution_id);
    bool ended = sq_row(st) && !sq_execution_live(sq_name_find(
                                   &sq_execution_statuses, sq_col_text(st, 0, NULL)));
    sq_stmt_end(st);
    return ended;
}

static int read_old_text(struct sq_db *db, int64_t execution_id, int stream,
                         int64_t from, size_t max, struct sq_buf *out,
                         int64_t *ret_next, struct sq_err *err)
{
    int64_t length = read_number(db, SQ_Q_LOG_OLD_LENGTH, execution_id, stream);
    int64_t some = max / 4 < 1 ? 1 : max / 4 < OLD_MAX ? (int64_t)(max / 4) : OLD_MAX;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_OLD_TEXT);
    bind_stream(st, execution_id, stream);
    sq_bind_int(st, 3, from < OLD_MAX ? from : OLD_MAX);
    sq_bind_int(st, 4, some);
    size_t len = 0;
    const char *text = sq_row(st) ? sq_col_text(st, 0, &len) : NULL;
    if (text)
        sq_buf_add(out, text, len);
    sq_stmt_end(st);
    bool more = length != SQ_NULL && from < length && some < length - from;
    int code = full(db, out, err);
    if (!code)
        *ret_next = more ? from + some : SQ_NULL;
    return code;
}

/* A reading of text under way. */
struct reading {
    struct sq_utf8 decoder;
    struct sq_buf *out;
    size_t stop; /* enough: out->len reached this */
    int64_t skip;
};

/* Decode until there is enough; false when there is. */
static bool feed(struct reading *r, const char *data, size_t len)
{
    for (size_t at = 0; at < len && r->out->len < r->stop; at += SLICE)
        sq_utf8_feed(&r->decoder, data + at, len - at < SLICE ? len - at : SLICE,
                     r->out, &r->skip);
    return r->out->len < r->stop;
}

static void start_decoder(struct reading *r, struct sq_stmt *st, int64_t from)
{
    size_t len;
    const void *carry = sq_col_blob(st, 2, &len);
    r->decoder = (struct sq_utf8){.chars = sq_col_int(st, 1)};
    if (carry && len <= sizeof r->decoder.carry) {
        memcpy(r->decoder.carry, carry, len);
        r->decoder.carry_len = (unsigned)len;
    }
    r->skip = from - r->decoder.chars;
}

int sq_log_text(struct sq_db *db, int64_t execution_id, int stream, int64_t from,
                size_t max, struct sq_buf *out, int64_t *ret_next, struct sq_err *err)
{
    int64_t at = find_row(db, execution_id, stream, from);
    if (at == SQ_NULL)
        return read_old_text(db, execution_id, stream, from, max, out, ret_next, err);
    struct reading r = {.out = out,
                        .stop = max < SIZE_MAX - out->len ? out->len + max : SIZE_MAX};
    int64_t window = max < 1 ? 1 : max < WINDOW ? (int64_t)max : WINDOW;
    bool first = true, wanted = true, any = true;
    while (wanted && any) {
        struct sq_stmt *st = read_chunks(db, execution_id, stream, at, at + window);
        any = false;
        while (wanted && sq_row(st)) {
            size_t len;
            if (first)
                start_decoder(&r, st, from);
            else if (sq_col_int(st, 0) < at)
                continue; /* the row before, when there is nothing after it */
            const char *data = sq_col_blob(st, 3, &len);
            at = sq_col_int(st, 0) + (int64_t)len;
            first = false;
            any = true;
            wanted = feed(&r, data ? data : "", len) && sq_buf_ok(out);
        }
        sq_stmt_end(st);
    }
    if (wanted && has_ended(db, execution_id))
        sq_utf8_finish(&r.decoder, out, &r.skip);
    int code = full(db, out, err);
    if (!code)
        *ret_next = wanted ? SQ_NULL : r.decoder.chars;
    return code;
}

/* Characters of a stream that has rows. */
static int64_t count_chars(struct sq_db *db, int64_t execution_id, int stream)
{
    int64_t size = read_number(db, SQ_Q_LOG_SIZE, execution_id, stream);
    if (size == SQ_NULL)
        return SQ_NULL;
    struct reading r = {.stop = SIZE_MAX};
    struct sq_stmt *st = read_chunks(db, execution_id, stream, size, size);
    if (sq_row(st)) {
        size_t len;
        start_decoder(&r, st, 0);
        const void *data = sq_col_blob(st, 3, &len);
        sq_utf8_feed(&r.decoder, data, len, NULL, NULL);
    }
    sq_stmt_end(st);
    if (has_ended(db, execution_id))
        sq_utf8_finish(&r.decoder, NULL, NULL);
    return r.decoder.chars;
}

int sq_log_text_tail(struct sq_db *db, int64_t execution_id, int stream, int64_t n,
                     struct sq_buf *out, struct sq_err *err)
{
    int64_t next = SQ_NULL;
    int64_t chars = count_chars(db, execution_id, stream);
    if (chars == SQ_NULL)
        chars = read_number(db, SQ_Q_LOG_OLD_LENGTH, execution_id, stream);
    if (chars == SQ_NULL || n <= 0)
        return sq_db_error(db, err);
    return sq_log_text(db, execution_id, stream, n < chars ? chars - n : 0, SIZE_MAX,
                       out, &next, err);
}
