/* Between register.c, sync_call.c (what a worker says) and sync.c (what it hears). */
#ifndef SQ_HTTP_SYNC_IMPL_H
#define SQ_HTTP_SYNC_IMPL_H

#include "core/http/steps.h"
#include "core/store/sync.h"

enum { SQ_SYNC_ANSWER_BYTES = 128 << 20 };

/* request->data of a sync. */
struct sq_sync_call {
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

/* What a worker says of another database must not be taken for this one's: its rows
 * have the same numbers. */
int sq_sync_check_database(struct sq_request *r, const char *named, struct sq_err *err);
/* A worker that waits must be heard of again before it would be called offline. */
int64_t sq_sync_wait_max_s(const struct sq_tuning *t);

/* What both answers have: keys and values of an open object. */
void sq_sync_write_settings(struct sq_jw *w, const struct sq_http_conf *conf,
                            const struct sq_worker *worker);
void sq_sync_write_database(struct sq_jw *w, const struct sq_http_conf *conf);
void sq_sync_write_worker(struct sq_request *r, struct sq_jw *w,
                          struct sq_worker *worker, struct sq_arena *arena);

#endif
