/* In the place of what the link works with; see link_world.h. */
#include "tests/unit/worker/link_world.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"

struct sq_lane lanes[2];
bool running, cut_one;
char watched[20];
int n_lanes, signalled, cleaned, withdrawn_all, retold, ended, arrived_ahead;
enum sq_link_end how;
int64_t ahead;

/* ---- in the place of the wire */

int sq_wire_open(struct sq_loop *loop, const struct sq_wire_conf *conf,
                 struct sq_wire **ret, struct sq_err *err)
{
    *ret = (struct sq_wire *)lanes;
    return 0;
}

void sq_wire_close(struct sq_wire *w)
{
}

struct sq_lane *sq_wire_lane(struct sq_wire *w, sq_reply_fn *done, void *arg,
                             struct sq_err *err)
{
    struct sq_lane *l = &lanes[n_lanes++];
    *l = (struct sq_lane){.done = done, .arg = arg};
    return l;
}

int sq_lane_send(struct sq_lane *l, const struct sq_request *req, struct sq_err *err)
{
    assert_false(l->busy);
    l->busy = true;
    l->sent++;
    snprintf(l->path, sizeof l->path, "%s %s", req->method, req->path);
    assert_true(req->body->len < BODY_MAX);
    snprintf(l->body, BODY_MAX, "%.*s", (int)req->body->len, req->body->data);
    return 0;
}

bool sq_lane_busy(const struct sq_lane *l)
{
    return l->busy;
}

void sq_lane_cancel(struct sq_lane *l)
{
    l->busy = false;
}

/* ---- in the place of the loop: `due` holds the delay, plus one as 0 means stopped */

void sq_timer_set(struct sq_loop *l, struct sq_timer *t, int64_t delay_us)
{
    t->due = delay_us + 1;
}

void sq_timer_hasten(struct sq_loop *l, struct sq_timer *t, int64_t delay_us)
{
    if (!t->due || t->due > delay_us + 1)
        t->due = delay_us + 1;
}

void sq_timer_stop(struct sq_loop *l, struct sq_timer *t)
{
    t->due = 0;
}

/* ---- in the place of the tasks */

void sq_tasks_signal(struct sq_tasks *t, int64_t execution_id, int signal)
{
    signalled++;
}

void sq_workdirs_clean(struct sq_workdirs *w)
{
    cleaned++;
}

void sq_tasks_close(struct sq_tasks *t)
{
}

void sq_tasks_withdraw_all(struct sq_tasks *t)
{
    withdrawn_all++;
}

void sq_tasks_retell(struct sq_tasks *t)
{
    retold++;
}

void sq_tasks_arrive(struct sq_tasks *t, const struct sq_assignment *a, bool beyond)
{
    arrived_ahead += beyond;
}

int64_t sq_tasks_ahead(const struct sq_tasks *t, int64_t round_us)
{
    return ahead;
}

void sq_tasks_withdraw(struct sq_tasks *t, int64_t execution_id)
{
}

void sq_tasks_reset_resources(struct sq_tasks *t)
{
}

void sq_tasks_set_places(struct sq_tasks *t, int64_t concurrency, int64_t prefetch)
{
}

void sq_tasks_set_weights(struct sq_tasks *t, const char *weights)
{
}

void sq_tasks_acknowledged(struct sq_tasks *t, const struct sq_record *r)
{
}

void sq_tasks_remember(struct sq_tasks *t, bool remember)
{
}

bool sq_tasks_idle(const struct sq_tasks *t)
{
    return !running;
}

void sq_tasks_cut(struct sq_tasks *t)
{
    struct sq_err err;
    struct sq_record r = {.execution_id = 8, .status = SQ_TOLD_RUNNING};
    if (!cut_one)
        return;
    OK(err, sq_spool_add(t->spool, &r, &err));
    sq_spool_commit(t->spool);
    cut_one = false;
}

bool sq_tasks_dirty(const struct sq_tasks *t)
{
    return false;
}

static void empty_list(struct sq_jw *w)
{
    sq_jw_open(w, '[');
    sq_jw_close(w);
}

void sq_tasks_write_records(struct sq_tasks *t, struct sq_jw *w)
{
    empty_list(w);
}

void sq_tasks_write_holding(const struct sq_tasks *t, struct sq_jw *w)
{
    empty_list(w);
}

void sq_tasks_rewrite_spool(struct sq_tasks *t)
{
}

void sq_stats_write(struct sq_stats *s, struct sq_jw *w)
{
    sq_jw_open(w, '{');
    sq_jw_close(w);
}

/* ---- the world */

static void on_registered(void *arg)
{
}

static void on_ended(void *arg, enum sq_link_end end, const char *why)
{
    ended++;
    how = end;
}

static void on_watch(void *arg, const char *plugin)
{
    snprintf(watched, sizeof watched, "%s", plugin ? plugin : "none");
}

int open_world(void **state)
{
    struct sq_err err;
    char path[80];
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return -1;
    *state = w;
    running = false;
    n_lanes = signalled = cleaned = withdrawn_all = retold = ended = 0;
    strcpy(w->dir, "/tmp/scitq-link-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    snprintf(path, sizeof path, "%s/spool", w->dir);
    w->conf = (struct sq_link_conf){
        .server = "127.0.0.1:1",
        .registration = {.name = "w",
                         .hostname = "h",
                         .concurrency = 1,
                         .permanent = true,
                         .base_workdir = w->dir},
        .registered = on_registered,
        .ended = on_ended,
        .watch = on_watch,
    };
    int rc = sq_spool_open(&w->spool, path, &err);
    w->tasks.spool = &w->spool;
    if (!rc)
        rc = sq_link_init(&w->link, &w->conf, NULL, &w->spool, &w->tasks, &w->stats,
                          &err);
    sq_link_start(&w->link);
    return rc;
}

int close_world(void **state)
{
    struct world *w = *state;
    sq_link_fini(&w->link);
    sq_spool_close(&w->spool);
    int rc = sq_dir_remove(w->dir, NULL);
    free(w);
    return rc;
}

void reply(struct sq_lane *l, int status, const char *body)
{
    struct sq_reply r = {
        .status = status, .error = "no route", .body = body, .len = strlen(body)};
    assert_true(l->busy);
    l->busy = false;
    l->done(l->arg, &r);
}

void fire(struct sq_timer *t)
{
    assert_true(t->due > 0);
    t->due = 0;
    t->fn(t->arg);
}

/* Registered, its stats told, its poll waiting. */
void settle(struct world *w)
{
    assert_string_equal(push->path, "POST /workers/register");
    reply(push, 201, "{\"acked\":0,\"worker\":{\"worker_id\":3,\"concurrency\":1}}");
    assert_string_equal(push->path, "PUT /workers/3/sync");
    reply(push, 200, NOTHING);
    assert_false(push->busy);
    assert_true(poll->busy);
}

/* The pause before the next try: from its half to its whole, by chance. */
void check_pause(const struct world *w, int64_t pause_us)
{
    int64_t delay_us = w->link.retry_timer.due - 1;
    if (delay_us < pause_us / 2 || delay_us > pause_us)
        fail_msg("%lld us instead of about %lld", (long long)delay_us,
                 (long long)pause_us);
}

void told(struct world *w)
{
    struct sq_err err;
    struct sq_record r = {.execution_id = 8, .status = SQ_TOLD_ACCEPTED};
    OK(err, sq_spool_add(&w->spool, &r, &err));
    sq_spool_commit(&w->spool);
    sq_link_tell(&w->link, true);
    fire(&w->link.push_timer);
    assert_non_null(strstr(push->body, "\"records\":"));
}
