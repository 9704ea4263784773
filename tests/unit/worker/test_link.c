/* The link: what follows from each answer and from none.  The lanes, the timers and the
 * tasks are the test's own: it gives the answers, lets timers end, and counts what was
 * done. */
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "worker/link.h"

enum { BODY_MAX = 4096 };

struct sq_lane {
    sq_reply_fn *done;
    void *arg;
    bool busy;
    int sent;
    char path[64], body[BODY_MAX];
};

/* What link.c asked of the others. */
static struct sq_lane lanes[2];
static struct sq_lane *const push = &lanes[0], *const poll = &lanes[1];
static bool running; /* a task */
static int n_lanes, signalled, cleaned, withdrawn_all, retold, ended;
static enum sq_link_end how;
static int64_t ahead;     /* what may be given ahead */
static int arrived_ahead; /* executions that may be beyond our places */
static bool cut_one;      /* the next cut finds something to tell */

/* ---- in the place of the wire */

int sq_wire_open(struct sq_loop *loop, const char *base_url, struct sq_wire **ret,
                 struct sq_err *err)
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

struct world {
    struct sq_link link;
    struct sq_tasks tasks;
    struct sq_stats stats;
    struct sq_spool spool;
    struct sq_link_conf conf;
    char dir[64];
};

static void on_registered(void *arg)
{
}

static void on_ended(void *arg, enum sq_link_end end, const char *why)
{
    ended++;
    how = end;
}

static int open_world(void **state)
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
    };
    int rc = sq_spool_open(&w->spool, path, &err);
    w->tasks.spool = &w->spool;
    if (!rc)
        rc = sq_link_init(&w->link, &w->conf, NULL, &w->spool, &w->tasks, &w->stats,
                          &err);
    sq_link_start(&w->link);
    return rc;
}

static int close_world(void **state)
{
    struct world *w = *state;
    sq_link_fini(&w->link);
    sq_spool_close(&w->spool);
    int rc = sq_dir_remove(w->dir, NULL);
    free(w);
    return rc;
}

static void reply(struct sq_lane *l, int status, const char *body)
{
    struct sq_reply r = {
        .status = status, .error = "no route", .body = body, .len = strlen(body)};
    assert_true(l->busy);
    l->busy = false;
    l->done(l->arg, &r);
}

#define NOTHING "{\"acked\":0,\"executions\":[],\"signals\":[],\"withdrawn\":[]}"
#define SIGNALS(list) "{\"acked\":0,\"signals\":[" list "]}"

static void fire(struct sq_timer *t)
{
    assert_true(t->due > 0);
    t->due = 0;
    t->fn(t->arg);
}

/* Registered, its stats told, its poll waiting. */
static void settle(struct world *w)
{
    assert_string_equal(push->path, "POST /workers/register");
    reply(push, 201, "{\"acked\":0,\"worker\":{\"worker_id\":3,\"concurrency\":1}}");
    assert_string_equal(push->path, "PUT /workers/3/sync");
    reply(push, 200, NOTHING);
    assert_false(push->busy);
    assert_true(poll->busy);
}

static bool says_seen(const char *ids)
{
    char text[100];
    snprintf(text, sizeof text, "\"signals_seen\":[%s]", ids);
    return strstr(push->body, text) != NULL;
}

/* The poll brings a signal while a push that knows nothing of it is under way: its
 * answer brings it again. */
static void twice(struct world *w, const char *answer)
{
    settle(w);
    fire(&w->link.stats_timer);
    assert_true(push->busy && poll->busy);
    reply(poll, 200, answer);
    assert_false(says_seen("4"));
    reply(push, 200, answer);
}

static void test_a_signal_told_twice_is_obeyed_once(void **state)
{
    struct world *w = *state;
    twice(w, SIGNALS("{\"signal_id\":4,\"execution_id\":8,\"signal\":15}"));
    assert_int_equal(signalled, 1);
    assert_true(push->busy && says_seen("4"));
    reply(push, 200, NOTHING);
    assert_int_equal(w->link.n_seen, 0); /* the server will not name it again */
    reply(poll, 200,
          SIGNALS("{\"signal_id\":5,\"execution_id\":8,\"signal\":15},"
                  "{\"signal_id\":5,\"execution_id\":8,\"signal\":15},"
                  "{\"signal_id\":6,\"execution_id\":8,\"signal\":9}"));
    assert_int_equal(signalled, 3);
    assert_true(push->busy && says_seen("5,6"));
}

static void test_an_order_told_twice_is_obeyed_once(void **state)
{
    twice(*state, SIGNALS("{\"signal_id\":4,\"execution_id\":null,\"signal\":-1}"));
    assert_int_equal(cleaned, 1);
}

static void test_a_restart_waits_until_the_server_knows(void **state)
{
    twice(*state, SIGNALS("{\"signal_id\":4,\"execution_id\":null,\"signal\":-2}"));
    assert_int_equal(ended, 0);
    assert_true(says_seen("4"));
    reply(push, 200, NOTHING);
    assert_int_equal(ended, 1);
    assert_int_equal(how, SQ_LINK_RESTART);
}

/* What was in a push that got no answer is told again. */
static void test_signals_seen_survive_a_lost_push(void **state)
{
    struct world *w = *state;
    twice(w, SIGNALS("{\"signal_id\":4,\"execution_id\":8,\"signal\":15}"));
    reply(push, 0, "");
    fire(&w->link.retry_timer);
    assert_true(says_seen("4"));
    reply(push, 200, SIGNALS("{\"signal_id\":7,\"execution_id\":8,\"signal\":15}"));
    assert_int_equal(signalled, 2);
    assert_true(says_seen("7"));
}

/* The pause before the next try: from its half to its whole, by chance. */
static void check_pause(const struct world *w, int64_t pause_us)
{
    int64_t delay_us = w->link.retry_timer.due - 1;
    if (delay_us < pause_us / 2 || delay_us > pause_us)
        fail_msg("%lld us instead of about %lld", (long long)delay_us,
                 (long long)pause_us);
}

static void lose_and_retry(struct world *w)
{
    static const int64_t pauses_us[] = {100000,  200000,  400000,  800000, 1600000,
                                        3200000, 5000000, 5000000, 5000000};
    for (size_t i = 0; i < SQ_LEN(pauses_us); i++) {
        int sent = push->sent;
        reply(push, i % 2 ? 503 : 0, "");
        check_pause(w, pauses_us[i]);
        sq_link_tell(&w->link, true); /* what happens meanwhile does not shorten it */
        fire(&w->link.push_timer);
        assert_int_equal(push->sent, sent);
        assert_false(poll->busy);
        fire(&w->link.retry_timer);
        assert_int_equal(push->sent, sent + 1);
    }
}

static void test_the_pause_grows_while_the_server_is_away(void **state)
{
    struct world *w = *state;
    lose_and_retry(w);
    settle(w);
    fire(&w->link.stats_timer);
    lose_and_retry(w); /* once it was back, from the first pause on again */
    reply(push, 200, NOTHING);
    assert_int_equal(w->link.retry_timer.due, 0);
    assert_true(poll->busy);
}

static void test_a_lost_poll_stops_all(void **state)
{
    struct world *w = *state;
    settle(w);
    fire(&w->link.stats_timer);
    reply(poll, 0, "");
    check_pause(w, 100000);
    assert_false(push->busy); /* cancelled */
    fire(&w->link.retry_timer);
    assert_string_equal(push->path, "PUT /workers/3/sync");
}

static void told(struct world *w)
{
    struct sq_err err;
    struct sq_record r = {.execution_id = 8, .status = SQ_TOLD_ACCEPTED};
    OK(err, sq_spool_add(&w->spool, &r, &err));
    sq_spool_commit(&w->spool);
    sq_link_tell(&w->link, true);
    fire(&w->link.push_timer);
    assert_non_null(strstr(push->body, "\"records\":"));
}

static void test_what_is_not_acknowledged_goes_to_the_disk(void **state)
{
    struct world *w = *state;
    settle(w);
    told(w);
    assert_int_equal(w->link.sync_timer.due - 1, 1000000);
    assert_false(w->spool.synced);
    reply(push, 0, "");
    fire(&w->link.sync_timer);
    assert_true(w->spool.synced);
}

static void test_what_is_acknowledged_need_not(void **state)
{
    struct world *w = *state;
    settle(w);
    told(w);
    reply(push, 200, "{\"acked\":1}");
    assert_int_equal(w->spool.n, 0);
    assert_int_equal(w->link.sync_timer.due, 0);
}

static void test_a_row_that_is_gone_is_made_anew(void **state)
{
    struct world *w = *state;
    settle(w);
    told(w);
    char id[SQ_SPOOL_ID + 1];
    strcpy(id, w->spool.id);
    reply(push, 404, "{\"message\":\"Worker 3 doesn't exist\"}");
    assert_string_not_equal(w->spool.id, id);
    assert_non_null(strstr(push->body, w->spool.id));
    assert_int_equal(withdrawn_all, 1);
    assert_int_equal(w->spool.n, 0);
    assert_string_equal(push->path, "POST /workers/register");
}

/* Settled with a server that tells its database. */
static void settle_in(struct world *w, const char *database)
{
    char answer[200];
    snprintf(answer, sizeof answer,
             "{\"acked\":0,\"database\":\"%s\","
             "\"worker\":{\"worker_id\":3,\"concurrency\":1}}",
             database);
    assert_null(strstr(push->body, "\"database\""));
    reply(push, 201, answer);
    assert_non_null(strstr(push->body, database));
    reply(push, 200, NOTHING);
    assert_non_null(strstr(poll->body, database));
}

static void check_nothing_ended(const struct world *w)
{
    assert_int_equal(withdrawn_all + retold + ended, 0);
    assert_int_equal(w->spool.n, 1);
    assert_string_equal(w->spool.database, "d1");
}

static void test_a_server_on_another_database_ends_nothing(void **state)
{
    struct world *w = *state;
    settle_in(w, "d1");
    told(w);
    reply(push, 421, "{\"message\":\"another database\"}");
    check_pause(w, 100000);
    fire(&w->link.retry_timer);
    assert_non_null(strstr(push->body, "\"database\":\"d1\""));
    reply(push, 200, "{\"acked\":1,\"database\":\"d2\"}");
    check_pause(w, 200000);
    fire(&w->link.retry_timer);
    reply(push, 409, "{\"message\":\"a gap\"}");
    fire(&w->link.retry_timer);
    assert_string_equal(push->path, "POST /workers/register");
    assert_non_null(strstr(push->body, "\"database\":\"d1\""));
    reply(push, 421, "{\"message\":\"another database\"}");
    check_nothing_ended(w);
    fire(&w->link.retry_timer);
    reply(push, 200,
          "{\"database\":\"d2\",\"worker\":{\"worker_id\":3,\"concurrency\":1}}");
    check_nothing_ended(w);
}

/* Whichever lane hears of it; with a task, or a record, it would have waited. */
static void test_with_nothing_in_hand_it_follows_the_server(void **state)
{
    struct world *w = *state;
    settle_in(w, "d1");
    w->link.n_seen = 0;
    reply(poll, 421, "{\"message\":\"another database\"}");
    fire(&w->link.retry_timer);
    assert_string_equal(push->path, "POST /workers/register");
    reply(push, 421, "{\"message\":\"not even without a database\"}");
    check_pause(w, 100000);
    fire(&w->link.retry_timer);
    settle_in(w, "d2");
    assert_string_equal(w->spool.database, "d2");
    running = true;
    reply(poll, 421, "{\"message\":\"another database\"}");
    check_pause(w, 100000);
    assert_string_equal(w->spool.database, "d2");
    running = false; /* withdrawn, say */
    fire(&w->link.retry_timer);
    assert_non_null(strstr(push->body, "\"database\":\"d2\""));
    reply(push, 200, "{\"acked\":1,\"database\":\"d3\"}");
    fire(&w->link.retry_timer);
    settle_in(w, "d3");
    assert_int_equal(withdrawn_all + retold + ended, 0);
}

/* Started again with something to tell, it knows whose that is; with nothing, it is
 * free. */
static void test_the_database_is_remembered_with_the_spool(void **state)
{
    struct world *w = *state;
    struct sq_spool again;
    struct sq_err err;
    settle_in(w, "d1");
    told(w);
    OK(err, sq_spool_open(&again, w->spool.path, &err));
    assert_string_equal(again.database, "d1");
    assert_int_equal(again.n, 1);
    sq_spool_rewrite_begin(&again);
    sq_spool_rewrite_end(&again);
    sq_spool_close(&again);
    OK(err, sq_spool_open(&again, w->spool.path, &err));
    assert_string_equal(again.database, "d1");
    sq_spool_close(&again);
    sq_link_start(&w->link);
    assert_string_equal(w->spool.database, "d1");
    reply(push, 200, "{\"acked\":1}");
    sq_link_start(&w->link);
    assert_string_equal(w->spool.database, "");
}

static void test_refused_records_are_told_from_the_start(void **state)
{
    struct world *w = *state;
    settle(w);
    told(w);
    reply(push, 409, "{\"message\":\"a gap\"}");
    check_pause(w, 100000);
    fire(&w->link.retry_timer);
    assert_string_equal(push->path, "POST /workers/register");
    reply(push, 200, "{\"acked\":0,\"worker\":{\"worker_id\":3,\"concurrency\":1}}");
    assert_int_equal(retold, 1);
    assert_int_equal(w->spool.n, 0);
}

/* An end that came while a push was under way goes with the next one, as soon as that
 * one is answered.  What was not urgent waits for company. */
static void test_what_came_during_a_push_follows_it(void **state)
{
    struct world *w = *state;
    for (int urgent = 0; urgent < 2; urgent++) {
        if (!urgent)
            settle(w);
        fire(&w->link.stats_timer);
        assert_true(push->busy);
        sq_link_tell(&w->link, urgent);
        fire(&w->link.push_timer);
        sq_link_tell(&w->link, false); /* what the answer brings */
        int sent = push->sent;
        cut_one = true;
        reply(push, 200, NOTHING);
        assert_int_equal(push->sent, sent + urgent);
        assert_int_equal(w->link.push_timer.due, urgent ? 0 : 20001);
        assert_int_equal(cut_one, !urgent);
        assert_false(w->link.urgent);
        cut_one = false;
        if (urgent)
            reply(push, 200, "{\"acked\":1}");
    }
}

#define GIVEN                                                                          \
    "{\"acked\":%d,\"executions\":[{\"execution_id\":8,\"task\":{\"task_id\":1,"       \
    "\"command\":\"true\"}}]}"

/* Only what answers a push that allowed it may be beyond our places. */
static void test_what_may_be_given_ahead_is_told(void **state)
{
    struct world *w = *state;
    char given[200];
    settle(w);
    for (int i = 0; i < 2; i++) {
        ahead = i == 0 ? 12 : 0;
        arrived_ahead = 0;
        told(w);
        assert_int_equal(strstr(push->body, "\"ahead\":12") != NULL, i == 0);
        snprintf(given, sizeof given, GIVEN, i + 1);
        reply(push, 200, given);
        assert_int_equal(arrived_ahead, i == 0);
        assert_true(poll->busy);
        snprintf(given, sizeof given, GIVEN, i + 1);
        reply(poll, 200, given);
        assert_int_equal(arrived_ahead, i == 0);
    }
    ahead = 12;
    fire(&w->link.stats_timer); /* nothing ended: nothing is allowed */
    assert_null(strstr(push->body, "\"ahead\""));
    reply(push, 200, given);
    assert_int_equal(arrived_ahead, 0);
    ahead = 0;
}

static void test_another_of_this_identity_ends_it(void **state)
{
    reply(push, 409, "{\"message\":\"another process\"}");
    assert_int_equal(ended, 1);
    assert_int_equal(how, SQ_LINK_REFUSED);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        ONE(test_a_signal_told_twice_is_obeyed_once),
        ONE(test_an_order_told_twice_is_obeyed_once),
        ONE(test_a_restart_waits_until_the_server_knows),
        ONE(test_signals_seen_survive_a_lost_push),
        ONE(test_the_pause_grows_while_the_server_is_away),
        ONE(test_a_lost_poll_stops_all),
        ONE(test_what_is_not_acknowledged_goes_to_the_disk),
        ONE(test_what_is_acknowledged_need_not),
        ONE(test_a_row_that_is_gone_is_made_anew),
        ONE(test_a_server_on_another_database_ends_nothing),
        ONE(test_with_nothing_in_hand_it_follows_the_server),
        ONE(test_the_database_is_remembered_with_the_spool),
        ONE(test_refused_records_are_told_from_the_start),
        ONE(test_what_came_during_a_push_follows_it),
        ONE(test_what_may_be_given_ahead_is_told),
        ONE(test_another_of_this_identity_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
