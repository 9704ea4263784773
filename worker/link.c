/* The link: what is sent when, and what an answer leads to. */
#include "worker/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/http.h"
#include "lib/jsonio.h"
#include "lib/log.h"

enum {
    COMPANY_US = 20000, /* what is not urgent waits this long for more */
    SYNC_US = 1000000,  /* not acknowledged by then: to the disk */
    PAUSE_US = 100000,  /* the first one, doubled up to… */
    PAUSE_MAX_US = 5000000,
    LEAVE_US = 2000000,
    STALL_S = 30,        /* a push that does not move */
    POLL_GRACE_S = 15,   /* a poll not answered so long after its time */
    BODY_MAX = 15 << 20, /* the server takes 16 MiB */
    BODY_KEPT = 256 << 10,
    ANSWER_ARENA = 128 << 20,
    SEEN_MAX = 100000,
    MISDIRECTED = 421 /* the server's word for "not of my database" */
};
#define OTHER_DATABASE "its answer is of another database"

static void push(struct sq_link *l);
static void poll(struct sq_link *l);

/* The server cannot be reached, or makes no sense: all waits, then tries again. */
static void lose(struct sq_link *l, const char *why)
{
    if (!l->lost)
        sq_log(SQ_LOG_WARNING, "worker", "no server at %s: %s; trying again",
               l->url.data, why);
    l->lost = true;
    sq_lane_cancel(l->push);
    sq_lane_cancel(l->poll);
    l->pushing = SQ_PUSH_NONE;
    if (l->leaving) {
        sq_timer_set(l->loop, &l->leave_timer, 0);
        return;
    }
    l->pause_us = l->pause_us ? l->pause_us * 2 : PAUSE_US;
    if (l->pause_us > PAUSE_MAX_US)
        l->pause_us = PAUSE_MAX_US;
    /* Jitter: a thousand workers do not come back in the same instant. */
    sq_timer_set(l->loop, &l->retry_timer,
                 l->pause_us / 2 + rand() % (l->pause_us / 2 + 1));
}

static void back(struct sq_link *l)
{
    if (l->lost)
        sq_log(SQ_LOG_INFO, "worker", "the server at %s is back", l->url.data);
    l->lost = l->misdirected = false;
    l->pause_us = 0;
}

/* Only of what runs and of what is still to be told is it known whose it is: with
 * nothing in hand, the server that answers is the right one. */
static bool owes_nothing(const struct sq_link *l)
{
    return !l->spool->n && sq_tasks_idle(l->tasks);
}

/* The database was made anew, or the fleet has moved: whoever owes the old one nothing
 * goes along, as it would if it were started now.  After a pause, since two servers may
 * be taking turns at one address. */
static void follow(struct sq_link *l)
{
    sq_log(SQ_LOG_WARNING, "worker",
           "the server at %s has another database: registering there, since nothing "
           "runs here and nothing is left to tell",
           l->url.data);
    sq_spool_set_database(l->spool, "");
    sq_lane_cancel(l->push);
    sq_lane_cancel(l->poll);
    l->pushing = SQ_PUSH_NONE;
    l->worker_id = SQ_NULL;
    l->has_status = l->knows_row = false;
    l->n_seen = 0;
    sq_timer_set(l->loop, &l->retry_timer, PAUSE_US);
}

/* A server started on another database: its rows have the same numbers and mean other
 * things.  What runs here is none of its concern. */
static void lose_misdirected(struct sq_link *l, const char *why)
{
    if (*l->spool->database && owes_nothing(l) && !l->leaving) {
        follow(l);
        return;
    }
    if (!l->misdirected)
        sq_log(SQ_LOG_WARNING, "worker",
               "the server at %s is the wrong one: %s; tasks go on, waiting for the "
               "right one (if this is meant: stop this worker, remove %s and start it)",
               l->url.data, why, l->spool->path);
    l->misdirected = l->lost = true;
    lose(l, why);
}

/* Once it is known, an answer of another is no answer. */
static bool is_right_database(struct sq_link *l, const struct sq_answer *a)
{
    if (!a->database)
        return true;
    if (!*l->spool->database)
        sq_spool_set_database(l->spool, a->database);
    return strcmp(a->database, l->spool->database) == 0;
}

static void send_push(struct sq_link *l, int kind, const char *method, const char *path)
{
    struct sq_err err;
    const struct sq_request req = {
        .method = method, .path = path, .body = &l->push_body, .stall_s = STALL_S};
    int rc = sq_buf_ok(&l->push_body)
                 ? sq_lane_send(l->push, &req, &err)
                 : sq_fail(&err, SQ_ENOMEM, "the request is too large");
    if (rc)
        lose(l, err.text);
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
        sq_timer_set(l->loop, &l->sync_timer, SYNC_US);
    }
    if (l->leaving) {
        sq_jw_key(&w, "leaving");
        sq_jw_bool(&w, true);
    }
    sq_jw_close(&w);
    sync_path(l, path);
    send_push(l, SQ_PUSH_SYNC, "PUT", path);
}

/* Send the most pressing thing, if anything is to be sent and nothing is under way. */
static void push(struct sq_link *l)
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
    if (l->spool->n || l->stats_due || l->n_seen || l->lost)
        send_sync(l);
    else if (l->idle_due)
        send_idle(l);
}

/* The poll goes when an answer would be news: with executions or signals taken but not
 * told, the server would name them again at once. */
static void poll(struct sq_link *l)
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
    int rc = sq_buf_ok(&l->poll_body) ? sq_lane_send(l->poll, &req, &err)
                                      : sq_fail(&err, SQ_ENOMEM, "out of memory");
    if (rc)
        lose(l, err.text);
}

static bool seen_before(const struct sq_link *l, int64_t id)
{
    for (size_t i = 0; i < l->n_seen; i++)
        if (l->seen[i] == id)
            return true;
    return false;
}

static bool see(struct sq_link *l, int64_t id)
{
    if (l->n_seen == l->cap_seen) {
        size_t cap = l->cap_seen ? l->cap_seen * 2 : 16;
        void *grown =
            cap <= SEEN_MAX ? reallocarray(l->seen, cap, sizeof *l->seen) : NULL;
        if (!grown)
            return false; /* told again by the server, taken then */
        l->seen = grown;
        l->cap_seen = cap;
    }
    l->seen[l->n_seen++] = id;
    return true;
}

/* The server knows of those that were in the push. */
static void forget_seen(struct sq_link *l)
{
    l->n_seen -= l->n_seen_sent;
    if (l->n_seen)
        memmove(l->seen, l->seen + l->n_seen_sent, l->n_seen * sizeof *l->seen);
    l->n_seen_sent = 0;
}

static void obey(struct sq_link *l, const struct sq_order *o)
{
    enum { CLEAN = -1, RESTART = -2, RESET_RESOURCES = -3 };
    if (seen_before(l, o->signal_id) || !see(l, o->signal_id))
        return;
    if (o->execution_id != SQ_NULL) {
        sq_log(SQ_LOG_INFO, "worker", "signal %d for execution %lld", (int)o->signal,
               (long long)o->execution_id);
        sq_tasks_signal(l->tasks, o->execution_id, (int)o->signal);
        return;
    }
    switch (o->signal) {
    case CLEAN:
        sq_log(SQ_LOG_INFO, "worker", "removing the directories of failed executions");
        sq_workdirs_clean(&l->tasks->dirs);
        break;
    case RESTART: l->restart = true; break; /* once the server knows that we obeyed */
    case RESET_RESOURCES:
        sq_log(SQ_LOG_INFO, "worker", "removing the resources that no task uses");
        sq_tasks_reset_resources(l->tasks);
        break;
    default:
        sq_log(SQ_LOG_WARNING, "worker", "unknown signal %d for the worker",
               (int)o->signal);
    }
}

static void set_delay(int64_t *to, int64_t value, int64_t min, int64_t max)
{
    if (value != SQ_NULL)
        *to = value < min ? min : value > max ? max : value;
}

/* When idle, a recruited worker says so after a while: it may be given back. */
static void watch_idleness(struct sq_link *l)
{
    if (l->permanent || !sq_tasks_idle(l->tasks)) {
        sq_timer_stop(l->loop, &l->idle_timer);
        l->idle_due = false;
        return;
    }
    if (!l->idle_timer.due && !l->idle_due)
        sq_timer_set(l->loop, &l->idle_timer,
                     (l->tasks->worked ? l->idle_delay_s : l->first_task_delay_s) *
                         1000000);
}

static void take_settings(struct sq_link *l, const struct sq_answer *a)
{
    int64_t stats_s = l->stats_s;
    set_delay(&l->idle_delay_s, a->idle_delay_s, 1, 1000000);
    set_delay(&l->first_task_delay_s, a->first_task_delay_s, 1, 1000000);
    set_delay(&l->poll_s, a->poll_s, 1, 60);
    set_delay(&l->stats_s, a->stats_s, 1, 3600);
    if (a->permanent >= 0)
        l->permanent = a->permanent;
    if (a->concurrency != SQ_NULL)
        sq_tasks_set_concurrency(l->tasks, a->concurrency);
    l->knows_row = true;
    snprintf(l->row_date, sizeof l->row_date, "%s", a->row_date ? a->row_date : "");
    if (stats_s != l->stats_s || !l->stats_timer.due)
        sq_timer_set(l->loop, &l->stats_timer, l->stats_s * 1000000);
}

/* What both lanes' answers carry.  Not `acked`: only the push knows what it sent. */
static void take_answer(struct sq_link *l, const struct sq_answer *a)
{
    take_settings(l, a);
    /* What comes too late is named again at the next start. */
    for (size_t i = 0; i < a->n_executions && !l->leaving; i++)
        sq_tasks_arrive(l->tasks, &a->executions[i]);
    for (size_t i = 0; i < a->n_signals; i++)
        obey(l, &a->signals[i]);
    for (size_t i = 0; i < a->n_withdrawn; i++)
        sq_tasks_withdraw(l->tasks, a->withdrawn[i]);
    watch_idleness(l);
    if (l->n_seen)
        sq_link_tell(l, true);
}

static void acknowledge(struct sq_link *l, int64_t acked)
{
    for (size_t i = 0; i < l->spool->n && l->spool->records[i].seq <= acked; i++)
        sq_tasks_acknowledged(l->tasks, &l->spool->records[i]);
    sq_spool_acknowledge(l->spool, acked);
    if (!l->spool->n)
        sq_timer_stop(l->loop, &l->sync_timer);
    if (sq_spool_wants_rewrite(l->spool))
        sq_tasks_rewrite_spool(l->tasks);
}

static void stop_if_told(struct sq_link *l)
{
    if (l->restart && !l->n_seen)
        l->conf->ended(l->conf->arg, SQ_LINK_RESTART, "the server asks for it");
    else if (l->leaving && !l->spool->n && !sq_tasks_dirty(l->tasks) && !l->stats_due)
        l->conf->ended(l->conf->arg, SQ_LINK_LEFT, "everything is told");
}

/* The next thing: at once when it waits already, else the poll. */
static void go_on(struct sq_link *l)
{
    if (l->urgent) /* came too late for the last push: with what ends meanwhile */
        sq_timer_hasten(l->loop, &l->push_timer, l->round_us);
    if (l->spool->n || l->n_seen || l->idle_due || l->leaving ||
        (sq_tasks_dirty(l->tasks) && !l->push_timer.due))
        push(l);
    poll(l);
}

/* Only our server's own words: any other 404 is of something that stands before it, or
 * in its place for a while, and must not end what runs. */
static bool says_row_is_gone(struct sq_link *l, const struct sq_reply *reply)
{
    char words[64];
    snprintf(words, sizeof words, "Worker %" PRId64 " doesn't exist", l->worker_id);
    return reply->status == 404 &&
           strcmp(sq_answer_message(reply->body, reply->len, &l->arena), words) == 0;
}

/* Our row is gone: nothing here is wanted any more.  Under a new spool, so that a row
 * of our name with executions that we have given up has them failed. */
static void row_is_gone(struct sq_link *l)
{
    struct sq_err err;
    sq_log(SQ_LOG_WARNING, "worker",
           "the server has no worker %lld any more: stopping its tasks, registering "
           "anew",
           (long long)l->worker_id);
    sq_tasks_withdraw_all(l->tasks);
    if (sq_spool_renew(l->spool, &err) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
    l->worker_id = SQ_NULL;
    l->has_status = false;
    l->n_seen = 0;
    sq_lane_cancel(l->poll);
    push(l);
}

static const char *reason(struct sq_link *l, const struct sq_reply *reply)
{
    if (!reply->status)
        return reply->error;
    const char *message = sq_answer_message(reply->body, reply->len, &l->arena);
    const char *text =
        sq_arena_printf(&l->arena, "it answered %d %s", reply->status, message);
    return text ? text : "out of memory";
}

/* The server refuses what we tell: agree anew on who we are, then tell all again. */
static void disagree(struct sq_link *l, const struct sq_reply *reply)
{
    l->worker_id = SQ_NULL;
    l->retell = true;
    lose(l, reason(l, reply));
}

static void registered(struct sq_link *l, const struct sq_answer *a)
{
    l->worker_id = a->worker_id;
    if (!l->has_status)
        l->conf->registered(l->conf->arg);
    l->has_status = true;
    acknowledge(l, a->acked == SQ_NULL ? 0 : a->acked);
    if (l->retell) {
        sq_spool_drop(l->spool);
        sq_tasks_retell(l->tasks);
        l->retell = false;
    }
    sq_log(SQ_LOG_INFO, "worker", "worker %lld at %s, concurrency %lld",
           (long long)l->worker_id, l->url.data, (long long)a->concurrency);
    l->stats_due = true;
    take_answer(l, a);
    push(l);
}

static void register_replied(struct sq_link *l, const struct sq_reply *reply)
{
    struct sq_answer a;
    struct sq_err err;
    if (reply->status == MISDIRECTED) {
        lose_misdirected(l, reason(l, reply));
        return;
    }
    if (reply->status == 409) {
        l->conf->ended(l->conf->arg, SQ_LINK_REFUSED, reason(l, reply));
        return;
    }
    if (reply->status != 200 && reply->status != 201) {
        lose(l, reason(l, reply));
        return;
    }
    if (sq_answer_parse(reply->body, reply->len, &l->arena, &a, &err) != 0)
        lose(l, err.text);
    else if (a.worker_id == SQ_NULL)
        lose(l, "its answer names no worker");
    else if (!is_right_database(l, &a))
        lose_misdirected(l, OTHER_DATABASE);
    else {
        back(l);
        registered(l, &a);
    }
}

static void sync_replied(struct sq_link *l, const struct sq_reply *reply)
{
    struct sq_answer a;
    struct sq_err err;
    if (says_row_is_gone(l, reply)) {
        row_is_gone(l);
        return;
    }
    if (reply->status == MISDIRECTED) {
        lose_misdirected(l, reason(l, reply));
        return;
    }
    if (reply->status >= 400 && reply->status < 500 && reply->status != 401 &&
        reply->status != 403 && reply->status != 404 && reply->status != 408 &&
        reply->status != 429) {
        disagree(l, reply);
        return;
    }
    if (reply->status != 200) {
        lose(l, reason(l, reply));
        return;
    }
    if (sq_answer_parse(reply->body, reply->len, &l->arena, &a, &err) != 0) {
        lose(l, err.text);
        return;
    }
    if (!is_right_database(l, &a)) {
        lose_misdirected(l, OTHER_DATABASE);
        return;
    }
    back(l);
    forget_seen(l);
    acknowledge(l, a.acked == SQ_NULL ? 0 : a.acked);
    take_answer(l, &a);
    if (l->spool->n)
        lose(l, "it did not store all that was told");
    stop_if_told(l);
    go_on(l);
}

static void push_done(void *arg, const struct sq_reply *reply)
{
    struct sq_link *l = arg;
    int kind = l->pushing;
    l->pushing = SQ_PUSH_NONE;
    l->round_us = sq_monotonic() - l->sent_at;
    if (l->round_us > COMPANY_US)
        l->round_us = COMPANY_US;
    sq_arena_reset(&l->arena);
    if (l->push_body.cap > BODY_KEPT) {
        sq_buf_fini(&l->push_body);
        sq_buf_init(&l->push_body, BODY_MAX);
    }
    switch (kind) {
    case SQ_PUSH_REGISTER: register_replied(l, reply); break;
    case SQ_PUSH_SYNC: sync_replied(l, reply); break;
    default: /* the idle callback: whatever it answers, later again */
        watch_idleness(l);
        go_on(l);
    }
}

static void poll_done(void *arg, const struct sq_reply *reply)
{
    struct sq_link *l = arg;
    struct sq_answer a;
    struct sq_err err;
    sq_arena_reset(&l->arena);
    if (reply->status == 404 ||
        reply->status == 409) { /* the push finds out the same */
        sq_tasks_remember(l->tasks, false);
        l->stats_due = true;
        push(l);
        return;
    }
    if (reply->status == MISDIRECTED)
        lose_misdirected(l, reason(l, reply));
    else if (reply->status != 200)
        lose(l, reason(l, reply));
    else if (sq_answer_parse(reply->body, reply->len, &l->arena, &a, &err) != 0)
        lose(l, err.text);
    else if (!is_right_database(l, &a))
        lose_misdirected(l, OTHER_DATABASE);
    else
        take_answer(l, &a);
    sq_tasks_remember(l->tasks, false);
    go_on(l);
}

static void push_due(void *arg)
{
    push(arg);
    poll(arg);
}

static void stats_due(void *arg)
{
    struct sq_link *l = arg;
    l->stats_due = true;
    sq_timer_set(l->loop, &l->stats_timer, l->stats_s * 1000000);
    watch_idleness(l);
    push(l);
    poll(l);
}

static void sync_due(void *arg)
{
    struct sq_link *l = arg;
    sq_spool_sync(l->spool);
}

static void idle_due(void *arg)
{
    struct sq_link *l = arg;
    l->idle_due = sq_tasks_idle(l->tasks) && !l->permanent;
    push(l);
}

static void leave_due(void *arg)
{
    struct sq_link *l = arg;
    l->conf->ended(l->conf->arg, SQ_LINK_LEFT, "the rest is told by the next start");
}

void sq_link_tell(void *link, bool urgent)
{
    struct sq_link *l = link;
    if (!l->wire)
        return;
    l->urgent |= urgent;
    sq_timer_hasten(l->loop, &l->push_timer, urgent ? 0 : COMPANY_US);
}

void sq_link_leave(struct sq_link *l)
{
    if (l->leaving)
        return;
    l->leaving = true;
    sq_lane_cancel(l->poll);
    bool quick = !l->lost && l->worker_id != SQ_NULL;
    sq_timer_set(l->loop, &l->leave_timer, quick ? LEAVE_US : 0);
    l->stats_due = true; /* so that there is an answer to end on */
    push(l);
}

void sq_link_start(struct sq_link *l)
{
    if (owes_nothing(l))
        sq_spool_set_database(l->spool, "");
    push(l);
}

int sq_link_init(struct sq_link *l, const struct sq_link_conf *conf,
                 struct sq_loop *loop, struct sq_spool *spool, struct sq_tasks *tasks,
                 struct sq_stats *stats, struct sq_err *err)
{
    *l = (struct sq_link){.conf = conf,
                          .loop = loop,
                          .spool = spool,
                          .tasks = tasks,
                          .stats = stats,
                          .worker_id = SQ_NULL,
                          .permanent = conf->registration.permanent,
                          .idle_delay_s = 300,
                          .first_task_delay_s = 3600,
                          .poll_s = 10,
                          .stats_s = 4};
    const struct {
        struct sq_timer *timer;
        sq_timer_fn *fn;
    } timers[] = {{&l->push_timer, push_due},   {&l->retry_timer, push_due},
                  {&l->stats_timer, stats_due}, {&l->sync_timer, sync_due},
                  {&l->idle_timer, idle_due},   {&l->leave_timer, leave_due}};
    for (size_t i = 0; i < SQ_LEN(timers); i++)
        *timers[i].timer = (struct sq_timer){.fn = timers[i].fn, .arg = l};
    sq_buf_init(&l->push_body, BODY_MAX);
    sq_buf_init(&l->poll_body, BODY_MAX);
    sq_buf_init(&l->url, 4096);
    sq_arena_init(&l->arena, ANSWER_ARENA);
    srand((unsigned)(sq_monotonic() ^ getpid()));
    int rc = sq_http_base_url(conf->server, &l->url, err);
    if (!rc)
        rc = sq_wire_open(loop, l->url.data, &l->wire, err);
    if (!rc && !(l->push = sq_wire_lane(l->wire, push_done, l, err)))
        rc = SQ_ENOMEM;
    if (!rc && !(l->poll = sq_wire_lane(l->wire, poll_done, l, err)))
        rc = SQ_ENOMEM;
    return rc;
}

void sq_link_fini(struct sq_link *l)
{
    sq_wire_close(l->wire);
    l->wire = NULL;
    sq_buf_fini(&l->push_body);
    sq_buf_fini(&l->poll_body);
    sq_buf_fini(&l->url);
    sq_arena_fini(&l->arena);
    free(l->seen);
}
