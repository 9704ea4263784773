/* The rules of product.md section 8, one function each: see recruit.h. */
#include "core/sched/recruit.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/recruiter.h"
#include "core/store/worker.h"
#include "lib/log.h"
#include "lib/weights.h"

enum {
    LIVE_MAX = 1000,
    /* Workers made in one sweep, during which the writer does nothing else. */
    SWEEP_MAX = 100
};

int64_t sq_recruit_need(int64_t pending, int64_t workers, int64_t tasks_per_worker,
                        int64_t minimum_tasks, int64_t maximum_workers)
{
    if (pending < 1 || (minimum_tasks != SQ_NULL && pending < minimum_tasks))
        return 0;
    int64_t each = tasks_per_worker < 1 ? 1 : tasks_per_worker;
    int64_t wanted = pending / each + (pending % each != 0);
    if (maximum_workers != SQ_NULL && maximum_workers > 0 && wanted > maximum_workers)
        wanted = maximum_workers;
    return wanted > workers ? wanted - workers : 0;
}

/* ---- weights of what a worker still runs */

static json_t *weigh(const json_t *old, const char *batch, bool left, double ratio)
{
    const json_t *pair = json_object_get(old, batch);
    json_int_t priority = 1;
    double weight = left ? ratio : ratio * sq_weight(old, batch);
    if (!left && json_is_array(pair) && json_is_integer(json_array_get(pair, 1)))
        priority = json_integer_value(json_array_get(pair, 1)) + 1;
    return json_pack("[f, I]", weight, priority);
}

char *sq_recruit_weights(const char *old, const char *left, const char *const *live,
                         size_t n_live, int64_t old_concurrency,
                         int64_t new_concurrency, struct sq_arena *arena)
{
    json_t *before = sq_weights_parse(old), *after = json_object();
    double ratio =
        (double)new_concurrency / (double)(old_concurrency < 1 ? 1 : old_concurrency);
    for (size_t i = 0; i < n_live; i++)
        json_object_set_new(after, live[i],
                            weigh(before, live[i], strcmp(live[i], left) == 0, ratio));
    char *text = json_dumps(after, JSON_COMPACT);
    char *copy = sq_arena_strdup(arena, text);
    free(text);
    json_decref(before);
    json_decref(after);
    return copy;
}

/* ---- recycling */

struct live {
    const char *batches[LIVE_MAX];
    size_t n;
    double active; /* as the scheduler counts them */
};

static void read_live(struct sq_tx *tx, const struct sq_candidate *c, struct live *ret)
{
    json_t *weights = sq_weights_parse(c->properties);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_RECRUIT_LIVE);
    sq_bind_int(st, 1, c->worker_id);
    *ret = (struct live){0};
    while (sq_row(st)) {
        const char *batch = sq_arena_strdup(tx->arena, sq_col_text(st, 0, NULL));
        int64_t all = sq_col_int(st, 1), running = sq_col_int(st, 2);
        ret->active +=
            (double)running * sq_weight(weights, batch) + (double)(all - running);
        if (batch && ret->n < LIVE_MAX)
            ret->batches[ret->n++] = batch;
    }
    sq_stmt_end(st);
    json_decref(weights);
}

static int move(struct sq_tx *tx, const struct sq_recruiter *r,
                const struct sq_candidate *c, const struct live *live,
                struct sq_err *err)
{
    struct sq_worker ignored;
    struct sq_worker w = {.batch = r->batch,
                          .concurrency = r->worker_concurrency,
                          .prefetch = r->worker_prefetch};
    w.task_properties =
        sq_recruit_weights(c->properties, c->batch, live->batches, live->n,
                           c->concurrency, r->worker_concurrency, tx->arena);
    if (!w.task_properties)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a worker's weights");
    return sq_worker_update(
        tx, c->worker_id, &w,
        SQ_BIT(SQ_WORKER_F_BATCH) | SQ_BIT(SQ_WORKER_F_CONCURRENCY) |
            SQ_BIT(SQ_WORKER_F_PREFETCH) | SQ_BIT(SQ_WORKER_F_TASK_PROPERTIES),
        &ignored, err);
}

static int recycle(struct sq_tx *tx, const struct sq_recruiter *r, int64_t need,
                   int64_t *ret_taken, struct sq_err *err)
{
    struct sq_candidate *all = NULL;
    size_t n = 0;
    int rc = sq_recruiter_candidates(tx->db, r->batch, tx->arena, &all, &n, err);
    for (size_t i = 0; rc == 0 && i < n && *ret_taken < need; i++) {
        struct live live;
        if (!sq_recruiter_fits(r, &all[i]))
            continue;
        read_live(tx, &all[i], &live);
        if (live.active >= (double)all[i].concurrency)
            continue;
        rc = move(tx, r, &all[i], &live, err);
        *ret_taken += rc == 0;
    }
    return rc ? rc : sq_db_error(tx->db, err);
}

/* ---- deploying */

static bool given(const char *text)
{
    return text && *text;
}

static int deploy(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                  const struct sq_recruiter *r, int64_t need, int64_t *ret_taken,
                  int64_t *io_room, struct sq_err *err)
{
    const struct sq_recruited_wanted wanted = {.flavor = r->worker_flavor,
                                               .provider = r->worker_provider,
                                               .region = r->worker_region,
                                               .batch = r->batch,
                                               .concurrency = r->worker_concurrency,
                                               .prefetch = r->worker_prefetch};
    int rc = 0;
    for (; rc == 0 && *ret_taken<need && * io_room> 0; --*io_room) {
        int64_t id;
        struct sq_err why;
        rc = sq_recruited_make(tx, conf, &wanted, &id, &why);
        if (rc == SQ_ECAPACITY) /* another rank may have more luck */
            return 0;
        if (rc)
            return sq_fail(err, rc, "%s", why.text);
        ++*ret_taken;
    }
    return rc;
}

static int act(struct sq_tx *tx, const struct sq_recruited_conf *conf,
               const struct sq_recruiter_due *d, int64_t *taken, int64_t *io_room,
               struct sq_err *err)
{
    const struct sq_recruiter *r = &d->r;
    int64_t mine = 0;
    int64_t need = sq_recruit_need(d->pending, d->workers + *taken, r->tasks_per_worker,
                                   r->minimum_tasks, r->maximum_workers);
    if (need == 0)
        return 0;
    int rc = recycle(tx, r, need, &mine, err);
    if (rc == 0 && given(r->worker_provider) && given(r->worker_region))
        rc = deploy(tx, conf, r, need, &mine, io_room, err);
    *taken += mine;
    if (rc == 0 && mine)
        sq_log(SQ_LOG_INFO, "sched",
               "batch %s: its recruiter of rank %lld takes %lld workers for %lld "
               "pending tasks",
               r->batch, (long long)r->rank, (long long)mine, (long long)d->pending);
    return rc;
}

/* A row that somebody wrote by hand: others recruit all the same. */
static void warn(struct sq_told *told, const struct sq_recruiter *r,
                 const struct sq_err *why)
{
    if (sq_told_new(told, r, why->text))
        sq_log(SQ_LOG_WARNING, "sched", "the recruiter %s/%lld: %s", r->batch,
               (long long)r->rank, why->text);
}

int sq_recruit(struct sq_tx *tx, const struct sq_recruited_conf *conf,
               struct sq_told *told, struct sq_err *err)
{
    struct sq_recruiter_due *all;
    size_t n;
    int64_t taken = 0, room = SWEEP_MAX;
    int rc = sq_recruiters_due(tx->db, tx->arena, &all, &n, err);
    /* Without room the next sweep goes on: a later rank would take what is left to an
     * earlier one. */
    for (size_t i = 0; rc == 0 && i < n && room > 0; i++) {
        if (i == 0 || strcmp(all[i].r.batch, all[i - 1].r.batch) != 0)
            taken = 0;
        sq_told_seen(told, &all[i].r);
        struct sq_err why;
        rc = act(tx, conf, &all[i], &taken, &room, &why);
        if (rc == SQ_EINVAL) {
            warn(told, &all[i].r, &why);
            rc = 0;
        }
        if (rc)
            return sq_fail(err, rc, "%s", why.text);
    }
    return rc;
}
