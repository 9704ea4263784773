/* Workers, the signals that wait for them, and the calls of 1.3's worker
 * (http-api.md A.4, A.8). */
#include "core/http/steps.h"

#include <string.h>

#include "core/http/stream.h"
#include "core/store/execution.h"
#include "lib/clock.h"

int sq_workers_create(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_worker_create(tx, r->values, r->mask, r->result, err);
}

int sq_workers_update(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_worker_update(tx, r->match.ids[0], r->values, r->mask, r->result, err);
}

int sq_workers_delete(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_worker_delete(tx, r->match.ids[0], r->result, err);
}

int sq_workers_counts(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_worker_count *counts;
    size_t n;
    int code = sq_worker_counts(db, &r->arena, &counts, &n, err);
    if (code != 0)
        return code;
    struct sq_jw w;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        sq_jw_open(&w, '{');
        sq_jw_key(&w, "worker_id");
        sq_jw_int(&w, counts[i].worker_id);
        sq_jw_key(&w, "status");
        sq_jw_text(&w, sq_name(&sq_execution_statuses, counts[i].status));
        sq_jw_key(&w, "count");
        sq_jw_int(&w, counts[i].count);
        sq_jw_close(&w);
    }
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}

/* A ping is a contact with stats: remembered in memory, written by the sweep. */
struct ping {
    const char *load, *stats;
    double memory;
};

int sq_workers_prepare_ping(struct sq_request *r, struct sq_err *err)
{
    struct ping *ping;
    const json_t *body;
    int code = sq_request_alloc(r, sizeof *ping, &ping, err);
    if (code == 0)
        code = sq_body_text(r, "load", &ping->load, err);
    if (code == 0)
        code = sq_body_text(r, "stats", &ping->stats, err);
    if (code == 0)
        code = sq_request_object(r, &body, err);
    if (code == 0)
        code = sq_json_to_real(json_object_get(body, "memory"), "memory", &ping->memory,
                               err);
    r->data = ping;
    return code;
}

int sq_workers_ping(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    const struct ping *ping = r->data;
    int code = sq_read_one(r, db, err);
    if (code == 0)
        sq_liveness_returned(r->server->conf.liveness, r->match.ids[0]);
    if (code == 0)
        sq_liveness_contact(r->server->conf.liveness, r->match.ids[0], sq_now(),
                            ping->load, ping->memory, ping->stats);
    return code;
}

/* ---- the idle callback */

int sq_workers_prepare_callback(struct sq_request *r, struct sq_err *err)
{
    const char *message;
    int code = sq_body_text(r, "message", &message, err);
    if (code == 0)
        r->data = (void *)(message ? message : "");
    return code;
}

int sq_workers_callback(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const char *answer;
    int code = sq_worker_callback(tx, r->match.ids[0], r->data, &answer, err);
    if (code == 0)
        r->result = (void *)answer;
    return code;
}

int sq_workers_answer_callback(struct sq_request *r, struct sq_err *err)
{
    struct sq_jw w;
    (void)err;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    sq_jw_key(&w, "result");
    sq_jw_text(&w, r->result);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}

/* ---- executions of a worker, short form */

static int list_executions(struct sq_request *r, struct sq_db *db, int status,
                           struct sq_err *err)
{
    struct sq_worker_execution *rows;
    size_t n;
    int code =
        sq_executions_of_worker(db, r->match.ids[0], status, &r->arena, &rows, &n, err);
    if (code != 0)
        return code;
    struct sq_stream_conf conf = {.type = &sq_worker_execution_type,
                                  .mask = sq_record_visible(&sq_worker_execution_type),
                                  .rows = n ? (void *)rows : "",
                                  .n_rows = n};
    return sq_stream_answer(r, &conf, err);
}

int sq_workers_executions(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    return list_executions(r, db, -1, err);
}

int sq_workers_executions_in(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    int status;
    int code = sq_status_parse(&sq_execution_statuses, r->match.name, &status, err);
    return code != 0 ? code : list_executions(r, db, status, err);
}

/* ---- signals */

struct signals {
    struct sq_signal *rows;
    size_t n;
};

int sq_workers_take_signals(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    struct signals *signals;
    int code = sq_request_alloc(r, sizeof *signals, &signals, err);
    if (code != 0)
        return code;
    r->data = signals;
    return sq_signal_take(tx, r->match.ids[0], &signals->rows, &signals->n, err);
}

int sq_workers_answer_signals(struct sq_request *r, struct sq_err *err)
{
    struct signals *signals = r->data;
    struct sq_stream_conf conf = {.type = &sq_signal_type,
                                  .mask = sq_record_visible(&sq_signal_type),
                                  .rows = signals->n ? (void *)signals->rows : "",
                                  .n_rows = signals->n};
    return sq_stream_answer(r, &conf, err);
}

int sq_workers_signal(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_signal *s = r->values;
    return sq_signal_create(tx, r->match.ids[0], s->execution_id, s->signal, err);
}
