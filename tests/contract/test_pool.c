/* The pool of connections to read with. */
#include "tests/contract/contract.h"

#include <pthread.h>

#include "core/store/pool.h"

enum { THREADS = 8 };

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
    contract_sql(c->db, "insert into region (name, provider) values ('n', 'p')");
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
    OK(err, sq_pool_open(c->uri, 2, &p, &err));
    for (int round = 0; round < 2; round++) {
        contract_kill_others(c);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_gives_readers),
        contract_postgresql_test(test_pool_replaces_what_was_lost),
        cmocka_unit_test(test_pool_is_shared),
    };
    return contract_main(tests, SQ_LEN(tests));
}
