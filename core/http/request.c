/* A request's life, as libmicrohttpd calls for it: headers, pieces of the body, the
 * end of the body, then again after each suspension, and the end.
 *
 * What is refused before the body is whole (unknown path, wrong method, wrong type) is
 * answered after it, the body thrown away as it comes, so that the connection can be
 * kept.  Only a body that is too large is answered at once, when its length was
 * announced; the connection then lingers, so that the answer is not lost. */
#include "core/http/request.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/http/events.h"
#include "core/http/rawlog.h"
#include "core/http/steps.h"
#include "core/http/stream.h"
#include "core/http/task_array.h"
#include "lib/clock.h"
#include "lib/log.h"

enum {
    BODY_BYTES = 16 << 20,
    STRANGER_BYTES = 1 << 20, /* of a body that nobody wants */
    SLOW_US = 1000000,
    ARRAY_BYTES = 256 << 20,
    ARENA_BYTES = 128 << 20, /* a body of 16 MiB as structs, with room for lists of ids
                                and for what comes back from the store */
    OUT_BYTES = 256 << 20
};

/* ---- birth and death */

static struct sq_client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct sq_request *request_new(struct sq_http_server *server,
                                      struct MHD_Connection *connection)
{
    struct sq_client *client = client_of(connection);
    struct sq_request *r = client ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return NULL;
    r->server = server;
    r->connection = connection;
    r->client = client;
    r->waiter.connection = connection;
    sq_arena_init(&r->arena, ARENA_BYTES);
    sq_buf_init(&r->body, BODY_BYTES);
    sq_buf_init(&r->out, OUT_BYTES);
    pthread_mutex_lock(&server->lock);
    server->requests++;
    pthread_mutex_unlock(&server->lock);
    return r;
}

void sq_request_completed(void *server, struct MHD_Connection *connection,
                          void **request, enum MHD_RequestTerminationCode how)
{
    struct sq_http_server *s = server;
    struct sq_request *r = *request;
    (void)connection;
    (void)how;
    if (!r)
        return;
    *request = NULL;
    if (r->waiter.enlisted)
        sq_waiter_leave(s->watch, &r->waiter);
    if (r->undo)
        r->undo(r);
    atomic_store(&r->client->waiting, sq_monotonic());
    sq_stream_free(r->stream);
    sq_raw_log_free(r->raw);
    sq_events_free(r->events);
    sq_task_array_free(r->array);
    json_decref(r->json);
    sq_buf_fini(&r->body);
    sq_buf_fini(&r->out);
    sq_arena_fini(&r->arena);
    free(r);
    pthread_mutex_lock(&s->lock);
    if (--s->requests == 0)
        pthread_cond_signal(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

/* ---- headers */

static void SQ_PRINTF(3, 4)
    refuse(struct sq_request *r, int status, const char *fmt, ...)
{
    char text[sizeof r->err.text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sq_fail(&r->err, SQ_EINVAL, "%s", text);
    r->refused = status;
    sq_buf_fini(&r->body);
    sq_task_array_free(r->array);
    r->array = NULL;
}

static const char *header(struct sq_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static int64_t body_limit(const struct sq_request *r)
{
    return r->match.route && (r->match.route->flags & SQ_R_ARRAY) ? ARRAY_BYTES
                                                                  : BODY_BYTES;
}

static bool is_foreign_type(const char *type)
{
    return type && (strncasecmp(type, "multipart/", 10) == 0 ||
                    strncasecmp(type, "text/", 5) == 0);
}

static void find_route(struct sq_request *r, const char *path, const char *word)
{
    enum sq_method method = sq_method_parse(word);
    switch (
        sq_route_match(sq_routes, sq_n_routes, method, path, &r->arena, &r->match)) {
    case SQ_MATCH_ROUTE: break;
    case SQ_MATCH_NONE:
        refuse(r, 404, "nothing answers to %.200s (GET / lists what does)", path);
        break;
    case SQ_MATCH_METHOD:
        refuse(r, 405, "%.20s is not a method of %.200s", word, path);
        break;
    case SQ_MATCH_REDIRECT: refuse(r, 308, "a collection ends in /"); break;
    case SQ_MATCH_BAD:
        refuse(r, 400, "the path is not percent-encoded UTF-8 of at most 4096 bytes");
        break;
    }
}

/* The Location of a redirection keeps the query. */
static enum MHD_Result add_argument(void *arg, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct sq_request *r = arg;
    (void)kind;
    bool first = !strchr(r->match.location, '?');
    char *more =
        sq_arena_printf(&r->arena, "%s%c%s%s%s", r->match.location, first ? '?' : '&',
                        key, value ? "=" : "", value ? value : "");
    if (more)
        r->match.location = more;
    return MHD_YES;
}

/* An answer before the body is whole, which is not listened to. */
static enum MHD_Result answer_early(struct sq_request *r, int code)
{
    r->too_big = r->client->linger = true;
    sq_answer_error(r, code);
    atomic_store(&r->client->waiting, 0);
    return sq_answer_send(r);
}

static enum MHD_Result start(struct sq_request *r, const char *url, const char *method)
{
    const char *length = header(r, "Content-Length");
    int64_t announced = length ? strtoll(length, NULL, 10) : 0;
    struct sq_err why;
    r->head = strcmp(method, "HEAD") == 0;
    atomic_store(&r->client->waiting, sq_monotonic());
    find_route(r, url, method);
    if (sq_access_admit(r, method, &why) != 0) {
        refuse(r, 401, "%s", why.text);
        return announced > STRANGER_BYTES ? answer_early(r, SQ_EAUTH) : MHD_YES;
    }
    if (r->refused == 308)
        MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, add_argument,
                                  r);
    if (r->client->long_query)
        refuse(r, 414,
               "the query is longer than is read: filters may be in the body instead");
    if (!r->refused && atomic_load(&r->server->stopping))
        refuse(r, 503, "the server is stopping");
    if (announced > body_limit(r)) {
        refuse(r, 413, "a body of %.30s bytes is over the limit of %lld", length,
               (long long)body_limit(r));
        return answer_early(r, SQ_ETOOBIG);
    }
    return MHD_YES;
}

/* ---- body */

static void feed_array(struct sq_request *r, const char *data, size_t len)
{
    struct sq_err err = {0};
    int code = sq_task_array_feed(r->array, data, len, &err);
    if (code != 0)
        refuse(r, sq_code_http(code), "%s", err.text);
}

/* True when this body is an array to be split: told by its first character. */
static bool begins_array(struct sq_request *r, const char *data, size_t len)
{
    if (!(r->match.route->flags & SQ_R_ARRAY) || r->body.len)
        return false;
    size_t i = 0;
    while (i < len && isspace((unsigned char)data[i]))
        i++;
    return i < len && data[i] == '[';
}

static void receive(struct sq_request *r, const char *data, size_t len)
{
    int64_t before = r->body_bytes;
    r->body_bytes += (int64_t)len;
    if (before / SQ_SLOW_BYTES != r->body_bytes / SQ_SLOW_BYTES)
        atomic_store(&r->client->waiting, sq_monotonic());
    if (r->refused)
        return;
    if (is_foreign_type(header(r, "Content-Type"))) {
        refuse(r, 415, "the body must be JSON (Content-Type: application/json)");
        return;
    }
    if (!r->array && begins_array(r, data, len)) {
        r->array = sq_task_array_new();
        if (!r->array)
            refuse(r, 503, "out of memory");
    }
    if (r->body_bytes > (r->array ? ARRAY_BYTES : BODY_BYTES)) {
        refuse(r, 413, "the body is over the limit of %d bytes",
               r->array ? ARRAY_BYTES : BODY_BYTES);
        r->too_big = true;
    } else if (r->array) {
        feed_array(r, data, len);
    } else if (!r->refused) {
        sq_buf_add(&r->body, data, len);
    }
}

/* A body that goes on for ever after having been refused is not listened to. */
static bool is_flood(const struct sq_request *r)
{
    int64_t most = r->refused == 401 ? STRANGER_BYTES : 2 * (int64_t)ARRAY_BYTES;
    return r->refused && r->body_bytes > most;
}

static int parse_lifted(struct sq_request *r, struct sq_err *err)
{
    struct sq_buf left;
    sq_buf_init(&left, BODY_BYTES * 2); /* a mark may be longer than what it replaces */
    int code =
        sq_lift("data", r->body.data, r->body.len, &r->arena, &left, &r->lifted, err);
    if (code == 0)
        code = sq_json_parse(left.data, left.len, &r->json, err);
    sq_buf_fini(&left);
    return code;
}

/* What commands write may hold anything, and 1.3's worker sends it as a string: refused
 * it would be lost. */
static int parse_output(struct sq_request *r, struct sq_err *err)
{
    struct sq_err first;
    int code = sq_json_parse(r->body.data, r->body.len, &r->json, &first);
    if (code == SQ_EINVAL) {
        struct sq_buf mended;
        sq_buf_init(&mended, 3 * (size_t)BODY_BYTES);
        sq_json_mend(r->body.data, r->body.len, &mended);
        if (sq_buf_ok(&mended))
            code = sq_json_parse(mended.data, mended.len, &r->json, NULL);
        sq_buf_fini(&mended);
    }
    return code ? sq_fail(err, code, "%s", first.text) : 0;
}

/* curl sends application/x-www-form-urlencoded with -d: any type is taken as long as
 * the body is JSON.  One that is not is called by its name (415) when its type says
 * that it never meant to be, malformed (400) otherwise. */
static int parse_body(struct sq_request *r, struct sq_err *err)
{
    if (r->array)
        return sq_task_array_end(r->array, err);
    if (!sq_buf_ok(&r->body))
        return sq_fail(err, SQ_ENOMEM, "no memory for the body");
    size_t blank = 0;
    while (blank < r->body.len && isspace((unsigned char)r->body.data[blank]))
        blank++;
    if (blank == r->body.len)
        return 0;
    unsigned flags = r->match.route->flags;
    int code = flags & SQ_R_LIFT ? parse_lifted(r, err)
               : flags & SQ_R_OUTPUT
                   ? parse_output(r, err)
                   : sq_json_parse(r->body.data, r->body.len, &r->json, err);
    const char *type = header(r, "Content-Type");
    if (code == SQ_EINVAL && type && !strcasestr(type, "json"))
        code = sq_fail(err, SQ_ETYPE, "the body is not JSON but %.100s", type);
    if (!(flags & SQ_R_LIFT))
        sq_buf_fini(&r->body);
    if (code == 0 && json_is_null(r->json)) {
        json_decref(r->json);
        r->json = NULL;
    }
    return code;
}

/* ---- the write */

static int run_write(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    struct sq_request *r = sq_request_of(op);
    return r->match.route->write(r, tx, err);
}

static void count_writing(struct sq_http_server *s, int change)
{
    pthread_mutex_lock(&s->lock);
    s->writing += change;
    if (s->writing == 0)
        pthread_cond_signal(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

/* From the resume on, the request is its HTTP thread's again and may be gone. */
static void write_done(struct sq_op *op)
{
    struct sq_request *r = sq_request_of(op);
    struct sq_http_server *server = r->server;
    r->stage = SQ_WRITTEN;
    MHD_resume_connection(r->connection);
    count_writing(server, -1);
}

static enum MHD_Result submit(struct sq_request *r)
{
    r->op.run = run_write;
    r->op.done = write_done;
    r->op.arena = &r->arena;
    r->stage = SQ_WRITING;
    count_writing(r->server, 1);
    MHD_suspend_connection(r->connection);
    struct sq_err err = {0};
    int code = sq_writer_submit(r->server->conf.writer, &r->op, &err);
    if (code != 0) {
        r->op.result = code;
        r->op.err = err;
        write_done(&r->op);
    }
    return MHD_YES;
}

/* ---- the steps */

static enum MHD_Result finish(struct sq_request *r, int code)
{
    if (code == SQ_HELD) {
        r->stage = SQ_HOLDING;
        return MHD_YES;
    }
    if (code == SQ_ENOENT && r->match.huge)
        sq_fail(&r->err, code, "the id %.100s doesn't exist", r->match.huge);
    if (code != 0)
        sq_answer_error(r, code);
    else if (r->status == 0)
        r->status = r->match.route->status ? r->match.route->status : 200;
    return sq_answer_send(r);
}

static int check_members(struct sq_request *r, struct sq_err *err)
{
    const json_t *body;
    int code = sq_request_object(r, &body, err);
    return code != 0 ? code : sq_members_only(body, r->match.route->members, err);
}

static enum MHD_Result run_steps(struct sq_request *r)
{
    const struct sq_route *route = r->match.route;
    int code = 0;
    if (r->stage == SQ_RECEIVING) {
        code = parse_body(r, &r->err);
        if (code == 0)
            code = sq_access_own(r, &r->err);
        if (code == 0 && r->head && route->write)
            return finish(r, 0); /* HEAD changes nothing */
        if (code == 0 && route->members)
            code = check_members(r, &r->err);
        if (code == 0 && route->prepare)
            code = route->prepare(r, &r->err);
        if (code == 0 && route->write && !r->nothing_to_write)
            return submit(r);
        if (code == 0 && route->read)
            code = sq_request_read(r, route->read, &r->err);
    } else if (r->stage == SQ_WRITTEN) {
        code = r->op.result;
        r->err = r->op.err;
    }
    if (code == 0 && route->answer)
        code = route->answer(r, &r->err);
    return finish(r, code);
}

/* Who tries one token after the other waits for each answer.  False: it is not held. */
static bool slow_down(struct sq_request *r)
{
    struct sq_watch *watch = r->server->watch;
    r->slow = false;
    r->waiter.kind = SQ_WAIT_NOTHING;
    r->waiter.deadline = sq_monotonic() + SLOW_US;
    sq_waiter_enlist(watch, &r->waiter);
    return sq_waiter_hold(watch, &r->waiter) == 1;
}

enum MHD_Result sq_request_access(void *server, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **request)
{
    struct sq_request *r = *request;
    (void)version;
    if (!r) {
        r = *request = request_new(server, connection);
        return r ? start(r, url, method) : MHD_NO;
    }
    if (*upload_data_size) {
        receive(r, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return is_flood(r) ? MHD_NO : MHD_YES;
    }
    atomic_store(&r->client->waiting, 0);
    if (r->slow && slow_down(r))
        return MHD_YES;
    if (r->refused && r->stage != SQ_WRITTEN) {
        sq_answer_error(r, SQ_EINVAL);
        return sq_answer_send(r);
    }
    return run_steps(r);
}

/* ---- for the steps of routes */

struct wanted {
    struct sq_request *r;
    const char *name;
    int skip;
    const char *found;
};

static enum MHD_Result look(void *arg, enum MHD_ValueKind kind, const char *key,
                            size_t key_len, const char *value, size_t len)
{
    struct wanted *w = arg;
    (void)kind;
    if (strlen(w->name) != key_len || memcmp(w->name, key, key_len) != 0 ||
        w->skip-- > 0)
        return MHD_YES;
    w->found = sq_percent_decode(value ? value : "", len, &w->r->arena);
    return MHD_NO;
}

const char *sq_request_query(struct sq_request *r, const char *name, int n)
{
    struct wanted w = {.r = r, .name = name, .skip = n};
    MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, look, &w);
    return w.found;
}

int sq_request_read(struct sq_request *r,
                    int (*fn)(struct sq_request *r, struct sq_db *db,
                              struct sq_err *err),
                    struct sq_err *err)
{
    struct sq_db *db;
    int code = sq_pool_get(r->server->conf.pool, &db, err);
    if (code != 0)
        return code;
    code = fn(r, db, err);
    sq_pool_put(r->server->conf.pool, db);
    return code;
}

int sq_request_alloc(struct sq_request *r, size_t size, void *ret_ptr,
                     struct sq_err *err)
{
    void *p = sq_arena_alloc(&r->arena, size);
    if (!p)
        return sq_fail(err, SQ_ENOMEM, "no memory for the request");
    memcpy(ret_ptr, &p, sizeof p);
    return 0;
}

int sq_request_object(struct sq_request *r, const json_t **ret, struct sq_err *err)
{
    if (r->json && !json_is_object(r->json))
        return sq_fail(err, SQ_EINVAL, "the body must be a JSON object");
    *ret = r->json;
    return 0;
}
