/* The steps that most routes are made of: a body read as a record of the route's type,
 * one row read, an object or a fixed sentence answered. */
#include "core/http/steps.h"

#include <string.h>

#include "core/http/stream.h"

int sq_prepare_result(struct sq_request *r, struct sq_err *err)
{
    return sq_request_alloc(r, r->match.route->type->size, &r->result, err);
}

static int read_values(struct sq_request *r, unsigned flags, struct sq_err *err)
{
    int code = sq_prepare_result(r, err);
    if (code == 0)
        code = sq_request_alloc(r, r->match.route->type->size, &r->values, err);
    if (code != 0)
        return code;
    if (!r->json)
        return sq_fail(err, SQ_EINVAL, "%s: the body is missing",
                       r->match.route->type->name);
    return sq_record_from_json(r->match.route->type, r->json, flags, &r->arena,
                               r->values, &r->mask, err);
}

int sq_prepare_create(struct sq_request *r, struct sq_err *err)
{
    return read_values(r, SQ_READ_CREATE, err);
}

int sq_prepare_update(struct sq_request *r, struct sq_err *err)
{
    return read_values(r, 0, err);
}

int sq_read_one(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    int code = sq_prepare_result(r, err);
    if (code == 0)
        code = sq_get(db, r->match.route->type, r->match.ids[0], &r->arena, r->result,
                      err);
    return code;
}

int sq_answer_record(struct sq_request *r, struct sq_err *err)
{
    struct sq_stream_conf conf = {.type = r->match.route->type,
                                  .mask = sq_record_visible(r->match.route->type),
                                  .object = true,
                                  .rows = r->result,
                                  .n_rows = 1,
                                  .trunc = SQ_NULL};
    if (r->match.route->type == &sq_worker_type)
        sq_liveness_overlay(r->server->conf.liveness, r->result, &r->arena);
    return sq_stream_answer(r, &conf, err);
}

static int answer_result(struct sq_request *r, const char *word)
{
    sq_buf_addf(&r->out, "{\"result\":\"%s\"}\n", word);
    return 0;
}

int sq_answer_ok(struct sq_request *r, struct sq_err *err)
{
    (void)err;
    return answer_result(r, "ok");
}

int sq_answer_Ok(struct sq_request *r, struct sq_err *err)
{
    (void)err;
    return answer_result(r, "Ok");
}

int sq_answer_null(struct sq_request *r, struct sq_err *err)
{
    (void)err;
    sq_buf_adds(&r->out, "null\n");
    return 0;
}

static bool is_among(const char *members, const char *key)
{
    size_t len = strlen(key);
    for (const char *at = members; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, ": ");
        if (n == len && memcmp(at, key, n) == 0)
            return true;
        at += strcspn(at, " ");
    }
    return false;
}

int sq_members_only(const json_t *object, const char *members, struct sq_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (!is_among(members, key))
            return sq_fail(err, SQ_EINVAL, "This call has no field %.100s", key);
    }
    return 0;
}

int sq_body_text(struct sq_request *r, const char *key, const char **ret,
                 struct sq_err *err)
{
    const json_t *body;
    char *text;
    int code = sq_request_object(r, &body, err);
    if (code == 0)
        code = sq_json_to_text(json_object_get(body, key), key, &r->arena, &text, err);
    if (code == 0)
        *ret = text;
    return code;
}

int sq_body_int(struct sq_request *r, const char *key, int64_t fallback, int64_t *ret,
                struct sq_err *err)
{
    const json_t *body;
    int64_t n;
    int code = sq_request_object(r, &body, err);
    if (code == 0)
        code = sq_json_to_int(json_object_get(body, key), key, &n, err);
    if (code == 0 && n != SQ_NULL && (n > INT32_MAX || n < INT32_MIN))
        code = sq_fail(err, SQ_EINVAL, "%s: %lld is out of range", key, (long long)n);
    if (code == 0)
        *ret = n == SQ_NULL ? fallback : n;
    return code;
}
