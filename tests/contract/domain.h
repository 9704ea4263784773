/* Short words for tests of the domain: tasks, workers and executions made in one line,
 * statuses read back.  Each call is a transaction of its own unless one is open. */
#ifndef SQ_TESTS_CONTRACT_DOMAIN_H
#define SQ_TESTS_CONTRACT_DOMAIN_H

#include "core/store/execution.h"
#include "core/store/list.h"
#include "core/store/task.h"
#include "core/store/worker.h"
#include "tests/contract/contract.h"

/* A task "true" of batch Default that requires these. */
int64_t make_task(struct contract *c, const int64_t *required, size_t n);
/* A running permanent worker of batch Default. */
int64_t make_worker(struct contract *c, const char *name);
/* Assign; the execution. */
int64_t assign(struct contract *c, int64_t task, int64_t worker);
/* A transition by anybody; its result. */
int step(struct contract *c, int64_t execution, int to);
/* PUT {"status": …}. */
void put_status(struct contract *c, int64_t task, int status);
/* PUT /workers/<id>; its result. */
int put_worker(struct contract *c, int64_t id, const struct sq_worker *values,
               uint64_t mask, struct sq_worker *ret);
void put_worker_status(struct contract *c, int64_t id, int status);
/* Register worker n1 on host h1, alive if heard of within 15 s; its result. */
int registers(struct contract *c, const char *spool, int64_t silence_us,
              struct sq_worker *ret, int64_t *ret_acked);

/* Three tasks of a worker, with an execution each in the three live states. */
struct three {
    int64_t pending, accepted, running; /* tasks */
    int64_t e[3];                       /* their executions */
};
struct three hold_three(struct contract *c, int64_t w);
/* They ended with their worker: the first two are free again. */
void assert_three_ended(struct contract *c, const struct three *h, int running_task);

struct sq_task task_of(struct contract *c, int64_t id);
struct sq_execution execution_of(struct contract *c, int64_t id);
struct sq_worker worker_of(struct contract *c, int64_t id);

#define TASK_IS(c, id, wanted) assert_int_equal(task_of(c, id).status, wanted)
#define EXECUTION_IS(c, id, wanted) assert_int_equal(execution_of(c, id).status, wanted)

#endif
