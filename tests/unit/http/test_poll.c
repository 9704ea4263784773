/* The long poll of sync.c against changes at the worst moments.  The database's answer
 * and the moment after each read are the test's; the watch is the real one. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/steps.h"
#include "core/store/sync.h"
#include "lib/clock.h"
#include "tests/unit/http/mhd.h"

enum { WORKER = 7, BYTES = 1 << 20 };

static struct sq_http_server server;
static bool news;                /* the database holds a signal for the worker */
static int64_t row_date;         /* when the worker's row was changed */
static int reads;                /* of the database */
static void (*after_read)(void); /* called once, after the next one */

/* The linker wraps these (see Makefile.inc). */
int __wrap_sq_request_read(struct sq_request *r,
                           int (*fn)(struct sq_request *, struct sq_db *,
                                     struct sq_err *),
                           struct sq_err *err);
int __wrap_sq_sync_answer(struct sq_db *db, int64_t worker_id, const int64_t *holding,
                          size_t n, struct sq_arena *arena, struct sq_sync_answer *ret,
                          struct sq_err *err);

int __wrap_sq_request_read(struct sq_request *r,
                           int (*fn)(struct sq_request *, struct sq_db *,
                                     struct sq_err *),
                           struct sq_err *err)
{
    void (*then)(void) = after_read;
    int code = fn(r, NULL, err);
    reads++;
    after_read = NULL;
    if (then)
        then();
    return code;
}

int __wrap_sq_sync_answer(struct sq_db *db, int64_t worker_id, const int64_t *holding,
                          size_t n, struct sq_arena *arena, struct sq_sync_answer *ret,
                          struct sq_err *err)
{
    static struct sq_signal signal = {.signal_id = 1, .signal = 15};
    (void)db, (void)holding, (void)n, (void)arena, (void)err;
    *ret = (struct sq_sync_answer){.worker.worker_id = worker_id,
                                   .worker.modification_date = row_date,
                                   .spool = (char *)"s",
                                   .signals = &signal,
                                   .n_signals = news};
    return 0;
}

void __wrap_sq_sync_ask(struct sq_db *db, int64_t worker_id, struct sq_sync_asked *ret);
int __wrap_sq_sync_take(struct sq_db *db, const struct sq_sync_asked *asked,
                        const int64_t *holding, size_t n, struct sq_arena *arena,
                        struct sq_sync_answer *ret, struct sq_err *err);

static int taken; /* what the next sq_sync_take() returns */

void __wrap_sq_sync_ask(struct sq_db *db, int64_t worker_id, struct sq_sync_asked *ret)
{
    (void)db;
    ret->worker_id = worker_id;
}

int __wrap_sq_sync_take(struct sq_db *db, const struct sq_sync_asked *asked,
                        const int64_t *holding, size_t n, struct sq_arena *arena,
                        struct sq_sync_answer *ret, struct sq_err *err)
{
    return taken ? taken
                 : __wrap_sq_sync_answer(db, asked->worker_id, holding, n, arena, ret,
                                         err);
}

static int start(void **state)
{
    (void)state;
    static const struct sq_tuning tuning = {.offline_us = 600000000};
    static struct sq_tuned tuned = {&tuning};
    server = (struct sq_http_server){.conf.tuned = &tuned};
    news = false;
    row_date = SQ_NULL;
    reads = 0;
    after_read = NULL;
    taken = 0;
    int rc = sq_liveness_new(sq_monotonic, false,
                             (struct sq_liveness **)&server.conf.liveness, NULL);
    return rc ? rc : sq_watch_start(&server.watch, NULL);
}

static int stop(void **state)
{
    (void)state;
    sq_watch_stop(server.watch);
    sq_liveness_free(server.conf.liveness);
    return 0;
}

struct poll {
    struct sq_request r;
    struct sq_client client;
    struct MHD_Connection connection;
};

/* `more` are fields of the call. */
static void poll_new_with(struct poll *p, int64_t worker_id, const char *more)
{
    char body[200];
    struct sq_err err;
    memset(p, 0, sizeof *p);
    connection_open(&p->connection);
    p->client.fd = p->connection.fd;
    p->r.server = &server;
    p->r.client = &p->client;
    p->r.connection = p->r.waiter.connection = &p->connection;
    p->r.match.ids[0] = worker_id;
    sq_arena_init(&p->r.arena, BYTES);
    sq_buf_init(&p->r.out, BYTES);
    sq_buf_init(&p->r.body, BYTES);
    snprintf(body, sizeof body, "{\"spool\":\"s\",\"wait\":60%s}", more);
    p->r.json = json_loads(body, 0, NULL);
    OK(err, sq_sync_prepare(&p->r, &err));
}

static void poll_new(struct poll *p, int64_t worker_id)
{
    poll_new_with(p, worker_id, "");
}

static void poll_free(struct poll *p)
{
    sq_waiter_leave(server.watch, &p->r.waiter);
    p->r.undo(&p->r);
    json_decref(p->r.json);
    sq_buf_fini(&p->r.out);
    sq_buf_fini(&p->r.body);
    sq_arena_fini(&p->r.arena);
    connection_close(&p->connection);
}

/* As request.c calls it: SQ_HELD, or 0 when the answer is there. */
static int step(struct poll *p)
{
    struct sq_err err = {0};
    int code = sq_sync_answer_step(&p->r, &err);
    if (code == SQ_HELD)
        p->r.stage = SQ_HOLDING;
    assert_int_equal(code == SQ_HELD, connection_held(&p->connection));
    assert_true(code >= 0);
    return code;
}

static void hold(struct poll *p, int64_t worker_id)
{
    poll_new(p, worker_id);
    assert_int_equal(step(p), SQ_HELD);
}

static bool hears(const struct poll *p)
{
    return strstr(p->r.out.data, "\"signals\":[{\"signal_id\":1") != NULL;
}

/* A transaction commits that has something for the worker. */
static void commit(void)
{
    struct sq_changes changes;
    news = true;
    sq_changes_init(&changes);
    sq_changes_tell(&changes, WORKER);
    sq_changes_settle(&changes);
    sq_watch_changed(server.watch, &changes);
    sq_changes_fini(&changes);
}

static void test_a_change_after_the_read_is_heard(void **state)
{
    struct poll p;
    (void)state;
    poll_new(&p, WORKER);
    after_read = commit;
    assert_int_equal(step(&p), 0);
    assert_int_equal(reads, 2);
    assert_true(hears(&p));
    poll_free(&p);
}

static void test_what_is_there_is_answered_at_once(void **state)
{
    struct poll p;
    (void)state;
    news = true;
    poll_new(&p, WORKER);
    assert_int_equal(step(&p), 0);
    assert_int_equal(reads, 1);
    assert_true(hears(&p));
    assert_false(p.r.waiter.enlisted);
    poll_free(&p);
}

static void test_a_held_one_is_woken(void **state)
{
    struct poll p;
    (void)state;
    hold(&p, WORKER);
    commit();
    assert_int_equal(step(&p), 0);
    assert_true(hears(&p));
    poll_free(&p);
}

/* Woken for what somebody else took meanwhile, it waits on. */
static void test_woken_for_nothing_it_is_held_again(void **state)
{
    struct poll p;
    (void)state;
    hold(&p, WORKER);
    commit();
    news = false;
    assert_int_equal(step(&p), SQ_HELD);
    commit();
    assert_int_equal(step(&p), 0);
    assert_true(hears(&p));
    poll_free(&p);
}

/* A setting was changed: no signal, no task, and yet something to say. */
static void test_a_changed_row_is_news(void **state)
{
    struct poll p;
    (void)state;
    hold(&p, WORKER);
    row_date = 5000000;
    commit();
    news = false;
    assert_int_equal(step(&p), 0);
    assert_non_null(
        strstr(p.r.out.data, "\"modification_date\":\"1970-01-01T00:00:05\""));
    poll_free(&p);
}

/* Changed since the worker's last call, before this one. */
static void test_a_row_that_is_not_the_known_one_is_news(void **state)
{
    static const struct {
        int64_t date;
        const char *known;
        bool held;
    } cases[] = {
        {5000000, ",\"row_date\":\"1970-01-01T00:00:04\"", false},
        {5000000, ",\"row_date\":null", false},
        {SQ_NULL, ",\"row_date\":\"1970-01-01T00:00:04\"", false},
        {5000000, ",\"row_date\":\"1970-01-01T00:00:05\"", true},
        {5000001, ",\"row_date\":\"1970-01-01T00:00:05.000001\"", true},
        {SQ_NULL, ",\"row_date\":null", true},
        {5000000, "", true},
    };
    (void)state;
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct poll p;
        row_date = cases[i].date;
        poll_new_with(&p, WORKER, cases[i].known);
        assert_int_equal(step(&p), cases[i].held ? SQ_HELD : 0);
        poll_free(&p);
    }
}

static void test_an_older_poll_gives_way(void **state)
{
    struct poll older, newer, other;
    (void)state;
    hold(&other, WORKER + 1);
    hold(&older, WORKER);
    hold(&newer, WORKER);
    assert_false(connection_held(&older.connection));
    int before = reads;
    assert_int_equal(step(&older), 0); /* with the answer it had read */
    assert_int_equal(reads, before);
    assert_non_null(strstr(older.r.out.data, "\"signals\":[]"));
    assert_true(connection_held(&newer.connection));
    assert_true(connection_held(&other.connection));
    poll_free(&older);
    poll_free(&newer);
    poll_free(&other);
}

static struct poll second;

static void second_comes(void)
{
    hold(&second, WORKER);
}

static void test_a_poll_gives_way_before_it_is_held(void **state)
{
    struct poll first;
    (void)state;
    poll_new(&first, WORKER);
    after_read = second_comes;
    assert_int_equal(step(&first), 0);
    assert_true(connection_held(&second.connection));
    poll_free(&first);
    poll_free(&second);
}

static void test_a_poller_that_hangs_up_is_let_go(void **state)
{
    struct poll p;
    (void)state;
    hold(&p, WORKER);
    connection_hang_up(&p.connection);
    connection_wait_resumed(&p.connection);
    int before = reads;
    assert_int_equal(step(&p), 0);
    assert_int_equal(reads, before); /* nobody is there to be answered */
    poll_free(&p);
}

/* Those that end one after the other end together: see deadline_of(). */
static void test_polls_end_on_a_grid(void **state)
{
    enum { GRID_US = 200000, WAIT_US = 60000000, N = 5 };
    struct poll polls[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        int64_t before = sq_monotonic();
        hold(&polls[i], WORKER + i);
        int64_t deadline = polls[i].r.waiter.deadline;
        assert_int_equal(deadline % GRID_US, 0);
        assert_in_range(deadline, before + WAIT_US, sq_monotonic() + WAIT_US + GRID_US);
    }
    for (int i = 0; i < N; i++)
        poll_free(&polls[i]);
}

/* The writer reads the answer with the commit, where it can: then nothing is read. */
static void test_the_answer_of_the_commit_is_the_answer(void **state)
{
    static const struct {
        bool asked; /* it was alone in its transaction */
        int taken;
        int reads;
    } cases[] = {{true, 0, 0}, {true, SQ_EIO, 1}, {false, 0, 1}};
    (void)state;
    news = true;
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct poll p;
        poll_new_with(&p, WORKER,
                      ",\"records\":[{\"seq\":1,\"execution_id\":3,"
                      "\"status\":\"running\"}]");
        assert_false(p.r.nothing_to_write);
        taken = cases[i].taken;
        if (cases[i].asked) {
            p.r.op.ask(&p.r.op, NULL);
            p.r.op.read(&p.r.op, NULL);
        }
        reads = 0;
        assert_int_equal(step(&p), 0);
        assert_int_equal(reads, cases[i].reads);
        assert_true(hears(&p));
        poll_free(&p);
    }
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        ONE(test_a_change_after_the_read_is_heard),
        ONE(test_what_is_there_is_answered_at_once),
        ONE(test_a_held_one_is_woken),
        ONE(test_woken_for_nothing_it_is_held_again),
        ONE(test_a_changed_row_is_news),
        ONE(test_a_row_that_is_not_the_known_one_is_news),
        ONE(test_an_older_poll_gives_way),
        ONE(test_a_poll_gives_way_before_it_is_held),
        ONE(test_a_poller_that_hangs_up_is_let_go),
        ONE(test_polls_end_on_a_grid),
        ONE(test_the_answer_of_the_commit_is_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
