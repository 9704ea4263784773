/* The writer, the changes it carries, and the pool of readers. */
#include "tests/contract/contract.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "core/store/pool.h"
#include "core/store/writer.h"

/* One operation of these tests: inserts a region named `name`. */
struct insertion {
    struct sq_op op;
    struct sq_arena arena;
    char name[40];
    const char *sql; /* run instead, may fail */
    int fail;        /* the operation's own error, after its change */
    sem_t *gate;     /* waited for inside the transaction */
    sem_t *inside;   /* posted when there */
    sem_t *done;
    int answered;
    struct sq_stmt *asked; /* regions, by ask() */
    int64_t read;          /* what read() saw, SQ_NULL: not called */
};

static int insertion_run(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    struct insertion *i = (struct insertion *)op;
    if (i->inside)
        sem_post(i->inside);
    if (i->gate)
        sem_wait(i->gate);
    struct sq_stmt *st = sq_db_sql(
        tx->db,
        i->sql ? i->sql : "insert into region (name, provider) values ($1, 'p')");
    if (!i->sql)
        sq_bind_text(st, 1, i->name);
    sq_send(st);
    sq_changes_batch(tx->changes, i->name);
    if (i->fail)
        return sq_fail(err, i->fail, "%s does not want to", i->name);
    return 0;
}

static void insertion_done(struct sq_op *op)
{
    struct insertion *i = (struct insertion *)op;
    i->answered++;
    if (i->done)
        sem_post(i->done);
}

static void insertion_init(struct insertion *i, const char *name, sem_t *done)
{
    *i = (struct insertion){.op = {.run = insertion_run, .done = insertion_done},
                            .done = done,
                            .read = SQ_NULL};
    snprintf(i->name, sizeof i->name, "%s", name);
    sq_arena_init(&i->arena, 1000);
    i->op.arena = &i->arena;
}

/* What the hooks saw. */
struct seen {
    int settled, committed, batches;
    bool sweep, refuse; /* refuse: settle fails, after a change of its own */
    bool looks;         /* settle reads something */
    char last[40];
};

static int settle(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    struct seen *seen = arg;
    seen->settled++;
    seen->sweep = tx->changes->sweep;
    if (seen->looks) {
        struct sq_stmt *st = sq_db_sql(tx->db, "select count(*) from region");
        return sq_row(st) ? 0 : sq_db_error(tx->db, err);
    }
    if (!seen->refuse)
        return 0;
    sq_run(sq_db_sql(tx->db, "insert into region values ('settle', 's')"));
    return sq_fail(err, SQ_EINVAL, "this test's scheduler fails, as it should");
}

static void committed(void *arg, const struct sq_changes *changes)
{
    struct seen *seen = arg;
    seen->committed++;
    seen->batches += (int)changes->n_batches;
    if (changes->n_batches)
        snprintf(seen->last, sizeof seen->last, "%s",
                 changes->batches[changes->n_batches - 1]);
}

static struct sq_writer *start(struct contract *c, struct seen *seen, int queue_max)
{
    struct sq_err err = {0};
    struct sq_writer *w;
    struct sq_writer_conf conf = {.uri = c->uri,
                                  .queue_max = queue_max,
                                  .settle = settle,
                                  .committed = committed,
                                  .arg = seen};
    *seen = (struct seen){0};
    OK(err, sq_writer_start(&conf, &w, &err));
    return w;
}

static int call(struct sq_writer *w, const char *name, const char *sql, int fail,
                struct sq_err *err)
{
    struct insertion i;
    insertion_init(&i, name, NULL);
    i.sql = sql;
    i.fail = fail;
    int rc = sq_writer_call(w, &i.op, err);
    assert_int_equal(rc, i.op.result);
    sq_arena_fini(&i.arena);
    return rc;
}

static int64_t regions(struct contract *c)
{
    return contract_int(c->db, "select count(*) from region");
}

static void test_one_operation(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct sq_writer *w = start(c, &seen, 0);
    OK(err, call(w, "a", NULL, 0, &err));
    assert_int_equal(regions(c), 1); /* durable before the answer */
    assert_int_equal(seen.committed, 1);
    assert_true(seen.sweep); /* the first transaction looks at everything */
    OK(err, call(w, "b", NULL, 0, &err));
    assert_false(seen.sweep);
    assert_string_equal(seen.last, "b");
    /* Failures: its own, and the database's; neither leaves anything. */
    assert_int_equal(call(w, "c", NULL, SQ_ESTATE, &err), SQ_ESTATE);
    assert_string_equal(err.text, "c does not want to");
    assert_int_equal(call(w, "b", NULL, 0, &err), SQ_EEXIST);
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
    struct sq_writer *w = start(c, &seen, 0);
    seen.looks = true;
    OK(err, call(w, "a", NULL, 0, &err));
    assert_int_equal(call(w, "a", NULL, 0, &err), SQ_EEXIST);
    assert_null(strstr(err.text, "savepoint"));
    assert_int_equal(seen.committed, 1);
    OK(err, call(w, "b", NULL, 0, &err));
    /* It remembered a transaction that did not happen, where it had run. */
    assert_int_equal(seen.sweep, sq_db_engine(c->db) == SQ_POSTGRES);
    OK(err, call(w, "c", NULL, 0, &err));
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
    struct sq_writer *w = start(c, &seen, 0);
    for (int n = 0; n < 3; n++) {
        submit_reading(w, &i, n == 0 ? "a" : "b", &done);
        sem_wait(&done);
        sq_arena_fini(&i.arena);
        assert_int_equal(i.op.result, n == 2 ? SQ_EEXIST : 0);
        assert_int_equal(i.read, n == 2 ? SQ_NULL : n + 1);
    }
    sq_writer_stop(w);
}

/* Keep the writer inside a transaction, so that what is submitted meanwhile makes one
 * group. */
struct held {
    struct insertion i;
    sem_t gate, inside, done;
};

static void hold(struct held *h, struct sq_writer *w)
{
    struct sq_err err = {0};
    sem_init(&h->gate, 0, 0);
    sem_init(&h->inside, 0, 0);
    sem_init(&h->done, 0, 0);
    insertion_init(&h->i, "held", &h->done);
    h->i.gate = &h->gate;
    h->i.inside = &h->inside;
    OK(err, sq_writer_submit(w, &h->i.op, &err));
    sem_wait(&h->inside);
}

static void let_go(struct held *h)
{
    sem_post(&h->gate);
    sem_wait(&h->done);
    assert_int_equal(h->i.op.result, 0);
    sq_arena_fini(&h->i.arena);
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
            ops[i].sql = "insert into region values ('held', 'p')";
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
    struct sq_writer *w = start(c, &seen, 0);
    hold(&h, w);
    submit_all(w, ops, &done);
    let_go(&h);
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
    struct sq_writer *w = start(c, &seen, 0);
    seen.refuse = true;
    OK(err, call(w, "a", NULL, 0, &err));
    assert_int_equal(seen.settled, 1);
    assert_int_equal(seen.committed, 1);
    assert_int_equal(regions(c), 1); /* not settle's */
    seen.refuse = false;
    seen.sweep = false;
    OK(err, call(w, "b", NULL, 0, &err));
    assert_true(seen.sweep);
    /* With nothing wrong before there is no savepoint: it costs the operation that is
     * alone, once. */
    seen.refuse = true;
    assert_int_equal(call(w, "c", NULL, 0, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "this test's scheduler fails"));
    assert_int_equal(regions(c), 2);
    OK(err, call(w, "c", NULL, 0, &err));
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
    struct sq_writer *w = start(c, &seen, 3);
    hold(&h, w);
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

static void test_a_commit_that_fails_fails_its_operations(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct held h;
    struct insertion a, b;
    sem_t done;
    sem_init(&done, 0, 0);
    /* A constraint that is only looked at by the commit. */
    contract_sql(c->db, c->engine == SQ_SQLITE
                            ? "create table late (i integer references region2 (i) "
                              "deferrable initially deferred);"
                              "create table region2 (i integer primary key)"
                            : "create table region2 (i integer primary key);"
                              "create table late (i integer references region2 "
                              "deferrable initially deferred)");
    struct sq_writer *w = start(c, &seen, 0);
    hold(&h, w);
    insertion_init(&a, "a", &done);
    insertion_init(&b, "b", &done);
    b.sql = "insert into late values (5)";
    OK(err, sq_writer_submit(w, &a.op, &err));
    OK(err, sq_writer_submit(w, &b.op, &err));
    let_go(&h);
    sem_wait(&done);
    sem_wait(&done);
    assert_int_equal(a.op.result, SQ_ENOENT);
    assert_int_equal(b.op.result, SQ_ENOENT);
    assert_int_not_equal(strlen(a.op.err.text), 0);
    assert_int_equal(seen.committed, 1);
    assert_int_equal(regions(c), 1);
    OK(err, call(w, "a", NULL, 0, &err)); /* and goes on */
    assert_true(seen.sweep);
    sq_arena_fini(&a.arena);
    sq_arena_fini(&b.arena);
    sq_writer_stop(w);
}

static void kill_writers(struct contract *c)
{
    /* All backends of this database but the one asking; waits for their end. */
    contract_int(c->db, "select count(pg_terminate_backend(pid, 10000)) from "
                        "pg_stat_activity where datname = current_database() and "
                        "pid <> pg_backend_pid()");
}

static void test_a_lost_connection_is_opened_again(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct held h;
    if (c->engine == SQ_SQLITE)
        return;
    struct sq_writer *w = start(c, &seen, 0);
    OK(err, call(w, "a", NULL, 0, &err));
    kill_writers(c); /* while idle: nobody notices */
    OK(err, call(w, "b", NULL, 0, &err));
    hold(&h, w); /* and in the middle of a transaction */
    kill_writers(c);
    sem_post(&h.gate);
    sem_wait(&h.done);
    assert_int_equal(h.i.op.result, SQ_EIO);
    sq_arena_fini(&h.i.arena);
    OK(err, call(w, "c", NULL, 0, &err));
    assert_int_equal(regions(c), 3);
    sq_writer_stop(w);
}

static void test_a_full_disk_is_outlived(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    char folder[220];
    if (c->engine != SQ_SQLITE)
        return;
    if (!contract_disk(c, folder, 2)) {
        print_message("# not allowed to mount here\n");
        skip();
    }
    snprintf(c->uri, sizeof c->uri, "sqlite:///%s/f.db", folder);
    struct sq_db *db = contract_connect(c, 0);
    OK(err, sq_schema_ensure(db, &err));
    contract_sql(db, "create table fill (x blob)");
    struct sq_writer *w = start(c, &seen, 0);
    int rc = 0, stored = 0;
    for (int i = 0; i < 200 && !rc; i++) {
        rc = call(w, "x", "insert into fill values (randomblob(50000))", 0, &err);
        stored += !rc;
    }
    assert_int_equal(rc, SQ_ENOSPC);
    assert_int_equal(contract_int(db, "select count(*) from fill"), stored);
    contract_disk_change(folder, 9, false);
    OK(err, call(w, "x", "insert into fill values (randomblob(500000))", 0, &err));
    sq_writer_stop(w);
    sq_db_close(db);
    assert_int_equal(umount(folder), 0);
}

static void test_a_writer_wants_current_tables(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_writer *w;
    char uri[400];
    struct sq_writer_conf conf = {.uri = contract_empty(c, uri)};
    assert_int_equal(sq_writer_start(&conf, &w, &err), SQ_EUNSUPPORTED);
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
        crowd->failed += call(crowd->w, name, NULL, 0, &err) != 0;
    }
    return NULL;
}

static void test_many_threads_call(void **state)
{
    struct contract *c = *state;
    struct seen seen;
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    struct sq_writer *w = start(c, &seen, 0);
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

/* The pool. */

static void test_pool_gives_readers(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_pool *p;
    struct sq_db *a, *b, *again;
    OK(err, sq_pool_open(c->uri, 2, &p, &err));
    OK(err, sq_pool_get(p, &a, &err));
    OK(err, sq_pool_get(p, &b, &err));
    assert_ptr_not_equal(a, b);
    /* Given back with an error, an open transaction, an unread row. */
    OK(err, sq_db_begin(a, false, &err));
    sq_run(sq_db_sql(a, "this is not SQL"));
    assert_true(sq_row(sq_db_sql(b, "select 1 union select 2")));
    sq_pool_put(p, a);
    sq_pool_put(p, b);
    OK(err, sq_pool_get(p, &again, &err));
    assert_ptr_equal(again, b);
    assert_int_equal(contract_int(again, "select count(*) from region"), 0);
    contract_sql(c->db, "insert into region values ('n', 'p')");
    assert_int_equal(contract_int(again, "select count(*) from region"), 1);
    sq_pool_put(p, again);
    sq_pool_close(p);
}

static void test_pool_replaces_what_was_lost(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_pool *p;
    struct sq_db *a;
    if (c->engine == SQ_SQLITE)
        return;
    OK(err, sq_pool_open(c->uri, 2, &p, &err));
    for (int round = 0; round < 2; round++) {
        kill_writers(c);
        OK(err, sq_pool_get(p, &a, &err));
        assert_int_equal(contract_int(a, "select 1"), 1);
        if (round == 0)
            contract_kill(c, a);
        sq_pool_put(p, a);
    }
    sq_pool_close(p);
}

struct borrower {
    struct sq_pool *p;
    int failed;
};

static void *borrow(void *arg)
{
    struct borrower *b = arg;
    for (int i = 0; i < 100; i++) {
        struct sq_err err = {0};
        struct sq_db *db;
        if (sq_pool_get(b->p, &db, &err)) {
            b->failed++;
            continue;
        }
        sq_run(sq_db_sql(db, "select count(*) from task"));
        b->failed += sq_db_error(db, &err) != 0;
        sq_pool_put(b->p, db);
    }
    return NULL;
}

static void test_pool_is_shared(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct borrower all[THREADS];
    pthread_t threads[THREADS];
    struct sq_pool *p;
    OK(err, sq_pool_open(c->uri, 3, &p, &err));
    for (int i = 0; i < THREADS; i++) {
        all[i] = (struct borrower){.p = p};
        assert_int_equal(pthread_create(&threads[i], NULL, borrow, &all[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(all[i].failed, 0);
    }
    sq_pool_close(p);
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
        cmocka_unit_test(test_a_commit_that_fails_fails_its_operations),
        cmocka_unit_test(test_a_lost_connection_is_opened_again),
        cmocka_unit_test(test_a_full_disk_is_outlived),
        cmocka_unit_test(test_a_writer_wants_current_tables),
        cmocka_unit_test(test_many_threads_call),
        cmocka_unit_test(test_pool_gives_readers),
        cmocka_unit_test(test_pool_replaces_what_was_lost),
        cmocka_unit_test(test_pool_is_shared),
        cmocka_unit_test(test_changes_settle),
    };
    return contract_main(tests, SQ_LEN(tests));
}
