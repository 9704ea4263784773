/* Who was heard of when: contacts written in batches, silence, clocks that jump. */
#include "tests/contract/domain.h"

#include <math.h>

#include "core/store/liveness.h"
#include "lib/clock.h"

#define SECOND INT64_C(1000000)

static int64_t clock_us; /* monotonic */

static int64_t fake_clock(void)
{
    return clock_us;
}

static void sweep(struct contract *c, struct sq_liveness *l)
{
    static const struct sq_delays delays = {15 * SECOND, 200 * SECOND};
    struct sq_err err = {0};
    contract_begin(c);
    OK(err, sq_liveness_flush(l, &c->tx, &delays, &err));
    contract_commit(c);
}

/* The server lives for so long, sweeping every two seconds. */
static void live(struct contract *c, struct sq_liveness *l, int seconds)
{
    for (int i = 0; i < seconds; i += 2) {
        clock_us += 2 * SECOND;
        c->tx.now += 2 * SECOND;
        sweep(c, l);
    }
}

static struct sq_liveness *liveness_of(bool others)
{
    struct sq_liveness *l;
    struct sq_err err = {0};
    OK(err, sq_liveness_new(fake_clock, others, &l, &err));
    return l;
}

static struct sq_liveness *liveness(void)
{
    return liveness_of(false);
}

static void hear(struct contract *c, struct sq_liveness *l, int64_t worker_id)
{
    sq_liveness_contact(l, worker_id, c->tx.now, NULL, NAN, NULL);
}

#define STATUS_IS(c, w, wanted) assert_int_equal(worker_of(c, w).status, wanted)

static void test_contacts_are_remembered_then_written(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w"), start = sq_now();
    assert_true(sq_liveness_silence(l, w) == SQ_NULL);
    sq_liveness_contact(l, w, start, "1 / 2", 12.25, "{}");
    sq_liveness_contact(l, w, start + 1, NULL, NAN, NULL);
    struct sq_worker seen = worker_of(c, w);
    assert_true(seen.last_contact_date == SQ_NULL);
    sq_liveness_overlay(l, &seen, &c->arena);
    assert_int_equal(seen.last_contact_date, start + 1);
    assert_string_equal(seen.load, "1 / 2");
    assert_true(seen.memory == 12.25);
    c->tx.now = start + 2;
    seen = worker_of(c, w);
    sweep(c, l); /* a row read before it was written shows all the same */
    sq_liveness_overlay(l, &seen, &c->arena);
    assert_int_equal(seen.last_contact_date, start + 1);
    assert_string_equal(seen.load, "1 / 2");
    seen = worker_of(c, w);
    assert_int_equal(seen.last_contact_date, start + 1);
    assert_string_equal(seen.load, "1 / 2");
    assert_string_equal(seen.stats, "{}");
    assert_true(seen.memory == 12.25);
    assert_true(seen.modification_date == SQ_NULL);
    contract_sql(c->db, "update worker set load = 'edited'");
    sweep(c, l); /* nothing is new: nothing is written */
    assert_string_equal(worker_of(c, w).load, "edited");
    sq_liveness_free(l);
}

static void test_silence_makes_offline_and_contact_running(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w"), v = make_worker(c, "v");
    contract_sql(c->db, "update worker set last_contact_date = '2020-01-01 "
                        "00:00:00.000000'");
    live(c, l, 16); /* the full delay from the first sweep */
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    hear(c, l, v);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    STATUS_IS(c, v, SQ_WORKER_RUNNING);
    live(c, l, 12);
    STATUS_IS(c, v, SQ_WORKER_RUNNING);
    hear(c, l, w);
    sq_changes_clear(&c->changes);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    sq_changes_settle(&c->changes);
    assert_true(sq_id_set_has(&c->changes.slots, w));
    live(c, l, 2);
    STATUS_IS(c, v, SQ_WORKER_OFFLINE);
    sq_liveness_free(l);
}

static void test_silence_for_long_loses_the_tasks(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w");
    struct three h = hold_three(c, w);
    live(c, l, 2); /* the first sweep sees it */
    live(c, l, 200);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    live(c, l, 2);
    assert_three_ended(c, &h, SQ_TASK_PENDING);
    sq_liveness_free(l);
}

/* Wall clock and gaps that are no silence. */
static void test_a_clock_that_jumps_loses_nothing(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w"), day = 86400 * SECOND;
    struct three h = hold_three(c, w);
    hear(c, l, w);
    live(c, l, 2);
    c->tx.now += day; /* set forward, or suspended */
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    clock_us += day; /* stopped, or its database was away: nobody could be heard */
    live(c, l, 4);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    /* Offline already before such a gap: its tasks stay its own too. */
    live(c, l, 30);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    clock_us += day;
    c->tx.now += day;
    live(c, l, 4);
    EXECUTION_IS(c, h.e[2], SQ_EXEC_RUNNING);
    sq_liveness_free(l);
}

/* A process that serves: it writes whom it heard. */
static void flush(struct contract *c, struct sq_liveness *l)
{
    struct sq_err err = {0};
    contract_begin(c);
    OK(err, sq_liveness_flush(l, &c->tx, NULL, &err));
    contract_commit(c);
}

/* The scheduler's process, for so long; the other hears `w` or does not. */
static void live_beside(struct contract *c, struct sq_liveness *mine,
                        struct sq_liveness *other, int64_t w, int seconds, bool heard)
{
    for (int i = 0; i < seconds; i += 2) {
        if (heard)
            hear(c, other, w);
        flush(c, other);
        live(c, mine, 2);
    }
}

static void test_others_hear_too(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *mine = liveness_of(true), *other = liveness_of(true);
    int64_t w = make_worker(c, "w");
    contract_sql(c->db, "update worker set last_contact_date = '2030-01-01 "
                        "00:00:00.000000'"); /* a clock that was wrong */
    live_beside(c, mine, other, w, 40, true);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    live_beside(c, mine, other, w, 14, false);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    live_beside(c, mine, other, w, 2, false);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    live_beside(c, mine, other, w, 20, false);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE); /* what was heard before it went is no news */
    live_beside(c, mine, other, w, 2, true);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    sq_liveness_free(mine);
    sq_liveness_free(other);
}

/* It says goodbye to another process, which has heard it just before. */
static void test_a_goodbye_to_another(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *mine = liveness_of(true), *other = liveness_of(true);
    int64_t w = make_worker(c, "w");
    live_beside(c, mine, other, w, 4, true);
    hear(c, other, w);
    sq_liveness_left(other, w);
    put_worker_status(c, w, SQ_WORKER_OFFLINE);
    hear(c, other, w); /* a message that was on its way */
    live_beside(c, mine, other, w, 20, false);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    /* It comes back by a third process, and then speaks with the other again. */
    put_worker_status(c, w, SQ_WORKER_RUNNING);
    live_beside(c, mine, other, w, 30, true);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    sq_liveness_free(mine);
    sq_liveness_free(other);
}

static void test_contacts_in_the_future_keep_nobody_alive(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    struct sq_worker w, again;
    int64_t acked;
    assert_int_equal(registers(c, "s1", SQ_NULL, &w, &acked), 0);
    hear(c, l, w.worker_id);
    sweep(c, l);
    c->tx.now -= 86400 * SECOND; /* set back */
    live(c, l, 16);
    STATUS_IS(c, w.worker_id, SQ_WORKER_OFFLINE);
    /* …nor do they keep its identity, for a server that never heard it. */
    assert_int_equal(registers(c, "s2", SQ_NULL, &again, &acked), 0);
    assert_int_equal(again.worker_id, w.worker_id);
    /* What is heard now is shown, though the row has a later date. */
    contract_sql(c->db, "update worker set last_contact_date = '2027-01-01 "
                        "00:00:00.000000'");
    hear(c, l, w.worker_id);
    struct sq_worker seen = worker_of(c, w.worker_id);
    sq_liveness_overlay(l, &seen, &c->arena);
    assert_int_equal(seen.last_contact_date, c->tx.now);
    sq_liveness_free(l);
}

static void test_who_left_comes_back_when_it_says_so(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    int64_t w = make_worker(c, "w");
    hear(c, l, w);
    assert_int_equal(sq_liveness_silence(l, w), 0);
    sq_liveness_left(l, w);
    assert_true(sq_liveness_silence(l, w) == INT64_MAX);
    put_worker_status(c, w, SQ_WORKER_OFFLINE);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    hear(c, l, w); /* a poll that was still on its way */
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_OFFLINE);
    sq_liveness_returned(l, w);
    hear(c, l, w);
    live(c, l, 2);
    STATUS_IS(c, w, SQ_WORKER_RUNNING);
    sq_liveness_free(l);
}

static void test_many_contacts_in_one_flush(void **state)
{
    struct contract *c = *state;
    struct sq_liveness *l = liveness();
    contract_sql(
        c->db, "with recursive n(i) as (select 1 union all select i + 1 from n "
               "where i < 3000) insert into worker (name, status, concurrency, batch) "
               "select 'w', 'paused', 1, 'Default' from n");
    for (int64_t i = 1; i <= 3000; i++)
        sq_liveness_contact(l, i, c->tx.now, "1", 1.5, NULL);
    sweep(c, l);
    assert_int_equal(contract_int(c->db, "select count(*) from worker where memory = "
                                         "'1.5' and last_contact_date is not null"),
                     3000);
    sq_liveness_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contacts_are_remembered_then_written),
        cmocka_unit_test(test_silence_makes_offline_and_contact_running),
        cmocka_unit_test(test_silence_for_long_loses_the_tasks),
        cmocka_unit_test(test_a_clock_that_jumps_loses_nothing),
        cmocka_unit_test(test_others_hear_too),
        cmocka_unit_test(test_a_goodbye_to_another),
        cmocka_unit_test(test_contacts_in_the_future_keep_nobody_alive),
        cmocka_unit_test(test_who_left_comes_back_when_it_says_so),
        cmocka_unit_test(test_many_contacts_in_one_flush),
    };
    return contract_main(tests, SQ_LEN(tests));
}
