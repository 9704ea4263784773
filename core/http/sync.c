/* What our worker hears from a sync (doc/sync.md).
 *
 * A sync with records, or with signals seen, is a write followed by an answer; a bare
 * poll writes nothing at all: its contact is remembered in memory.  A poll that has
 * nothing to hear keeps the answer it read and is held; when its time is over that
 * answer is still true, since a change would have woken it. */
#include "core/http/sync_impl.h"

#include <string.h>

#include "lib/clock.h"

int sq_sync_write(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    struct sq_sync_call *call = r->data;
    int code = sq_sync_apply(tx, &call->sync, err);
    if (code == 0 && call->sync.leaving) /* before any sweep sees it offline */
        sq_liveness_left(r->server->conf.liveness, r->match.ids[0]);
    return code;
}

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
    sq_sync_write_database(&w, &r->server->conf);
    sq_sync_write_worker(r, &w, &a->worker, arena);
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
    sq_sync_write_settings(&w, &r->server->conf, &a->worker);
    sq_jw_close(&w);
    sq_buf_addc(&r->out, '\n');
}

/* Who speaks for the row is alive, and what it measures is the row's. */
static void contact(struct sq_request *r, struct sq_sync_call *call)
{
    if (call->contacted)
        return;
    call->contacted = true;
    sq_liveness_contact(r->server->conf.liveness, r->match.ids[0], sq_now(), call->load,
                        call->memory, call->stats);
}

/* Its row counts as news when it was changed since the worker heard of it. */
static bool has_news(struct sq_sync_call *call, const struct sq_sync_answer *a)
{
    if (!call->knows_row)
        call->row_date = a->worker.modification_date;
    call->knows_row = true;
    return sq_sync_answer_any(a) || a->worker.modification_date != call->row_date;
}

static int take_answer(struct sq_request *r, struct sq_sync_answer *a,
                       struct sq_arena *arena, struct sq_err *err)
{
    struct sq_sync_call *call = r->data;
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
    struct sq_sync_call *call = r->data;
    struct sq_arena arena;
    struct sq_sync_answer a;
    sq_arena_init(&arena, SQ_SYNC_ANSWER_BYTES);
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
    struct sq_sync_call *call = r->data;
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
    struct sq_sync_call *call = r->data;
    bool at_once = call->wait_s <= 0 || call->sync.n_records || call->sync.leaving ||
                   call->sync.evicted;
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
