/* The link: what follows from each answer and from none. */
#include "tests/unit/worker/link_world.h"

#include <string.h>

#define SIGNALS(list) "{\"acked\":0,\"signals\":[" list "]}"

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

/* Only what a push allowed may be beyond our places: in its answer, or in that of a
 * poll that was held meanwhile; and while nobody knows whether the server has heard of
 * it. */
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
        assert_int_equal(arrived_ahead, i == 0 ? 1 : 0);
        assert_true(poll->busy);
        snprintf(given, sizeof given, GIVEN, i + 1);
        reply(poll, 200, given);
        assert_int_equal(arrived_ahead, i == 0 ? 2 : 0);
    }
    ahead = 12;
    fire(&w->link.stats_timer); /* nothing ended: nothing is allowed */
    assert_null(strstr(push->body, "\"ahead\""));
    reply(push, 200, given);
    assert_int_equal(arrived_ahead, 0);
    assert_true(poll->busy);
    told(w); /* which allows it while a poll is held */
    reply(poll, 200, given);
    assert_int_equal(arrived_ahead, 1);
    snprintf(given, sizeof given, GIVEN, 3);
    ahead = 0;
    reply(push, 0, "no route"); /* lost, after the server gave */
    fire(&w->link.retry_timer);
    assert_null(strstr(push->body, "\"ahead\""));
    reply(push, 200, given);
    assert_int_equal(arrived_ahead, 2);
    told(w);
    snprintf(given, sizeof given, GIVEN, 4);
    reply(push, 200, given);
    assert_int_equal(arrived_ahead, 2);
}

static bool says_evicted(void)
{
    return strstr(push->body, "\"evicted\":true") != NULL;
}

/* Told until it was heard, once; to another row again. */
static void test_an_eviction_is_told(void **state)
{
    struct world *w = *state;
    settle(w);
    fire(&w->link.stats_timer);
    sq_link_evicted(&w->link);
    assert_false(says_evicted());
    reply(push, 200, NOTHING);
    assert_true(push->busy && says_evicted());
    reply(push, 0, "");
    fire(&w->link.retry_timer);
    assert_true(says_evicted());
    reply(push, 200, NOTHING);
    assert_false(push->busy);
    fire(&w->link.stats_timer);
    assert_false(says_evicted());
    reply(push, 404, "{\"message\":\"Worker 3 doesn't exist\"}");
    assert_string_equal(push->path, "POST /workers/register");
    reply(push, 201, "{\"acked\":0,\"worker\":{\"worker_id\":4,\"concurrency\":1}}");
    assert_string_equal(push->path, "PUT /workers/4/sync");
    assert_true(says_evicted());
}

/* Told to stop while its row goes: no new one is made, which nobody would have. */
static void test_one_that_stops_makes_no_new_row(void **state)
{
    struct world *w = *state;
    settle(w);
    sq_link_leave(&w->link);
    assert_string_equal(push->path, "PUT /workers/3/sync");
    reply(push, 404, "{\"message\":\"Worker 3 doesn't exist\"}");
    assert_false(push->busy);
    assert_int_equal(withdrawn_all, 1);
    assert_int_equal(ended, 1);
    assert_int_equal(how, SQ_LINK_LEFT);
}

static void test_how_to_watch_is_heard(void **state)
{
    struct world *w = *state;
    settle(w);
    assert_string_equal(watched, "none");
    reply(poll, 200, "{\"acked\":0,\"settings\":{\"watch\":\"cloud\"}}");
    assert_string_equal(watched, "cloud");
}

static void test_another_of_this_identity_ends_it(void **state)
{
    reply(push, 409, "{\"message\":\"another process\"}");
    assert_int_equal(ended, 1);
    assert_int_equal(how, SQ_LINK_REFUSED);
}

/* Deployed, and its machine given back: what runs is killed first. */
static void test_what_is_left_of_a_machine_ends(void **state)
{
    struct world *w = *state;
    char id[SQ_SPOOL_ID + 1];
    w->conf.registration.launch_token = "w3-1";
    settle(w);
    fire(&w->link.stats_timer);
    reply(push, 404, "{\"message\":\"Worker 3 doesn't exist\"}");
    assert_string_equal(push->path, "POST /workers/register");
    assert_non_null(strstr(push->body, "\"launch_token\":\"w3-1\""));
    strcpy(id, w->spool.id);
    running = true;
    reply(push, 410, "{\"message\":\"given back\"}");
    assert_int_equal(withdrawn_all, 2);
    assert_string_not_equal(w->spool.id, id);
    assert_int_equal(ended, 0);
    check_pause(w, 100000);
    running = false;
    fire(&w->link.retry_timer);
    reply(push, 410, "{\"message\":\"given back\"}");
    assert_int_equal(ended, 1);
    assert_int_equal(how, SQ_LINK_UNWANTED);
}

/* It must be something else that stands before the server. */
static void test_what_was_not_deployed_is_not_given_back(void **state)
{
    struct world *w = *state;
    running = true;
    reply(push, 410, "{\"message\":\"Gone\"}");
    check_pause(w, 100000);
    assert_int_equal(withdrawn_all + ended, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(test_a_signal_told_twice_is_obeyed_once),
        ONE(test_an_order_told_twice_is_obeyed_once),
        ONE(test_a_restart_waits_until_the_server_knows),
        ONE(test_signals_seen_survive_a_lost_push),
        ONE(test_the_pause_grows_while_the_server_is_away),
        ONE(test_a_lost_poll_stops_all),
        ONE(test_what_is_not_acknowledged_goes_to_the_disk),
        ONE(test_what_is_acknowledged_need_not),
        ONE(test_refused_records_are_told_from_the_start),
        ONE(test_what_came_during_a_push_follows_it),
        ONE(test_what_may_be_given_ahead_is_told),
        ONE(test_an_eviction_is_told),
        ONE(test_how_to_watch_is_heard),
        ONE(test_one_that_stops_makes_no_new_row),
        ONE(test_another_of_this_identity_ends_it),
        ONE(test_what_is_left_of_a_machine_ends),
        ONE(test_what_was_not_deployed_is_not_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
