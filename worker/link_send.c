/* What the link sends: which call is due, and what is in it. */
#include "worker/link_impl.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/jsonio.h"

enum {
    SYNC_US = 1000000, /* not acknowledged by then: to the disk */
    STALL_S = 30,      /* a push that does not move */
    POLL_GRACE_S = 15  /* a poll not answered so long after its time */
};

static void send_push(struct sq_link *l, int kind, const char *method, const char *path)
{
    struct sq_err err;
    const struct sq_request req = {
        .method = method, .path = path, .body = &l->push_body, .stall_s = STALL_S};
    int rc = sq_buf_ok(&l->push_body)
                 ? sq_lane_send(l->push, &req, &err)
                 : sq_fail(&err, SQ_ENOMEM, "the request is too large");
    if (rc)
        sq_link_lose(l, err.text);
    else
        l->pushing = kind;
    l->sent_at = sq_monotonic();
}

static void send_register(struct sq_link *l)
{
    struct sq_registration r = l->conf->registration;
    r.spool = l->spool->id;
    r.database = *l->spool->database ? l->spool->database : NULL;
    if (l->has_status)
        r.status = NULL;
    sq_buf_clear(&l->push_body);
    sq_message_register(&r, &l->push_body);
    send_push(l, SQ_PUSH_REGISTER, "POST", "/workers/register");
}

static void send_idle(struct sq_link *l)
{
    char path[64];
    snprintf(path, sizeof path, "/workers/%" PRId64 "/callback", l->worker_id);
    sq_buf_clear(&l->push_body);
    sq_buf_adds(&l->push_body, "{\"message\":\"idle\"}");
    l->idle_due = false;
    send_push(l, SQ_PUSH_IDLE, "PUT", path);
}

static void write_seen(struct sq_link *l, struct sq_jw *w)
{
    l->n_seen_sent = l->n_seen;
    if (!l->n_seen)
        return;
    sq_jw_key(w, "signals_seen");
    sq_jw_open(w, '[');
    for (size_t i = 0; i < l->n_seen; i++)
        sq_jw_int(w, l->seen[i]);
    sq_jw_close(w);
}

static void write_stats(struct sq_link *l, struct sq_jw *w)
{
    if (!l->stats_due)
        return;
    sq_jw_key(w, "stats");
    sq_stats_write(l->stats, w);
    l->stats_due = false;
}

static void begin_sync(struct sq_link *l, struct sq_jw *w, struct sq_buf *body)
{
    sq_buf_clear(body);
    sq_jw_init(w, body);
    sq_jw_open(w, '{');
    sq_jw_key(w, "spool");
    sq_jw_text(w, l->spool->id);
    if (*l->spool->database) {
        sq_jw_key(w, "database");
        sq_jw_text(w, l->spool->database);
    }
    sq_jw_key(w, "holding");
    sq_tasks_write_holding(l->tasks, w);
}

static void sync_path(const struct sq_link *l, char path[64])
{
    snprintf(path, 64, "/workers/%" PRId64 "/sync", l->worker_id);
}

/* So that the server can tell whether our row has changed since. */
static void write_row_date(const struct sq_link *l, struct sq_jw *w)
{
    if (!l->knows_row)
        return;
    sq_jw_key(w, "row_date");
    sq_jw_text(w, *l->row_date ? l->row_date : NULL);
}

static void write_ahead(struct sq_link *l, struct sq_jw *w)
{
    int64_t n = sq_tasks_ahead(l->tasks, l->round_us);
    if (n <= 0)
        return;
    l->ahead = true;
    l->poll_ahead = sq_lane_busy(l->poll);
    sq_jw_key(w, "ahead");
    sq_jw_int(w, n);
}

static void send_sync(struct sq_link *l)
{
    struct sq_jw w;
    char path[64];
    begin_sync(l, &w, &l->push_body);
    write_stats(l, &w);
    write_seen(l, &w);
    if (l->spool->n) {
        sq_jw_key(&w, "records");
        sq_tasks_write_records(l->tasks, &w);
        write_ahead(l, &w);
        sq_timer_set(l->loop, &l->sync_timer, SYNC_US);
    }
    l->evicted_sent = l->evicted_due;
    if (l->evicted_due) {
        sq_jw_key(&w, "evicted");
        sq_jw_bool(&w, true);
    }
    if (l->leaving) {
        sq_jw_key(&w, "leaving");
        sq_jw_bool(&w, true);
    }
    sq_jw_close(&w);
    sync_path(l, path);
    send_push(l, SQ_PUSH_SYNC, "PUT", path);
}

void sq_link_push(struct sq_link *l)
{
    if (l->pushing != SQ_PUSH_NONE || l->retry_timer.due)
        return;
    sq_timer_stop(l->loop, &l->push_timer);
    if (l->worker_id == SQ_NULL) {
        send_register(l);
        return;
    }
    if (!l->spool->n) {
        sq_tasks_cut(l->tasks);
        l->urgent = false;
    }
    /* A lost server is asked even with nothing to tell: is it back? */
    if (l->spool->n || l->stats_due || l->n_seen || l->lost || l->evicted_due)
        send_sync(l);
    else if (l->idle_due)
        send_idle(l);
}

void sq_link_poll(struct sq_link *l)
{
    struct sq_jw w;
    struct sq_err err;
    char path[64];
    if (l->worker_id == SQ_NULL || l->lost || l->leaving || sq_lane_busy(l->poll) ||
        l->pushing != SQ_PUSH_NONE || l->spool->n || l->n_seen || l->tasks->untold)
        return;
    begin_sync(l, &w, &l->poll_body);
    sq_jw_key(&w, "wait");
    sq_jw_int(&w, l->poll_s);
    write_row_date(l, &w);
    sq_jw_close(&w);
    sync_path(l, path);
    const struct sq_request req = {.method = "PUT",
                                   .path = path,
                                   .body = &l->poll_body,
                                   .limit_s = (int)l->poll_s + POLL_GRACE_S};
    sq_tasks_remember(l->tasks, true);
    l->poll_ahead = false;
    int rc = sq_buf_ok(&l->poll_body) ? sq_lane_send(l->poll, &req, &err)
                                      : sq_fail(&err, SQ_ENOMEM, "out of memory");
    if (rc)
        sq_link_lose(l, err.text);
}
