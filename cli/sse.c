/* A line at a time; a blank one ends an event. */
#include "cli/sse.h"

#include <stdio.h>
#include <string.h>

void sq_sse_init(struct sq_sse *s, sq_sse_fn *fn, void *arg)
{
    memset(s, 0, sizeof *s);
    s->fn = fn;
    s->arg = arg;
    sq_buf_init(&s->line, SQ_SSE_DATA_MAX);
    sq_buf_init(&s->data, SQ_SSE_DATA_MAX);
}

void sq_sse_fini(struct sq_sse *s)
{
    sq_buf_fini(&s->line);
    sq_buf_fini(&s->data);
}

static void begin(struct sq_sse *s)
{
    sq_buf_clear(&s->data);
    s->name[0] = '\0';
    s->has_data = false;
}

void sq_sse_again(struct sq_sse *s)
{
    sq_buf_clear(&s->line);
    memcpy(s->next_id, s->id, sizeof s->id);
    begin(s);
}

/* What is too long for us is cut by nobody's leave: an id that is not remembered. */
static void copy(char *to, size_t size, const char *text)
{
    if (strlen(text) < size)
        strcpy(to, text);
    else
        to[0] = '\0';
}

static int end_event(struct sq_sse *s, struct sq_err *err)
{
    static const struct sq_sse_event too_long = {"reset", "{}", 2};
    struct sq_sse_event e = {s->name[0] ? s->name : "message", s->data.data,
                             s->data.len};
    int rc = 0;
    memcpy(s->id, s->next_id, sizeof s->id);
    if (s->has_data)
        rc = s->fn(s->arg, sq_buf_ok(&s->data) ? &e : &too_long, err);
    begin(s);
    return rc;
}

static void take_field(struct sq_sse *s, const char *field, const char *value)
{
    if (strcmp(field, "event") == 0)
        copy(s->name, sizeof s->name, value);
    else if (strcmp(field, "id") == 0)
        copy(s->next_id, sizeof s->next_id, value);
    if (strcmp(field, "data") != 0)
        return;
    if (s->has_data)
        sq_buf_addc(&s->data, '\n');
    s->has_data = true;
    sq_buf_adds(&s->data, value);
}

static int take_line(struct sq_sse *s, struct sq_err *err)
{
    struct sq_buf *line = &s->line;
    if (!sq_buf_ok(line)) { /* longer than any event may be */
        s->has_data = true;
        s->data.failed = true;
        return 0;
    }
    if (line->len && line->data[line->len - 1] == '\r')
        line->data[--line->len] = '\0';
    if (!line->len)
        return end_event(s, err);
    char *colon = memchr(line->data, ':', line->len);
    if (colon == line->data)
        return 0; /* a comment */
    const char *value = "";
    if (colon) {
        *colon = '\0';
        value = colon + 1 + (colon[1] == ' ');
    }
    take_field(s, line->data, value);
    return 0;
}

int sq_sse_take(struct sq_sse *s, const char *data, size_t len, struct sq_err *err)
{
    const char *end = data + len;
    while (data < end) {
        const char *stop = memchr(data, '\n', (size_t)(end - data));
        sq_buf_add(&s->line, data, (size_t)((stop ? stop : end) - data));
        if (!stop)
            return 0;
        int rc = take_line(s, err);
        sq_buf_clear(&s->line);
        if (rc)
            return rc;
        data = stop + 1;
    }
    return 0;
}
