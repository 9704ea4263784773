/* Server-Sent Events: a response without end, whose connection is suspended while there
 * is nothing to say.
 *
 * An event is a row as it is when it is told, without the output of executions; one
 * that is gone is its id and "deleted".  Changes that come faster than GAP_US are told
 * together, each row once, so that a page that listens costs a few queries a second
 * however much happens.  Each event has an id to go on from; who asks for one that is
 * not remembered any more is told `reset`: look at everything anew.  Filters are those
 * of lists: a row that has not the member filtered by is not told.
 *
 *     event: task
 *     id: 0f3a…-812
 *     data: {"task_id":5,…}
 */
#include "core/http/events.h"

#include <stdlib.h>
#include <string.h>

#include "core/http/access.h"
#include "core/http/feed.h"
#include "core/http/query.h"
#include "core/http/steps.h"
#include "lib/clock.h"
#include "lib/log.h"

enum {
    AT_ONCE = 200, /* changes looked at together */
    PULL_BYTES = 32 << 10,
    PAGE_BYTES = 64 << 20,
    PIECE_BYTES = 128 << 20,
    ENOUGH_BYTES = 256 << 10, /* at once: of what nobody may come to read */
    KEPT_BYTES = 16 << 10     /* by who has nothing to send */
};
static const int64_t GAP_US = 200000, QUIET_US = 15000000;

static const struct {
    const char *word;
    const struct sq_type *type;
} kinds[SQ_FEED_KINDS] = {
    [SQ_FEED_TASK] = {"task", &sq_task_type},
    [SQ_FEED_EXECUTION] = {"execution", &sq_execution_type},
    [SQ_FEED_WORKER] = {"worker", &sq_worker_type},
    [SQ_FEED_JOB] = {"job", &sq_job_type},
};

struct sq_events {
    struct sq_request *request;
    struct {
        bool wanted;
        struct sq_filters filters;
        uint64_t mask;
    } of[SQ_FEED_KINDS];
    int64_t at;          /* number of the last change looked at */
    const char *opening; /* the first event, or NULL */
    int64_t spoke_at;    /* sq_monotonic() */
    struct sq_buf piece;
    size_t sent; /* of piece */
    /* Of one look: */
    struct sq_arena arena;
    struct sq_feed_change changes[AT_ONCE];
    int n;
    int64_t upto; /* the number that it came to */
};

void sq_events_free(struct sq_events *e)
{
    if (!e)
        return;
    sq_buf_fini(&e->piece);
    sq_arena_fini(&e->arena);
    free(e);
}

/* ---- what is asked for */

static int want_kinds(struct sq_events *e, const struct sq_filter *f,
                      struct sq_err *err)
{
    for (int k = 0; k < SQ_FEED_KINDS; k++)
        e->of[k].wanted = false;
    for (size_t i = 0; i < f->n; i++) {
        int k = 0;
        while (k < SQ_FEED_KINDS &&
               (!f->values[i] || strcmp(f->values[i], kinds[k].word) != 0))
            k++;
        if (k == SQ_FEED_KINDS)
            return sq_fail(err, SQ_EINVAL,
                           "kind must be task, execution, worker or job");
        e->of[k].wanted = true;
    }
    return 0;
}

static int set_parameter(struct sq_request *r, void *events, const char *key,
                         struct sq_filter *f, struct sq_err *err)
{
    struct sq_events *e = events;
    bool known = false;
    int code = 0;
    (void)r;
    if (strcmp(key, "kind") == 0)
        return want_kinds(e, f, err);
    for (int k = 0; k < SQ_FEED_KINDS && code == 0; k++) {
        struct sq_filter mine = *f;
        if (!sq_filter_known(kinds[k].type, key)) {
            e->of[k].mask = 0;
            continue;
        }
        known = true;
        code = sq_filters_add(&e->of[k].filters, kinds[k].type, key, &mine, err);
    }
    if (!known)
        return sq_fail(err, SQ_EINVAL, "%.100s is no filter of events", key);
    return code;
}

/* From where on: what a client that comes back knows, else now. */
static void set_start(struct sq_events *e)
{
    struct sq_request *r = e->request;
    struct sq_feed *feed = r->server->feed;
    const char *known =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Last-Event-ID");
    struct sq_feed_change any;
    e->at = known && *known ? sq_feed_parse(feed, known) : SQ_NULL;
    if (e->at != SQ_NULL && sq_feed_read(feed, e->at, &any, 1) >= 0)
        return;
    e->opening = known && *known ? "reset" : "ready";
    e->at = sq_feed_last(feed);
}

int sq_events_open(struct sq_request *r, struct sq_err *err)
{
    struct sq_events *e = calloc(1, sizeof *e);
    if (!e)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    e->request = r;
    sq_buf_init(&e->piece, PIECE_BYTES);
    sq_arena_init(&e->arena, PAGE_BYTES);
    r->events = e; /* freed with the request, also after an error */
    for (int k = 0; k < SQ_FEED_KINDS; k++) {
        e->of[k].wanted = true;
        e->of[k].mask = sq_record_visible(kinds[k].type);
    }
    e->of[SQ_FEED_EXECUTION].mask &=
        ~(SQ_BIT(SQ_EXEC_F_OUTPUT) | SQ_BIT(SQ_EXEC_F_ERROR));
    int code = sq_each_parameter(r, set_parameter, e, err);
    r->content_type = "text/event-stream";
    set_start(e);
    return code;
}

/* ---- a look at what changed */

static int by_kind_and_id(const void *a, const void *b)
{
    const struct sq_feed_change *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_number(const void *a, const void *b)
{
    const struct sq_feed_change *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Each row once, where it was changed last; only what is wanted. */
static void reduce(struct sq_events *e)
{
    int kept = 0;
    qsort(e->changes, (size_t)e->n, sizeof *e->changes, by_kind_and_id);
    for (int i = 0; i < e->n; i++) {
        const struct sq_feed_change *c = &e->changes[i], *next = c + 1;
        bool last = i + 1 == e->n || next->kind != c->kind || next->id != c->id;
        if (last && e->of[c->kind].wanted && e->of[c->kind].mask)
            e->changes[kept++] = *c;
    }
    e->n = kept;
}

/* The changed rows of a kind, ascending; without its filters when `all`. */
static int read_rows(struct sq_events *e, struct sq_db *db, int kind, bool all,
                     void **ret_rows, size_t *ret_n, struct sq_err *err)
{
    struct sq_filter filters[SQ_FILTERS_MAX + 1];
    char *ids[AT_ONCE];
    size_t n = all ? 0 : e->of[kind].filters.n, n_ids = 0;
    memcpy(filters, e->of[kind].filters.v, n * sizeof *filters);
    for (int i = 0; i < e->n; i++)
        if ((int)e->changes[i].kind == kind) {
            ids[n_ids] =
                sq_arena_printf(&e->arena, "%lld", (long long)e->changes[i].id);
            if (!ids[n_ids++])
                return sq_fail(err, SQ_ENOMEM, "out of memory");
        }
    *ret_n = 0;
    if (!n_ids)
        return 0;
    filters[n++] = (struct sq_filter){.field = 0, .values = ids, .n = n_ids};
    const struct sq_page page = {.filters = filters,
                                 .n_filters = n,
                                 .after = SQ_NULL,
                                 .limit = AT_ONCE,
                                 .no_output = true};
    return sq_list_page(db, kinds[kind].type, &page, &e->arena, ret_rows, ret_n, err);
}

static int64_t key_of(const void *row)
{
    return *(const int64_t *)row; /* the first member of each type */
}

static void *find(const struct sq_type *type, void *rows, size_t n, int64_t id)
{
    char *v = rows;
    for (size_t low = 0, high = n; low < high;) {
        size_t middle = (low + high) / 2;
        int64_t key = key_of(v + middle * type->size);
        if (key == id)
            return v + middle * type->size;
        if (key < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void begin_event(struct sq_events *e, const char *word, int64_t number)
{
    char id[SQ_FEED_TEXT];
    sq_feed_text(e->request->server->feed, number, id);
    sq_buf_addf(&e->piece, "event: %s\nid: %s\ndata: ", word, id);
}

static void add_row(struct sq_events *e, const struct sq_feed_change *c, void *row)
{
    struct sq_jw w;
    begin_event(e, kinds[c->kind].word, c->number);
    if (c->kind == SQ_FEED_WORKER)
        sq_liveness_overlay(e->request->server->conf.liveness, row, &e->arena);
    sq_jw_init(&w, &e->piece);
    sq_record_to_json(&w, kinds[c->kind].type, e->of[c->kind].mask, row);
    sq_buf_adds(&e->piece, "\n\n");
}

static void add_deleted(struct sq_events *e, const struct sq_feed_change *c)
{
    begin_event(e, kinds[c->kind].word, c->number);
    sq_buf_addf(&e->piece, "{\"%s\":%lld,\"deleted\":true}\n\n",
                kinds[c->kind].type->fields[0].name, (long long)c->id);
}

/* The rows that are left by the filters, and, where filters left some out, those that
 * there are. */
struct seen {
    void *rows, *all;
    size_t n, n_all;
};

static int look(struct sq_events *e, struct sq_db *db, int kind, struct seen *ret,
                struct sq_err *err)
{
    int code = read_rows(e, db, kind, false, &ret->rows, &ret->n, err);
    ret->all = ret->rows;
    ret->n_all = ret->n;
    if (code == 0 && e->of[kind].filters.n)
        code = read_rows(e, db, kind, true, &ret->all, &ret->n_all, err);
    return code;
}

/* The next events into e->piece, as many as are enough; none when nothing of what
 * changed is wanted. */
static int fetch(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_events *e = r->events;
    struct seen seen[SQ_FEED_KINDS] = {0};
    int code = 0;
    reduce(e);
    for (int k = 0; k < SQ_FEED_KINDS && code == 0; k++)
        code = look(e, db, k, &seen[k], err);
    qsort(e->changes, (size_t)e->n, sizeof *e->changes, by_number);
    for (int i = 0; i < e->n && code == 0; i++) {
        const struct sq_feed_change *c = &e->changes[i];
        const struct sq_type *type = kinds[c->kind].type;
        const struct seen *s = &seen[c->kind];
        void *row = find(type, s->rows, s->n, c->id);
        if (row)
            add_row(e, c, row);
        else if (!find(type, s->all, s->n_all, c->id))
            add_deleted(e, c);
        if (e->piece.len >= ENOUGH_BYTES) {
            e->upto = c->number;
            break;
        }
    }
    if (code == 0 && !sq_buf_ok(&e->piece))
        code = sq_fail(err, SQ_ENOMEM, "no memory for events");
    return code;
}

/* ---- the stream */

static void say(struct sq_events *e, const char *word)
{
    begin_event(e, word, e->at);
    sq_buf_adds(&e->piece, "{}\n\n");
}

/* Tell what changed since; 0 with a piece still empty when nothing did that is wanted.
 */
static int tell(struct sq_events *e, struct sq_err *err)
{
    if (e->opening) {
        say(e, e->opening);
        e->opening = NULL;
        return 0;
    }
    for (;;) {
        e->n = sq_feed_read(e->request->server->feed, e->at, e->changes, AT_ONCE);
        if (e->n < 0) {
            e->at = sq_feed_last(e->request->server->feed);
            say(e, "reset");
        }
        if (e->n <= 0)
            return 0;
        e->upto = e->changes[e->n - 1].number;
        int code = sq_request_read(e->request, fetch, err);
        sq_arena_fini(&e->arena);
        e->at = e->upto;
        if (code == SQ_ETOOBIG || code == SQ_ENOMEM) { /* enormous rows */
            sq_buf_clear(&e->piece);
            say(e, "reset");
            return 0;
        }
        if (code != 0 || e->piece.len)
            return code;
    }
}

/* Nothing was said for long: so that whoever is between does not take the connection
 * for dead, and that the client knows how far it is. */
static void say_nothing(struct sq_events *e)
{
    char id[SQ_FEED_TEXT];
    sq_feed_text(e->request->server->feed, e->at, id);
    sq_buf_addf(&e->piece, ":\nid: %s\n\n", id);
}

/* Enlist until there may be something to say; false while it is too early for more. */
static bool enlist(struct sq_events *e, int64_t now)
{
    struct sq_waiter *w = &e->request->waiter;
    bool early = e->spoke_at != 0 && now < e->spoke_at + GAP_US;
    w->kind = early ? SQ_WAIT_NOTHING : SQ_WAIT_FEED;
    w->id = 0;
    w->deadline = e->spoke_at + (early ? GAP_US : QUIET_US);
    sq_waiter_enlist(e->request->server->watch, w);
    return !early;
}

/* 1 there is a piece, 0 held, -1 the end. */
static int next_piece(struct sq_events *e)
{
    struct sq_request *r = e->request;
    struct sq_watch *watch = r->server->watch;
    struct sq_err err = {0};
    for (;;) {
        int64_t now = sq_monotonic();
        if (sq_client_gone(r->client) || !sq_access_holds(r))
            return -1;
        int code = enlist(e, now) ? tell(e, &err) : 0;
        if (code == 0 && !e->piece.len && now >= e->spoke_at + QUIET_US)
            say_nothing(e);
        int held = code == 0 && !e->piece.len ? sq_waiter_hold(watch, &r->waiter) : -1;
        if (held == 1)
            return 0;
        if (held == 0)
            continue;
        sq_waiter_leave(watch, &r->waiter);
        if (code != 0)
            sq_log(SQ_LOG_ERROR, "http", "events: cut short: %s", err.text);
        e->spoke_at = now;
        return code == 0 && e->piece.len ? 1 : -1;
    }
}

static ssize_t read_events(void *events, uint64_t pos, char *buf, size_t max)
{
    struct sq_events *e = events;
    (void)pos;
    if (e->sent == e->piece.len) {
        sq_buf_clear(&e->piece);
        if (e->piece.cap > KEPT_BYTES)
            sq_buf_fini(&e->piece);
        e->sent = 0;
        int next = next_piece(e);
        if (next <= 0)
            return next == 0 ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
    }
    return (ssize_t)sq_buf_copy(&e->piece, &e->sent, buf, max);
}

struct MHD_Response *sq_events_response(struct sq_request *r)
{
    struct MHD_Response *res = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, PULL_BYTES, read_events, r->events, NULL);
    if (res)
        MHD_add_response_header(res, "Cache-Control", "no-store");
    return res;
}
