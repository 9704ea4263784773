/* Connections are cut under a query that never ends. */
#include "tests/contract/contract.h"

#include <pthread.h>
#include <stdatomic.h>

struct query {
    struct sq_db *db;
    atomic_bool ended;
    int code;
    struct sq_err err;
};

static void *count_for_ever(void *arg)
{
    struct query *q = arg;
    sq_run(sq_db_sql(q->db, "with recursive n(i) as (select 0 union all select i + 1"
                            " - i from n) select count(*) from n"));
    q->code = sq_db_error(q->db, &q->err);
    atomic_store(&q->ended, true);
    return NULL;
}

static void test_what_waits_fails(void **state)
{
    struct contract *c = *state;
    struct query q = {.db = contract_connect(c, SQ_DB_READONLY)};
    struct sq_db *none = NULL;
    struct sq_err err = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, count_for_ever, &q), 0);
    while (!atomic_load(&q.ended)) /* it may not have begun at the first */
        sq_db_cut(true);
    pthread_join(thread, NULL);
    assert_int_not_equal(q.code, 0);
    assert_true(q.err.text[0]);
    assert_int_equal(sq_db_open(c->uri, 0, &none, &err), SQ_ECANCELED);
    assert_string_equal(err.text, "the server is stopping");
    assert_null(none);
    sq_db_cut(false);
    sq_db_close(q.db);
    struct sq_db *again = contract_connect(c, 0);
    assert_int_equal(contract_int(again, "select 1"), 1);
    sq_db_close(again);
    if (c->engine == SQ_POSTGRES) { /* its own was cut, too */
        assert_false(sq_db_alive(c->db));
        sq_db_close(c->db);
        c->db = contract_connect(c, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_waits_fails),
    };
    return contract_main(tests, SQ_LEN(tests));
}
