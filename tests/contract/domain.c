/* What tests of the domain share: see domain.h. */
#include "tests/contract/domain.h"

#include <string.h>

#include "core/store/record.h"

int64_t make_task(struct contract *c, const int64_t *required, size_t n)
{
    struct sq_err err = {0};
    struct sq_task t;
    int64_t ids[100];
    uint64_t mask = SQ_BIT(SQ_TASK_F_COMMAND) | SQ_BIT(SQ_TASK_F_REQUIRED);
    assert_true(n <= SQ_LEN(ids));
    if (n)
        memcpy(ids, required, n * sizeof *ids);
    sq_record_clear(&sq_task_type, &t);
    t.command = (char[]){"true"};
    t.required_task_ids = (struct sq_ints){ids, n};
    contract_begin(c);
    OK(err, sq_task_create(&c->tx, &t, mask, &err));
    contract_commit(c);
    return t.task_id;
}

int64_t make_worker(struct contract *c, const char *name)
{
    struct sq_err err = {0};
    struct sq_worker w, made;
    sq_record_clear(&sq_worker_type, &w);
    w.name = (char *)name;
    w.hostname = (char *)name;
    w.concurrency = 4;
    w.status = SQ_WORKER_RUNNING;
    contract_begin(c);
    OK(err, sq_worker_create(&c->tx, &w, ~UINT64_C(0), &made, &err));
    contract_commit(c);
    return made.worker_id;
}

int64_t assign(struct contract *c, int64_t task, int64_t worker)
{
    struct sq_err err = {0};
    struct sq_assignment a = {.task_id = task, .worker_id = worker};
    contract_begin(c);
    OK(err, sq_execution_assign(&c->tx, &a, 1, &err));
    contract_commit(c);
    return a.execution_id;
}

int step(struct contract *c, int64_t execution, int to)
{
    struct sq_err err = {0};
    struct sq_transition t = {.execution_id = execution,
                              .to = to,
                              .worker_id = SQ_NULL,
                              .return_code = SQ_NULL};
    contract_begin(c);
    OK(err, sq_execution_transition(&c->tx, &t, 1, NULL, &err));
    contract_commit(c);
    return t.result;
}

void put_status(struct contract *c, int64_t task, int status)
{
    struct sq_err err = {0};
    struct sq_task values = {.status = status}, ret;
    contract_begin(c);
    OK(err,
       sq_task_update(&c->tx, task, &values, SQ_BIT(SQ_TASK_F_STATUS), &ret, &err));
    contract_commit(c);
}

struct sq_task task_of(struct contract *c, int64_t id)
{
    struct sq_err err = {0};
    struct sq_task t;
    OK(err, sq_get(c->db, &sq_task_type, id, &c->arena, &t, &err));
    return t;
}

struct sq_execution execution_of(struct contract *c, int64_t id)
{
    struct sq_err err = {0};
    struct sq_execution e;
    OK(err, sq_get(c->db, &sq_execution_type, id, &c->arena, &e, &err));
    return e;
}

struct sq_worker worker_of(struct contract *c, int64_t id)
{
    struct sq_err err = {0};
    struct sq_worker w;
    OK(err, sq_get(c->db, &sq_worker_type, id, &c->arena, &w, &err));
    return w;
}
