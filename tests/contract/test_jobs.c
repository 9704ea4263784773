/* Jobs over both databases: which are to be carried out, in which order, and what is
 * written of them. */
#include "tests/contract/contract.h"

#include <string.h>

#include "core/store/job.h"

/* What was running when a server ended is pending again, and keeps its tries. */
static void test_jobs(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    struct sq_job *open, job = {.target = (char *)"t",
                                .action = (char *)"worker_deploy",
                                .status = SQ_JOB_PENDING,
                                .retry = 2};
    size_t n;
    int64_t id;
    contract_begin(c);
    OK(err, sq_job_create(&c->tx, &job, &id, &err));
    assert_true(c->tx.changes->jobs);
    OK(err, sq_job_set(&c->tx, id, SQ_JOB_RUNNING, 1, SQ_NULL, &err));
    OK(err, sq_job_log(&c->tx, id, "one\n", 40, &err));
    OK(err, sq_job_log(&c->tx, id, "two\n", SQ_NULL, &err));
    assert_int_equal(sq_job_delete(&c->tx, id, &job, &err), SQ_EEXIST);
    assert_int_equal(sq_job_restart(&c->tx, id, 2, &job, &err), SQ_EEXIST);
    OK(err, sq_jobs_reset(&c->tx, &err));
    OK(err, sq_jobs_open(c->db, &c->arena, &open, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(open[0].status, SQ_JOB_PENDING);
    assert_int_equal(open[0].retry, 1);
    OK(err, sq_job_set(&c->tx, id, SQ_JOB_FAILED, 0, SQ_NULL, &err));
    OK(err, sq_job_restart(&c->tx, id, 2, &job, &err));
    assert_int_equal(job.status, SQ_JOB_PENDING);
    assert_int_equal(job.retry, 2);
    assert_string_equal(job.log, "one\ntwo\n");
    assert_int_equal(job.progression, 0);
    OK(err, sq_job_delete(&c->tx, id, &job, &err));
    assert_int_equal(sq_job_delete(&c->tx, id, &job, &err), SQ_ENOENT);
    contract_commit(c);
}

/* What is destroyed costs money until then: it does not wait behind what is made. */
static void test_jobs_in_order(void **state)
{
    struct contract *c = *state;
    struct sq_err err;
    struct sq_job *open, job = {.target = (char *)"t",
                                .action = (char *)"worker_deploy",
                                .status = SQ_JOB_PENDING};
    size_t n;
    contract_begin(c);
    for (int i = 0; i < 1001; i++)
        OK(err, sq_job_create(&c->tx, &job, NULL, &err));
    job.action = (char *)"worker_destroy";
    OK(err, sq_job_create(&c->tx, &job, NULL, &err));
    OK(err, sq_jobs_open(c->db, &c->arena, &open, &n, &err));
    contract_commit(c);
    assert_int_equal(n, 1000);
    assert_string_equal(open[0].action, "worker_destroy");
    assert_true(open[1].job_id < open[2].job_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_jobs_in_order),
    };
    return contract_main(tests, SQ_LEN(tests));
}
