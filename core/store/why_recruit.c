/* Why a batch has no worker although somebody is to give it one: workers that are being
 * deployed or failed to be, and recruiters that cannot act, each in its words. */
#include "core/store/why.h"

#include <string.h>

#include "core/store/offers.h"
#include "core/store/recruited.h"
#include "core/store/recruiter.h"

static bool deploying(struct sq_db *db, const char *batch, struct sq_arena *arena,
                      struct sq_why *w)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_WHY_DEPLOYING);
    sq_bind_text(st, 1, batch);
    bool there = sq_row(st) && sq_col_int(st, 0) > 0;
    long long n = there ? sq_col_int(st, 0) : 0, job = there ? sq_col_int(st, 1) : 0;
    sq_stmt_end(st);
    if (!there)
        return false;
    w->reason = "workers_deploying";
    w->sentence = sq_arena_printf(arena,
                                  "%lld %s being deployed for batch %s: scitq-manage "
                                  "job log -f -i %lld tells how far",
                                  n, n == 1 ? "worker is" : "workers are", batch, job);
    return true;
}

/* What one recruiter waits for. */
static char *obstacle(struct sq_db *db, const struct sq_recruiter_due *d,
                      struct sq_arena *arena)
{
    const struct sq_recruiter *r = &d->r;
    const struct sq_recruited_wanted wanted = {.flavor = r->worker_flavor,
                                               .provider = r->worker_provider,
                                               .region = r->worker_region,
                                               .batch = r->batch};
    struct sq_offered ignored;
    struct sq_err err;
    if (r->minimum_tasks != SQ_NULL && d->pending < r->minimum_tasks)
        return sq_arena_printf(arena,
                               "waits for %lld pending tasks, and there are %lld",
                               (long long)r->minimum_tasks, (long long)d->pending);
    if (!r->worker_provider || !*r->worker_provider || !r->worker_region ||
        !*r->worker_region)
        return sq_arena_strdup(arena,
                               "deploys none without provider and region, and no "
                               "worker of another batch can be taken");
    if (sq_recruited_choose(db, NULL, &wanted, arena, &ignored, &err) != 0)
        return sq_arena_printf(arena, "cannot deploy: %s", err.text);
    return sq_arena_strdup(arena, "is about to act");
}

static bool recruiters(struct sq_db *db, const char *batch, struct sq_arena *arena,
                       struct sq_why *w)
{
    enum { MOST = 5 };
    struct sq_recruiter_due *all;
    size_t n, told = 0;
    char *text = NULL;
    if (sq_recruiters_due(db, arena, &all, &n, NULL) != 0)
        return false;
    for (size_t i = 0; i < n && told < MOST; i++) {
        if (strcmp(all[i].r.batch, batch) != 0)
            continue;
        char *why = obstacle(db, &all[i], arena);
        text = sq_arena_printf(arena, "%s%s %lld %s", text ? text : "",
                               text ? "; that of rank" : "its recruiter of rank",
                               (long long)all[i].r.rank, why ? why : "");
        told++;
    }
    w->reason = "recruiter";
    w->sentence = text;
    return told > 0;
}

bool sq_why_recruiting(struct sq_db *db, const char *batch, int64_t failed_workers,
                       struct sq_arena *arena, struct sq_why *w)
{
    if (deploying(db, batch, arena, w))
        return true;
    if (failed_workers == 0)
        return w->workers == 0 && recruiters(db, batch, arena, w);
    w->reason = "workers_failed";
    w->sentence = sq_arena_printf(
        arena,
        "%lld of the %lld workers of batch %s failed, and none runs: scitq-manage job "
        "list -S failed shows the jobs whose logs say why; restart them, or delete the "
        "workers, which recruiters count",
        (long long)failed_workers, (long long)w->workers, batch);
    return true;
}
