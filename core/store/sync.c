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
static int check_spool(struct sq_tx *tx, const struct sq_sync *s, struct sq_stmt *st,
                       int64_t *ret_acked, struct sq_err *err)
{
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

/* The records, by kind, each kind in order. */
struct news {
    struct sq_log_chunk *chunks;
    int64_t *chunk_seqs;
    size_t n_chunks;
    struct sq_transition *changes;
    const struct sq_sync_record **records; /* of changes */
    size_t n_changes;
    int64_t last; /* the highest seq */
};

static int sort_news(struct sq_tx *tx, const struct sq_sync *s, struct news *ret,
                     struct sq_err *err)
{
    struct news news = {
        .chunks = sq_arena_array(tx->arena, s->n_records, sizeof *news.chunks),
        .chunk_seqs = sq_arena_array(tx->arena, s->n_records, sizeof(int64_t)),
        .changes = sq_arena_array(tx->arena, s->n_records, sizeof *news.changes),
        .records = sq_arena_array(tx->arena, s->n_records, sizeof *news.records),
        .last = s->n_records ? s->records[s->n_records - 1].seq : 0,
    };
    if (s->n_records &&
        (!news.chunks || !news.chunk_seqs || !news.changes || !news.records))
        return sq_fail(err, SQ_ENOMEM, "out of memory for %zu records", s->n_records);
    for (size_t i = 0; i < s->n_records; i++) {
        const struct sq_sync_record *r = &s->records[i];
        if (r->kind == SQ_SYNC_OUTPUT) {
            news.chunk_seqs[news.n_chunks] = r->seq;
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

/* What was applied before is at the beginning of each kind. */
static void forget_old(struct news *news, int64_t acked)
{
    size_t n = 0;
    while (n < news->n_chunks && news->chunk_seqs[n] <= acked)
        n++;
    news->chunks += n;
    news->n_chunks -= n;
    for (n = 0; n < news->n_changes && news->records[n]->seq <= acked;)
        n++;
    news->changes += n;
    news->records += n;
    news->n_changes -= n;
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

/* Their download limit is over. */
static void set_downloaded(struct sq_tx *tx, const struct sq_sync *s,
                           const struct news *news)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    for (size_t i = 0; i < news->n_changes; i++)
        if (news->records[i]->downloaded && !news->changes[i].result)
            sq_set_int(&ids, news->changes[i].execution_id);
    if (!ids.n)
        return;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SYNC_SET_DOWNLOADED);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_bind_int(st, 2, s->worker_id);
    sq_send(st);
}

/* What the results are compared with before they are recorded (cache.h). */
static void set_output_hashes(struct sq_tx *tx, const struct news *news)
{
    for (size_t i = 0; i < news->n_changes; i++) {
        const struct sq_transition *t = &news->changes[i];
        if (!news->records[i]->output_hash || t->result || t->to != SQ_EXEC_SUCCEEDED)
            continue;
        struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SYNC_SET_OUTPUT_HASH);
        sq_bind_int(st, 1, t->execution_id);
        sq_bind_text(st, 2, news->records[i]->output_hash);
        sq_send(st);
    }
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

/* Nothing is given to it from here on; what it runs stays its own. */
static int leave(struct sq_tx *tx, const struct sq_sync *s, struct sq_err *err)
{
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    sq_set_init(&ids);
    sq_set_int(&ids, s->worker_id);
    return sq_worker_set_offline(tx, sq_set_text(&ids), true, err);
}

/* Its provider takes the machine back: what it has not ended is others' to do. */
static int evict(struct sq_tx *tx, const struct sq_sync *s, struct sq_err *err)
{
    struct sq_worker w = {.status = SQ_WORKER_EVICTED}, ignored;
    return sq_worker_update(tx, s->worker_id, &w, SQ_BIT(SQ_WORKER_F_STATUS), &ignored,
                            err);
}

/* The row's state, and that of the executions: in one round trip when no output comes
 * in between. */
static int read_news(struct sq_tx *tx, const struct sq_sync *s, struct news *news,
                     int64_t *ret_acked, struct sq_stmt **ret_asked, struct sq_err *err)
{
    struct sq_stmt *state = sq_db_query(tx->db, SQ_Q_WORKER_SYNC_STATE);
    sq_bind_int(state, 1, s->worker_id);
    sq_ask(state);
    struct sq_stmt *asked = NULL;
    if (news->n_changes && !news->n_chunks)
        asked = sq_execution_ask(tx, news->changes, news->n_changes);
    int code = check_spool(tx, s, state, ret_acked, err);
    if (!code)
        forget_old(news, *ret_acked);
    if (asked && (code || !news->n_changes)) {
        sq_stmt_end(asked);
        asked = NULL;
    }
    *ret_asked = asked;
    return code;
}

int sq_sync_apply(struct sq_tx *tx, struct sq_sync *s, struct sq_err *err)
{
    int64_t acked = 0;
    struct news news = {0};
    struct sq_stmt *asked = NULL;
    int code = sort_news(tx, s, &news, err);
    if (!code)
        code = read_news(tx, s, &news, &acked, &asked, err);
    if (!code)
        code = sq_log_append(tx, news.chunks, news.n_chunks, err);
    if (!code)
        code = check_output(tx, s, &news, err);
    if (!code)
        code = sq_execution_transition(tx, news.changes, news.n_changes, asked, err);
    if (code)
        return code;
    if (s->ahead > 0 && news.n_changes)
        sq_changes_ahead(tx->changes, s->worker_id, s->ahead);
    log_refused(s, &news);
    set_downloaded(tx, s, &news);
    set_output_hashes(tx, &news);
    bool any = news.n_chunks || news.n_changes;
    if (any)
        acknowledge(tx, s, news.last);
    if (s->n_signals_seen)
        forget_signals(tx, s);
    code = s->evicted   ? evict(tx, s, err)
           : s->leaving ? leave(tx, s, err)
                        : sq_db_error_so_far(tx->db, err);
    if (!code)
        s->acked = any ? news.last : acked;
    return code;
}
