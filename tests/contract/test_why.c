/* Why a task is not running: each reason in its situation. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <string.h>

#include "core/store/why.h"

static struct sq_why ask(struct contract *c, int64_t task)
{
    struct sq_err err = {0};
    struct sq_why w;
    OK(err, sq_task_why(c->db, task, &c->arena, &w, &err));
    assert_true(strlen(w.sentence) > 10);
    assert_int_equal(w.task_id, task);
    return w;
}

#define REASON(c, task, word) assert_string_equal(ask(c, task).reason, word)

static void test_waiting(void **state)
{
    struct contract *c = *state;
    int64_t a = make_task(c, NULL, 0), b = make_task(c, NULL, 0);
    int64_t t = make_task(c, (int64_t[]){a, b}, 2);
    struct sq_why w = ask(c, t);
    assert_string_equal(w.reason, "waiting_requirements");
    assert_int_equal(w.requirements.n, 2);
    assert_int_equal(w.requirements.v[0], a);
    put_status(c, b, SQ_TASK_FAILED);
    w = ask(c, t);
    assert_string_equal(w.reason, "requirement_failed");
    assert_int_equal(w.requirements.v[0], b); /* what must be done first */
}

static void test_pending(void **state)
{
    struct contract *c = *state;
    make_task(c, NULL, 0);
    int64_t t = make_task(c, NULL, 0);
    REASON(c, t, "no_worker");
    int64_t w = make_worker(c, "w");
    for (int i = 0; i < 4; i++)
        assign(c, make_task(c, NULL, 0), w);
    struct sq_why why = ask(c, t);
    assert_string_equal(why.reason, "workers_full");
    assert_int_equal(why.workers, 1);
    assert_int_equal(why.workers_running, 1);
    assert_int_equal(why.slots, 4);
    assert_int_equal(why.active, 4);
    assert_int_equal(why.pending_before, 1);
    contract_sql(c->db, "update worker set status = 'paused'");
    REASON(c, t, "workers_paused");
    contract_sql(c->db, "update worker set status = 'offline'");
    REASON(c, t, "workers_offline");
}

static void contains(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static void recruiter(struct contract *c, int rank, const char *values)
{
    char sql[500];
    snprintf(sql, sizeof sql,
             "insert into recruiter (batch, rank, tasks_per_worker, "
             "worker_concurrency, worker_prefetch, "
             "worker_flavor, worker_provider, worker_region, minimum_tasks) "
             "values ('b', %d, 1, 1, 0, %s)",
             rank, values);
    contract_sql(c->db, sql);
}

/* Nobody works for the batch, but somebody was told to see to it. */
static void test_recruiting(void **state)
{
    static const struct {
        const char *values; /* flavor, provider, region, minimum_tasks */
        const char *words;
    } cases[] = {
        {"'small', 'lab', 'here', 3", "waits for 3 pending tasks, and there are 1"},
        {"'small', null, null, 1", "deploys none without provider and region"},
        {"'auto', 'who', 'auto', null", "nothing is known of what who offers"},
        {"'auto', 'lab', 'moon', null", "lab offers nothing in a region moon"},
        {"'auto:cpu>=99', 'lab', 'auto', 0",
         "no flavor auto:cpu>=99 is offered by lab"},
        {"'big', 'lab', 'auto', null", "big of lab needs 8 processors, and 4 are left"},
        {"'small', 'lab', 'auto', null", "is about to act"},
    };
    struct contract *c = *state;
    int64_t t = make_task(c, NULL, 0);
    contract_sql(c->db,
                 "update task set batch = 'b';"
                 "insert into flavor (name, provider, cpu, ram, disk) values "
                 "('small', 'lab', 1, 1, 1), ('big', 'lab', 8, 1, 1);"
                 "insert into flavormetrics (flavor_name, provider, region_name, cost, "
                 "eviction) values ('small', 'lab', 'here', 1, 0), "
                 "('big', 'lab', 'here', 2, 0);"
                 "insert into region (name, provider, cpus) values ('here', 'lab', 4)");
    REASON(c, t, "no_worker");
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        contract_sql(c->db, "delete from recruiter");
        recruiter(c, 1, cases[i].values);
        REASON(c, t, "recruiter");
        contains(ask(c, t).sentence, cases[i].words);
    }
    recruiter(c, 2, cases[0].values);
    contains(ask(c, t).sentence, "that of rank 2 waits for 3");
    make_worker(c, "w");
    contract_sql(c->db, "update worker set status = 'failed', batch = 'b'");
    REASON(c, t, "workers_failed");
    contract_sql(c->db, "update worker set status = 'offline'");
    REASON(c, t, "workers_offline");
    contract_sql(c->db, "insert into job (target, action, status, retry) values "
                        "('w', 'worker_deploy', 'running', 0)");
    REASON(c, t, "workers_deploying");
}

static void test_the_others(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_why why;
    int64_t w = make_worker(c, "w"), t = make_task(c, NULL, 0), e = assign(c, t, w);
    REASON(c, t, "assigned");
    step(c, e, SQ_EXEC_ACCEPTED);
    REASON(c, t, "assigned");
    step(c, e, SQ_EXEC_RUNNING);
    REASON(c, t, "running");
    step(c, e, SQ_EXEC_FAILED);
    REASON(c, t, "failed");
    static const struct {
        int status;
        const char *reason;
    } cases[] = {{SQ_TASK_SUCCEEDED, "succeeded"},
                 {SQ_TASK_PAUSED, "paused"},
                 {SQ_TASK_DEBUG, "debug"}};
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        put_status(c, t, cases[i].status);
        REASON(c, t, cases[i].reason);
    }
    assert_int_equal(sq_task_why(c->db, 99, &c->arena, &why, &err), SQ_ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_recruiting),
        cmocka_unit_test(test_the_others),
    };
    return contract_main(tests, SQ_LEN(tests));
}
