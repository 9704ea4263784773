/* Reading output: bytes by offset, text by character.
 *
 * A row covers its bytes from `start` and remembers the decoder's state there, so that
 * any position is reached by reading the one row that holds it.  An execution without
 * rows is one of 1.3: its whole output is in the old text columns. */
#include "core/store/log.h"

#include <string.h>

#include "lib/utf8.h"

static struct sq_stmt *ask(struct sq_db *db, enum sq_query q, int64_t execution_id,
                           int stream)
{
    struct sq_stmt *st = sq_db_query(db, q);
    sq_bind_int(st, 1, execution_id);
    sq_bind_int(st, 2, stream);
    return st;
}

int sq_log_size(struct sq_db *db, int64_t execution_id, int stream, int64_t *ret,
                struct sq_err *err)
{
    struct sq_stmt *st = ask(db, SQ_Q_LOG_SIZE, execution_id, stream);
    bool found = sq_row(st);
    int64_t size = found ? sq_col_int(st, 0) : 0;
    sq_stmt_end(st);
    int code = sq_db_error(db, err);
    if (code)
        return code;
    if (!found)
        return sq_fail(err, SQ_ENOENT, "Execution %lld doesn't exist",
                       (long long)execution_id);
    *ret = size;
    return 0;
}

/* The rows that hold bytes [from, to). */
static struct sq_stmt *rows(struct sq_db *db, int64_t execution_id, int stream,
                            int64_t from, int64_t to)
{
    struct sq_stmt *st = ask(db, SQ_Q_LOG_ROWS, execution_id, stream);
    sq_bind_int(st, 3, from);
    sq_bind_int(st, 4, to);
    return st;
}

/* 1.3's text, from position `from`, at most n; false when there is none there. */
static bool old_part(struct sq_db *db, enum sq_query q, int64_t execution_id,
                     int stream, int64_t from, size_t n, struct sq_buf *out)
{
    if (from > INT32_MAX - 1)
        return false;
    struct sq_stmt *st = ask(db, q, execution_id, stream);
    sq_bind_int(st, 3, from);
    sq_bind_int(st, 4, n > INT32_MAX ? INT32_MAX : (int64_t)n);
    size_t len = 0;
    const void *data = NULL;
    if (sq_row(st))
        data = q == SQ_Q_LOG_OLD_BYTES ? sq_col_blob(st, 0, &len)
                                       : (const void *)sq_col_text(st, 0, &len);
    if (data)
        sq_buf_add(out, data, len);
    sq_stmt_end(st);
    return data && len > 0;
}

static int result(struct sq_db *db, const struct sq_buf *out, struct sq_err *err)
{
    int code = sq_db_error(db, err);
    if (code == 0 && !sq_buf_ok(out))
        code = sq_fail(err, SQ_ENOMEM, "out of memory for a piece of output");
    return code;
}

int sq_log_read(struct sq_db *db, int64_t execution_id, int stream, int64_t start,
                size_t max, struct sq_buf *out, struct sq_err *err)
{
    int64_t end = start + (int64_t)max;
    bool any = false;
    struct sq_stmt *st = rows(db, execution_id, stream, start, end);
    while (sq_row(st)) {
        any = true;
        size_t len;
        const char *data = sq_col_blob(st, 3, &len);
        int64_t at = sq_col_int(st, 0);
        int64_t from = start > at ? start - at : 0;
        int64_t to = end - at < (int64_t)len ? end - at : (int64_t)len;
        if (from < to)
            sq_buf_add(out, data + from, (size_t)(to - from));
    }
    if (!any)
        old_part(db, SQ_Q_LOG_OLD_BYTES, execution_id, stream, start, max, out);
    return result(db, out, err);
}

static bool has_ended(struct sq_db *db, int64_t execution_id)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_ENDED);
    sq_bind_int(st, 1, execution_id);
    bool ended = sq_row(st) && sq_col_bool(st, 0) == 1;
    sq_stmt_end(st);
    return ended;
}

/* Start of the row that holds a character; SQ_NULL when there are no rows. */
static int64_t find_row(struct sq_db *db, int64_t execution_id, int stream, int64_t chr)
{
    struct sq_stmt *st = ask(db, SQ_Q_LOG_FIND_CHAR, execution_id, stream);
    sq_bind_int(st, 3, chr);
    int64_t start = sq_row(st) ? sq_col_int(st, 0) : SQ_NULL;
    sq_stmt_end(st);
    return start;
}

/* The decoder as it was at the start of the row just read. */
static struct sq_utf8 decoder_of(struct sq_stmt *st)
{
    struct sq_utf8 u = {.chars = sq_col_int(st, 1)};
    size_t len = 0;
    const void *carry = sq_col_blob(st, 2, &len);
    if (carry && len <= sizeof u.carry) {
        memcpy(u.carry, carry, len);
        u.carry_len = (unsigned)len;
    }
    return u;
}

/* Decode one row in slices until `out` has `full` bytes; true when all was taken. */
static bool decode_row(struct sq_utf8 *u, const char *data, size_t len, size_t full,
                       struct sq_buf *out, int64_t *skip)
{
    enum { SLICE = 16 * 1024 };
    for (size_t i = 0; i < len;) {
        if (out->len >= full || out->failed)
            return false;
        size_t part = len - i < SLICE ? len - i : SLICE;
        sq_utf8_feed(u, data + i, part, out, skip);
        i += part;
    }
    return true;
}

int sq_log_text(struct sq_db *db, int64_t execution_id, int stream, int64_t from,
                size_t max, struct sq_buf *out, int64_t *ret_next, struct sq_err *err)
{
    *ret_next = SQ_NULL;
    int64_t start = from == 0 ? 0 : find_row(db, execution_id, stream, from);
    size_t full = out->len + max;
    struct sq_utf8 u = {0};
    bool any = false, all = true;
    int64_t skip = 0, end = start == SQ_NULL ? 0 : start + (int64_t)max + 1;
    struct sq_stmt *st =
        rows(db, execution_id, stream, start == SQ_NULL ? 0 : start, end);
    int64_t reached = 0;
    while (all && sq_row(st)) {
        if (!any) {
            u = decoder_of(st);
            skip = from - u.chars;
        }
        any = true;
        size_t len;
        const char *data = sq_col_blob(st, 3, &len);
        reached = sq_col_int(st, 0) + (int64_t)len;
        all = decode_row(&u, data, len, full, out, &skip);
    }
    sq_stmt_end(st);
    if (!any) {
        size_t n = max / 4 + 1; /* a character has at most 4 bytes */
        size_t before = out->len;
        if (old_part(db, SQ_Q_LOG_OLD_TEXT, execution_id, stream, from, n, out) &&
            sq_utf8_count(out->data + before, out->len - before) == n)
            *ret_next = from + (int64_t)n;
        return result(db, out, err);
    }
    int64_t size = 0;
    int code = sq_log_size(db, execution_id, stream, &size, err);
    if (code)
        return code;
    if (!all || reached < size)
        *ret_next = u.chars > from ? u.chars : from;
    else if (has_ended(db, execution_id))
        sq_utf8_finish(&u, out, &skip);
    return result(db, out, err);
}

/* Characters of the whole stream. */
static int64_t count_chars(struct sq_db *db, int64_t execution_id, int stream)
{
    int64_t last = find_row(db, execution_id, stream, INT64_MAX);
    if (last == SQ_NULL) {
        struct sq_stmt *st = ask(db, SQ_Q_LOG_OLD_LENGTH, execution_id, stream);
        int64_t n = sq_row(st) && !sq_col_null(st, 0) ? sq_col_int(st, 0) : 0;
        sq_stmt_end(st);
        return n;
    }
    struct sq_utf8 u = {0};
    struct sq_stmt *st = rows(db, execution_id, stream, last, last + 1);
    if (sq_row(st)) {
        size_t len;
        u = decoder_of(st);
        const void *data = sq_col_blob(st, 3, &len);
        sq_utf8_feed(&u, data, len, NULL, NULL);
    }
    sq_stmt_end(st);
    if (u.carry_len && has_ended(db, execution_id))
        u.chars++;
    return u.chars;
}

int sq_log_text_tail(struct sq_db *db, int64_t execution_id, int stream, int64_t n,
                     struct sq_buf *out, struct sq_err *err)
{
    int64_t total = count_chars(db, execution_id, stream);
    int64_t from = total > n ? total - n : 0;
    int code = sq_db_error(db, err);
    while (code == 0 && from != SQ_NULL)
        code = sq_log_text(db, execution_id, stream, from, SQ_LOG_CHUNK_MAX, out, &from,
                           err);
    return code;
}
