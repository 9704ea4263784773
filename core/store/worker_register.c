/* Registration of our worker: the row of its name and hostname is taken back, or made;
 * that of its machine, where it was deployed, is taken or it is refused.  Whose row it
 * is says its spool: another one's process must have gone silent. */
#include "core/store/worker.h"

#include <math.h>
#include <string.h>

#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/worker_impl.h"

struct identity {
    int64_t worker_id; /* SQ_NULL: new */
    bool same_spool;
    int64_t acked;
};

static struct identity find(struct sq_tx *tx, const struct sq_registration *r)
{
    struct identity who = {.worker_id = SQ_NULL};
    struct sq_stmt *st =
        sq_db_query(tx->db, r->token ? SQ_Q_WORKER_BY_TOKEN : SQ_Q_WORKER_BY_IDENTITY);
    sq_bind_text(st, 1, r->token ? r->token : r->name);
    if (!r->token)
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

/* One of the texts that only our worker tells. */
static int set_text(struct sq_tx *tx, enum sq_query query, int64_t worker_id,
                    const char *text, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, query);
    sq_bind_int(st, 1, worker_id);
    sq_bind_text(st, 2, text);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

/* A date in the future (the clock was set back) says nothing.  What one process did not
 * hear another may have; who says goodbye to any of them is offline. */
static bool alive(const struct sq_worker *w, const struct sq_registration *r,
                  int64_t now)
{
    bool heard = r->silence_us != SQ_NULL && r->silence_us < r->live_us;
    if (heard || (!r->others && r->silence_us != SQ_NULL))
        return heard;
    if (r->others && w->status == SQ_WORKER_OFFLINE)
        return false;
    int64_t last = w->last_contact_date;
    return last != SQ_NULL && last <= now && now - last < r->live_us;
}

static int take_back(struct sq_tx *tx, const struct sq_registration *r,
                     const struct identity *who, struct sq_err *err)
{
    struct sq_worker w;
    int code = sq_get(tx->db, &sq_worker_type, who->worker_id, tx->arena, &w, err);
    if (code)
        return code;
    if (!who->same_spool && alive(&w, r, tx->now))
        return sq_fail(err, SQ_EEXIST,
                       "another process of worker %s on %s is alive (worker %lld): "
                       "stop it, or give this one another name",
                       r->name, r->hostname, (long long)who->worker_id);
    int status =
        r->status < 0 && w.status == SQ_WORKER_OFFLINE ? SQ_WORKER_RUNNING : r->status;
    struct sq_worker values = {
        .status = status, .flavor = (char *)r->flavor, .hostname = (char *)r->hostname};
    uint64_t mask = status >= 0 ? SQ_BIT(SQ_WORKER_F_STATUS) : 0;
    if (!w.hostname) /* recruited: only now is it known */
        mask |= SQ_BIT(SQ_WORKER_F_HOSTNAME);
    if (r->flavor)
        mask |= SQ_BIT(SQ_WORKER_F_FLAVOR);
    code = sq_worker_update(tx, who->worker_id, &values, mask, &w, err);
    /* What another spool knew of running commands is lost with it. */
    if (!code && !who->same_spool)
        code = sq_worker_end_executions(tx, who->worker_id, err);
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
    if (r->token && who.worker_id == SQ_NULL)
        return sq_fail(err, SQ_ENOENT,
                       "the machine %s was given back: its worker %s is not wanted any "
                       "more",
                       r->token, r->name);
    code = who.worker_id == SQ_NULL ? make(tx, r, &who.worker_id, err)
                                    : take_back(tx, r, &who, err);
    if (!code && !who.same_spool)
        code = set_text(tx, SQ_Q_WORKER_SET_SPOOL, who.worker_id, r->spool, err);
    if (!code && r->facts)
        code = set_text(tx, SQ_Q_WORKER_SET_FACTS, who.worker_id, r->facts, err);
    struct sq_contact here = {
        .worker_id = who.worker_id, .time = tx->now, .memory = NAN};
    if (!code)
        code = sq_worker_contacts(tx, &here, 1, err);
    if (!code)
        code = sq_get(tx->db, &sq_worker_type, who.worker_id, tx->arena, ret, err);
    if (!code)
        *ret_acked = who.acked;
    return code;
}
