/* Batches: their counts, and what is done to all tasks and workers of one.  A batch is
 * no row of its own but the name that tasks and workers share. */
#include "core/http/steps.h"

#include "core/http/stream.h"
#include "core/store/worker.h"

int sq_batches_list(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_batch *rows;
    size_t n;
    int code = sq_batch_list(db, &r->arena, &rows, &n, err);
    if (code != 0)
        return code;
    struct sq_stream_conf conf = {.type = &sq_batch_type,
                                  .mask = sq_record_visible(&sq_batch_type),
                                  .rows = n ? (void *)rows : "",
                                  .n_rows = n};
    return sq_stream_answer(r, &conf, err);
}

static void add_durations(struct sq_jw *w, const char *key,
                          const struct sq_durations *d)
{
    sq_jw_key(w, key);
    sq_jw_open(w, '{');
    sq_jw_key(w, "count");
    sq_jw_int(w, d->count);
    sq_jw_key(w, "minimum");
    sq_jw_real(w, d->minimum_s);
    sq_jw_key(w, "mean");
    sq_jw_real(w, d->mean_s);
    sq_jw_key(w, "maximum");
    sq_jw_real(w, d->maximum_s);
    sq_jw_close(w);
}

int sq_batches_durations(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_durations succeeded, failed;
    struct sq_jw w;
    int code = sq_batch_durations(db, r->match.name, &succeeded, &failed, err);
    if (code != 0)
        return code;
    sq_jw_init(&w, &r->out);
    sq_jw_open(&w, '{');
    add_durations(&w, "succeeded", &succeeded);
    add_durations(&w, "failed", &failed);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
    return 0;
}

/* What an execution understands (http-api.md A.2); 0 is none. */
static int check_signal(int64_t signal, struct sq_err *err)
{
    static const int known[] = {0, 3, 9, 15, 18, 20};
    for (size_t i = 0; i < SQ_LEN(known); i++)
        if (signal == known[i])
            return 0;
    return sq_fail(err, SQ_EINVAL,
                   "signal must be 0 (none), 3 (quit), 9 (kill), 15 (terminate), 18 "
                   "(continue) or 20 (pause), not %lld",
                   (long long)signal);
}

int sq_batches_prepare_run(struct sq_request *r, struct sq_err *err)
{
    int64_t *signal;
    int code = sq_request_alloc(r, sizeof *signal, &signal, err);
    if (code == 0)
        code = sq_body_int(r, "signal", 0, signal, err);
    if (code == 0)
        code = check_signal(*signal, err);
    r->data = signal;
    return code;
}

int sq_batches_stop(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_batch_run(tx, r->match.name, false, *(int64_t *)r->data, err);
}

int sq_batches_go(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_batch_run(tx, r->match.name, true, *(int64_t *)r->data, err);
}

int sq_batches_delete(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_batch_delete(tx, r->match.name, err);
}
