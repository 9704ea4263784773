/* The link with a server that lost its rows, or is on another database: nothing ends by
 * that, and nothing is told to a stranger. */
#include "tests/unit/worker/link_world.h"

#include <string.h>

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

/* Its machine is that server's who deployed it, however idle it is. */
static void test_a_deployed_one_waits_for_its_server(void **state)
{
    struct world *w = *state;
    w->conf.registration.launch_token = "w3-1";
    settle_in(w, "d1");
    reply(poll, 421, "{\"message\":\"another database\"}");
    check_pause(w, 100000);
    sq_link_start(&w->link); /* and should it be started again meanwhile */
    fire(&w->link.retry_timer);
    assert_non_null(strstr(push->body, "\"database\":\"d1\""));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(test_a_row_that_is_gone_is_made_anew),
        ONE(test_a_server_on_another_database_ends_nothing),
        ONE(test_with_nothing_in_hand_it_follows_the_server),
        ONE(test_a_deployed_one_waits_for_its_server),
        ONE(test_the_database_is_remembered_with_the_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
