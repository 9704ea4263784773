/* EVICTION_ACTION over both databases: which worker goes, and what comes in its place.
 */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <string.h>

#include "core/store/recruited.h"
#include "core/store/worker.h"

static const char offers[] =
    "insert into flavor (name, provider, cpu, ram, disk, gpumem, tags) values "
    "('tiny', 'p', 2, 4, 10, 0, ''), ('s', 'p', 4, 8, 50, 0, ''), "
    "('m', 'p', 8, 16, 50, 0, ''), ('l', 'p', 64, 256, 500, 0, ''), "
    "('gpu', 'p', 8, 16, 50, 16, 'G'), ('metal', 'p', 64, 256, 500, 0, 'M'), "
    "('s', 'q', 4, 8, 50, 0, ''), ('odd', 'p', 8, 8, 10, 0, '');"
    "insert into flavormetrics (flavor_name, provider, region_name, cost, eviction) "
    "values ('tiny', 'p', 'r1', 0.1, 0), ('s', 'p', 'r1', 1, 5), "
    "('s', 'p', 'full', 1.1, 0), ('s', 'p', 'risky', 0.5, 20), ('m', 'p', 'r1', 3, 5), "
    "('l', 'p', 'r1', 20, 0), ('gpu', 'p', 'r1', 30, 5), ('metal', 'p', 'r1', 0.2, 0), "
    "('l', 'p', 'r2', 25, 0), ('s', 'q', 'x', 0.3, 0), ('odd', 'p', 'r1', 0, 5);"
    "insert into region (name, provider, cpus) values ('full', 'p', 3);";

static const struct {
    const char *flavor, *region;
    int64_t margin;
    const char *preferred, *new_flavor, *new_region;
} rows[] = {
    /* The cheapest that is as large and as safe, no metal, of this provider, where
     * there is room. */
    {"s", "r1", 10, NULL, "m", "r1"},
    /* A third of what m costs: only the same is left. */
    {"s", "r1", 2, NULL, "s", "r1"},
    {"s", "risky", 10, NULL, "s", "r1"},
    {"m", "r1", 7, NULL, "l", "r1"},
    {"m", "r1", 6, NULL, "m", "r1"},
    {"tiny", "r1", 1000, NULL, "l", "r1"},
    /* What its cost was is not known: any will do. */
    {"odd", "r1", 1, NULL, "m", "r1"},
    /* What it had, it has: a GPU; and only metal is replaced by metal. */
    {"gpu", "r1", 10, NULL, "gpu", "r1"},
    {"metal", "r1", 100, NULL, "metal", "r1"},
    /* Not offered any more: tried again as it was. */
    {"gone", "nowhere", 10, NULL, "gone", "nowhere"},
    /* Preferred regions come first. */
    {"m", "r1", 10, "p:r2", "l", "r2"},
};

static struct sq_recruited_conf conf = {
    .server_name = "lab", .retry = 2, .cost_margin = 10};

static int64_t ask(struct contract *c, const char *sql)
{
    return contract_int(c->db, sql);
}

static void evict(struct contract *c, int64_t id)
{
    struct sq_err err;
    struct sq_worker w = {.status = SQ_WORKER_EVICTED}, ignored;
    contract_begin(c);
    OK(err,
       sq_worker_update(&c->tx, id, &w, SQ_BIT(SQ_WORKER_F_STATUS), &ignored, &err));
    sq_changes_settle(&c->changes);
    for (size_t i = 0; i < c->changes.evicted.n; i++)
        OK(err, sq_recruited_evicted(&c->tx, &conf, c->changes.evicted.ids[i], &err));
    sq_changes_clear(&c->changes);
    contract_commit(c);
}

static int64_t recruited(struct contract *c, const char *flavor, const char *region)
{
    struct sq_err err;
    int64_t id;
    const struct sq_recruited_wanted wanted = {.flavor = flavor,
                                               .provider = "p",
                                               .region = region,
                                               .batch = "b",
                                               .concurrency = 3,
                                               .prefetch = 1};
    contract_begin(c);
    OK(err, sq_recruited_make(&c->tx, &conf, &wanted, &id, &err));
    contract_commit(c);
    return id;
}

static void clear(struct contract *c)
{
    contract_sql(c->db, "delete from worker; delete from job;");
}

static void test_replaced(void **state)
{
    struct contract *c = *state;
    char sql[400];
    contract_sql(c->db, offers);
    conf.eviction = SQ_EVICTION_REPLACE;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        clear(c);
        conf.cost_margin = rows[i].margin;
        conf.preferred = rows[i].preferred;
        evict(c, recruited(c, rows[i].flavor, rows[i].region));
        snprintf(sql, sizeof sql,
                 "select count(*) from worker where name = 'lab-node2' and status = "
                 "'offline' and batch = 'b' and concurrency = 3 and prefetch = 1 and "
                 "provider = 'p' and flavor = '%s' and region = '%s'",
                 rows[i].new_flavor, rows[i].new_region);
        if (ask(c, sql) != 1)
            fail_msg("row %zu", i);
        assert_int_equal(ask(c, "select count(*) from worker"), 2);
        assert_int_equal(ask(c, "select count(*) from job where status = 'pending' and "
                                "action = 'worker_destroy' and target = 'lab-node1'"),
                         1);
        assert_int_equal(ask(c, "select count(*) from job where status = 'pending' and "
                                "action = 'worker_deploy' and target = 'lab-node2'"),
                         1);
    }
    conf.preferred = NULL;
}

/* An eviction that is told twice is one. */
static void test_told_twice(void **state)
{
    struct contract *c = *state;
    contract_sql(c->db, offers);
    for (int replace = 0; replace < 2; replace++) {
        clear(c);
        conf.eviction = replace ? SQ_EVICTION_REPLACE : SQ_EVICTION_DELETE;
        int64_t id = recruited(c, "s", "r1");
        for (int i = 0; i < 2; i++) {
            evict(c, id);
            contract_sql(c->db, "update worker set status = 'running' "
                                "where status = 'evicted';");
        }
        assert_int_equal(ask(c, "select count(*) from worker"), 1 + replace);
        assert_int_equal(ask(c, "select count(*) from job where status = 'pending' and "
                                "action = 'worker_destroy'"),
                         1);
    }
}

/* Without the setting, and of those that nobody recruited. */
static void test_left(void **state)
{
    struct contract *c = *state;
    contract_sql(c->db, offers);
    conf.eviction = SQ_EVICTION_NONE;
    evict(c, recruited(c, "s", "r1"));
    conf.eviction = SQ_EVICTION_REPLACE;
    contract_sql(c->db,
                 "insert into worker (worker_id, name, status, concurrency, prefetch, "
                 "batch, permanent, flavor, provider, region, task_properties) values "
                 "(50, 'mine', 'running', 1, 0, 'b', true, 's', 'p', 'r1', '{}'), "
                 "(51, 'bare', 'running', 1, 0, 'b', false, 's', null, null, '{}');");
    evict(c, 50);
    evict(c, 51);
    assert_int_equal(ask(c, "select count(*) from worker where status = 'evicted'"), 3);
    assert_int_equal(ask(c, "select count(*) from worker"), 3);
    assert_int_equal(ask(c, "select count(*) from job where action = 'worker_destroy'"),
                     0);
}

/* Each cheaper one lacks a little of something, or is likelier to be evicted. */
static void test_nothing_less(void **state)
{
    struct contract *c = *state;
    contract_sql(
        c->db,
        "insert into flavor (name, provider, cpu, ram, disk, gpumem, tags) values "
        "('x', 'p', 8, 16, 50, 8, 'GN'), ('as good', 'p', 8, 16, 50, 8, 'NG'), "
        "('cpu', 'p', 7, 16, 50, 8, 'GN'), ('ram', 'p', 8, 15.5, 50, 8, 'GN'), "
        "('disk', 'p', 8, 16, 49.5, 8, 'GN'), ('gpumem', 'p', 8, 16, 50, 7.5, 'GN'), "
        "('tag', 'p', 8, 16, 50, 8, 'G'), ('metal', 'p', 8, 16, 50, 8, 'GNM'), "
        "('risk', 'p', 8, 16, 50, 8, 'GN');"
        "insert into flavormetrics (flavor_name, provider, region_name, cost, "
        "eviction) "
        "select name, 'p', 'r1', case when name in ('x', 'as good') then 2 else 1 end, "
        "case when name = 'risk' then 6 else 5 end from flavor;");
    conf.eviction = SQ_EVICTION_REPLACE;
    conf.cost_margin = 1;
    evict(c, recruited(c, "x", "r1"));
    assert_int_equal(ask(c, "select count(*) from worker where flavor = 'as good'"), 1);
    assert_int_equal(ask(c, "select count(*) from worker"), 2);
}

/* It runs again by the time it is looked at, or is no more. */
static void test_not_evicted_any_more(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    contract_sql(c->db, offers);
    conf.eviction = SQ_EVICTION_REPLACE;
    int64_t id = recruited(c, "s", "r1");
    for (int i = 0; i < 2; i++) {
        contract_sql(c->db, "update worker set status = 'running'");
        contract_begin(c);
        OK(err, sq_recruited_evicted(&c->tx, &conf, id + i, &err));
        contract_commit(c);
    }
    assert_int_equal(ask(c, "select count(*) from worker"), 1);
    assert_int_equal(ask(c, "select count(*) from job where action = 'worker_destroy'"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaced), cmocka_unit_test(test_told_twice),
        cmocka_unit_test(test_left), cmocka_unit_test(test_nothing_less),
        cmocka_unit_test(test_not_evicted_any_more)};
    return contract_main(tests, SQ_LEN(tests));
}
