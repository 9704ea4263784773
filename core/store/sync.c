/* Sync: what a worker reports is applied as one change; what it must be told is read.
 *
 * Output goes in before statuses, so that an end never precedes the log it promises,
 * and all records of the call that are new become one sq_log_append and one
 * sq_execution_transition, however many there are. */
#include "core/store/sync.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/list.h"
#include "core/store/rows.h"
#include "core/store/worker.h"
#include "lib/log.h"

/* *ret_acked of the row, when it belongs to this spool. */
static int check_spool(struct sq_tx *tx, const struct sq_sync *s, int64_t *ret_acked,
                       struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_SYNC_STATE);
    sq_bind_int(st, 1, s->worker_id);
    bool found = sq_row(st);
    const char *spool = found ? sq_col_text(st, 0, NULL) : NULL;
    bool ours = spool && s->spool && strcmp(spool, s->spool) == 0;
    *ret_acked = found ? sq_col_int(st, 1) : 0;
    sq_stmt_end(st);
    int code = sq_db_error(tx->db, err);
    if (code)
        return code;
    if (!found)
        return sq_fail(err, SQ_ENOENT, "Worker %lld doesn't exist",
                       (long long)s->worker_id);
    if (!ours)
        return sq_fail(err, SQ_EEXIST,
                       "worker %lld belongs to another process: register again",
                       (long long)s->worker_id);
    return 0;
}

/* The new records, by kind. */
struct news {
    struct sq_log_chunk *chunks;
    size_t n_chunks;
    struct sq_transition *changes;
    const struct sq_sync_record **records; /* of changes */
    size_t n_changes;
    int64_t last; /* the highest seq */
};

static int sort_news(struct sq_tx *tx, const struct sq_sync *s, int64_t acked,
                     struct news *ret, struct sq_err *err)
{
    struct news news = {
        .chunks = sq_arena_array(tx->arena, s->n_records, sizeof *news.chunks),
        .changes = sq_arena_array(tx->arena, s->n_records, sizeof *news.changes),
        .records = sq_arena_array(tx->arena, s->n_records, sizeof *news.records),
        .last = acked,
    };
    if (s->n_records && (!news.chunks || !news.changes || !news.records))
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu records", s->n_records);
    for (size_t i = 0; i < s->n_records; i++) {
        const struct sq_sync_record *r = &s->records[i];
        if (r->seq <= news.last)
            continue;
        news.last = r->seq;
        if (r->kind == SQ_SYNC_OUTPUT) {
            news.chunks[news.n_chunks] = r->output;
            news.chunks[news.n_chunks++].owner = s->worker_id;
        } else {
            news.records[news.n_changes] = r;
            news.changes[news.n_changes] = r->status;
            news.changes[news.n_changes++].worker_id = s->worker_id;
        }
    }
    *ret = news;
    return 0;
}

/* Every end status finds its whole output stored. */
static int check_output(struct sq_tx *tx, const struct sq_sync *s,
                        const struct news *news, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set wanted;
    sq_set_init(&wanted);
    for (size_t i = 0; i < news->n_changes; i++)
        for (int stream = SQ_STDOUT; stream <= SQ_STDERR; stream++) {
            const struct sq_sync_record *r = news->records[i];
            if (sq_execution_live(r->status.to) || r->log_end[stream] <= 0)
                continue;
            sq_set_open(&wanted);
            sq_jw_int(&wanted.w, r->status.execution_id);
            sq_jw_int(&wanted.w, stream);
            sq_jw_int(&wanted.w, r->log_end[stream]);
            sq_set_close(&wanted);
        }
    if (!wanted.n)
        return 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SYNC_MISSING_OUTPUT);
    sq_bind_text(st, 1, sq_set_text(&wanted));
    sq_bind_int(st, 2, s->worker_id);
    int code = 0;
    if (sq_row(st))
        code = sq_fail(err, SQ_EPROTO,
                       "the end of execution %lld names %lld bytes of %s, but %lld are "
                       "stored",
                       (long long)sq_col_int(st, 0), (long long)sq_col_int(st, 2),
                       sq_col_int(st, 1) == SQ_STDOUT ? "stdout" : "stderr",
                       (long long)sq_col_int(st, 3));
    sq_stmt_end(st);
    return code ? code : sq_db_error(tx->db, err);
}

static void log_refused(const struct sq_sync *s, const struct news *news)
{
    for (size_t i = 0; i < news->n_changes; i++)
        if (news->changes[i].result)
            sq_log(SQ_LOG_INFO, "store", "worker %lld: record %lld dropped: %s",
                   (long long)s->worker_id, (long long)news->records[i]->seq,
                   news->changes[i].why);
}

static void acknowledge(struct sq_tx *tx, const struct sq_sync *s, int64_t seq)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_SET_ACKED);
    sq_bind_int(st, 1, s->worker_id);
    sq_bind_int(st, 2, seq);
    sq_send(st);
}

static void forget_signals(struct sq_tx *tx, const struct sq_sync *s)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    sq_set_ints(&ids, s->signals_seen, s->n_signals_seen);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SIGNAL_SEEN);
    sq_bind_int(st, 1, s->worker_id);
    sq_bind_text(st, 2, sq_set_text(&ids));
    sq_send(st);
}

int sq_sync_apply(struct sq_tx *tx, struct sq_sync *s, struct sq_err *err)
{
    int64_t acked;
    struct news news = {0};
    int code = check_spool(tx, s, &acked, err);
    if (!code)
        code = sort_news(tx, s, acked, &news, err);
    if (!code)
        code = sq_log_append(tx, news.chunks, news.n_chunks, err);
    if (!code)
        code = check_output(tx, s, &news, err);
    if (!code)
        code = sq_execution_transition(tx, news.changes, news.n_changes, err);
    if (code)
        return code;
    log_refused(s, &news);
    if (news.last > acked)
        acknowledge(tx, s, news.last);
    if (s->n_signals_seen)
        forget_signals(tx, s);
    code = sq_db_error(tx->db, err);
    if (!code)
        s->acked = news.last;
    return code;
}

/* The answer. */

struct live {
    int64_t execution_id, task_id;
    bool pending;
};

static int read_live(struct sq_db *db, struct sq_stmt *st, struct sq_arena *arena,
                     struct live **ret, size_t *ret_n, struct sq_err *err)
{
    struct live *v = NULL;
    size_t n = 0, cap = 0;
    while (sq_row(st)) {
        if (n == cap) {
            struct live *bigger =
                sq_arena_array(arena, cap = cap ? cap * 2 : 32, sizeof *v);
            if (bigger && n)
                memcpy(bigger, v, n * sizeof *v);
            v = bigger;
        }
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
        }
        v[n++] = (struct live){
            .execution_id = sq_col_int(st, 0),
            .task_id = sq_col_int(st, 2),
            .pending = strcmp(sq_col_text(st, 3, NULL), "pending") == 0,
        };
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

static int by_execution(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = ((const struct live *)b)->execution_id;
    return (x > y) - (x < y);
}

static int find_withdrawn(const int64_t *holding, size_t n, const struct live *live,
                          size_t n_live, struct sq_arena *arena,
                          struct sq_sync_answer *a, struct sq_err *err)
{
    if (n == 0)
        return 0;
    a->withdrawn = sq_arena_array(arena, n, sizeof *a->withdrawn);
    if (!a->withdrawn)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    for (size_t i = 0; i < n; i++)
        if (!n_live || !bsearch(&holding[i], live, n_live, sizeof *live, by_execution))
            a->withdrawn[a->n_withdrawn++] = holding[i];
    return 0;
}

/* The tasks of pending executions, by id. */
static int read_tasks(struct sq_db *db, const struct live *live, size_t n,
                      struct sq_arena *arena, struct sq_task **ret, size_t *ret_n,
                      struct sq_err *err)
{
    size_t some = 0;
    char **ids = sq_arena_array(arena, n ? n : 1, sizeof *ids);
    for (size_t i = 0; i < n && ids; i++)
        if (live[i].pending) {
            ids[some] = sq_arena_printf(arena, "%lld", (long long)live[i].task_id);
            if (!ids[some++])
                ids = NULL;
        }
    if (!ids)
        return sq_fail(err, SQ_ENOMEM, "out of memory for tasks");
    *ret_n = 0;
    if (!some)
        return 0;
    struct sq_filter f = {.field = SQ_TASK_F_ID, .values = ids, .n = some};
    struct sq_page page = {.filters = &f,
                           .n_filters = 1,
                           .after = SQ_NULL,
                           .limit = (int64_t)some,
                           .trunc = SQ_NULL};
    void *rows = NULL;
    int code = sq_list_page(db, &sq_task_type, &page, arena, &rows, ret_n, err);
    *ret = rows;
    return code;
}

static int by_task(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = ((const struct sq_task *)b)->task_id;
    return (x > y) - (x < y);
}

static int fill_executions(struct sq_db *db, const struct live *live, size_t n,
                           struct sq_arena *arena, struct sq_sync_answer *a,
                           struct sq_err *err)
{
    struct sq_task *tasks = NULL;
    size_t n_tasks = 0;
    int code = read_tasks(db, live, n, arena, &tasks, &n_tasks, err);
    if (code || !n_tasks)
        return code;
    a->executions = sq_arena_array(arena, n, sizeof *a->executions);
    if (!a->executions)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    for (size_t i = 0; i < n; i++) {
        const struct sq_task *t =
            live[i].pending
                ? bsearch(&live[i].task_id, tasks, n_tasks, sizeof *tasks, by_task)
                : NULL;
        if (t)
            a->executions[a->n_executions++] =
                (struct sq_sync_task){live[i].execution_id, *t};
    }
    return 0;
}

static int read_state(struct sq_db *db, struct sq_stmt *st, struct sq_arena *arena,
                      struct sq_sync_answer *a, struct sq_err *err)
{
    if (sq_row(st)) {
        a->spool = sq_arena_strdup(arena, sq_col_text(st, 0, NULL));
        a->acked = sq_col_int(st, 1);
    }
    sq_stmt_end(st);
    return sq_db_error(db, err);
}

static struct sq_stmt *ask_of(struct sq_db *db, enum sq_query query, int64_t worker_id)
{
    struct sq_stmt *st = sq_db_query(db, query);
    sq_bind_int(st, 1, worker_id);
    sq_ask(st);
    return st;
}

int sq_sync_answer(struct sq_db *db, int64_t worker_id, const int64_t *holding,
                   size_t n, struct sq_arena *arena, struct sq_sync_answer *ret,
                   struct sq_err *err)
{
    struct sq_sync_answer a = {0};
    struct live *live = NULL;
    size_t n_live = 0;
    struct sq_stmt *state = ask_of(db, SQ_Q_WORKER_SYNC_STATE, worker_id);
    struct sq_stmt *executions = ask_of(db, SQ_Q_EXECUTION_LIVE_OF_WORKER, worker_id);
    struct sq_stmt *signals = ask_of(db, SQ_Q_SIGNAL_OF_WORKER, worker_id);
    int code = sq_get(db, &sq_worker_type, worker_id, arena, &a.worker, err);
    if (!code)
        code = read_state(db, state, arena, &a, err);
    if (!code)
        code = read_live(db, executions, arena, &live, &n_live, err);
    if (!code)
        code = sq_signals_read(signals, arena, &a.signals, &a.n_signals, err);
    if (!code)
        code = fill_executions(db, live, n_live, arena, &a, err);
    if (!code)
        code = find_withdrawn(holding, n, live, n_live, arena, &a, err);
    if (!code)
        code = sq_db_error(db, err);
    if (!code)
        *ret = a;
    return code;
}

bool sq_sync_answer_any(const struct sq_sync_answer *a)
{
    return a->n_executions || a->n_signals || a->n_withdrawn;
}
