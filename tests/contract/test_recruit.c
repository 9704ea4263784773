/* Recruiting over both databases (product.md section 8): how many are missing, who is
 * recycled and with what weights, what is deployed, quotas, preferred regions, names.
 */
#include "tests/contract/contract.h"

#include <stdio.h>
#include <string.h>

#include "core/sched/recruit.h"
#include "core/store/offers.h"
#include "core/store/recruiter.h"
#include "core/store/worker.h"

static const struct {
    int64_t pending, workers, each, minimum, maximum, need;
} needs[] = {
    {0, 0, 1, SQ_NULL, SQ_NULL, 0},  {1, 0, 1, SQ_NULL, SQ_NULL, 1},
    {10, 0, 3, SQ_NULL, SQ_NULL, 4}, {10, 4, 3, SQ_NULL, SQ_NULL, 0},
    {10, 9, 3, SQ_NULL, SQ_NULL, 0}, {10, 0, 1, SQ_NULL, 3, 3},
    {10, 2, 1, SQ_NULL, 3, 1},       {10, 5, 1, SQ_NULL, 3, 0},
    {10, 0, 1, SQ_NULL, 0, 10},      {4, 0, 1, 5, SQ_NULL, 0},
    {5, 0, 1, 5, SQ_NULL, 5},        {5, 0, 0, SQ_NULL, SQ_NULL, 5},
};

static void test_need(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(needs); i++)
        if (sq_recruit_need(needs[i].pending, needs[i].workers, needs[i].each,
                            needs[i].minimum, needs[i].maximum) != needs[i].need)
            fail_msg("row %zu", i);
}

static const struct {
    const char *old, *left;
    const char *live[3];
    int64_t before, after;
    const char *now;
} moves[] = {
    {"{}", "a", {NULL}, 4, 2, "{}"},
    {NULL, "a", {"a"}, 4, 2, "{\"a\":[0.5,1]}"},
    {"{\"b\":[0.5,1]}", "a", {"a", "b"}, 4, 8, "{\"a\":[2.0,1],\"b\":[1.0,2]}"},
    {"{\"b\":[0.5,1],\"c\":[0.25,2]}", "a", {"c"}, 4, 8, "{\"c\":[0.5,3]}"},
    {"{\"a\":[0.5,3]}", "a", {"a"}, 2, 2, "{\"a\":[1.0,1]}"},
};

static void test_weights(void **state)
{
    struct contract *c = *state;
    for (size_t i = 0; i < SQ_LEN(moves); i++) {
        size_t n = 0;
        while (n < 3 && moves[i].live[n])
            n++;
        assert_string_equal(sq_recruit_weights(moves[i].old, moves[i].left,
                                               moves[i].live, n, moves[i].before,
                                               moves[i].after, &c->arena),
                            moves[i].now);
    }
}

/* ---- a world of offers */

static const char offers[] =
    "insert into flavor (name, provider, cpu, ram, disk, tags) values "
    "('s', 'p', 2, 4, 10, ''), ('m', 'p', 4, 8, 50, ''), ('g', 'p', 4, 8, 50, 'G'), "
    "('s', 'q', 2, 4, 10, ''), ('metal', 'q', 64, 256, 1000, 'M');"
    "insert into flavormetrics (flavor_name, provider, region_name, cost, eviction) "
    "values ('s', 'p', 'r1', 1, 0), ('s', 'p', 'r2', 0.5, 0), ('m', 'p', 'r1', 2, 0), "
    "('g', 'p', 'r1', 3, 20), ('s', 'q', 'x', 0.9, 0), ('metal', 'q', 'x', 0.1, 0);"
    "insert into region (name, provider, cpus) values ('r1', 'p', null), "
    "('r2', 'p', 5), ('x', 'q', 100);";

static struct sq_recruited_conf conf = {.server_name = "lab", .retry = 2};
static struct sq_told told;

static void open_world(struct contract *c)
{
    conf.preferred = NULL;
    contract_sql(c->db, offers);
}

static void add_tasks(struct contract *c, const char *batch, int n)
{
    char sql[300];
    for (int i = 0; i < n; i++) {
        snprintf(sql, sizeof sql,
                 "insert into task (command, status, creation_date, batch, retry) "
                 "values ('x', 'pending', '2026-11-22 00:00:00.000000', '%s', 0);",
                 batch);
        contract_sql(c->db, sql);
    }
}

static void recruiter(struct contract *c, const char *batch, int rank,
                      const char *flavor, const char *provider, const char *region,
                      int64_t tasks, int64_t maximum)
{
    struct sq_err err;
    struct sq_recruiter made;
    const struct sq_recruiter r = {.batch = (char *)batch,
                                   .rank = rank,
                                   .worker_flavor = (char *)flavor,
                                   .worker_provider = (char *)provider,
                                   .worker_region = (char *)region,
                                   .worker_concurrency = 2,
                                   .worker_prefetch = 1,
                                   .tasks_per_worker = tasks,
                                   .minimum_tasks = SQ_NULL,
                                   .maximum_workers = maximum};
    contract_begin(c);
    OK(err, sq_recruiter_put(&c->tx, &r, &made, &err));
    contract_commit(c);
}

static void recruit(struct contract *c)
{
    struct sq_err err;
    contract_begin(c);
    OK(err, sq_recruit(&c->tx, &conf, &told, &err));
    contract_commit(c);
}

static int64_t ask(struct contract *c, const char *sql)
{
    return contract_int(c->db, sql);
}

static void test_deploys(void **state)
{
    struct contract *c = *state;
    open_world(c);
    add_tasks(c, "b", 10);
    recruiter(c, "b", 1, "s", "p", "r1", SQ_NULL, SQ_NULL);
    recruit(c);
    /* Two tasks a worker, as its concurrency says. */
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'b' and "
                            "status = 'offline' and not permanent and flavor = 's' "
                            "and provider = 'p' and region = 'r1' and prefetch = 1 "
                            "and concurrency = 2 and token is not null"),
                     5);
    assert_int_equal(ask(c, "select count(distinct token) from worker"), 5);
    assert_int_equal(ask(c, "select count(*) from worker where name in ('lab-node1', "
                            "'lab-node2', 'lab-node3', 'lab-node4', 'lab-node5')"),
                     5);
    assert_int_equal(ask(c, "select count(*) from job where action = 'worker_create' "
                            "and status = 'succeeded'"),
                     5);
    assert_int_equal(ask(c, "select count(*) from job where action = 'worker_deploy' "
                            "and status = 'pending' and retry = 2"),
                     5);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker"), 5);
    /* The lowest number that is free is taken again. */
    contract_sql(c->db, "delete from worker where name = 'lab-node2';");
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where name = 'lab-node2'"), 1);
}

static void test_ranks_and_caps(void **state)
{
    struct contract *c = *state;
    open_world(c);
    add_tasks(c, "b", 10);
    recruiter(c, "b", 1, "s", "p", "r1", 1, 3);
    recruiter(c, "b", 2, "m", "p", "r1", 1, 5);
    recruiter(c, "b", 3, "s", NULL, NULL, 1, SQ_NULL); /* recycles only */
    recruiter(c, "other", 1, "s", "p", "r1", 1, SQ_NULL);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where flavor = 's'"), 3);
    /* The second counts what the first just took. */
    assert_int_equal(ask(c, "select count(*) from worker where flavor = 'm'"), 2);
    assert_int_equal(ask(c, "select count(*) from worker"), 5);
}

/* What one batch takes is nobody else's; and each end of a place is needed. */
static void test_batches_apart(void **state)
{
    struct contract *c = *state;
    open_world(c);
    add_tasks(c, "a", 3);
    add_tasks(c, "b", 2);
    add_tasks(c, "c", 1);
    add_tasks(c, "d", 1);
    recruiter(c, "a", 1, "s", "p", "r1", 1, SQ_NULL);
    recruiter(c, "b", 1, "s", "p", "r1", 1, SQ_NULL);
    recruiter(c, "c", 1, "s", "p", NULL, 1, SQ_NULL);
    recruiter(c, "c", 2, "s", "p", "", 1, SQ_NULL);
    recruiter(c, "d", 1, "s", NULL, "r1", 1, SQ_NULL);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'a'"), 3);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'b'"), 2);
    assert_int_equal(ask(c, "select count(*) from worker"), 5);
}

/* Rows that somebody wrote by hand, past every check: others recruit all the same. */
static void test_rows_by_hand(void **state)
{
    struct contract *c = *state;
    open_world(c);
    add_tasks(c, "a", 1);
    add_tasks(c, "b", 1);
    contract_sql(c->db,
                 "insert into recruiter (batch, rank, tasks_per_worker, worker_flavor, "
                 "worker_provider, worker_region, worker_concurrency, worker_prefetch) "
                 "values ('a', 1, 1, 'auto:cpus>>x', 'auto', 'auto', 1, 0), "
                 "('a', 2, 1, '', 'p', 'r1', 1, 0)");
    recruiter(c, "a", 3, "s", "p", "r1", 1, SQ_NULL);
    recruiter(c, "b", 1, "s", "p", "r1", 1, SQ_NULL);
    recruit(c);
    assert_int_equal(told.n, 2);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'a'"), 1);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'b'"), 1);
    sq_told_fini(&told);
}

/* The writer does not stand still for a thousand workers: a sweep makes some of them,
 * and no later rank takes those that the next sweep will make. */
static void test_many(void **state)
{
    struct contract *c = *state;
    int64_t before = 0, sweeps = 0;
    open_world(c);
    add_tasks(c, "b", 250);
    recruiter(c, "b", 1, "s", "p", "r1", 1, SQ_NULL);
    recruiter(c, "b", 2, "m", "p", "r1", 1, SQ_NULL);
    for (int64_t n = -1; n != before; sweeps++) {
        n = before;
        recruit(c);
        before = ask(c, "select count(*) from worker where flavor = 's'");
        assert_true(before - n <= 100);
    }
    assert_int_equal(before, 250);
    assert_int_equal(ask(c, "select count(*) from worker"), 250);
    assert_int_equal(sweeps, 4);
}

static void test_quota(void **state)
{
    struct contract *c = *state;
    open_world(c);
    add_tasks(c, "b", 10);
    /* The cheapest is in r2, where 5 processors are 2 machines; then q's, then r1's:
     * but the filter keeps to p. */
    recruiter(c, "b", 1, "auto:cpu>=2:provider==p", "auto", "auto", 1, 4);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where region = 'r2'"), 2);
    assert_int_equal(ask(c, "select count(*) from worker where region = 'r1'"), 2);
    /* What was named plainly is tried whatever the quota says. */
    add_tasks(c, "c", 3);
    recruiter(c, "c", 1, "s", "p", "r2", 1, SQ_NULL);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'c'"), 3);
    /* Where nothing fits nobody comes, and nothing fails. */
    add_tasks(c, "d", 1);
    recruiter(c, "d", 1, "auto:cpu>=1000", "auto", "auto", 1, SQ_NULL);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'd'"), 0);
}

static void test_preferred(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    struct sq_offered *rows;
    size_t n;
    open_world(c);
    struct sq_offer_query q = {.limit = 10};
    OK(err, sq_offers_list(c->db, &q, &c->arena, &rows, &n, &err));
    assert_int_equal(n, 6);
    assert_string_equal(rows[0].name, "metal");
    assert_int_equal(rows[0].available, 100);
    q.preferred = "p:r1,q:nowhere%";
    q.provider = "p";
    OK(err, sq_offers_list(c->db, &q, &c->arena, &rows, &n, &err));
    assert_int_equal(n, 4);
    assert_string_equal(rows[0].region, "r1");
    assert_string_equal(rows[0].name, "s");
    assert_true(rows[0].available == SQ_NULL);
    assert_string_equal(rows[3].region, "r2");
    assert_int_equal(rows[3].available, 5);
    assert_int_equal(sq_preferred_check("p:GRA%,azure:x_y", &err), 0);
    assert_int_equal(sq_preferred_check("p:a'b", &err), SQ_EINVAL);
    assert_int_equal(sq_preferred_check("p", &err), SQ_EINVAL);
}

/* What is chosen, as provider/region/flavor; NULL: nothing fits. */
static const struct {
    const char *preferred, *flavor, *provider, *region, *place;
} choices[] = {
    {NULL, "s", "auto", "auto", "p/r2/s"},
    {NULL, "s", NULL, NULL, "p/r2/s"},
    {NULL, "s", "p", "r1", "p/r1/s"},
    /* What is preferred counts where its provider is named. */
    {"p:r1", "s", "p", "auto", "p/r1/s"},
    {"p:r1", "auto:cpu>=2", "p", "auto", "p/r1/s"},
    {"p:r1", "s", "auto", "auto", "p/r2/s"},
    {"p:r1", "s", "p", "r2", "p/r2/s"},
    {"p:r1", "s", "auto", "r2", "p/r2/s"},
    {"p:r%", "s", "p", "auto", "p/r2/s"},
    {"q:x", "s", "p", "auto", "p/r2/s"},
    {"q:r1", "s", "p", "auto", "p/r2/s"},
    {"p:_1", "s", "p", "auto", "p/r2/s"}, /* _ is itself */
    {"q:x,p:r1", "s", "p", "auto", "p/r1/s"},
    {"p:nowhere", "s", "p", "auto", "p/r2/s"},
    /* Metal and what is often taken back have to be asked for. */
    {NULL, "auto:cpu>=2", "auto", "auto", "p/r2/s"},
    {NULL, "auto:cpu>=4", "auto", "auto", "p/r1/m"},
    {NULL, "auto:tags#M", "auto", "auto", "q/x/metal"},
    {NULL, "metal", "auto", "auto", "q/x/metal"},
    {NULL, "auto:tags#G", "auto", "auto", NULL},
    {NULL, "auto:tags#G:eviction<=20", "auto", "auto", "p/r1/g"},
    {NULL, "auto:cost<=0.1", "auto", "auto", NULL},
    {NULL, "auto:provider==q", "auto", "auto", "q/x/s"},
    {NULL, "auto:region!~r%", "auto", "auto", "q/x/s"},
    /* What is named plainly is believed. */
    {NULL, "unheard-of", "p", "r9", "p/r9/unheard-of"},
    {NULL, "unheard-of", "auto", "r1", NULL},
    {NULL, "unheard-of", "p", "auto", NULL},
};

static void test_choices(void **state)
{
    struct contract *c = *state;
    open_world(c);
    for (size_t i = 0; i < SQ_LEN(choices); i++) {
        struct sq_err err;
        char sql[200];
        int64_t id = 0;
        const struct sq_recruited_wanted wanted = {.flavor = choices[i].flavor,
                                                   .provider = choices[i].provider,
                                                   .region = choices[i].region,
                                                   .batch = "b",
                                                   .concurrency = 1};
        conf.preferred = choices[i].preferred;
        contract_begin(c);
        int rc = sq_recruited_make(&c->tx, &conf, &wanted, &id, &err);
        contract_commit(c);
        snprintf(sql, sizeof sql,
                 "select count(*) from worker where provider || '/' || region || '/' "
                 "|| flavor = '%s'",
                 choices[i].place ? choices[i].place : "");
        if (rc != (choices[i].place ? 0 : SQ_ECAPACITY) ||
            ask(c, sql) != (choices[i].place != NULL))
            fail_msg("row %zu: %s", i, rc ? err.text : "another place");
        contract_sql(c->db, "delete from worker;");
    }
}

/* Workers 1 to 4 of batch old, all 's' of p in r1 but the last; the first is full. */
static void add_old_workers(struct contract *c)
{
    contract_sql(
        c->db,
        "insert into worker (name, status, concurrency, prefetch, batch, permanent, "
        "flavor, provider, region, task_properties) values "
        "('full', 'running', 1, 0, 'old', true, 's', 'p', 'r1', '{}'), "
        "('half', 'running', 4, 0, 'old', false, 's', 'p', 'r1', '{}'), "
        "('paused', 'paused', 4, 0, 'old', true, 's', 'p', 'r1', '{}'), "
        "('other', 'running', 4, 0, 'old', true, 'm', 'p', 'r1', '{}');"
        "insert into task (command, status, creation_date, batch, retry) values "
        "('x', 'running', '2026-11-22 00:00:00.000000', 'old', 0), "
        "('x', 'running', '2026-11-22 00:00:00.000000', 'old', 0);"
        "insert into execution (worker_id, task_id, status, creation_date, latest) "
        "values (1, 1, 'running', '2026-11-22 00:00:00.000000', true), "
        "(2, 2, 'running', '2026-11-22 00:00:00.000000', true);");
}

static void test_recycles(void **state)
{
    struct contract *c = *state;
    open_world(c);
    add_old_workers(c);
    add_tasks(c, "b", 4);
    recruiter(c, "b", 1, "s", NULL, NULL, 1, SQ_NULL);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'b'"), 1);
    assert_int_equal(ask(c, "select count(*) from worker where name = 'half' and "
                            "batch = 'b' and concurrency = 2 and prefetch = 1 and "
                            "task_properties = '{\"old\":[0.5,1]}'"),
                     1);
    /* By filter: the one of another flavor; not one whose batch has work again. */
    recruiter(c, "b", 2, "auto:cpu>=4", NULL, NULL, 1, SQ_NULL);
    add_tasks(c, "old", 1);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where batch = 'b'"), 1);
    contract_sql(c->db, "update task set status = 'succeeded' where batch = 'old' and "
                        "status = 'pending';");
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where name = 'other' and "
                            "batch = 'b'"),
                     1);
    /* Back to old: not while it runs one of old from before. */
    contract_sql(c->db, "update task set status = 'succeeded' where batch = 'b';");
    add_tasks(c, "old", 3);
    recruiter(c, "old", 1, "s", NULL, NULL, 1, SQ_NULL);
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where name = 'half' and "
                            "batch = 'b'"),
                     1);
    contract_sql(c->db, "update execution set status = 'succeeded' "
                        "where worker_id = 2;");
    recruit(c);
    assert_int_equal(ask(c, "select count(*) from worker where name = 'half' and "
                            "batch = 'old' and task_properties = '{}'"),
                     1);
}

/* Of batch older, which the worker left: what it has of it, and is there a free slot?
 */
static const struct {
    int concurrency;
    const char *properties;
    int running, accepted, pending;
    bool free;
} loads[] = {
    {1, "{}", 0, 0, 0, true},
    {1, "{}", 1, 0, 0, false},
    {2, "{}", 1, 0, 0, true},
    {2, "{}", 1, 1, 0, false},
    {2, "{}", 1, 0, 1, false},
    {3, "{}", 1, 1, 0, true},
    /* By its weight, while it runs; before that each is one. */
    {1, "{\"older\":[0.5,1]}", 1, 0, 0, true},
    {1, "{\"older\":[0.5,1]}", 2, 0, 0, false},
    {1, "{\"older\":[0.5,1]}", 0, 1, 0, false},
    {2, "{\"older\":[0.5,1]}", 2, 1, 0, false},
    {2, "{\"older\":[0.5,1]}", 1, 1, 0, true},
    {2, "{\"older\":[2.0,1]}", 1, 0, 0, false},
    {3, "{\"older\":[2.0,1]}", 1, 0, 0, true},
    {1, "{\"other\":[0.5,1]}", 1, 0, 0, false},
};

static void add_executions(struct contract *c, const char *status, int n)
{
    char sql[300];
    for (; n > 0; n--) {
        snprintf(sql, sizeof sql,
                 "insert into task (command, status, creation_date, batch, retry) "
                 "values ('x', '%s', '2026-11-22 00:00:00.000000', 'older', 0)",
                 strcmp(status, "pending") == 0 ? "assigned" : status);
        contract_sql(c->db, sql);
        snprintf(sql, sizeof sql,
                 "insert into execution (worker_id, task_id, status, creation_date, "
                 "latest) select max(w.worker_id), max(t.task_id), '%s', "
                 "'2026-11-22 00:00:00.000000', true from worker w, task t",
                 status);
        contract_sql(c->db, sql);
    }
}

static void test_free_slots(void **state)
{
    struct contract *c = *state;
    open_world(c);
    recruiter(c, "b", 1, "s", NULL, NULL, 1, SQ_NULL);
    for (size_t i = 0; i < SQ_LEN(loads); i++) {
        char sql[400];
        contract_sql(c->db, "delete from execution; delete from task; "
                            "delete from worker;");
        snprintf(sql, sizeof sql,
                 "insert into worker (name, status, concurrency, prefetch, batch, "
                 "permanent, flavor, provider, region, task_properties) values "
                 "('w', 'running', %d, 0, 'old', true, 's', 'p', 'r1', '%s')",
                 loads[i].concurrency, loads[i].properties);
        contract_sql(c->db, sql);
        add_executions(c, "running", loads[i].running);
        add_executions(c, "accepted", loads[i].accepted);
        add_executions(c, "pending", loads[i].pending);
        add_tasks(c, "b", 1);
        recruit(c);
        if (ask(c, "select count(*) from worker where batch = 'b'") != loads[i].free)
            fail_msg("row %zu", i);
    }
}

/* Three that could be moved: as many as are missing, and only the rest is deployed. */
static void test_no_more_than_missing(void **state)
{
    struct contract *c = *state;
    open_world(c);
    for (int wanted = 1; wanted <= 5; wanted++) {
        char sql[300];
        int moved = wanted < 3 ? wanted : 3;
        contract_sql(c->db, "delete from task; delete from worker; "
                            "delete from recruiter;");
        for (int i = 0; i < 3; i++) {
            snprintf(sql, sizeof sql,
                     "insert into worker (name, status, concurrency, prefetch, batch, "
                     "permanent, flavor, provider, region, task_properties) values "
                     "('w%d', 'running', 1, 0, 'old', true, 's', 'p', 'r1', '{}')",
                     i);
            contract_sql(c->db, sql);
        }
        add_tasks(c, "b", wanted);
        recruiter(c, "b", 1, "s", "p", "r1", 1, SQ_NULL);
        recruit(c);
        assert_int_equal(ask(c, "select count(*) from worker where batch = 'b' and "
                                "permanent"),
                         moved);
        assert_int_equal(ask(c, "select count(*) from worker where batch = 'b'"),
                         wanted);
    }
}

static void test_refused(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    struct sq_recruiter made;
    struct sq_recruiter r = {.batch = (char *)"b",
                             .rank = SQ_NULL,
                             .worker_flavor = (char *)"auto:cpu>>3",
                             .worker_concurrency = 1,
                             .worker_prefetch = SQ_NULL,
                             .tasks_per_worker = SQ_NULL,
                             .minimum_tasks = SQ_NULL,
                             .maximum_workers = SQ_NULL};
    contract_begin(c);
    assert_int_equal(sq_recruiter_put(&c->tx, &r, &made, &err), SQ_EINVAL);
    assert_non_null(strstr(err.text, "cpu>>3"));
    r.worker_flavor = (char *)"s";
    r.worker_concurrency = 0;
    assert_int_equal(sq_recruiter_put(&c->tx, &r, &made, &err), SQ_EINVAL);
    r.worker_concurrency = 3;
    OK(err, sq_recruiter_put(&c->tx, &r, &made, &err));
    assert_int_equal(made.rank, 1);
    assert_int_equal(made.tasks_per_worker, 3);
    assert_int_equal(sq_recruiter_get(c->db, "b", 2, &c->arena, &made, &err),
                     SQ_ENOENT);
    r.maximum_workers = 7;
    OK(err, sq_recruiter_update(&c->tx, "b", 1, &r, SQ_BIT(SQ_RECRUITER_F_MAXIMUM),
                                &made, &err));
    assert_int_equal(made.maximum_workers, 7);
    OK(err, sq_recruiter_delete(&c->tx, "b", 1, &made, &err));
    assert_int_equal(sq_recruiter_delete(&c->tx, "b", 1, &made, &err), SQ_ENOENT);
    contract_commit(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_need),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_deploys),
        cmocka_unit_test(test_ranks_and_caps),
        cmocka_unit_test(test_batches_apart),
        cmocka_unit_test(test_rows_by_hand),
        cmocka_unit_test(test_free_slots),
        cmocka_unit_test(test_no_more_than_missing),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_preferred),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_recycles),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_many),
    };
    return contract_main(tests, SQ_LEN(tests));
}
