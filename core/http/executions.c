/* Executions and their output as text (http-api.md A.5). */
#include "core/http/steps.h"

#include <string.h>

#include "core/http/stream.h"
#include "core/store/execution.h"
#include "core/store/log.h"

/* 1.3 had two words for an execution that is not to run at once; there is one. */
int sq_executions_prepare_create(struct sq_request *r, struct sq_err *err)
{
    const char *status = json_string_value(json_object_get(r->json, "status"));
    if (status && strcmp(status, "paused") == 0 &&
        json_object_set_new(r->json, "status", json_string("pending")) != 0)
        return sq_fail(err, SQ_ENOMEM, "no memory for the execution");
    return sq_prepare_create(r, err);
}

int sq_executions_create(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_execution *e = r->values;
    int status = r->mask & SQ_BIT(SQ_EXEC_F_STATUS) ? e->status : SQ_EXEC_PENDING;
    return sq_execution_create(tx, e->worker_id, e->task_id, status, r->result, err);
}

int sq_executions_update(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_execution_update(tx, r->match.ids[0], r->values, r->mask, r->result, err);
}

int sq_executions_delete(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    bool existed;
    return sq_execution_delete(tx, r->match.ids[0], &existed, err);
}

/* ---- text that 1.3's worker sends */

int sq_executions_prepare_text(struct sq_request *r, struct sq_err *err)
{
    const char *text;
    int code = sq_body_text(r, "text", &text, err);
    if (code == 0)
        r->data = (void *)text;
    return code;
}

/* A missing or null text appends nothing; an execution that is gone is no error. */
static int append(struct sq_request *r, struct sq_tx *tx, int stream,
                  struct sq_err *err)
{
    if (!r->data)
        return 0;
    struct sq_log_chunk chunk = {.execution_id = r->match.ids[0],
                                 .stream = stream,
                                 .start = SQ_NULL,
                                 .data = r->data,
                                 .len = strlen(r->data)};
    return sq_log_append(tx, &chunk, 1, err);
}

int sq_executions_append_output(struct sq_request *r, struct sq_tx *tx,
                                struct sq_err *err)
{
    return append(r, tx, SQ_STDOUT, err);
}

int sq_executions_append_error(struct sq_request *r, struct sq_tx *tx,
                               struct sq_err *err)
{
    return append(r, tx, SQ_STDERR, err);
}

int sq_executions_output_files(struct sq_request *r, struct sq_tx *tx,
                               struct sq_err *err)
{
    return sq_execution_set_output_files(tx, r->match.ids[0], r->data, err);
}

/* ---- GET /executions/<id>/output: the texts from a position on */

struct tails {
    int64_t from[2];
    int wanted[2];
};

/* The body's {"data":{…}}, or the body itself. */
static int tail_object(struct sq_request *r, const json_t **ret, struct sq_err *err)
{
    int code = sq_request_object(r, ret, err);
    const json_t *data = code == 0 ? json_object_get(*ret, "data") : NULL;
    if (!data || json_is_null(data))
        return code;
    if (!json_is_object(data))
        return sq_fail(err, SQ_EINVAL, "data must be an object");
    *ret = data;
    return sq_members_only(data, r->match.route->members, err);
}

/* A parameter of the body, else of the query. */
static json_t *tail_parameter(struct sq_request *r, const json_t *body, const char *key)
{
    const json_t *v = json_object_get(body, key);
    const char *text = v ? NULL : sq_request_query(r, key, 0);
    return v ? json_incref((json_t *)v) : text ? json_string(text) : NULL;
}

static int tail_of(struct sq_request *r, const json_t *body, const char *name,
                   int *wanted, int64_t *from, struct sq_err *err)
{
    char position[32] = "";
    strcat(strcat(position, name), "_position");
    json_t *show = tail_parameter(r, body, name);
    json_t *where = tail_parameter(r, body, position);
    int64_t n = SQ_NULL;
    int code = sq_json_to_bool(show, name, wanted, err);
    if (code == 0)
        code = sq_json_to_int(where, position, &n, err);
    json_decref(show);
    json_decref(where);
    *from = n > 1 ? n - 1 : 0; /* positions count from 1 */
    return code;
}

int sq_executions_prepare_tails(struct sq_request *r, struct sq_err *err)
{
    struct tails *t;
    const json_t *body;
    int code = sq_request_alloc(r, sizeof *t, &t, err);
    if (code == 0)
        code = tail_object(r, &body, err);
    if (code == 0)
        code = tail_of(r, body, "output", &t->wanted[0], &t->from[0], err);
    if (code == 0)
        code = tail_of(r, body, "error", &t->wanted[1], &t->from[1], err);
    r->data = t;
    return code;
}

int sq_executions_answer_tails(struct sq_request *r, struct sq_err *err)
{
    const struct tails *t = r->data;
    struct sq_stream_conf conf = {.type = &sq_execution_type,
                                  .object = true,
                                  .rows = r->result,
                                  .n_rows = 1,
                                  .trunc = SQ_NULL,
                                  .text_from = {t->from[0], t->from[1]}};
    if (t->wanted[0] != 0)
        conf.mask |= SQ_BIT(SQ_EXEC_F_OUTPUT);
    if (t->wanted[1] != 0)
        conf.mask |= SQ_BIT(SQ_EXEC_F_ERROR);
    return sq_stream_answer(r, &conf, err);
}
