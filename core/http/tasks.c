/* Tasks and their requirements (http-api.md A.3, A.6; arrays: part B). */
#include "core/http/steps.h"

#include "core/http/stream.h"
#include "core/http/task_array.h"
#include "core/store/task.h"
#include "core/store/why.h"

enum { STATUS_IDS_MAX = 1000000 };

int sq_tasks_prepare_create(struct sq_request *r, struct sq_err *err)
{
    return r->array ? 0 : sq_prepare_create(r, err);
}

int sq_tasks_create(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    if (r->array)
        return sq_task_create_array(tx, r->array->tasks, r->array->masks, r->array->n,
                                    err);
    r->result = r->values;
    return sq_task_create(tx, r->values, r->mask, err);
}

int sq_tasks_answer_create(struct sq_request *r, struct sq_err *err)
{
    if (!r->array)
        return sq_answer_record(r, err);
    struct sq_stream_conf conf = {.type = &sq_task_type,
                                  .mask = sq_record_visible(&sq_task_type),
                                  .rows = r->array->tasks,
                                  .n_rows = r->array->n};
    return sq_stream_answer(r, &conf, err);
}

/* ---- GET /tasks/status */

static int ids_of_body(struct sq_request *r, struct sq_ints *ids, struct sq_err *err)
{
    const json_t *body;
    int code = sq_request_object(r, &body, err);
    if (code != 0)
        return code;
    const json_t *list = json_object_get(body, "task_id");
    bool one = list && !json_is_array(list);
    ids->n = one ? 1 : json_array_size(list);
    if (!list || ids->n > STATUS_IDS_MAX)
        return sq_fail(err, SQ_EINVAL, "task_id must be a list of at most %d ids",
                       STATUS_IDS_MAX);
    ids->v = sq_arena_array(&r->arena, ids->n + 1, sizeof *ids->v);
    if (!ids->v)
        return sq_fail(err, SQ_ENOMEM, "no memory for the ids");
    for (size_t i = 0; code == 0 && i < ids->n; i++) {
        const json_t *v = one ? list : json_array_get(list, i);
        code = sq_json_to_int(v, "task_id", &ids->v[i], err);
        if (code == 0 && ids->v[i] == SQ_NULL)
            code = sq_fail(err, SQ_EINVAL, "task_id: null is no id");
    }
    return code;
}

static int ids_of_query(struct sq_request *r, struct sq_ints *ids, struct sq_err *err)
{
    int n = 0;
    while (sq_request_query(r, "task_id", n))
        n++;
    ids->v = sq_arena_array(&r->arena, (size_t)n + 1, sizeof *ids->v);
    if (!ids->v)
        return sq_fail(err, SQ_ENOMEM, "no memory for the ids");
    for (int i = 0; i < n; i++) {
        json_t *text = json_string(sq_request_query(r, "task_id", i));
        int code = sq_json_to_int(text, "task_id", &ids->v[ids->n++], err);
        json_decref(text);
        if (code != 0)
            return code;
    }
    return 0;
}

int sq_tasks_prepare_status(struct sq_request *r, struct sq_err *err)
{
    struct sq_ints *ids;
    int code = sq_request_alloc(r, sizeof *ids, &ids, err);
    if (code != 0)
        return code;
    r->data = ids;
    if (!r->json && sq_request_query(r, "task_id", 0))
        return ids_of_query(r, ids, err);
    return ids_of_body(r, ids, err);
}

int sq_tasks_read_status(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_ints *ids = r->data;
    int *statuses = sq_arena_array(&r->arena, ids->n + 1, sizeof *statuses);
    if (!statuses)
        return sq_fail(err, SQ_ENOMEM, "no memory for the statuses");
    int code = sq_task_get_statuses(db, ids->v, ids->n, statuses, err);
    if (code != 0)
        return code;
    struct sq_jw w;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < ids->n; i++)
        sq_jw_int(&w, statuses[i]);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}

/* ---- one task */

int sq_tasks_update(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_task_update(tx, r->match.ids[0], r->values, r->mask, r->result, err);
}

int sq_tasks_delete(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_task_delete(tx, r->match.ids[0], r->result, err);
}

int sq_tasks_freeze(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_task_freeze(tx, r->match.ids[0], r->match.ids[1], r->result, err);
}

int sq_tasks_why(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    static const char *const names[] = {"workers", "workers_running", "slots", "active",
                                        "pending_before"};
    struct sq_why why;
    int code = sq_task_why(db, r->match.ids[0], &r->arena, &why, err);
    if (code != 0)
        return code;
    const int64_t numbers[] = {why.workers, why.workers_running, why.slots, why.active,
                               why.pending_before};
    struct sq_jw w;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "task_id");
    sq_jw_int(&w, why.task_id);
    sq_jw_key(&w, "status");
    sq_jw_text(&w, sq_name(&sq_task_statuses, why.status));
    sq_jw_key(&w, "reason");
    sq_jw_text(&w, why.reason);
    sq_jw_key(&w, "sentence");
    sq_jw_text(&w, why.sentence);
    sq_jw_key(&w, "requirements");
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < why.requirements.n; i++)
        sq_jw_int(&w, why.requirements.v[i]);
    sq_jw_close(&w);
    for (size_t i = 0; i < SQ_LEN(names); i++) {
        sq_jw_key(&w, names[i]);
        sq_jw_int(&w, numbers[i]);
    }
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}

/* ---- requirements */

int sq_requirements_create(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_requirement *q = r->values;
    return sq_requirement_create(tx, q->task_id, q->other_task_id, r->result, err);
}

int sq_requirements_delete(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_requirement_delete(tx, r->match.ids[0], r->result, err);
}
