/* The writer, and the changes it carries. */
#include "tests/contract/writer_world.h"

#include <stdio.h>
#include <string.h>
#include <pthread.h>

static void test_one_operation(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct sq_writer *w = writer_start(c, &seen, 0);
    OK(err, writer_call(w, "a", NULL, 0, &err));
    assert_int_equal(regions(c), 1); /* durable before the answer */
    assert_int_equal(seen.committed, 1);
    assert_true(seen.sweep); /* the first transaction looks at everything */
    OK(err, writer_call(w, "b", NULL, 0, &err));
    assert_false(seen.sweep);
    assert_string_equal(seen.last, "b");
    /* Failures: its own, and the database's; neither leaves anything. */
    assert_int_equal(writer_call(w, "c", NULL, SQ_ESTATE, &err), SQ_ESTATE);
    assert_string_equal(err.text, "c does not want to");
    assert_int_equal(writer_call(w, "b", NULL, 0, &err), SQ_EEXIST);
    assert_int_equal(seen.committed, 2);
    sq_writer_stop(w);
    assert_int_equal(regions(c), 2);
}

/* The database says no after the scheduler has begun: its words are the operation's. */
static void test_a_late_error(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct sq_writer *w = writer_start(c, &seen, 0);
    seen.looks = true;
    OK(err, writer_call(w, "a", NULL, 0, &err));
    assert_int_equal(writer_call(w, "a", NULL, 0, &err), SQ_EEXIST);
    assert_null(strstr(err.text, "savepoint"));
    assert_int_equal(seen.committed, 1);
    OK(err, writer_call(w, "b", NULL, 0, &err));
    /* It remembered a transaction that did not happen, where it had run. */
    assert_int_equal(seen.sweep, sq_db_engine(c->db) == SQ_POSTGRES);
    OK(err, writer_call(w, "c", NULL, 0, &err));
    assert_false(seen.sweep);
    sq_writer_stop(w);
    assert_int_equal(regions(c), 3);
}

static void ask_regions(struct sq_op *op, struct sq_db *db)
{
    struct insertion *i = (struct insertion *)op;
    i->asked = sq_db_sql(db, "select count(*) from region");
    sq_ask(i->asked);
}

static void read_regions(struct sq_op *op, struct sq_db *db)
{
    struct insertion *i = (struct insertion *)op;
    if (sq_row(i->asked))
        i->read = sq_col_int(i->asked, 0);
    sq_stmt_end(i->asked);
    assert_int_equal(sq_db_error(db, NULL), 0);
}

static void submit_reading(struct sq_writer *w, struct insertion *i, const char *name,
                           sem_t *done)
{
    struct sq_err err = {0};
    insertion_init(i, name, done);
    i->op.ask = ask_regions;
    i->op.read = read_regions;
    OK(err, sq_writer_submit(w, &i->op, &err));
}

/* Who is alone and committed reads with the commit, after what the scheduler did. */
static void test_reading_with_the_commit(void **state)
{
    struct contract *c = *state;
    struct seen seen;
    struct insertion i;
    sem_t done;
    sem_init(&done, 0, 0);
    struct sq_writer *w = writer_start(c, &seen, 0);
    for (int n = 0; n < 3; n++) {
        submit_reading(w, &i, n == 0 ? "a" : "b", &done);
        sem_wait(&done);
        sq_arena_fini(&i.arena);
        assert_int_equal(i.op.result, n == 2 ? SQ_EEXIST : 0);
        assert_int_equal(i.read, n == 2 ? SQ_NULL : n + 1);
    }
    sq_writer_stop(w);
}

enum { GROUP = 60 };

static void submit_all(struct sq_writer *w, struct insertion *ops, sem_t *done)
{
    struct sq_err err = {0};
    for (int i = 0; i < GROUP; i++) {
        char name[20];
        snprintf(name, sizeof name, "r%d", i);
        insertion_init(&ops[i], name, done);
        if (i % 7 == 3)
            ops[i].fail = SQ_ESTATE;
        if (i % 7 == 5)
            ops[i].sql = "insert into region (name, provider) values ('held', 'p')";
        OK(err, sq_writer_submit(w, &ops[i].op, &err));
    }
}

static void test_a_group_shares_a_transaction(void **state)
{
    struct contract *c = *state;
    struct seen seen;
    struct held h;
    struct insertion ops[GROUP];
    sem_t done;
    int expected = 0;
    sem_init(&done, 0, 0);
    struct sq_writer *w = writer_start(c, &seen, 0);
    writer_hold(&h, w);
    submit_all(w, ops, &done);
    writer_let_go(&h);
    for (int i = 0; i < GROUP; i++)
        sem_wait(&done);
    assert_int_equal(seen.committed, 2); /* the one that held, and all the others */
    for (int i = 0; i < GROUP; i++) {
        int code = i % 7 == 3 ? SQ_ESTATE : i % 7 == 5 ? SQ_EEXIST : 0;
        assert_int_equal(ops[i].op.result, code);
        assert_int_equal(ops[i].answered, 1);
        expected += code == 0;
        sq_arena_fini(&ops[i].arena);
    }
    assert_int_equal(regions(c), expected + 1);
    sq_writer_stop(w);
}

static void test_settle_fails_alone(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct sq_writer *w = writer_start(c, &seen, 0);
    seen.refuse = true;
    OK(err, writer_call(w, "a", NULL, 0, &err));
    assert_int_equal(seen.settled, 1);
    assert_int_equal(seen.committed, 1);
    assert_int_equal(regions(c), 1); /* not settle's */
    seen.refuse = false;
    seen.sweep = false;
    OK(err, writer_call(w, "b", NULL, 0, &err));
    assert_true(seen.sweep);
    /* With nothing wrong before there is no savepoint: it costs the operation that is
     * alone, once. */
    seen.refuse = true;
    assert_int_equal(writer_call(w, "c", NULL, 0, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "this test's scheduler fails"));
    assert_int_equal(regions(c), 2);
    OK(err, writer_call(w, "c", NULL, 0, &err));
    assert_int_equal(regions(c), 3);
    sq_writer_stop(w);
}

static void test_the_queue_is_bounded_and_stop_finishes_it(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct held h;
    struct insertion ops[4];
    sem_t done;
    sem_init(&done, 0, 0);
    struct sq_writer *w = writer_start(c, &seen, 3);
    writer_hold(&h, w);
    for (int i = 0; i < 4; i++) {
        char name[20];
        snprintf(name, sizeof name, "q%d", i);
        insertion_init(&ops[i], name, &done);
        int rc = sq_writer_submit(w, &ops[i].op, &err);
        assert_int_equal(rc, i < 3 ? 0 : SQ_EBUSY);
    }
    sem_post(&h.gate);
    sq_writer_stop(w);
    assert_int_equal(h.i.answered, 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ops[i].answered, i < 3);
        assert_int_equal(ops[i].op.result, 0);
        sq_arena_fini(&ops[i].arena);
    }
    sq_arena_fini(&h.i.arena);
    assert_int_equal(regions(c), 4);
}

/* Many threads at once. */
enum { THREADS = 8, EACH = 50 };
struct crowd {
    struct sq_writer *w;
    int number, failed;
};

static void *crowd_work(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < EACH; i++) {
        struct sq_err err = {0};
        char name[40];
        snprintf(name, sizeof name, "t%d-%d", crowd->number, i);
        crowd->failed += writer_call(crowd->w, name, NULL, 0, &err) != 0;
    }
    return NULL;
}

static void test_many_threads_call(void **state)
{
    struct contract *c = *state;
    struct seen seen;
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    struct sq_writer *w = writer_start(c, &seen, 0);
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){.w = w, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_work, &crowd[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crowd[i].failed, 0);
    }
    assert_int_equal(regions(c), THREADS * EACH);
    assert_true(seen.committed <= THREADS * EACH);
    assert_int_equal(seen.batches, THREADS * EACH);
    sq_writer_stop(w);
}

/* Changes: no database in these, run twice all the same. */

static void test_changes_settle(void **state)
{
    struct sq_changes c;
    sq_changes_init(&c);
    assert_false(sq_changes_any(&c));
    static const int64_t ids[] = {5, 3, 3, 9, -1, 5, 3};
    for (size_t i = 0; i < SQ_LEN(ids); i++)
        sq_changes_tell(&c, ids[i]);
    sq_changes_tell(&c, SQ_NULL);
    sq_changes_slots(&c, SQ_NULL);
    for (int64_t i = 1000; i > 0; i--)
        sq_changes_task(&c, i / 2);
    sq_changes_batch(&c, "a");
    sq_changes_batch(&c, "b");
    sq_changes_batch(&c, "a");
    sq_changes_settle(&c);
    static const int64_t expected[] = {-1, 3, 5, 9};
    assert_int_equal(c.tell.n, 4);
    assert_memory_equal(c.tell.ids, expected, sizeof expected);
    assert_int_equal(c.tasks.n, 501);
    assert_int_equal(c.slots.n, 0);
    assert_int_equal(c.n_batches, 2);
    assert_true(sq_id_set_has(&c.tell, 9));
    assert_false(sq_id_set_has(&c.tell, 4));
    assert_false(sq_id_set_has(&c.slots, 4));
    assert_true(sq_changes_any(&c));
    sq_changes_clear(&c);
    assert_false(sq_changes_any(&c));
    c.sweep = true;
    assert_true(sq_changes_any(&c));
    sq_changes_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_operation),
        cmocka_unit_test(test_a_late_error),
        cmocka_unit_test(test_reading_with_the_commit),
        cmocka_unit_test(test_a_group_shares_a_transaction),
        cmocka_unit_test(test_settle_fails_alone),
        cmocka_unit_test(test_the_queue_is_bounded_and_stop_finishes_it),
        cmocka_unit_test(test_many_threads_call),
        cmocka_unit_test(test_changes_settle),
    };
    return contract_main(tests, SQ_LEN(tests));
}
