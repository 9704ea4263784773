/* What becomes of a recruited worker whose machine is taken back: see recruited.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/store/job.h"
#include "core/store/list.h"
#include "core/store/offers.h"
#include "core/store/recruited.h"
#include "lib/log.h"

enum { EVICTION_UNKNOWN = 5 /* percent: what a protofilter lets pass */ };

static bool is_place(const struct sq_offered *o, const struct sq_worker *w)
{
    return strcmp(o->name, w->flavor) == 0 && strcmp(o->region, w->region) == 0;
}

/* The offer that the worker came from; *ret_n 0: it is not offered any more. */
static int find_old(struct sq_tx *tx, const struct sq_worker *w,
                    struct sq_offered **ret, size_t *ret_n, struct sq_err *err)
{
    const struct sq_offer_query q = {
        .name = w->flavor, .provider = w->provider, .region = w->region, .limit = 1};
    return sq_offers_list(tx->db, &q, tx->arena, ret, ret_n, err);
}

static void rule(struct sq_protofilter *f, enum sq_proto_item item,
                 enum sq_proto_test test, double number)
{
    if (!isnan(number))
        f->rules[f->n++] =
            (struct sq_proto_rule){.item = item, .test = test, .number = number};
}

static void rule_letters(struct sq_protofilter *f, enum sq_proto_test test,
                         const char *letters)
{
    struct sq_proto_rule *r = &f->rules[f->n++];
    *r = (struct sq_proto_rule){.item = SQ_PROTO_TAGS, .test = test};
    snprintf(r->text, sizeof r->text, "%.*s",
             (int)strspn(letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), letters);
}

/* What will do in its place; a cost of 0 is one that is not known. */
static void make_filter(const struct sq_offered *old, int64_t margin,
                        struct sq_protofilter *f)
{
    const char *tags = old->tags ? old->tags : "";
    *f = (struct sq_protofilter){0};
    rule(f, SQ_PROTO_CPU, SQ_PROTO_GE, old->cpu < 0 ? 0 : (double)old->cpu);
    rule(f, SQ_PROTO_RAM, SQ_PROTO_GE, old->ram);
    rule(f, SQ_PROTO_DISK, SQ_PROTO_GE, old->disk);
    rule(f, SQ_PROTO_GPUMEM, SQ_PROTO_GE, old->gpumem);
    rule(f, SQ_PROTO_EVICTION, SQ_PROTO_LE,
         old->eviction < 0 ? EVICTION_UNKNOWN : (double)old->eviction);
    if (old->cost > 0)
        rule(f, SQ_PROTO_COST, SQ_PROTO_LE, old->cost * (double)margin);
    rule_letters(f, SQ_PROTO_HAS, tags);
    if (!strchr(tags, 'M'))
        rule_letters(f, SQ_PROTO_LACKS, "M");
}

/* Where the replacement is to be: the best offer but the one just taken back, else that
 * one again. */
static int choose(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                  const struct sq_worker *w, struct sq_recruited_wanted *ret,
                  struct sq_err *err)
{
    struct sq_offered *old, *rows = NULL;
    struct sq_protofilter f;
    size_t n_old, n = 0;
    int rc = find_old(tx, w, &old, &n_old, err);
    if (rc == 0 && n_old) {
        make_filter(old, conf->cost_margin, &f);
        const struct sq_offer_query q = {.provider = w->provider,
                                         .filter = &f,
                                         .with_room = true,
                                         .limit = 2,
                                         .preferred = conf->preferred};
        rc = sq_offers_list(tx->db, &q, tx->arena, &rows, &n, err);
    }
    if (rc)
        return rc;
    size_t best = n && is_place(&rows[0], w);
    ret->flavor = best < n ? rows[best].name : w->flavor;
    ret->region = best < n ? rows[best].region : w->region;
    return 0;
}

static int replace(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                   const struct sq_worker *w, struct sq_err *err)
{
    struct sq_recruited_wanted wanted = {.provider = w->provider,
                                         .batch = w->batch,
                                         .concurrency = w->concurrency,
                                         .prefetch = w->prefetch};
    int64_t id;
    if (!w->flavor || !w->region)
        return 0;
    int rc = choose(tx, conf, w, &wanted, err);
    if (rc == 0)
        rc = sq_recruited_make(tx, conf, &wanted, &id, err);
    if (rc == 0)
        sq_log(SQ_LOG_INFO, "store",
               "%s is evicted: worker %lld, %s in %s, replaces it", w->name,
               (long long)id, wanted.flavor, wanted.region);
    return rc;
}

int sq_recruited_evicted(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                         int64_t worker_id, struct sq_err *err)
{
    struct sq_worker w;
    if (conf->eviction == SQ_EVICTION_NONE)
        return 0;
    int rc = sq_get(tx->db, &sq_worker_type, worker_id, tx->arena, &w, err);
    if (rc == SQ_ENOENT) /* deleted in the same transaction */
        return 0;
    if (rc || w.permanent != 0 || !w.provider || w.status != SQ_WORKER_EVICTED ||
        sq_job_under_way(tx, w.name, "worker_destroy"))
        return rc;
    if (conf->eviction == SQ_EVICTION_REPLACE)
        rc = replace(tx, conf, &w, err);
    return rc ? rc : sq_recruited_destroy(tx, &w, err);
}
