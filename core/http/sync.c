/* What our worker says and hears: register and sync (doc/sync.md).
 *
 * A sync with records, or with signals seen, is a write followed by an answer; a bare
 * poll writes nothing at all: its contact is remembered in memory.  A poll that has
 * nothing to hear keeps the answer it read and is held; when its time is over that
 * answer is still true, since a change would have woken it. */
#include "core/http/steps.h"

#include <math.h>
#include <string.h>

#include "core/store/list.h"
#include "core/store/sync.h"
#include "lib/base64.h"
#include "lib/clock.h"

enum {
    RECORDS_MAX = 100000,
    WAIT_MAX_S = 60,
    POLL_S = 10,
    STATS_S = 4,
    ANSWER_BYTES = 128 << 20,
    DATA_BYTES = 16 << 20 /* as the body */
};

/* A thousand records a second for 285,000 years; from a higher one no worker could go
 * on. */
#define SEQ_MAX (INT64_C(1) << 53)

#define F(type, member, kind, flags)                                                   \
    {                                                                                  \
#member, kind, offsetof(struct type, member), flags, NULL                      \
    }

/* ---- register */

struct registration {
    char *name, *hostname, *batch, *flavor, *default_flavor, *spool, *database;
    int64_t concurrency;
    int status, permanent;
};
static const struct sq_field registration_fields[] = {
    F(registration, name, SQ_K_TEXT, SQ_F_REQUIRED),
    F(registration, hostname, SQ_K_TEXT, SQ_F_REQUIRED),
    F(registration, concurrency, SQ_K_INT, SQ_F_REQUIRED),
    F(registration, spool, SQ_K_TEXT, SQ_F_REQUIRED),
    F(registration, database, SQ_K_TEXT, 0),
    F(registration, batch, SQ_K_TEXT, 0),
    F(registration, flavor, SQ_K_TEXT, 0),
    F(registration, default_flavor, SQ_K_TEXT, 0),
    {"status", SQ_K_ENUM, offsetof(struct registration, status), 0,
     &sq_worker_statuses},
    F(registration, permanent, SQ_K_BOOL, 0),
};
static const struct sq_type registration_type = {.name = "A registration",
                                                 .fields = registration_fields,
                                                 .n_fields =
                                                     SQ_LEN(registration_fields),
                                                 .size = sizeof(struct registration)};

struct registered {
    struct sq_worker worker;
    int64_t acked;
    bool made;
};

/* What a worker says of another database must not be taken for this one's: its rows
 * have the same numbers. */
static int check_database(struct sq_request *r, const char *named, struct sq_err *err)
{
    const char *id = r->server->conf.database_id;
    if (!named || strcmp(named, id) == 0)
        return 0;
    r->refused = 421; /* Misdirected Request, RFC 9110 15.5.20 */
    return sq_fail(err, SQ_EINVAL,
                   "this server's database is %s, and the worker's is %.100s: one of "
                   "both has the wrong one",
                   id, named);
}

int sq_register_prepare(struct sq_request *r, struct sq_err *err)
{
    const json_t *body;
    uint64_t mask;
    int code = sq_request_alloc(r, sizeof(struct registration), &r->values, err);
    if (code == 0)
        code = sq_request_alloc(r, sizeof(struct registered), &r->data, err);
    if (code == 0)
        code = sq_request_object(r, &body, err);
    if (code != 0)
        return code;
    const json_t *facts = json_object_get(body, "facts");
    if (facts && !json_is_object(facts) && !json_is_null(facts))
        return sq_fail(err, SQ_EINVAL, "facts must be an object");
    json_object_del(r->json, "facts"); /* kept nowhere until machines are recruited */
    code = sq_record_from_json(&registration_type, r->json ? r->json : json_null(),
                               SQ_READ_CREATE, &r->arena, r->values, &mask, err);
    const struct registration *in = r->values;
    return code != 0 ? code : check_database(r, in->database, err);
}

/* How long the workers of this name and hostname were not heard: the shortest. */
static int silence_of(struct sq_request *r, struct sq_tx *tx,
                      const struct registration *in, int64_t *ret, struct sq_err *err)
{
    char *name[] = {in->name}, *hostname[] = {in->hostname};
    struct sq_filter filters[] = {{SQ_WORKER_F_NAME, name, 1},
                                  {SQ_WORKER_F_HOSTNAME, hostname, 1}};
    struct sq_page page = {.filters = filters,
                           .n_filters = SQ_LEN(filters),
                           .after = SQ_NULL,
                           .limit = 100};
    struct sq_worker *rows;
    size_t n;
    *ret = SQ_NULL;
    int code = sq_list_page(tx->db, &sq_worker_type, &page, tx->arena, (void **)&rows,
                            &n, err);
    for (size_t i = 0; code == 0 && i < n; i++) {
        int64_t silence =
            sq_liveness_silence(r->server->conf.liveness, rows[i].worker_id);
        if (silence != SQ_NULL && (*ret == SQ_NULL || silence < *ret))
            *ret = silence;
    }
    return code;
}

int sq_register_write(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const struct registration *in = r->values;
    struct registered *out = r->data;
    struct sq_registration reg = {.name = in->name,
                                  .hostname = in->hostname,
                                  .batch = in->batch,
                                  .flavor = in->flavor,
                                  .default_flavor = in->default_flavor,
                                  .spool = in->spool,
                                  .concurrency = in->concurrency,
                                  .status = in->status,
                                  .permanent = in->permanent < 0 ? 1 : in->permanent,
                                  .live_us = r->server->conf.offline_delay_s * 1000000};
    int code = silence_of(r, tx, in, &reg.silence_us, err);
    if (code == 0)
        code = sq_worker_register(tx, &reg, &out->worker, &out->acked, err);
    out->made = code == 0 && out->worker.creation_date == tx->now;
    return code;
}

/* A worker that waits must be heard of again before it would be called offline. */
static int64_t wait_max_s(const struct sq_http_conf *conf)
{
    int64_t most = conf->offline_delay_s * 2 / 3;
    return most > WAIT_MAX_S ? WAIT_MAX_S : most < 1 ? 1 : most;
}

static void write_settings(struct sq_jw *w, const struct sq_http_conf *conf)
{
    int64_t poll_s = wait_max_s(conf) < POLL_S ? wait_max_s(conf) : POLL_S;
    const struct {
        const char *name;
        int64_t value;
    } settings[] = {{"offline_delay_s", conf->offline_delay_s},
                    {"idle_delay_s", conf->idle_delay_s},
                    {"first_task_delay_s", conf->first_task_delay_s},
                    {"poll_s", poll_s},
                    {"stats_s", STATS_S}};
    sq_jw_key(w, "settings");
    sq_jw_open(w, '{');
    for (size_t i = 0; i < SQ_LEN(settings); i++) {
        sq_jw_key(w, settings[i].name);
        sq_jw_int(w, settings[i].value);
    }
    sq_jw_close(w);
}

static void write_database(struct sq_jw *w, const struct sq_http_conf *conf)
{
    sq_jw_key(w, "database");
    sq_jw_text(w, conf->database_id);
}

static void write_worker(struct sq_request *r, struct sq_jw *w,
                         struct sq_worker *worker, struct sq_arena *arena)
{
    sq_liveness_overlay(r->server->conf.liveness, worker, arena);
    sq_jw_key(w, "worker");
    sq_record_to_json(w, &sq_worker_type, sq_record_visible(&sq_worker_type), worker);
}

int sq_register_answer(struct sq_request *r, struct sq_err *err)
{
    struct registered *out = r->data;
    struct sq_jw w;
    (void)err;
    sq_liveness_returned(r->server->conf.liveness, out->worker.worker_id);
    sq_liveness_contact(r->server->conf.liveness, out->worker.worker_id, sq_now(), NULL,
                        NAN, NULL);
    r->status = out->made ? 201 : 200;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    write_worker(r, &w, &out->worker, &r->arena);
    sq_jw_key(&w, "acked");
    sq_jw_int(&w, out->acked);
    write_database(&w, &r->server->conf);
    write_settings(&w, &r->server->conf);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}

/* ---- sync: reading the call */

struct record {
    int64_t seq, execution_id, return_code, stdout_bytes, stderr_bytes, offset;
    int status, downloaded;
    char *pid, *output_files, *stream;
};
static const struct sq_field record_fields[] = {
    F(record, seq, SQ_K_INT, SQ_F_REQUIRED),
    F(record, execution_id, SQ_K_INT, SQ_F_REQUIRED),
    {"status", SQ_K_ENUM, offsetof(struct record, status), 0, &sq_execution_statuses},
    F(record, pid, SQ_K_TEXT, 0),
    F(record, downloaded, SQ_K_BOOL, 0),
    F(record, return_code, SQ_K_INT, 0),
    F(record, output_files, SQ_K_TEXT, 0),
    F(record, stdout_bytes, SQ_K_INT, 0),
    F(record, stderr_bytes, SQ_K_INT, 0),
    F(record, stream, SQ_K_TEXT, 0),
    F(record, offset, SQ_K_INT, 0),
};
static const struct sq_type record_type = {.name = "A record",
                                           .fields = record_fields,
                                           .n_fields = SQ_LEN(record_fields),
                                           .size = sizeof(struct record)};

struct call {
    struct sq_sync sync;
    struct sq_buf data; /* the bytes of every output record, one after the other */
    int64_t wait_s;
    struct sq_ints holding, signals_seen;
    char *load, *stats;
    double memory;
    bool contacted;   /* this call was counted as a sign of life */
    bool any;         /* the answer just read has something to say */
    bool knows_row;   /* its row, as it was changed last at: */
    int64_t row_date; /* else what the first answer will say */
    struct sq_sync_asked asked;
    struct sq_arena arena;        /* of what follows */
    struct sq_sync_answer answer; /* the writer's, when it was alone to write */
    bool answered;
};

static void free_data(struct sq_request *r)
{
    struct call *call = r->data;
    sq_buf_fini(&call->data);
    sq_arena_fini(&call->arena);
}

static int read_output(struct call *call, const struct record *in,
                       struct sq_lifted_text data, struct sq_sync_record *out,
                       struct sq_err *err)
{
    size_t before = call->data.len;
    bool is_out = strcmp(in->stream, "stdout") == 0;
    if (!is_out && strcmp(in->stream, "stderr") != 0)
        return sq_fail(err, SQ_EINVAL, "stream must be stdout or stderr");
    if (in->offset == SQ_NULL || in->offset < 0)
        return sq_fail(err, SQ_EINVAL, "offset must be a number of bytes");
    if (!data.text || !sq_base64_decode(data.text, data.len, &call->data))
        return sq_fail(err, SQ_EINVAL, "data must be base64");
    out->kind = SQ_SYNC_OUTPUT;
    out->output = (struct sq_log_chunk){.execution_id = in->execution_id,
                                        .stream = is_out ? SQ_STDOUT : SQ_STDERR,
                                        .start = in->offset,
                                        .len = call->data.len - before};
    return 0;
}

static int read_status(const struct record *in, int64_t worker_id,
                       struct sq_sync_record *out, struct sq_err *err)
{
    if (in->status < 0)
        return sq_fail(err, SQ_EINVAL, "a record needs a status or a stream");
    out->kind = SQ_SYNC_STATUS;
    out->status = (struct sq_transition){.execution_id = in->execution_id,
                                         .to = in->status,
                                         .worker_id = worker_id,
                                         .pid = in->pid,
                                         .output_files = in->output_files,
                                         .return_code = in->return_code};
    out->downloaded = in->downloaded == 1;
    out->log_end[SQ_STDOUT] = in->stdout_bytes;
    out->log_end[SQ_STDERR] = in->stderr_bytes;
    return 0;
}

static int read_record(struct sq_request *r, struct call *call, json_t *json,
                       struct sq_sync_record *out, struct sq_err *err)
{
    struct record in;
    uint64_t mask;
    struct sq_lifted_text data;
    json_t *value = json_incref(json_object_get(json, "data"));
    data = sq_lifted_get(&r->lifted, value);
    json_object_del(json, "data"); /* decoded, not copied as a text */
    int code = sq_record_from_json(&record_type, json, SQ_READ_CREATE | SQ_READ_WIDE,
                                   &r->arena, &in, &mask, err);
    if (code == 0 && in.seq > SEQ_MAX)
        code = sq_fail(err, SQ_EINVAL, "seq is out of range");
    if (code == 0) {
        out->seq = in.seq;
        code = in.stream ? read_output(call, &in, data, out, err)
                         : read_status(&in, call->sync.worker_id, out, err);
    }
    json_decref(value);
    return code;
}

/* The bytes lie in one buffer that moved while it grew. */
static void place_data(struct call *call)
{
    const char *at = call->data.data;
    for (size_t i = 0; i < call->sync.n_records; i++) {
        struct sq_sync_record *rec = &call->sync.records[i];
        if (rec->kind != SQ_SYNC_OUTPUT)
            continue;
        rec->output.data = at;
        at += rec->output.len;
    }
}

static int read_records(struct sq_request *r, struct call *call, struct sq_err *err)
{
    json_t *list = json_object_get(r->json, "records");
    if (list && !json_is_array(list) && !json_is_null(list))
        return sq_fail(err, SQ_EINVAL, "records must be a list");
    size_t n = json_array_size(list);
    if (n > RECORDS_MAX)
        return sq_fail(err, SQ_ETOOBIG, "more than %d records", RECORDS_MAX);
    call->sync.records = sq_arena_array(&r->arena, n + 1, sizeof *call->sync.records);
    if (!call->sync.records)
        return sq_fail(err, SQ_ENOMEM, "no memory for the records");
    for (size_t i = 0; i < n; i++) {
        struct sq_sync_record *rec = &call->sync.records[i];
        int code = read_record(r, call, json_array_get(list, i), rec, err);
        if (code == 0 && i > 0 && rec->seq <= rec[-1].seq)
            code = sq_fail(err, SQ_EINVAL, "seq must ascend");
        if (code == SQ_EINVAL)
            return sq_prefix(err, "records[%zu]: ", i);
        if (code != 0)
            return code;
        call->sync.n_records++;
    }
    place_data(call);
    sq_buf_fini(&r->body); /* everything lifted from it is decoded */
    return 0;
}

static int read_ids(struct sq_request *r, const char *key, struct sq_ints *ret,
                    struct sq_err *err)
{
    const json_t *list = json_object_get(r->json, key);
    if (!list || json_is_null(list))
        return 0;
    ret->n = json_array_size(list);
    ret->v = sq_arena_array(&r->arena, ret->n + 1, sizeof *ret->v);
    if (!json_is_array(list) || ret->n > RECORDS_MAX || !ret->v)
        return sq_fail(err, SQ_EINVAL, "%s must be a list of at most %d ids", key,
                       RECORDS_MAX);
    for (size_t i = 0; i < ret->n; i++) {
        int code = sq_json_to_int(json_array_get(list, i), key, &ret->v[i], err);
        if (code == 0 && (ret->v[i] < 0 || ret->v[i] > INT32_MAX))
            code = sq_fail(err, SQ_EINVAL, "%s: not an id", key);
        if (code != 0)
            return code;
    }
    return 0;
}

static int read_stats(struct sq_request *r, struct call *call, struct sq_err *err)
{
    const json_t *stats = json_object_get(r->json, "stats");
    if (stats && !json_is_object(stats) && !json_is_null(stats))
        return sq_fail(err, SQ_EINVAL, "stats must be an object");
    int code = sq_json_to_text(json_object_get(stats, "load"), "stats.load", &r->arena,
                               &call->load, err);
    if (code == 0)
        code = sq_json_to_text(json_object_get(stats, "stats"), "stats.stats",
                               &r->arena, &call->stats, err);
    if (code == 0)
        code = sq_json_to_real(json_object_get(stats, "memory"), "stats.memory",
                               &call->memory, err);
    return code;
}

static int check_keys(const json_t *body, struct sq_err *err)
{
    static const char *const known[] = {"spool",    "wait",    "stats",
                                        "records",  "holding", "signals_seen",
                                        "row_date", "leaving", "database"};
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)body, key, v)
    {
        size_t i = 0;
        while (i < SQ_LEN(known) && strcmp(known[i], key) != 0)
            i++;
        if (i == SQ_LEN(known))
            return sq_fail(err, SQ_EINVAL, "A sync has no field %.100s", key);
    }
    return 0;
}

/* Which state of its row the worker has heard of. */
static int read_row_date(struct sq_request *r, struct call *call, struct sq_err *err)
{
    const char *text;
    int code = sq_body_text(r, "row_date", &text, err);
    if (code != 0)
        return code;
    call->knows_row = json_object_get(r->json, "row_date") != NULL;
    call->row_date = SQ_NULL;
    if (text && !sq_time_parse(text, &call->row_date))
        return sq_fail(err, SQ_EINVAL, "row_date must be a date, as in the answer");
    return 0;
}

static int read_database(struct sq_request *r, struct sq_err *err)
{
    const char *named;
    int code = sq_body_text(r, "database", &named, err);
    return code != 0 ? code : check_database(r, named, err);
}

static int read_leaving(struct sq_request *r, struct call *call, struct sq_err *err)
{
    const json_t *v = json_object_get(r->json, "leaving");
    int leaving = 0;
    int code = v && !json_is_null(v) ? sq_json_to_bool(v, "leaving", &leaving, err) : 0;
    call->sync.leaving = leaving == 1;
    return code;
}

static struct sq_request *of_op(struct sq_op *op)
{
    return (struct sq_request *)((char *)op - offsetof(struct sq_request, op));
}

static void ask_answer(struct sq_op *op, struct sq_db *db)
{
    struct sq_request *r = of_op(op);
    struct call *call = r->data;
    sq_sync_ask(db, r->match.ids[0], &call->asked);
}

/* What cannot be read here is read by the answer's step. */
static void keep_answer(struct sq_op *op, struct sq_db *db)
{
    struct call *call = of_op(op)->data;
    call->answered = sq_sync_take(db, &call->asked, call->holding.v, call->holding.n,
                                  &call->arena, &call->answer, NULL) == 0;
}

int sq_sync_prepare(struct sq_request *r, struct sq_err *err)
{
    struct call *call;
    const json_t *body;
    int code = sq_request_alloc(r, sizeof *call, &call, err);
    if (code == 0)
        code = sq_request_object(r, &body, err);
    if (code != 0)
        return code;
    sq_buf_init(&call->data, DATA_BYTES);
    sq_arena_init(&call->arena, ANSWER_BYTES);
    r->op.ask = ask_answer;
    r->op.read = keep_answer;
    r->data = call;
    r->undo = free_data;
    call->sync.worker_id = r->match.ids[0];
    code = check_keys(body, err);
    if (code == 0)
        code = read_database(r, err);
    if (code == 0)
        code = sq_body_text(r, "spool", &call->sync.spool, err);
    if (code == 0 && !call->sync.spool)
        code = sq_fail(err, SQ_EINVAL, "A sync needs the field spool");
    if (code == 0)
        code = sq_body_int(r, "wait", 0, &call->wait_s, err);
    if (code == 0)
        code = read_row_date(r, call, err);
    if (code == 0)
        code = read_leaving(r, call, err);
    if (code == 0)
        code = read_ids(r, "holding", &call->holding, err);
    if (code == 0)
        code = read_ids(r, "signals_seen", &call->signals_seen, err);
    if (code == 0)
        code = read_records(r, call, err);
    if (code == 0)
        code = read_stats(r, call, err);
    if (call->wait_s > wait_max_s(&r->server->conf))
        call->wait_s = wait_max_s(&r->server->conf);
    call->sync.signals_seen = call->signals_seen.v;
    call->sync.n_signals_seen = call->signals_seen.n;
    r->nothing_to_write =
        !call->sync.n_records && !call->signals_seen.n && !call->sync.leaving;
    return code;
}

int sq_sync_write(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    struct call *call = r->data;
    int code = sq_sync_apply(tx, &call->sync, err);
    if (code == 0 && call->sync.leaving) /* before any sweep sees it offline */
        sq_liveness_left(r->server->conf.liveness, r->match.ids[0]);
    return code;
}

/* ---- sync: the answer */

static void write_answer(struct sq_request *r, struct sq_sync_answer *a,
                         struct sq_arena *arena)
{
    struct sq_jw w;
    uint64_t task = sq_record_visible(&sq_task_type);
    sq_buf_clear(&r->out);
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "acked");
    sq_jw_int(&w, a->acked);
    write_database(&w, &r->server->conf);
    write_worker(r, &w, &a->worker, arena);
    sq_jw_key(&w, "executions");
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < a->n_executions; i++) {
        sq_jw_open(&w, '{');
        sq_jw_key(&w, "execution_id");
        sq_jw_int(&w, a->executions[i].execution_id);
        sq_jw_key(&w, "task");
        sq_record_to_json(&w, &sq_task_type, task, &a->executions[i].task);
        sq_jw_close(&w);
    }
    sq_jw_close(&w);
    sq_jw_key(&w, "signals");
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < a->n_signals; i++) {
        sq_jw_open(&w, '{');
        sq_jw_key(&w, "signal_id");
        sq_jw_int(&w, a->signals[i].signal_id);
        sq_jw_key(&w, "execution_id");
        sq_jw_int(&w, a->signals[i].execution_id);
        sq_jw_key(&w, "signal");
        sq_jw_int(&w, a->signals[i].signal);
        sq_jw_close(&w);
    }
    sq_jw_close(&w);
    sq_jw_key(&w, "withdrawn");
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < a->n_withdrawn; i++)
        sq_jw_int(&w, a->withdrawn[i]);
    sq_jw_close(&w);
    write_settings(&w, &r->server->conf);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
}

/* Who speaks for the row is alive, and what it measures is the row's. */
static void contact(struct sq_request *r, struct call *call)
{
    if (call->contacted)
        return;
    call->contacted = true;
    sq_liveness_contact(r->server->conf.liveness, r->match.ids[0], sq_now(), call->load,
                        call->memory, call->stats);
}

/* Its row counts as news when it was changed since the worker heard of it. */
static bool has_news(struct call *call, const struct sq_sync_answer *a)
{
    if (!call->knows_row)
        call->row_date = a->worker.modification_date;
    call->knows_row = true;
    return sq_sync_answer_any(a) || a->worker.modification_date != call->row_date;
}

static int take_answer(struct sq_request *r, struct sq_sync_answer *a,
                       struct sq_arena *arena, struct sq_err *err)
{
    struct call *call = r->data;
    if (a->spool && strcmp(a->spool, call->sync.spool) != 0)
        return sq_fail(err, SQ_EEXIST,
                       "worker %lld belongs to another process: register again",
                       (long long)r->match.ids[0]);
    contact(r, call);
    call->any = has_news(call, a);
    write_answer(r, a, arena);
    return 0;
}

static int read_answer(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct call *call = r->data;
    struct sq_arena arena;
    struct sq_sync_answer a;
    sq_arena_init(&arena, ANSWER_BYTES);
    int code = sq_sync_answer(db, r->match.ids[0], call->holding.v, call->holding.n,
                              &arena, &a, err);
    if (code == 0)
        code = take_answer(r, &a, &arena, err);
    sq_arena_fini(&arena);
    return code;
}

/* Enlisted before the read: what is committed after it wakes the poll. */
static int wait_and_read(struct sq_request *r, struct sq_err *err)
{
    struct call *call = r->data;
    struct sq_watch *watch = r->server->watch;
    for (;;) {
        sq_waiter_enlist(watch, &r->waiter);
        int code = sq_request_read(r, read_answer, err);
        if (code != 0 || call->any) {
            sq_waiter_leave(watch, &r->waiter);
            return code;
        }
        int held = sq_waiter_hold(watch, &r->waiter);
        if (held != 0)
            return held == 1 ? SQ_HELD : 0;
        if (r->waiter.giving_way || sq_monotonic() >= r->waiter.deadline)
            return 0;
    }
}

/* On a coarse grid, not sooner than asked: libmicrohttpd walks all held connections to
 * resume some, so that with ten thousand of them those that end one after the other
 * should end together. */
static int64_t deadline_of(int64_t wait_s)
{
    enum { GRID_US = 200000 };
    int64_t at = sq_monotonic() + wait_s * 1000000;
    return at + GRID_US - at % GRID_US;
}

int sq_sync_answer_step(struct sq_request *r, struct sq_err *err)
{
    struct call *call = r->data;
    bool at_once = call->wait_s <= 0 || call->sync.n_records || call->sync.leaving;
    if (at_once && call->answered)
        return take_answer(r, &call->answer, &call->arena, err);
    if (at_once)
        return sq_request_read(r, read_answer, err);
    if (r->stage != SQ_HOLDING) {
        sq_watch_supersede(r->server->watch, SQ_WAIT_WORKER, r->match.ids[0]);
        r->waiter.kind = SQ_WAIT_WORKER;
        r->waiter.id = r->match.ids[0];
        r->waiter.deadline = deadline_of(call->wait_s);
    } else if (r->waiter.giving_way || sq_monotonic() >= r->waiter.deadline ||
               sq_client_gone(r->client)) {
        return 0; /* as it was read before */
    }
    return wait_and_read(r, err);
}
