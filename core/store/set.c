/* Builds the JSON arrays of set.h. */
#include "core/store/set.h"

#include <string.h>

#include "lib/clock.h"

/* PostgreSQL refuses texts of 1 GB; nothing sensible comes near this. */
enum { SET_MAX_BYTES = 256 * 1024 * 1024 };

static void begin(struct sq_set *s)
{
    s->n = 0;
    sq_jw_init(&s->w, &s->text);
    sq_jw_open(&s->w, '[');
}

void sq_set_init(struct sq_set *s)
{
    sq_buf_init(&s->text, SET_MAX_BYTES);
    begin(s);
}

void sq_set_fini(struct sq_set *s)
{
    sq_buf_fini(&s->text);
}

void sq_set_clear(struct sq_set *s)
{
    sq_buf_clear(&s->text);
    begin(s);
}

void sq_set_int(struct sq_set *s, int64_t v)
{
    sq_jw_int(&s->w, v);
    s->n++;
}

void sq_set_ints(struct sq_set *s, const int64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sq_set_int(s, v[i]);
}

void sq_set_str(struct sq_set *s, const char *text)
{
    sq_jw_text(&s->w, text);
    s->n++;
}

void sq_set_open(struct sq_set *s)
{
    sq_jw_open(&s->w, '[');
    s->n++;
}

void sq_set_close(struct sq_set *s)
{
    sq_jw_close(&s->w);
}

void sq_set_time(struct sq_set *s, int64_t time_us)
{
    char text[SQ_TIME_TEXT + 8];
    if (time_us == SQ_NULL) {
        sq_jw_null(&s->w);
        return;
    }
    sq_time_format(time_us, ' ', text);
    if (!strchr(text, '.'))
        strcat(text, ".000000");
    sq_jw_text(&s->w, text);
}

const char *sq_set_text(struct sq_set *s)
{
    if (s->w.depth > 0)
        sq_jw_close(&s->w);
    return sq_buf_ok(&s->text) ? s->text.data : "over the limit";
}
