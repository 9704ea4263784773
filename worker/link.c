/* The link: when a call is due, what its reply means, and what to do without a server.
 * What is in the calls is in link_send.c, what answers lead to in link_answer.c. */
#include "worker/link_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/http.h"
#include "lib/log.h"

enum {
    COMPANY_US = 20000, /* what is not urgent waits this long for more */
    PAUSE_US = 100000,  /* the first one, doubled up to… */
    PAUSE_MAX_US = 5000000,
    LEAVE_US = 2000000,
    BODY_MAX = 15 << 20, /* the server takes 16 MiB */
    BODY_KEPT = 256 << 10,
    ANSWER_ARENA = 128 << 20,
    GONE = 410,       /* its word for "of a machine that is given back" */
    MISDIRECTED = 421 /* and for "not of my database" */
};
#define OTHER_DATABASE "its answer is of another database"

void sq_link_lose(struct sq_link *l, const char *why)
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
 * nothing in hand, the server that answers is the right one.  A machine that was
 * deployed is that server's who did. */
static bool owes_nothing(const struct sq_link *l)
{
    return !l->conf->registration.launch_token && !l->spool->n &&
           sq_tasks_idle(l->tasks);
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
    sq_link_lose(l, why);
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
    if (l->urgent || l->spool->n || l->n_seen || l->idle_due || l->leaving ||
        l->evicted_due || (sq_tasks_dirty(l->tasks) && !l->push_timer.due))
        sq_link_push(l);
    sq_link_poll(l);
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

/* Nothing here is wanted any more.  Under a new spool, so that a row of our name with
 * executions that we have given up has them failed. */
static void give_all_up(struct sq_link *l)
{
    struct sq_err err;
    sq_tasks_withdraw_all(l->tasks);
    if (sq_spool_renew(l->spool, &err) != 0)
        sq_log(SQ_LOG_ERROR, "worker", "%s", err.text);
}

static void row_is_gone(struct sq_link *l)
{
    sq_log(SQ_LOG_WARNING, "worker",
           "the server has no worker %lld any more: stopping its tasks%s",
           (long long)l->worker_id, l->leaving ? "" : ", registering anew");
    give_all_up(l);
    l->worker_id = SQ_NULL;
    l->has_status = false;
    l->n_seen = 0;
    sq_lane_cancel(l->poll);
    if (l->leaving) /* a new row would be nobody's */
        l->conf->ended(l->conf->arg, SQ_LINK_LEFT, "its row is gone");
    else
        sq_link_push(l);
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
    sq_link_lose(l, reason(l, reply));
}

static void registered(struct sq_link *l, const struct sq_answer *a)
{
    l->worker_id = a->worker_id;
    if (!l->has_status)
        l->conf->registered(l->conf->arg);
    l->has_status = true;
    sq_link_acknowledge(l, a->acked == SQ_NULL ? 0 : a->acked);
    if (l->retell) {
        sq_spool_drop(l->spool);
        sq_tasks_retell(l->tasks);
        l->retell = false;
    }
    sq_log(SQ_LOG_INFO, "worker", "worker %lld at %s, concurrency %lld",
           (long long)l->worker_id, l->url.data, (long long)a->concurrency);
    l->stats_due = true;
    l->evicted_due = l->evicted; /* it may be another row */
    sq_link_take_answer(l, a, false);
    sq_link_push(l);
}

/* The machine that we were deployed on is given back, and something of it still runs:
 * us.  Asked again while tasks are being killed. */
static void unwanted(struct sq_link *l, const struct sq_reply *reply)
{
    give_all_up(l);
    if (sq_tasks_idle(l->tasks))
        l->conf->ended(l->conf->arg, SQ_LINK_UNWANTED, reason(l, reply));
    else
        sq_link_lose(l, reason(l, reply));
}

static void register_replied(struct sq_link *l, const struct sq_reply *reply)
{
    struct sq_answer a;
    struct sq_err err;
    if (reply->status == MISDIRECTED) {
        lose_misdirected(l, reason(l, reply));
        return;
    }
    if (reply->status == GONE && l->conf->registration.launch_token) {
        unwanted(l, reply);
        return;
    }
    if (reply->status == 409) {
        l->conf->ended(l->conf->arg, SQ_LINK_REFUSED, reason(l, reply));
        return;
    }
    if (reply->status != 200 && reply->status != 201) {
        sq_link_lose(l, reason(l, reply));
        return;
    }
    if (sq_answer_parse(reply->body, reply->len, &l->arena, &a, &err) != 0)
        sq_link_lose(l, err.text);
    else if (a.worker_id == SQ_NULL)
        sq_link_lose(l, "its answer names no worker");
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
        sq_link_lose(l, reason(l, reply));
        return;
    }
    if (sq_answer_parse(reply->body, reply->len, &l->arena, &a, &err) != 0) {
        sq_link_lose(l, err.text);
        return;
    }
    if (!is_right_database(l, &a)) {
        lose_misdirected(l, OTHER_DATABASE);
        return;
    }
    back(l);
    l->evicted_due = l->evicted_due && !l->evicted_sent;
    sq_link_forget_seen(l);
    sq_link_acknowledge(l, a.acked == SQ_NULL ? 0 : a.acked);
    sq_link_take_answer(l, &a, l->ahead);
    l->ahead = false;
    if (l->spool->n)
        sq_link_lose(l, "it did not store all that was told");
    stop_if_told(l);
    go_on(l);
}

static void push_done(void *arg, const struct sq_reply *reply)
{
    struct sq_link *l = arg;
    int kind = l->pushing;
    l->pushing = SQ_PUSH_NONE;
    l->round_us = sq_monotonic() - l->sent_at;
    sq_arena_reset(&l->arena);
    if (l->push_body.cap > BODY_KEPT) {
        sq_buf_fini(&l->push_body);
        sq_buf_init(&l->push_body, BODY_MAX);
    }
    switch (kind) {
    case SQ_PUSH_REGISTER: register_replied(l, reply); break;
    case SQ_PUSH_SYNC: sync_replied(l, reply); break;
    default: /* the idle callback: whatever it answers, later again */
        sq_link_watch_idleness(l);
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
        sq_link_push(l);
        return;
    }
    if (reply->status == MISDIRECTED)
        lose_misdirected(l, reason(l, reply));
    else if (reply->status != 200)
        sq_link_lose(l, reason(l, reply));
    else if (sq_answer_parse(reply->body, reply->len, &l->arena, &a, &err) != 0)
        sq_link_lose(l, err.text);
    else if (!is_right_database(l, &a))
        lose_misdirected(l, OTHER_DATABASE);
    else
        sq_link_take_answer(l, &a, l->poll_ahead);
    sq_tasks_remember(l->tasks, false);
    go_on(l);
}

static void push_due(void *arg)
{
    sq_link_push(arg);
    sq_link_poll(arg);
}

static void stats_due(void *arg)
{
    struct sq_link *l = arg;
    l->stats_due = true;
    sq_timer_set(l->loop, &l->stats_timer, l->stats_s * 1000000);
    sq_link_watch_idleness(l);
    sq_link_push(l);
    sq_link_poll(l);
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
    sq_link_push(l);
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

void sq_link_evicted(struct sq_link *l)
{
    l->evicted = l->evicted_due = true;
    sq_link_tell(l, true);
}

void sq_link_leave(struct sq_link *l)
{
    if (l->leaving)
        return;
    l->leaving = true;
    sq_tasks_close(l->tasks);
    sq_lane_cancel(l->poll);
    bool quick = !l->lost && l->worker_id != SQ_NULL;
    sq_timer_set(l->loop, &l->leave_timer, quick ? LEAVE_US : 0);
    l->stats_due = true; /* so that there is an answer to end on */
    sq_link_push(l);
}

void sq_link_start(struct sq_link *l)
{
    if (owes_nothing(l))
        sq_spool_set_database(l->spool, "");
    sq_link_push(l);
}

static int open_wire(struct sq_link *l, struct sq_err *err)
{
    const struct sq_wire_conf conf = {.base_url = l->url.data,
                                      .token = l->conf->token ? l->conf->token : "",
                                      .ca = l->conf->ca};
    return sq_wire_open(l->loop, &conf, &l->wire, err);
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
        rc = open_wire(l, err);
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
