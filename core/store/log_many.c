/* The output of many executions, for lists: a statement for as many as there are, where
 * log_read.c takes several for each. */
#include "core/store/log.h"

#include <string.h>

#include "core/store/set.h"
#include "lib/utf8.h"

enum { TEXTS_MAX = 256 << 20 /* of one stream, decoded */ };

int sq_log_sizes(struct sq_db *db, struct sq_log_of *of, size_t n, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    for (size_t i = 0; i < n; i++)
        sq_set_int(&ids, of[i].execution_id);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LOG_SIZES);
    sq_bind_text(st, 1, sq_set_text(&ids));
    while (sq_row(st)) {
        struct sq_log_of *o = &of[sq_col_int(st, 0)];
        int64_t stream = sq_col_int(st, 1) - 1;
        o->old[stream] = sq_col_null(st, 2);
        int64_t size = sq_col_int(st, o->old[stream] ? 3 : 2);
        o->size[stream] = size == SQ_NULL ? 0 : size;
    }
    return sq_db_error(db, err);
}

/* Streams of rows, or of old text, as [index, execution, stream, size]. */
static void add_streams(struct sq_set *set, const struct sq_log_of *of, size_t n,
                        int64_t most, bool old)
{
    for (size_t i = 0; i < n; i++)
        for (int stream = 0; stream < 2; stream++) {
            if (of[i].old[stream] != old || of[i].size[stream] <= 0 ||
                of[i].size[stream] > most)
                continue;
            sq_set_open(set);
            sq_jw_int(&set->w, (int64_t)i);
            sq_jw_int(&set->w, of[i].execution_id);
            sq_jw_int(&set->w, stream + 1);
            sq_jw_int(&set->w, of[i].size[stream]);
            sq_set_close(set);
        }
}

static bool keep(struct sq_log_of *o, int stream, const char *text, size_t len,
                 struct sq_arena *arena)
{
    o->len[stream] = len;
    o->text[stream] = sq_arena_memdup(arena, text ? text : "", len);
    return o->text[stream];
}

/* The stream that the rows are of now. */
struct decoding {
    struct sq_log_of *of; /* NULL: none yet */
    int stream;
    struct sq_utf8 decoder;
    struct sq_buf text;
};

static bool end_stream(struct decoding *d, struct sq_arena *arena)
{
    if (!d->of)
        return true;
    if (d->of->ended)
        sq_utf8_finish(&d->decoder, &d->text, NULL);
    bool kept =
        sq_buf_ok(&d->text) && keep(d->of, d->stream, d->text.data, d->text.len, arena);
    sq_buf_clear(&d->text);
    d->decoder = (struct sq_utf8){0};
    return kept;
}

static bool decode_rows(struct sq_stmt *st, struct sq_log_of *of,
                        struct sq_arena *arena)
{
    struct decoding d = {0};
    bool fits = true;
    sq_buf_init(&d.text, TEXTS_MAX);
    while (fits && sq_row(st)) {
        struct sq_log_of *next = &of[sq_col_int(st, 0)];
        int stream = (int)sq_col_int(st, 1) - 1;
        size_t len;
        const char *data = sq_col_blob(st, 2, &len);
        if (next != d.of || stream != d.stream)
            fits = end_stream(&d, arena);
        d.of = next;
        d.stream = stream;
        sq_utf8_feed(&d.decoder, data ? data : "", len, &d.text, NULL);
    }
    fits = fits && end_stream(&d, arena);
    sq_stmt_end(st);
    sq_buf_fini(&d.text);
    return fits;
}

static bool copy_old(struct sq_stmt *st, struct sq_log_of *of, struct sq_arena *arena)
{
    bool fits = true;
    while (fits && sq_row(st)) {
        size_t len = 0;
        const char *text = sq_col_text(st, 2, &len);
        fits = keep(&of[sq_col_int(st, 0)], (int)sq_col_int(st, 1) - 1, text,
                    text ? len : 0, arena);
    }
    sq_stmt_end(st);
    return fits;
}

int sq_log_texts(struct sq_db *db, struct sq_log_of *of, size_t n, int64_t most,
                 struct sq_arena *arena, struct sq_err *err)
{
    bool fits = true;
    for (int old = 0; old < 2 && fits; old++) {
        SQ_CLEANUP(sq_set_fini) struct sq_set streams;
        sq_set_init(&streams);
        add_streams(&streams, of, n, most, old);
        if (!streams.n)
            continue;
        struct sq_stmt *st = sq_db_query(db, old ? SQ_Q_LOG_OLD_TEXTS : SQ_Q_LOG_TEXTS);
        sq_bind_text(st, 1, sq_set_text(&streams));
        fits = old ? copy_old(st, of, arena) : decode_rows(st, of, arena);
    }
    int code = sq_db_error(db, err);
    if (!code && !fits)
        code = sq_fail(err, SQ_ETOOBIG,
                       "the output of these executions does not fit "
                       "in memory");
    return code;
}
