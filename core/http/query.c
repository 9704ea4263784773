/* What a list is asked for: filters, limits and fields, from the body of the GET (where
 * 1.3's clients put them) or from the query; the body wins.
 *
 * Every scalar column is a filter.  A value may be a list ("in"), null ("is null"); in
 * a query, a repeated parameter is a list. */
#include "core/http/query.h"

#include <string.h>

#include "core/http/steps.h"
#include "core/http/stream.h"

enum { LIMIT_MAX = INT32_MAX, SHORT_MAX = 100000, NO_FILTER = -100 };

struct list_query {
    struct sq_filters filters;
    struct sq_page page;
    int64_t trunc;
    uint64_t mask;
};

/* ---- values, wherever they come from */

static int scalar_text(struct sq_request *r, const char *key, const json_t *v,
                       char **ret, struct sq_err *err)
{
    if (json_is_boolean(v)) {
        *ret = (char *)(json_is_true(v) ? "1" : "0");
        return 0;
    }
    return sq_json_to_text(v, key, &r->arena, ret, err);
}

/* The values of a parameter of the body: a scalar is a list of one. */
static int body_values(struct sq_request *r, const char *key, const json_t *v,
                       struct sq_filter *f, struct sq_err *err)
{
    bool list = json_is_array(v);
    f->n = list ? json_array_size(v) : 1;
    f->values = sq_arena_array(&r->arena, f->n ? f->n : 1, sizeof *f->values);
    if (!f->values)
        return sq_fail(err, SQ_ETOOBIG, "%s: too many values", key);
    for (size_t i = 0; i < f->n; i++) {
        int code =
            scalar_text(r, key, list ? json_array_get(v, i) : v, &f->values[i], err);
        if (code != 0)
            return code;
    }
    return 0;
}

static int query_values(struct sq_request *r, const char *key, struct sq_filter *f,
                        struct sq_err *err)
{
    f->n = 0;
    while (sq_request_query(r, key, (int)f->n))
        f->n++;
    f->values = sq_arena_array(&r->arena, f->n ? f->n : 1, sizeof *f->values);
    if (!f->values)
        return sq_fail(err, SQ_ETOOBIG, "%s: too many values", key);
    for (size_t i = 0; i < f->n; i++)
        f->values[i] = (char *)sq_request_query(r, key, (int)i);
    return 0;
}

/* ---- what is not a filter */

static int one_int(const char *key, const struct sq_filter *f, int64_t *ret,
                   struct sq_err *err)
{
    json_t *text = f->n == 1 && f->values[0] ? json_string(f->values[0]) : NULL;
    int64_t n = SQ_NULL;
    int code = 0;
    if (f->n > 1)
        code = sq_fail(err, SQ_EINVAL, "%s must be one integer", key);
    else if (text)
        code = sq_json_to_int(text, key, &n, err);
    json_decref(text);
    if (code == 0 && n != SQ_NULL && (n < 0 || n > LIMIT_MAX))
        code = sq_fail(err, SQ_EINVAL, "%s: %lld is out of range", key, (long long)n);
    if (code == 0)
        *ret = n;
    return code;
}

static int one_bool(const char *key, const struct sq_filter *f, bool *ret,
                    struct sq_err *err)
{
    json_t *text = f->n == 1 && f->values[0] ? json_string(f->values[0]) : NULL;
    int value = 0;
    int code = 0;
    if (f->n > 1)
        code = sq_fail(err, SQ_EINVAL, "%s must be true or false", key);
    else if (text)
        code = sq_json_to_bool(text, key, &value, err);
    json_decref(text);
    if (code == 0)
        *ret = value == 1;
    return code;
}

static int set_fields(const struct sq_type *type, const struct sq_filter *f,
                      uint64_t *mask, struct sq_err *err)
{
    uint64_t all = 0;
    for (size_t i = 0; i < f->n; i++) {
        uint64_t some;
        int code = f->values[i] ? sq_record_fields(type, f->values[i], &some, err) : 0;
        if (code != 0)
            return code;
        if (f->values[i])
            all |= some;
    }
    if (all)
        *mask = all;
    return 0;
}

/* Options of executions only; 0 or an error when `key` was one of them, 1 when not. */
static int set_execution_option(struct list_query *q, const char *key,
                                const struct sq_filter *f, struct sq_err *err)
{
    if (strcmp(key, "no_output") == 0)
        return one_bool(key, f, &q->page.no_output, err);
    if (strcmp(key, "trunc") == 0)
        return one_int(key, f, &q->trunc, err);
    return 1;
}

/* ---- filters */

static int filter_field(const struct sq_type *type, const char *key)
{
    int i = sq_field_find(type, key);
    if (i < 0 || type->fields[i].kind == SQ_K_INTS)
        return NO_FILTER;
    return type->fields[i].flags & (SQ_F_HIDDEN | SQ_F_COMPUTED | SQ_F_ASKED)
               ? NO_FILTER
               : i;
}

/* Filters that are of something else than the type's own columns. */
static const struct {
    const struct sq_type *type;
    const char *key;
    int field;
} beyond[] = {
    {&sq_execution_type, "task_name", SQ_FILTER_TASK_NAME},
    {&sq_execution_type, "batch", SQ_FILTER_TASK_BATCH},
    {&sq_task_type, "worker_id", SQ_FILTER_WORKER},
    {&sq_task_type, "name_has", SQ_FILTER_NAME_HAS},
};

static int filter_beyond(const struct sq_type *type, const char *key)
{
    for (size_t i = 0; i < SQ_LEN(beyond); i++)
        if (type == beyond[i].type && strcmp(key, beyond[i].key) == 0)
            return beyond[i].field;
    return NO_FILTER;
}

int sq_filters_add(struct sq_filters *all, const struct sq_type *type, const char *key,
                   struct sq_filter *f, struct sq_err *err)
{
    f->field = filter_field(type, key);
    if (f->field == NO_FILTER)
        f->field = filter_beyond(type, key);
    if (f->field == NO_FILTER)
        return sq_fail(err, SQ_EINVAL, "%.100s is no filter of a list of %ss", key,
                       type->table);
    if (all->n == SQ_FILTERS_MAX)
        return sq_fail(err, SQ_ETOOBIG, "too many filters");
    int code = sq_filter_check(type, f, err);
    if (code == 0)
        all->v[all->n++] = *f;
    return code;
}

bool sq_filter_known(const struct sq_type *type, const char *key)
{
    return filter_field(type, key) != NO_FILTER ||
           filter_beyond(type, key) != NO_FILTER;
}

/* Lists of what has an id are read page by page. */
static bool has_id(const struct sq_type *type)
{
    return type->fields[0].kind == SQ_K_INT;
}

static int set_parameter(struct sq_request *r, void *query, const char *key,
                         struct sq_filter *f, struct sq_err *err)
{
    struct list_query *q = query;
    if (strcmp(key, "limit") == 0)
        return one_int(key, f, &q->page.limit, err);
    if (strcmp(key, "after") == 0 && has_id(r->match.route->type))
        return one_int(key, f, &q->page.after, err);
    if (strcmp(key, "reverse") == 0 && has_id(r->match.route->type))
        return one_bool(key, f, &q->page.reverse, err);
    if (strcmp(key, "fields") == 0)
        return set_fields(r->match.route->type, f, &q->mask, err);
    int code = r->match.route->type == &sq_execution_type
                   ? set_execution_option(q, key, f, err)
                   : 1;
    return code == 1 ? sq_filters_add(&q->filters, r->match.route->type, key, f, err)
                     : code;
}

static int from_body(struct sq_request *r, sq_parameter_fn *fn, void *arg,
                     struct sq_err *err)
{
    const json_t *body;
    const char *key;
    json_t *v;
    int code = sq_request_object(r, &body, err);
    if (code != 0 || !body)
        return code;
    json_object_foreach((json_t *)body, key, v)
    {
        struct sq_filter f = {0};
        code = body_values(r, key, v, &f, err);
        if (code == 0)
            code = fn(r, arg, key, &f, err);
        if (code != 0)
            return code;
    }
    return 0;
}

struct names {
    const char *names[SQ_FILTERS_MAX];
    size_t n;
    struct sq_request *r;
};

static enum MHD_Result collect(void *arg, enum MHD_ValueKind kind, const char *key,
                               const char *value)
{
    struct names *names = arg;
    (void)kind;
    (void)value;
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->names[i], key) == 0)
            return MHD_YES;
    if (json_object_get(names->r->json, key))
        return MHD_YES; /* the body wins */
    if (names->n < SQ_FILTERS_MAX)
        names->names[names->n++] = key;
    return MHD_YES;
}

static int from_query(struct sq_request *r, sq_parameter_fn *fn, void *arg,
                      struct sq_err *err)
{
    struct names names = {.r = r};
    MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, collect, &names);
    for (size_t i = 0; i < names.n; i++) {
        struct sq_filter f = {0};
        int code = query_values(r, names.names[i], &f, err);
        if (code == 0)
            code = fn(r, arg, names.names[i], &f, err);
        if (code != 0)
            return code;
    }
    return 0;
}

int sq_each_parameter(struct sq_request *r, sq_parameter_fn *fn, void *arg,
                      struct sq_err *err)
{
    int code = from_body(r, fn, arg, err);
    return code == 0 ? from_query(r, fn, arg, err) : code;
}

int sq_prepare_list(struct sq_request *r, struct sq_err *err)
{
    struct list_query *q;
    int code = sq_request_alloc(r, sizeof *q, &q, err);
    if (code != 0)
        return code;
    r->data = q;
    q->page = (struct sq_page){.after = SQ_NULL, .limit = SQ_NULL};
    q->trunc = SQ_NULL;
    q->mask = sq_record_visible(r->match.route->type);
    code = sq_each_parameter(r, set_parameter, q, err);
    q->page.filters = q->filters.v;
    q->page.n_filters = q->filters.n;
    return code;
}

int sq_list_read(struct sq_request *r, struct sq_db *db, void *ret_rows, size_t *ret_n,
                 struct sq_err *err)
{
    struct list_query *q = r->data;
    if (q->page.limit == SQ_NULL || q->page.limit > SHORT_MAX)
        q->page.limit = SHORT_MAX;
    void *rows;
    int code =
        sq_list_page(db, r->match.route->type, &q->page, &r->arena, &rows, ret_n, err);
    if (code == 0)
        memcpy(ret_rows, &rows, sizeof rows);
    return code;
}

int sq_read_short_list(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    const struct list_query *q = r->data;
    void *rows;
    size_t n;
    int code = sq_list_read(r, db, &rows, &n, err);
    if (code != 0)
        return code;
    struct sq_stream_conf conf = {.type = r->match.route->type,
                                  .mask = q->mask,
                                  .rows = n ? rows : "",
                                  .n_rows = n,
                                  .trunc = SQ_NULL};
    return sq_stream_answer(r, &conf, err);
}

int sq_answer_list(struct sq_request *r, struct sq_err *err)
{
    struct list_query *q = r->data;
    struct sq_stream_conf conf = {.type = r->match.route->type,
                                  .mask = q->mask,
                                  .page = q->page,
                                  .trunc = q->trunc};
    return sq_stream_answer(r, &conf, err);
}
