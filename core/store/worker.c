/* Workers: creating, changing, registering, removing.  Signals and batches are in
 * signal.c and batch.c.
 *
 * An evicted worker only ever becomes running again: nothing else is believed about a
 * machine that its provider took back. */
#include "core/store/worker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/execution.h"
#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/rows.h"
#include "lib/log.h"

#define SERVER_FIELDS                                                                  \
    (SQ_BIT(SQ_WORKER_F_ID) | SQ_BIT(SQ_WORKER_F_CREATION) |                           \
     SQ_BIT(SQ_WORKER_F_MODIFICATION) | SQ_BIT(SQ_WORKER_F_LAST_CONTACT))

static char default_batch[] = "Default", no_properties[] = "{}";

static int get(struct sq_tx *tx, int64_t id, struct sq_worker *ret, struct sq_err *err)
{
    return sq_get(tx->db, &sq_worker_type, id, tx->arena, ret, err);
}

static int check(const struct sq_worker *w, uint64_t mask, struct sq_err *err)
{
    if ((mask & SQ_BIT(SQ_WORKER_F_BATCH)) &&
        (!w->batch || !*w->batch || strchr(w->batch, '/')))
        return sq_fail(err, SQ_EINVAL, "batch must be a name without /");
    if ((mask & SQ_BIT(SQ_WORKER_F_NAME)) && !w->name)
        return sq_fail(err, SQ_EINVAL, "name is required");
    if ((mask & SQ_BIT(SQ_WORKER_F_STATUS)) && w->status < 0)
        return sq_fail(err, SQ_EINVAL, "status must be a word");
    if ((mask & SQ_BIT(SQ_WORKER_F_CONCURRENCY)) &&
        (w->concurrency < 0 || w->concurrency > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "concurrency must be between 0 and %d",
                       INT32_MAX);
    if ((mask & SQ_BIT(SQ_WORKER_F_PREFETCH)) && w->prefetch != SQ_NULL &&
        (w->prefetch < 0 || w->prefetch > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "prefetch must be between 0 and %d", INT32_MAX);
    return 0;
}

/* It may have free slots, or others than before. */
static void note(struct sq_tx *tx, int64_t worker_id)
{
    sq_changes_slots(tx->changes, worker_id);
    sq_changes_tell(tx->changes, worker_id);
}

int sq_worker_create(struct sq_tx *tx, const struct sq_worker *values, uint64_t mask,
                     struct sq_worker *ret, struct sq_err *err)
{
    struct sq_worker w;
    sq_record_clear(&sq_worker_type, &w);
    sq_record_merge(&sq_worker_type, &w, values, mask & ~SERVER_FIELDS);
    w.creation_date = tx->now;
    if (w.status < 0)
        w.status = SQ_WORKER_PAUSED;
    if (w.prefetch == SQ_NULL)
        w.prefetch = 0;
    if (!w.batch)
        w.batch = default_batch;
    if (w.permanent < 0)
        w.permanent = 1;
    if (!w.task_properties)
        w.task_properties = no_properties;
    int code = check(&w, ~UINT64_C(0), err);
    if (!code)
        code = sq_record_insert(tx, &sq_worker_type, &w, err);
    if (code)
        return code;
    note(tx, w.worker_id);
    return get(tx, w.worker_id, ret, err);
}

int sq_worker_update(struct sq_tx *tx, int64_t worker_id,
                     const struct sq_worker *values, uint64_t mask,
                     struct sq_worker *ret, struct sq_err *err)
{
    struct sq_worker old, now;
    mask &= ~SERVER_FIELDS;
    int code = check(values, mask, err);
    if (!code)
        code = get(tx, worker_id, &old, err);
    if (code)
        return code;
    if (old.status == SQ_WORKER_EVICTED && values->status != SQ_WORKER_RUNNING)
        mask &= ~SQ_BIT(SQ_WORKER_F_STATUS);
    now = old;
    sq_record_merge(&sq_worker_type, &now, values, mask);
    uint64_t diff = sq_record_diff(&sq_worker_type, &old, &now, mask);
    if (diff) {
        now.modification_date = tx->now;
        code = sq_record_update(tx, &sq_worker_type, worker_id, &now,
                                diff | SQ_BIT(SQ_WORKER_F_MODIFICATION), err);
        note(tx, worker_id);
    }
    if (!code && (diff & SQ_BIT(SQ_WORKER_F_STATUS)) && now.status == SQ_WORKER_EVICTED)
        code = sq_execution_withdraw_worker(tx, worker_id, err);
    return code ? code : get(tx, worker_id, ret, err);
}

/* Removing. */

static int ask_destroy(struct sq_tx *tx, const struct sq_worker *w, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_UNDER_WAY);
    sq_bind_text(st, 1, w->name);
    sq_bind_text(st, 2, "worker_destroy");
    bool known = sq_row(st);
    sq_stmt_end(st);
    if (known)
        return sq_db_error(tx->db, err);
    SQ_CLEANUP(sq_buf_fini) struct sq_buf args;
    struct sq_jw j;
    sq_buf_init(&args, 64 * 1024);
    sq_jw_init(&j, &args);
    sq_jw_open(&j, '{');
    sq_jw_key(&j, "worker_id");
    sq_jw_int(&j, w->worker_id);
    sq_jw_key(&j, "provider");
    sq_jw_text(&j, w->provider);
    sq_jw_key(&j, "region");
    sq_jw_text(&j, w->region);
    sq_jw_close(&j);
    if (!sq_buf_ok(&args))
        return sq_fail(err, SQ_ETOOBIG, "the names of worker %lld are too long",
                       (long long)w->worker_id);
    st = sq_db_query(tx->db, SQ_Q_JOB_INSERT);
    sq_bind_text(st, 1, w->name);
    sq_bind_text(st, 2, "worker_destroy");
    sq_bind_text(st, 3, args.data);
    sq_bind_time(st, 4, tx->now);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

/* Nothing more is given to it while its job is under way. */
static int pause_worker(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker w = {.status = SQ_WORKER_PAUSED}, ignored;
    return sq_worker_update(tx, worker_id, &w, SQ_BIT(SQ_WORKER_F_STATUS), &ignored,
                            err);
}

/* Its live executions end as if it had reported it: running ones failed, others
 * refused. */
static int end_executions(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker_execution *live = NULL;
    struct sq_transition *t = NULL;
    size_t n = 0, n_pending = 0;
    struct sq_worker_execution *pending = NULL;
    int code =
        sq_executions_of_worker(tx->db, worker_id, -1, tx->arena, &live, &n, err);
    if (!code)
        code = sq_executions_of_worker(tx->db, worker_id, SQ_EXEC_PENDING, tx->arena,
                                       &pending, &n_pending, err);
    if (code || n + n_pending == 0)
        return code;
    t = sq_arena_array(tx->arena, n + n_pending, sizeof *t);
    if (!t)
        return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
    for (size_t i = 0; i < n + n_pending; i++) {
        const struct sq_worker_execution *e = i < n ? &live[i] : &pending[i - n];
        t[i] = (struct sq_transition){
            .execution_id = e->execution_id,
            .to = e->status == SQ_EXEC_RUNNING ? SQ_EXEC_FAILED : SQ_EXEC_REFUSED,
            .worker_id = worker_id,
            .return_code = SQ_NULL,
        };
    }
    return sq_execution_transition(tx, t, n + n_pending, NULL, err);
}

int sq_worker_delete(struct sq_tx *tx, int64_t worker_id, struct sq_worker *ret,
                     struct sq_err *err)
{
    struct sq_worker w;
    int code = get(tx, worker_id, &w, err);
    if (code)
        return code;
    if (w.permanent == 0) {
        code = pause_worker(tx, worker_id, err);
        if (!code)
            code = ask_destroy(tx, &w, err);
    } else {
        code = end_executions(tx, worker_id, err);
        struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_DELETE);
        sq_bind_int(st, 1, worker_id);
        sq_run(st);
        sq_changes_tell(tx->changes, worker_id);
        if (!code)
            code = sq_db_error(tx->db, err);
    }
    if (!code)
        *ret = w;
    return code;
}

/* Registration. */

struct identity {
    int64_t worker_id; /* SQ_NULL: new */
    bool same_spool;
    int64_t acked;
};

static struct identity find(struct sq_tx *tx, const struct sq_registration *r)
{
    struct identity who = {.worker_id = SQ_NULL};
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_BY_IDENTITY);
    sq_bind_text(st, 1, r->name);
    sq_bind_text(st, 2, r->hostname);
    if (sq_row(st)) {
        const char *spool = sq_col_text(st, 1, NULL);
        who.worker_id = sq_col_int(st, 0);
        who.same_spool = spool && strcmp(spool, r->spool) == 0;
        who.acked = who.same_spool ? sq_col_int(st, 2) : 0;
    }
    sq_stmt_end(st);
    return who;
}

static int set_spool(struct sq_tx *tx, int64_t worker_id, const char *spool,
                     struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_SET_SPOOL);
    sq_bind_int(st, 1, worker_id);
    sq_bind_text(st, 2, spool);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

/* A date in the future (the clock was set back) says nothing. */
static bool alive(const struct sq_worker *w, const struct sq_registration *r,
                  int64_t now)
{
    if (r->silence_us != SQ_NULL)
        return r->silence_us < r->live_us;
    int64_t last = w->last_contact_date;
    return last != SQ_NULL && last <= now && now - last < r->live_us;
}

static int take_back(struct sq_tx *tx, const struct sq_registration *r,
                     const struct identity *who, struct sq_err *err)
{
    struct sq_worker w;
    int code = get(tx, who->worker_id, &w, err);
    if (code)
        return code;
    if (!who->same_spool && alive(&w, r, tx->now))
        return sq_fail(err, SQ_EEXIST,
                       "another process of worker %s on %s is alive (worker %lld): "
                       "stop it, or give this one another name",
                       r->name, r->hostname, (long long)who->worker_id);
    int status =
        r->status < 0 && w.status == SQ_WORKER_OFFLINE ? SQ_WORKER_RUNNING : r->status;
    struct sq_worker values = {.status = status, .flavor = (char *)r->flavor};
    uint64_t mask = status >= 0 ? SQ_BIT(SQ_WORKER_F_STATUS) : 0;
    if (r->flavor)
        mask |= SQ_BIT(SQ_WORKER_F_FLAVOR);
    code = sq_worker_update(tx, who->worker_id, &values, mask, &w, err);
    /* What another spool knew of running commands is lost with it. */
    if (!code && !who->same_spool)
        code = end_executions(tx, who->worker_id, err);
    return code;
}

static int make(struct sq_tx *tx, const struct sq_registration *r, int64_t *ret_id,
                struct sq_err *err)
{
    struct sq_worker w, made;
    sq_record_clear(&sq_worker_type, &w);
    w.name = (char *)r->name;
    w.hostname = (char *)r->hostname;
    w.batch = (char *)r->batch;
    w.flavor = (char *)(r->flavor ? r->flavor : r->default_flavor);
    w.concurrency = r->concurrency;
    w.status = r->status < 0 ? SQ_WORKER_RUNNING : r->status;
    w.permanent = r->permanent;
    int code = sq_worker_create(tx, &w, ~UINT64_C(0), &made, err);
    if (!code)
        *ret_id = made.worker_id;
    return code;
}

int sq_worker_register(struct sq_tx *tx, const struct sq_registration *r,
                       struct sq_worker *ret, int64_t *ret_acked, struct sq_err *err)
{
    struct identity who = find(tx, r);
    int code = sq_db_error(tx->db, err);
    if (code)
        return code;
    code = who.worker_id == SQ_NULL ? make(tx, r, &who.worker_id, err)
                                    : take_back(tx, r, &who, err);
    if (!code && !who.same_spool)
        code = set_spool(tx, who.worker_id, r->spool, err);
    struct sq_contact here = {
        .worker_id = who.worker_id, .time = tx->now, .memory = NAN};
    if (!code)
        code = sq_worker_contacts(tx, &here, 1, err);
    if (!code)
        code = get(tx, who.worker_id, ret, err);
    if (!code)
        *ret_acked = who.acked;
    return code;
}

/* The idle callback. */

static bool one_row(struct sq_tx *tx, struct sq_stmt *st)
{
    bool any = sq_row(st);
    sq_stmt_end(st);
    return any;
}

static bool busy(struct sq_tx *tx, const struct sq_worker *w)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_HAS_LIVE);
    sq_bind_int(st, 1, w->worker_id);
    return one_row(tx, st);
}

static bool due(struct sq_tx *tx, const struct sq_worker *w)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_BATCH_HAS_PENDING);
    sq_bind_text(st, 1, w->batch);
    return one_row(tx, st);
}

static int reset_properties(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker values = {.task_properties = no_properties}, ignored;
    return sq_worker_update(tx, worker_id, &values, SQ_BIT(SQ_WORKER_F_TASK_PROPERTIES),
                            &ignored, err);
}

int sq_worker_callback(struct sq_tx *tx, int64_t worker_id, const char *message,
                       const char **ret_answer, struct sq_err *err)
{
    struct sq_worker w;
    int code = get(tx, worker_id, &w, err);
    if (code)
        return code;
    const char *answer = "ok";
    if (!message || strcmp(message, "idle") != 0) {
        answer = "nothing to do";
    } else if (w.permanent != 0) {
        code = reset_properties(tx, worker_id, err);
    } else if (busy(tx, &w)) {
        answer = "still have running tasks";
    } else if (due(tx, &w)) {
        answer = "still some work to do, lazy one!";
    } else {
        code = sq_worker_delete(tx, worker_id, &w, err);
    }
    if (!code)
        code = sq_db_error(tx->db, err);
    if (!code)
        *ret_answer = answer;
    return code;
}

/* Contacts. */

int sq_worker_contacts(struct sq_tx *tx, const struct sq_contact *c, size_t n,
                       struct sq_err *err)
{
    SQ_CLEANUP(sq_rows_end) struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_WORKER_CONTACT);
    for (size_t i = 0; i < n; i++) {
        char memory[32];
        sq_rows_int(&r, c[i].worker_id);
        sq_rows_time(&r, c[i].time);
        sq_rows_text(&r, c[i].load);
        sq_rows_text(&r, isnan(c[i].memory) ? NULL : sq_real_text(c[i].memory, memory));
        sq_rows_text(&r, c[i].stats);
        sq_rows_next(&r);
    }
    return sq_db_error(tx->db, err);
}

int sq_worker_lives(struct sq_tx *tx, struct sq_worker_life **ret, size_t *ret_n,
                    struct sq_err *err)
{
    struct sq_worker_life *v = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_LIVES);
    while (sq_row(st)) {
        if (n == cap) {
            struct sq_worker_life *bigger =
                sq_arena_array(tx->arena, cap = cap ? cap * 2 : 64, sizeof *v);
            if (bigger && n)
                memcpy(bigger, v, n * sizeof *v);
            v = bigger;
        }
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for workers");
        }
        v[n++] = (struct sq_worker_life){sq_col_int(st, 0), sq_col_bool(st, 1) == 1};
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(tx->db, err);
}

int sq_worker_set_offline(struct sq_tx *tx, const char *ids, bool offline,
                          struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_SET_LIFE);
    sq_bind_text(st, 1, ids);
    sq_bind_text(st, 2, offline ? "running" : "offline");
    sq_bind_text(st, 3, offline ? "offline" : "running");
    sq_bind_time(st, 4, tx->now);
    while (sq_row(st))
        note(tx, sq_col_int(st, 0));
    return sq_db_error(tx->db, err);
}

int sq_worker_lost(struct sq_tx *tx, const char *ids, struct sq_err *err)
{
    enum { AT_ONCE = 100 }; /* the sweep comes back for the rest */
    int64_t lost[AT_ONCE];
    int n = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_LOST);
    sq_bind_text(st, 1, ids);
    while (n < AT_ONCE && sq_row(st))
        lost[n++] = sq_col_int(st, 0);
    sq_stmt_end(st);
    int code = sq_db_error(tx->db, err);
    for (int i = 0; i < n && !code; i++)
        code = sq_execution_withdraw_worker(tx, lost[i], err);
    return code;
}

int sq_worker_end_orphans(struct sq_tx *tx, struct sq_err *err)
{
    enum { AT_ONCE = 1000 }; /* of the query: the next sweep comes back for the rest */
    struct sq_transition *t = NULL;
    size_t n = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_WORKER_ORPHANS);
    while (sq_row(st)) {
        if (!t && !(t = sq_arena_array(tx->arena, AT_ONCE, sizeof *t))) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for executions");
        }
        bool running = strcmp(sq_col_text(st, 1, NULL), "running") == 0;
        t[n++] = (struct sq_transition){
            .execution_id = sq_col_int(st, 0),
            .to = running ? SQ_EXEC_FAILED : SQ_EXEC_REFUSED,
            .worker_id = SQ_NULL,
            .return_code = SQ_NULL,
        };
    }
    int code = sq_db_error(tx->db, err);
    if (code || !n)
        return code;
    sq_log(SQ_LOG_WARNING, "store",
           "%zu executions belong to workers that have no row any more: ended", n);
    return sq_execution_transition(tx, t, n, NULL, err);
}

int sq_worker_counts(struct sq_db *db, struct sq_arena *arena,
                     struct sq_worker_count **ret, size_t *ret_n, struct sq_err *err)
{
    struct sq_worker_count *v = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WORKER_COUNTS);
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for workers");
        }
        v[n++] = (struct sq_worker_count){
            .worker_id = sq_col_int(st, 0),
            .status = sq_name_find(&sq_execution_statuses, sq_col_text(st, 1, NULL)),
            .count = sq_col_int(st, 2),
        };
    }
    int code = sq_db_error(db, err);
    if (code)
        return code;
    *ret = v;
    *ret_n = n;
    return 0;
}
