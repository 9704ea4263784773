/* Texts of a page: sizes once, then short texts for as many rows as fit a window. */
#include "core/http/texts.h"

#include <stdlib.h>

enum {
    SHORT_BYTES = 512 << 10, /* a longer one is streamed by itself */
    WINDOW_BYTES = 1 << 20,  /* read at once, unless one row has more */
    ARENA_BYTES = 64 << 20   /* a byte that is no text takes three */
};

void sq_texts_fini(struct sq_texts *t)
{
    free(t->of);
    sq_arena_fini(&t->arena);
}

void sq_texts_page(struct sq_texts *t, const struct sq_execution *rows, size_t n,
                   uint64_t mask)
{
    sq_texts_fini(t);
    *t = (struct sq_texts){.rows = rows, .n = n, .mask = mask};
    sq_arena_init(&t->arena, ARENA_BYTES);
}

/* An execution that was never running has no output to look for. */
static bool may_have_text(const struct sq_execution *e)
{
    return e->status != SQ_EXEC_PENDING && e->status != SQ_EXEC_REFUSED;
}

static int read_sizes(struct sq_texts *t, struct sq_db *db, struct sq_err *err)
{
    t->of = calloc(t->n + 1, sizeof *t->of);
    if (!t->of)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a page of output");
    for (size_t i = 0; i < t->n; i++) {
        if (may_have_text(&t->rows[i])) /* else there is no execution 0 */
            t->of[i].execution_id = t->rows[i].execution_id;
        t->of[i].ended = !sq_execution_live(t->rows[i].status);
    }
    int code = sq_log_sizes(db, t->of, t->n, err);
    for (size_t i = 0; i < t->n; i++) {
        if (!(t->mask & SQ_BIT(SQ_EXEC_F_OUTPUT)))
            t->of[i].size[SQ_STDOUT - 1] = 0;
        if (!(t->mask & SQ_BIT(SQ_EXEC_F_ERROR)))
            t->of[i].size[SQ_STDERR - 1] = 0;
    }
    return code;
}

static int64_t short_bytes(const struct sq_log_of *of)
{
    int64_t n = 0;
    for (int stream = 0; stream < 2; stream++)
        if (of->size[stream] <= SHORT_BYTES)
            n += of->size[stream];
    return n;
}

/* From row i on, as many as fit. */
static int read_window(struct sq_texts *t, struct sq_db *db, size_t i,
                       struct sq_err *err)
{
    int64_t bytes = 0;
    t->read = i;
    do
        bytes += short_bytes(&t->of[t->read++]);
    while (t->read < t->n && bytes + short_bytes(&t->of[t->read]) <= WINDOW_BYTES);
    sq_arena_reset(&t->arena);
    return sq_log_texts(db, t->of + i, t->read - i, SHORT_BYTES, &t->arena, err);
}

int sq_texts_get(struct sq_texts *t, struct sq_db *db, size_t i, bool with_text,
                 const struct sq_log_of **ret, struct sq_err *err)
{
    int code = t->of ? 0 : read_sizes(t, db, err);
    if (code == 0 && with_text && i >= t->read)
        code = read_window(t, db, i, err);
    if (code == 0)
        *ret = &t->of[i];
    return code;
}
