/* The production of long answers.
 *
 * A stream is a small machine: rows[i], then the field of that row, then, in a text
 * that is streamed, the character to go on from.  step() advances it by one row, one
 * field or one piece of text; produce() steps until a piece is worth sending.  A page
 * whose rows are so large that its arena is full is asked for again with fewer rows. */
#include "core/http/stream.h"

#include <stdlib.h>
#include <string.h>

#include "core/http/texts.h"
#include "core/store/record.h"
#include "lib/log.h"
#include "lib/utf8.h"

enum {
    PAGE_ROWS = 500,
    PAGE_BYTES = 32 << 20,
    PIECE_BYTES = 64 << 10, /* about what is produced at once */
    TEXT_BYTES = 512 << 10, /* of an output: two chunks of the store, since a part of
                               one costs the decoding of all of it */
    OUT_BYTES = 256 << 20   /* one row, escaped; a body of 16 MiB gives at most 96 */
};

struct sq_row_stream {
    struct sq_request *request;
    struct sq_stream_conf conf;
    struct sq_jw jw; /* into request->out */
    struct sq_arena arena;
    const char *rows;
    size_t n, i;
    int64_t page_rows;
    int64_t left; /* rows still allowed by the limit */
    bool more;    /* another page may follow */
    bool opened, finished;
    int field;    /* of row i, executions only; -1: not begun */
    bool in_text; /* inside the output or error of that row */
    int64_t from; /* character to go on from */
    size_t sent;  /* of request->out */
    struct sq_texts texts;
};

static const void *row_at(const struct sq_row_stream *s, size_t i)
{
    return s->rows + i * s->conf.type->size;
}

static int64_t row_key(const struct sq_row_stream *s, size_t i)
{
    return *(const int64_t *)SQ_FIELD_PTR(row_at(s, i), &s->conf.type->fields[0]);
}

/* ---- pages */

static void have_rows(struct sq_row_stream *s, const void *rows)
{
    s->rows = rows;
    s->i = 0;
    if (s->conf.type == &sq_execution_type)
        sq_texts_page(&s->texts, rows, s->n, s->conf.mask);
}

static int read_page(struct sq_row_stream *s, struct sq_db *db, struct sq_err *err)
{
    struct sq_page page = s->conf.page;
    void *rows;
    int code;
    page.no_output = true; /* the texts come by themselves */
    for (;;) {
        page.limit = s->left < s->page_rows ? s->left : s->page_rows;
        sq_arena_reset(&s->arena);
        code = sq_list_page(db, s->conf.type, &page, &s->arena, &rows, &s->n, err);
        if ((code != SQ_ENOMEM && code != SQ_ETOOBIG) || s->page_rows == 1)
            break;
        s->page_rows = s->page_rows > 8 ? s->page_rows / 8 : 1;
    }
    if (code != 0)
        return code;
    have_rows(s, rows);
    s->left -= (int64_t)s->n;
    s->more = (int64_t)s->n == page.limit && s->left > 0;
    if (s->n)
        s->conf.page.after = row_key(s, s->n - 1);
    if (s->conf.type == &sq_worker_type)
        for (size_t i = 0; i < s->n; i++)
            sq_liveness_overlay(s->request->server->conf.liveness,
                                (struct sq_worker *)row_at(s, i), &s->arena);
    return 0;
}

/* ---- the texts of executions */

static int text_stream(int field)
{
    return field == SQ_EXEC_F_OUTPUT ? SQ_STDOUT : SQ_STDERR;
}

static void short_text(struct sq_row_stream *s, const char *text, size_t len)
{
    if (s->conf.trunc != SQ_NULL) {
        size_t chars = sq_utf8_count(text, len);
        size_t most = s->conf.trunc < 0 ? 0 : (size_t)s->conf.trunc;
        size_t skip = chars > most ? sq_utf8_bytes(text, len, chars - most) : 0;
        text += skip;
        len -= skip;
    }
    sq_json_escape(text, len, &s->request->out);
}

static int begin_text(struct sq_row_stream *s, struct sq_db *db, struct sq_err *err)
{
    static const struct sq_log_of none;
    const struct sq_log_of *of = &none;
    int at = text_stream(s->field) - 1;
    int64_t from = s->conf.text_from[at];
    int code = s->conf.page.no_output
                   ? 0
                   : sq_texts_get(&s->texts, db, s->i, from == 0, &of, err);
    if (code != 0)
        return code;
    sq_jw_key(&s->jw, s->conf.type->fields[s->field].name);
    if (of->size[at] == 0) {
        sq_jw_null(&s->jw);
        s->field++;
        return 0;
    }
    sq_jw_raw(&s->jw, "\"", 1);
    s->in_text = from != 0 || !of->text[at];
    s->from = from;
    if (s->in_text)
        return 0;
    short_text(s, of->text[at], of->len[at]);
    sq_buf_addc(&s->request->out, '"');
    s->field++;
    return 0;
}

static int text_piece(struct sq_row_stream *s, struct sq_db *db,
                      const struct sq_execution *e, struct sq_err *err)
{
    struct sq_buf piece;
    int64_t next = SQ_NULL;
    int stream = text_stream(s->field), code;
    if (s->conf.trunc == SQ_NULL) {
        sq_buf_init(&piece, 4 * TEXT_BYTES + SQ_LOG_CHUNK_MAX * 4);
        code = sq_log_text(db, e->execution_id, stream, s->from, TEXT_BYTES, &piece,
                           &next, err);
    } else {
        sq_buf_init(&piece, OUT_BYTES);
        code =
            sq_log_text_tail(db, e->execution_id, stream, s->conf.trunc, &piece, err);
    }
    if (code == 0 && !sq_buf_ok(&piece))
        code = sq_fail(err, SQ_ETOOBIG, "the text of execution %lld is too large",
                       (long long)e->execution_id);
    if (code == 0)
        sq_json_escape(piece.data ? piece.data : "", piece.len, &s->request->out);
    sq_buf_fini(&piece);
    s->from = next;
    if (next == SQ_NULL) {
        sq_buf_addc(&s->request->out, '"');
        s->in_text = false;
        s->field++;
    }
    return code;
}

/* One field of an execution, or one piece of one. */
static int execution_step(struct sq_row_stream *s, struct sq_db *db, struct sq_err *err)
{
    const struct sq_execution *e = row_at(s, s->i);
    if (s->in_text)
        return text_piece(s, db, e, err);
    if (s->field < 0) {
        sq_jw_open(&s->jw, '{');
        s->field = 0;
    }
    while (s->field < s->conf.type->n_fields) {
        bool wanted = s->conf.mask & SQ_BIT(s->field);
        if (wanted && (s->field == SQ_EXEC_F_OUTPUT || s->field == SQ_EXEC_F_ERROR))
            return begin_text(s, db, err);
        if (wanted)
            sq_field_to_json(&s->jw, &s->conf.type->fields[s->field], e);
        s->field++;
    }
    sq_jw_close(&s->jw);
    s->field = -1;
    s->i++;
    return 0;
}

/* ---- the machine */

static void finish(struct sq_row_stream *s)
{
    if (!s->conf.object)
        sq_jw_close(&s->jw);
    sq_buf_addc(&s->request->out, '\n');
    s->finished = true;
}

static int step(struct sq_row_stream *s, struct sq_db *db, struct sq_err *err)
{
    if (!s->opened && !s->conf.object)
        sq_jw_open(&s->jw, '[');
    s->opened = true;
    if (s->i < s->n && s->conf.type == &sq_execution_type)
        return execution_step(s, db, err);
    if (s->i < s->n)
        sq_record_to_json(&s->jw, s->conf.type, s->conf.mask, row_at(s, s->i++));
    else if (s->more)
        return read_page(s, db, err);
    else
        finish(s);
    return 0;
}

/* Rows in memory that hold no text to read need no connection. */
static bool needs_db(const struct sq_row_stream *s)
{
    return s->more || s->conf.type == &sq_execution_type;
}

static int produce(struct sq_row_stream *s, struct sq_err *err)
{
    struct sq_pool *pool = s->request->server->conf.pool;
    struct sq_buf *out = &s->request->out;
    struct sq_db *db = NULL;
    int code = needs_db(s) ? sq_pool_get(pool, &db, err) : 0;
    sq_buf_clear(out);
    s->sent = 0;
    while (code == 0 && !s->finished && out->len < PIECE_BYTES)
        code = step(s, db, err);
    if (db)
        sq_pool_put(pool, db);
    if (code == 0 && !sq_buf_ok(out))
        code = sq_fail(err, SQ_ENOMEM, "no memory for a row of the answer");
    return code;
}

ssize_t sq_stream_read(void *request, uint64_t pos, char *buf, size_t max)
{
    struct sq_request *r = request;
    struct sq_row_stream *s = r->stream;
    struct sq_err err = {0};
    (void)pos;
    if (s->sent == r->out.len) {
        if (s->finished)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (produce(s, &err) != 0) {
            sq_log(SQ_LOG_ERROR, "http", "%s: cut short: %s", r->match.route->path,
                   err.text);
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    return (ssize_t)sq_buf_copy(&r->out, &s->sent, buf, max);
}

int sq_stream_answer(struct sq_request *r, const struct sq_stream_conf *conf,
                     struct sq_err *err)
{
    struct sq_row_stream *s = calloc(1, sizeof *s);
    if (!s)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    s->request = r;
    s->conf = *conf;
    s->n = conf->n_rows;
    have_rows(s, conf->rows);
    s->more = !conf->rows && conf->page.limit != 0;
    s->left = conf->page.limit == SQ_NULL ? INT64_MAX : conf->page.limit;
    s->page_rows = PAGE_ROWS;
    s->field = -1;
    sq_arena_init(&s->arena, PAGE_BYTES);
    sq_buf_fini(&r->out);
    sq_buf_init(&r->out, OUT_BYTES);
    sq_jw_init(&s->jw, &r->out);
    int code = produce(s, err);
    if (code == 0 && !s->finished) {
        r->stream = s;
        return 0;
    }
    sq_stream_free(s);
    return code;
}

void sq_stream_free(struct sq_row_stream *s)
{
    if (!s)
        return;
    sq_texts_fini(&s->texts);
    sq_arena_fini(&s->arena);
    free(s);
}
