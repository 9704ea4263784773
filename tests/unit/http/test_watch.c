/* The watch's waiters: what wakes which of them, exactly once, and that a change
 * between enlisting and holding is never lost. */
#include "tests/test.h"

#include "core/http/watch.h"
#include "lib/clock.h"
#include "tests/unit/http/mhd.h"

enum { MANY = 300 };

static struct sq_watch *watch;

static int start(void **state)
{
    (void)state;
    return sq_watch_start(&watch, NULL);
}

static int stop(void **state)
{
    (void)state;
    sq_watch_stop(watch);
    return 0;
}

struct client {
    struct MHD_Connection connection;
    struct sq_waiter waiter;
};

/* Enlisted, without a deadline. */
static void enlist(struct client *c, enum sq_waiter_kind kind, int64_t id)
{
    connection_open(&c->connection);
    c->waiter = (struct sq_waiter){
        .kind = kind, .id = id, .deadline = SQ_NULL, .connection = &c->connection};
    sq_waiter_enlist(watch, &c->waiter);
}

static void hold(struct client *c, enum sq_waiter_kind kind, int64_t id)
{
    enlist(c, kind, id);
    assert_int_equal(sq_waiter_hold(watch, &c->waiter), 1);
    assert_true(connection_held(&c->connection));
}

static void leave(struct client *c)
{
    sq_waiter_leave(watch, &c->waiter);
    assert_false(c->waiter.enlisted);
    connection_close(&c->connection);
}

static void tell(enum sq_waiter_kind kind, int64_t id)
{
    struct sq_changes changes;
    sq_changes_init(&changes);
    if (kind == SQ_WAIT_WORKER)
        sq_changes_tell(&changes, id);
    else
        sq_changes_execution(&changes, id);
    sq_changes_settle(&changes);
    sq_watch_changed(watch, &changes);
    sq_changes_fini(&changes);
}

/* Who listens at /events is woken by a change of a row of any kind, and by no other. */
static void test_each_kind_of_row_wakes_the_feed(void **state)
{
    static void (*const rows[])(struct sq_changes *, int64_t) = {
        sq_changes_task, sq_changes_execution, sq_changes_worker, sq_changes_job,
        sq_changes_output};
    (void)state;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        struct sq_changes changes;
        struct client c;
        bool is_row = rows[i] != sq_changes_output;
        hold(&c, SQ_WAIT_FEED, 0);
        sq_changes_init(&changes);
        rows[i](&changes, 7);
        sq_changes_settle(&changes);
        sq_watch_changed(watch, &changes);
        sq_changes_fini(&changes);
        assert_int_equal(connection_held(&c.connection), !is_row);
        leave(&c);
    }
}

static void test_a_change_before_the_hold_is_not_lost(void **state)
{
    struct client c;
    (void)state;
    enlist(&c, SQ_WAIT_WORKER, 7);
    tell(SQ_WAIT_WORKER, 7);
    assert_int_equal(sq_waiter_hold(watch, &c.waiter), 0);
    assert_int_equal(c.connection.suspended, 0);
    sq_waiter_enlist(watch, &c.waiter); /* the next round starts afresh */
    assert_int_equal(sq_waiter_hold(watch, &c.waiter), 1);
    leave(&c);
}

static void test_a_change_wakes_whom_it_concerns(void **state)
{
    struct client worker, execution, other;
    (void)state;
    hold(&worker, SQ_WAIT_WORKER, 7);
    hold(&execution, SQ_WAIT_EXECUTION, 7);
    hold(&other, SQ_WAIT_WORKER, 8);
    tell(SQ_WAIT_WORKER, 7);
    assert_false(connection_held(&worker.connection));
    assert_false(worker.waiter.giving_way);
    assert_true(connection_held(&execution.connection));
    tell(SQ_WAIT_EXECUTION, 7);
    tell(SQ_WAIT_WORKER, 7);
    assert_false(connection_held(&execution.connection));
    assert_int_equal(worker.connection.resumed, 1);
    assert_true(connection_held(&other.connection));
    leave(&worker);
    leave(&execution);
    leave(&other);
}

static void test_what_cannot_be_told_wakes_all(void **state)
{
    struct client a, b;
    struct sq_changes changes = {.failed = true};
    (void)state;
    hold(&a, SQ_WAIT_WORKER, 1);
    hold(&b, SQ_WAIT_EXECUTION, 2);
    sq_watch_changed(watch, &changes);
    assert_false(connection_held(&a.connection));
    assert_false(connection_held(&b.connection));
    leave(&a);
    leave(&b);
}

static void test_an_older_one_gives_way(void **state)
{
    struct client older, other, follower;
    (void)state;
    hold(&older, SQ_WAIT_WORKER, 7);
    hold(&other, SQ_WAIT_WORKER, 8);
    hold(&follower, SQ_WAIT_EXECUTION, 7);
    sq_watch_supersede(watch, SQ_WAIT_WORKER, 7);
    assert_false(connection_held(&older.connection));
    assert_true(older.waiter.giving_way);
    assert_true(connection_held(&other.connection));
    assert_true(connection_held(&follower.connection));
    leave(&older);
    leave(&other);
    leave(&follower);
}

static void test_one_that_has_left_is_not_woken(void **state)
{
    struct client c;
    (void)state;
    hold(&c, SQ_WAIT_WORKER, 7);
    sq_waiter_leave(watch, &c.waiter);
    tell(SQ_WAIT_WORKER, 7);
    assert_int_equal(c.connection.resumed, 0);
    leave(&c);
}

/* Nothing else would ever wake it: it has no deadline. */
static void test_a_client_that_hangs_up_is_let_go(void **state)
{
    struct client gone, stays, was_gone;
    (void)state;
    hold(&gone, SQ_WAIT_WORKER, 7);
    hold(&stays, SQ_WAIT_WORKER, 7);
    connection_hang_up(&gone.connection);
    connection_wait_resumed(&gone.connection);
    assert_false(gone.waiter.enlisted);
    assert_true(connection_held(&stays.connection));
    enlist(&was_gone, SQ_WAIT_WORKER, 7); /* gone before it is held */
    connection_hang_up(&was_gone.connection);
    assert_int_equal(sq_waiter_hold(watch, &was_gone.waiter), 1);
    connection_wait_resumed(&was_gone.connection);
    leave(&gone);
    leave(&stays);
    leave(&was_gone);
}

/* Deadlines in no order, some taken out again: those in the past are woken, the others
 * are not. */
static void test_deadlines(void **state)
{
    static struct client c[MANY];
    int64_t now = sq_monotonic(), hour = INT64_C(3600000000);
    (void)state;
    for (int i = 0; i < MANY; i++) {
        enlist(&c[i], SQ_WAIT_WORKER, i);
        sq_waiter_leave(watch, &c[i].waiter);
        c[i].waiter.deadline =
            (i * 7919 % MANY < MANY / 2 ? now - 1 - i : now + hour + i);
        sq_waiter_enlist(watch, &c[i].waiter);
        if (i % 3 == 0) /* the thread may have been quicker with those in the past */
            sq_waiter_leave(watch, &c[i].waiter);
        else
            sq_waiter_hold(watch, &c[i].waiter);
    }
    for (int i = 0; i < MANY; i++) {
        if (i % 3 == 0)
            continue;
        if (c[i].waiter.deadline < now)
            connection_wait_resumed(&c[i].connection);
        else
            assert_true(connection_held(&c[i].connection));
    }
    for (int i = 0; i < MANY; i++)
        leave(&c[i]);
}

static void test_stopping_holds_nobody(void **state)
{
    struct client held, enlisted, late;
    (void)state;
    hold(&held, SQ_WAIT_WORKER, 7);
    enlist(&enlisted, SQ_WAIT_EXECUTION, 7);
    sq_watch_wake_all(watch);
    assert_false(connection_held(&held.connection));
    assert_int_equal(sq_waiter_hold(watch, &enlisted.waiter), -1);
    enlist(&late, SQ_WAIT_WORKER, 7);
    assert_int_equal(sq_waiter_hold(watch, &late.waiter), -1);
    assert_int_equal(late.connection.suspended, 0);
    leave(&held);
    leave(&enlisted);
    leave(&late);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        ONE(test_each_kind_of_row_wakes_the_feed),
        ONE(test_a_change_before_the_hold_is_not_lost),
        ONE(test_a_change_wakes_whom_it_concerns),
        ONE(test_what_cannot_be_told_wakes_all),
        ONE(test_an_older_one_gives_way),
        ONE(test_one_that_has_left_is_not_woken),
        ONE(test_a_client_that_hangs_up_is_let_go),
        ONE(test_deadlines),
        ONE(test_stopping_holds_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
