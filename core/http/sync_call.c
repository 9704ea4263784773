/* What our worker says in a sync, read out of its JSON: the whole call is refused for
 * one field that is wrong. */
#include "core/http/sync_impl.h"

#include <string.h>

#include "lib/base64.h"
#include "lib/clock.h"

enum { RECORDS_MAX = 100000, DATA_BYTES = 16 << 20 /* as the body */ };
enum { AHEAD_MAX = 1000 };

/* A thousand records a second for 285,000 years; from a higher one no worker could go
 * on. */
#define SEQ_MAX (INT64_C(1) << 53)

struct record {
    int64_t seq, execution_id, return_code, stdout_bytes, stderr_bytes, offset;
    int status, downloaded;
    char *pid, *output_files, *output_hash, *stream;
};
static const struct sq_field record_fields[] = {
    SQ_FIELD(struct record, seq, SQ_K_INT, SQ_F_REQUIRED),
    SQ_FIELD(struct record, execution_id, SQ_K_INT, SQ_F_REQUIRED),
    {"status", SQ_K_ENUM, offsetof(struct record, status), 0, &sq_execution_statuses},
    SQ_FIELD(struct record, pid, SQ_K_TEXT, 0),
    SQ_FIELD(struct record, downloaded, SQ_K_BOOL, 0),
    SQ_FIELD(struct record, return_code, SQ_K_INT, 0),
    SQ_FIELD(struct record, output_files, SQ_K_TEXT, 0),
    SQ_FIELD(struct record, output_hash, SQ_K_TEXT, 0),
    SQ_FIELD(struct record, stdout_bytes, SQ_K_INT, 0),
    SQ_FIELD(struct record, stderr_bytes, SQ_K_INT, 0),
    SQ_FIELD(struct record, stream, SQ_K_TEXT, 0),
    SQ_FIELD(struct record, offset, SQ_K_INT, 0),
};
static const struct sq_type record_type = {.name = "A record",
                                           .fields = record_fields,
                                           .n_fields = SQ_LEN(record_fields),
                                           .size = sizeof(struct record)};

static void free_data(struct sq_request *r)
{
    struct sq_sync_call *call = r->data;
    sq_buf_fini(&call->data);
    sq_arena_fini(&call->arena);
}

static int read_output(struct sq_sync_call *call, const struct record *in,
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
    out->output_hash = in->output_hash;
    out->log_end[SQ_STDOUT] = in->stdout_bytes;
    out->log_end[SQ_STDERR] = in->stderr_bytes;
    return 0;
}

static int read_record(struct sq_request *r, struct sq_sync_call *call, json_t *json,
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
static void place_data(struct sq_sync_call *call)
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

static int read_records(struct sq_request *r, struct sq_sync_call *call,
                        struct sq_err *err)
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

static int read_stats(struct sq_request *r, struct sq_sync_call *call,
                      struct sq_err *err)
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

/* Which state of its row the worker has heard of. */
static int read_row_date(struct sq_request *r, struct sq_sync_call *call,
                         struct sq_err *err)
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
    return code != 0 ? code : sq_sync_check_database(r, named, err);
}

static int read_flag(struct sq_request *r, const char *key, bool *ret,
                     struct sq_err *err)
{
    const json_t *v = json_object_get(r->json, key);
    int flag = 0;
    int code = v && !json_is_null(v) ? sq_json_to_bool(v, key, &flag, err) : 0;
    *ret = flag == 1;
    return code;
}

static int read_ahead(struct sq_request *r, struct sq_sync_call *call,
                      struct sq_err *err)
{
    int code = sq_body_int(r, "ahead", 0, &call->sync.ahead, err);
    if (code == 0 && (call->sync.ahead < 0 || call->sync.ahead > AHEAD_MAX))
        code = sq_fail(err, SQ_EINVAL, "ahead must be 0 to %d", AHEAD_MAX);
    return code;
}

static void ask_answer(struct sq_op *op, struct sq_db *db)
{
    struct sq_request *r = sq_request_of(op);
    struct sq_sync_call *call = r->data;
    sq_sync_ask(db, r->match.ids[0], &call->asked);
}

/* What cannot be read here is read by the answer's step. */
static void keep_answer(struct sq_op *op, struct sq_db *db)
{
    struct sq_sync_call *call = sq_request_of(op)->data;
    call->answered = sq_sync_take(db, &call->asked, call->holding.v, call->holding.n,
                                  &call->arena, &call->answer, NULL) == 0;
}

int sq_sync_prepare(struct sq_request *r, struct sq_err *err)
{
    struct sq_sync_call *call;
    const json_t *body;
    int code = sq_request_alloc(r, sizeof *call, &call, err);
    if (code == 0)
        code = sq_request_object(r, &body, err);
    if (code != 0)
        return code;
    sq_buf_init(&call->data, DATA_BYTES);
    sq_arena_init(&call->arena, SQ_SYNC_ANSWER_BYTES);
    r->op.ask = ask_answer;
    r->op.read = keep_answer;
    r->data = call;
    r->undo = free_data;
    call->sync.worker_id = r->match.ids[0];
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
        code = read_flag(r, "leaving", &call->sync.leaving, err);
    if (code == 0)
        code = read_flag(r, "evicted", &call->sync.evicted, err);
    if (code == 0)
        code = read_ahead(r, call, err);
    if (code == 0)
        code = read_ids(r, "holding", &call->holding, err);
    if (code == 0)
        code = read_ids(r, "signals_seen", &call->signals_seen, err);
    if (code == 0)
        code = read_records(r, call, err);
    if (code == 0)
        code = read_stats(r, call, err);
    int64_t most = sq_sync_wait_max_s(sq_tuning(r->server->conf.tuned));
    if (call->wait_s > most)
        call->wait_s = most;
    call->sync.signals_seen = call->signals_seen.v;
    call->sync.n_signals_seen = call->signals_seen.n;
    r->nothing_to_write = !call->sync.n_records && !call->signals_seen.n &&
                          !call->sync.leaving && !call->sync.evicted;
    return code;
}
