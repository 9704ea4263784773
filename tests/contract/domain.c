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

int put_worker(struct contract *c, int64_t id, const struct sq_worker *values,
               uint64_t mask, struct sq_worker *ret)
{
    struct sq_err err = {0};
    contract_begin(c);
    int code = sq_worker_update(&c->tx, id, values, mask, ret, &err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}

void put_worker_status(struct contract *c, int64_t id, int status)
{
    struct sq_worker ret, values = {.status = status};
    assert_int_equal(put_worker(c, id, &values, SQ_BIT(SQ_WORKER_F_STATUS), &ret), 0);
}

struct three hold_three(struct contract *c, int64_t w)
{
    struct three h = {
        make_task(c, NULL, 0), make_task(c, NULL, 0), make_task(c, NULL, 0), {0}};
    h.e[0] = assign(c, h.pending, w);
    h.e[1] = assign(c, h.accepted, w);
    h.e[2] = assign(c, h.running, w);
    step(c, h.e[1], SQ_EXEC_ACCEPTED);
    step(c, h.e[2], SQ_EXEC_RUNNING);
    return h;
}

void assert_three_ended(struct contract *c, const struct three *h, int running_task)
{
    EXECUTION_IS(c, h->e[0], SQ_EXEC_REFUSED);
    EXECUTION_IS(c, h->e[1], SQ_EXEC_REFUSED);
    EXECUTION_IS(c, h->e[2], SQ_EXEC_FAILED);
    TASK_IS(c, h->pending, SQ_TASK_PENDING);
    TASK_IS(c, h->accepted, SQ_TASK_PENDING);
    TASK_IS(c, h->running, running_task);
}

int registers(struct contract *c, const char *spool, int64_t silence_us,
              struct sq_worker *ret, int64_t *ret_acked)
{
    struct sq_err err = {0};
    struct sq_registration r = {.name = "n1",
                                .hostname = "h1",
                                .batch = "B",
                                .default_flavor = "local",
                                .spool = spool,
                                .concurrency = 5,
                                .status = SQ_WORKER_RUNNING,
                                .permanent = 1,
                                .silence_us = silence_us,
                                .live_us = 15000000};
    contract_begin(c);
    int code = sq_worker_register(&c->tx, &r, ret, ret_acked, &err);
    if (code)
        sq_db_rollback(c->db);
    else
        contract_commit(c);
    return code;
}
