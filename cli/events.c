/* A tail that is read as Server-Sent Events. */
#include "cli/events.h"

#include <string.h>

/* Four times as long as the server is ever silent there. */
enum { QUIET_S = 60 };

static int take(void *listener, const char *data, size_t len, struct sq_err *err)
{
    struct sq_listener *l = listener;
    return sq_sse_take(&l->sse, data, len, err);
}

static void resume(void *listener, struct sq_buf *header)
{
    struct sq_listener *l = listener;
    sq_sse_again(&l->sse);
    if (l->sse.id[0])
        sq_buf_addf(header, "Last-Event-ID: %s", l->sse.id);
}

void sq_listener_open(struct sq_listener *l, struct sq_follow *f, const char *path,
                      sq_sse_fn *fn, void *arg)
{
    l->tail = (struct sq_tail){.path = path,
                               .endless = true,
                               .quiet_s = QUIET_S,
                               .resume = resume,
                               .take = take,
                               .arg = l};
    sq_sse_init(&l->sse, fn, arg);
    sq_tail_open(&l->tail, f);
}

void sq_listener_close(struct sq_listener *l)
{
    sq_tail_close(&l->tail);
    sq_sse_fini(&l->sse);
}

bool sq_event_is_anew(const struct sq_sse_event *e)
{
    return strcmp(e->name, "ready") == 0 || strcmp(e->name, "reset") == 0;
}

json_t *sq_event_row(const struct sq_sse_event *e, const char *kind, int64_t id)
{
    char key[SQ_SSE_WORD + 4];
    if (strcmp(e->name, kind) != 0)
        return NULL;
    snprintf(key, sizeof key, "%s_id", kind);
    json_t *row = json_loadb(e->data, e->len, 0, NULL);
    if (json_integer_value(json_object_get(row, key)) == id)
        return row;
    json_decref(row);
    return NULL;
}
