/* The API described for programs, in the words of Swagger 2.0, made from what answers
 * requests: the table of routes and the field tables.  What a route takes and answers
 * is told by its generic steps, by its members and by what it gives; where neither says
 * anything, nothing is said here. */
#include "core/http/steps.h"

#include <string.h>

#include "config.h"

static const struct {
    const char *name;
    const struct sq_type *type;
} definitions[] = {
    {"Task", &sq_task_type},
    {"Worker", &sq_worker_type},
    {"Execution", &sq_execution_type},
    {"WorkerExecution", &sq_worker_execution_type},
    {"Signal", &sq_signal_type},
    {"Batch", &sq_batch_type},
    {"Requirement", &sq_requirement_type},
    {"Recruiter", &sq_recruiter_type},
    {"Flavor", &sq_offered_type},
    {"Job", &sq_job_type},
};

static void pair(struct sq_jw *w, const char *key, const char *text)
{
    sq_jw_key(w, key);
    sq_jw_text(w, text);
}

static void open_key(struct sq_jw *w, const char *key, char bracket)
{
    sq_jw_key(w, key);
    sq_jw_open(w, bracket);
}

static void add_ref(struct sq_jw *w, const char *name)
{
    char ref[64];
    snprintf(ref, sizeof ref, "#/definitions/%s", name);
    pair(w, "$ref", ref);
}

static void add_ref_to(struct sq_jw *w, const struct sq_type *type)
{
    for (size_t i = 0; i < SQ_LEN(definitions); i++)
        if (definitions[i].type == type)
            add_ref(w, definitions[i].name);
}

/* ---- types */

static const char *kind_name(const struct sq_field *f)
{
    if (f->flags & SQ_F_JSON)
        return "object";
    switch (f->kind) {
    case SQ_K_INT: return "integer";
    case SQ_K_REAL: return "number";
    case SQ_K_BOOL: return "boolean";
    case SQ_K_INTS: return "array";
    default: return "string";
    }
}

static void add_kind(struct sq_jw *w, const struct sq_field *f)
{
    pair(w, "type", kind_name(f));
    if (f->kind == SQ_K_TIME)
        pair(w, "format", "date-time");
    if (f->kind == SQ_K_INTS) {
        open_key(w, "items", '{');
        pair(w, "type", "integer");
        sq_jw_close(w);
    }
    if (f->kind == SQ_K_ENUM) {
        open_key(w, "enum", '[');
        for (int i = 0; f->names->names[i]; i++)
            sq_jw_text(w, f->names->names[i]);
        sq_jw_close(w);
    }
}

static void add_required(struct sq_jw *w, const struct sq_type *type)
{
    bool any = false;
    for (int i = 0; i < type->n_fields; i++)
        any |= (type->fields[i].flags & SQ_F_REQUIRED) != 0;
    if (!any)
        return;
    open_key(w, "required", '[');
    for (int i = 0; i < type->n_fields; i++)
        if (type->fields[i].flags & SQ_F_REQUIRED)
            sq_jw_text(w, type->fields[i].name);
    sq_jw_close(w);
}

static void add_definition(struct sq_jw *w, const struct sq_type *type)
{
    pair(w, "type", "object");
    add_required(w, type);
    open_key(w, "properties", '{');
    for (int i = 0; i < type->n_fields; i++) {
        const struct sq_field *f = &type->fields[i];
        if (f->flags & (SQ_F_HIDDEN | SQ_F_ASKED))
            continue;
        open_key(w, f->name, '{');
        add_kind(w, f);
        if (f->flags & SQ_F_READONLY) {
            sq_jw_key(w, "readOnly");
            sq_jw_bool(w, 1);
        }
        sq_jw_close(w);
    }
    sq_jw_close(w);
}

static void add_words(struct sq_jw *w, const char *name, const char *member)
{
    open_key(w, name, '{');
    pair(w, "type", "object");
    open_key(w, "properties", '{');
    open_key(w, member, '{');
    pair(w, "type", "string");
    sq_jw_close(w);
    sq_jw_close(w);
    sq_jw_close(w);
}

static void add_definitions(struct sq_jw *w)
{
    open_key(w, "definitions", '{');
    for (size_t i = 0; i < SQ_LEN(definitions); i++) {
        open_key(w, definitions[i].name, '{');
        add_definition(w, definitions[i].type);
        sq_jw_close(w);
    }
    add_words(w, "Result", "result");
    add_words(w, "Error", "message");
    sq_jw_close(w);
}

/* ---- parameters */

static void add_parameter(struct sq_jw *w, const char *name, const char *in,
                          const char *kind)
{
    sq_jw_open(w, '{');
    pair(w, "name", name);
    pair(w, "in", in);
    if (strcmp(in, "path") == 0) {
        sq_jw_key(w, "required");
        sq_jw_bool(w, 1);
    }
    pair(w, "type", kind);
    if (strcmp(kind, "array") == 0) {
        open_key(w, "items", '{');
        pair(w, "type", "integer");
        sq_jw_close(w);
        pair(w, "collectionFormat", "multi");
    }
    sq_jw_close(w);
}

static void add_path_parameters(struct sq_jw *w, const char *path)
{
    int ids = 0;
    for (const char *at = strchr(path, '<'); at; at = strchr(at + 1, '<')) {
        bool id = strncmp(at, "<id>", 4) == 0;
        char name[32] = "";
        memcpy(name, at + 1, strcspn(at + 1, ">"));
        if (id && ++ids > 1)
            strcat(name, "2");
        add_parameter(w, name, "path", id ? "integer" : "string");
    }
}

/* The next of a route's members into name and kind; what is left. */
static const char *next_member(const char *at, char name[64], char kind[16])
{
    size_t n = strcspn(at, ": "), all = strcspn(at, " ");
    snprintf(name, 64, "%.*s", (int)n, at);
    snprintf(kind, 16, "%.*s", n < all ? (int)(all - n - 1) : 6,
             n < all ? at + n + 1 : "string");
    at += all;
    return at + strspn(at, " ");
}

static void add_members(struct sq_jw *w, const char *members, bool query)
{
    char name[64], kind[16];
    for (const char *at = members; *at;) {
        at = next_member(at, name, kind);
        if (query && strcmp(kind, "object") != 0) {
            add_parameter(w, name, "query", kind);
        } else if (!query) {
            open_key(w, name, '{');
            pair(w, "type", kind);
            sq_jw_close(w);
        }
    }
}

static void add_filters(struct sq_jw *w, const struct sq_type *type)
{
    static const char executions[] = "task_name batch no_output:boolean trunc:integer";
    for (int i = 0; i < type->n_fields; i++)
        if (!(type->fields[i].flags & (SQ_F_HIDDEN | SQ_F_COMPUTED | SQ_F_ASKED)))
            add_parameter(w, type->fields[i].name, "query",
                          kind_name(&type->fields[i]));
    if (type == &sq_execution_type)
        add_members(w, executions, true);
    if (type == &sq_task_type)
        add_members(w, "worker_id:integer name_has", true);
    if (type->fields[0].kind == SQ_K_INT)
        add_members(w, "after:integer reverse:boolean", true);
    add_members(w, "limit:integer fields", true);
}

static bool takes_record(const struct sq_route *route)
{
    return route->prepare == sq_prepare_create || route->prepare == sq_prepare_update ||
           route->prepare == sq_tasks_prepare_create ||
           route->prepare == sq_executions_prepare_create;
}

static void add_body(struct sq_jw *w, const struct sq_route *route)
{
    sq_jw_open(w, '{');
    pair(w, "name", "body");
    pair(w, "in", "body");
    open_key(w, "schema", '{');
    if (takes_record(route)) {
        add_ref_to(w, route->type);
    } else {
        pair(w, "type", "object");
        if (route->members) {
            open_key(w, "properties", '{');
            add_members(w, route->members, false);
            sq_jw_close(w);
        }
    }
    sq_jw_close(w);
    sq_jw_close(w);
}

static void add_parameters(struct sq_jw *w, const struct sq_route *route)
{
    open_key(w, "parameters", '[');
    add_path_parameters(w, route->path);
    if (route->prepare == sq_prepare_list)
        add_filters(w, route->type);
    else if (route->members && route->method == SQ_GET)
        add_members(w, route->members, true);
    else if (route->prepare && (route->method == SQ_POST || route->method == SQ_PUT))
        if (route->prepare != sq_prepare_result)
            add_body(w, route);
    sq_jw_close(w);
}

/* ---- answers */

static bool answers_result(const struct sq_route *route)
{
    return route->answer == sq_answer_ok || route->answer == sq_answer_Ok ||
           route->answer == sq_workers_answer_callback;
}

static void add_schema(struct sq_jw *w, const struct sq_route *route)
{
    bool list = route->gives || route->answer == sq_answer_list ||
                route->read == sq_read_short_list;
    bool one =
        route->answer == sq_answer_record || route->answer == sq_tasks_answer_create;
    if (!list && !one && !answers_result(route))
        return;
    open_key(w, "schema", '{');
    if (list) {
        pair(w, "type", "array");
        open_key(w, "items", '{');
        add_ref_to(w, route->gives ? route->gives : route->type);
        sq_jw_close(w);
    } else if (one) {
        add_ref_to(w, route->type);
    } else {
        add_ref(w, "Result");
    }
    sq_jw_close(w);
}

static void add_responses(struct sq_jw *w, const struct sq_route *route)
{
    char status[8];
    snprintf(status, sizeof status, "%d", route->status ? route->status : 200);
    open_key(w, "responses", '{');
    open_key(w, status, '{');
    pair(w, "description", "done");
    add_schema(w, route);
    sq_jw_close(w);
    open_key(w, "default", '{');
    pair(w, "description", "not done, and why");
    open_key(w, "schema", '{');
    add_ref(w, "Error");
    sq_jw_close(w);
    sq_jw_close(w);
    sq_jw_close(w);
}

/* ---- paths */

/* "/tasks/<id>/freeze/<id>" as "/tasks/{id}/freeze/{id2}". */
static void add_path(struct sq_buf *out, const char *path)
{
    int ids = 0;
    for (; *path; path++) {
        if (*path == '<')
            sq_buf_addc(out, '{');
        else if (*path == '>' && path[-1] == 'd' && ++ids > 1)
            sq_buf_adds(out, "2}");
        else
            sq_buf_addc(out, *path == '>' ? '}' : *path);
    }
}

static void add_operation(struct sq_jw *w, const struct sq_route *route)
{
    static const char *const lower[SQ_METHODS] = {"get", "post", "put", "delete"};
    open_key(w, lower[route->method], '{');
    pair(w, "summary", route->help);
    add_parameters(w, route);
    add_responses(w, route);
    sq_jw_close(w);
}

static bool is_first_of_path(size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(sq_routes[j].path, sq_routes[i].path) == 0)
            return false;
    return true;
}

static void add_paths(struct sq_jw *w)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf path;
    sq_buf_init(&path, 1024);
    open_key(w, "paths", '{');
    for (size_t i = 0; i < sq_n_routes; i++) {
        if (!is_first_of_path(i))
            continue;
        sq_buf_clear(&path);
        add_path(&path, sq_routes[i].path);
        open_key(w, path.data, '{');
        for (size_t j = i; j < sq_n_routes; j++)
            if (strcmp(sq_routes[j].path, sq_routes[i].path) == 0)
                add_operation(w, &sq_routes[j]);
        sq_jw_close(w);
    }
    sq_jw_close(w);
}

static void add_json_only(struct sq_jw *w, const char *key)
{
    open_key(w, key, '[');
    sq_jw_text(w, "application/json");
    sq_jw_close(w);
}

int sq_swagger(struct sq_request *r, struct sq_err *err)
{
    struct sq_jw w;
    (void)err;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    pair(&w, "swagger", "2.0");
    open_key(&w, "info", '{');
    pair(&w, "title", "scitq");
    pair(&w, "version", PACKAGE_VERSION);
    sq_jw_close(&w);
    add_json_only(&w, "consumes");
    add_json_only(&w, "produces");
    add_paths(&w);
    add_definitions(&w);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}
