/* Where a worker is to be; and where nothing offered fits, which of it is in the way:
 * nothing is known of the provider, the region is none of its, quotas are full, or no
 * flavor is as wanted.  See recruited.h. */
#include "core/store/recruited.h"

#include <string.h>

#include "core/store/offers.h"

static bool is_open(const char *text)
{
    return !text || !*text || strcmp(text, "auto") == 0;
}

/* The best offer of these; false where there is none, or the database fails. */
static bool best_of(struct sq_db *db, const struct sq_offer_query *q,
                    struct sq_arena *arena, struct sq_offered *ret, struct sq_err *err)
{
    struct sq_offer_query one = *q;
    struct sq_offered *rows;
    size_t n = 0;
    one.limit = 1;
    *err = (struct sq_err){0};
    if (sq_offers_list(db, &one, arena, &rows, &n, err) != 0 || n == 0)
        return false;
    *ret = rows[0];
    return true;
}

static int tell_unknown(const char *provider, struct sq_err *err)
{
    if (!provider)
        return sq_fail(err, SQ_ECAPACITY,
                       "no provider has told what it offers: `scitq-manage flavor "
                       "update -P NAME` asks one, `scitq-manage plugin list` shows "
                       "which there are");
    return sq_fail(err, SQ_ECAPACITY,
                   "nothing is known of what %s offers: `scitq-manage flavor update "
                   "-P %s` asks it, `scitq-manage plugin list` shows which providers "
                   "there are",
                   provider, provider);
}

/* Which of what is wanted has no offer? */
static int tell_none(struct sq_db *db, const struct sq_offer_query *q,
                     const char *flavor, struct sq_arena *arena, struct sq_err *err)
{
    struct sq_offer_query wider = *q;
    const char *who = q->provider ? q->provider : "any provider";
    const char *where = q->region ? q->region : "any region";
    struct sq_offered o;
    struct sq_err why;
    wider.with_room = false;
    if (best_of(db, &wider, arena, &o, &why))
        return sq_fail(err, SQ_ECAPACITY,
                       "no quota has room for a flavor %s of %s in %s: %s of %s needs "
                       "%lld processors, and %lld are left in %s (`scitq-manage worker "
                       "list` shows who has them; failed ones count until deleted)",
                       flavor, who, where, o.name, o.provider, (long long)o.cpu,
                       (long long)o.available, o.region);
    wider.name = NULL;
    wider.filter = NULL;
    wider.region = NULL;
    if (why.code == 0 && !best_of(db, &wider, arena, &o, &why) && why.code == 0)
        return tell_unknown(q->provider, err);
    wider.region = q->region;
    if (why.code == 0 && !best_of(db, &wider, arena, &o, &why) && why.code == 0)
        return sq_fail(err, SQ_ECAPACITY,
                       "%s offers nothing in a region %s (`scitq-manage flavor list "
                       "--limit 1000` shows what there is)",
                       who, where);
    return why.code ? sq_fail(err, why.code, "%s", why.text)
                    : sq_fail(err, SQ_ECAPACITY,
                              "no flavor %s is offered by %s in %s (`scitq-manage "
                              "flavor list` shows what there is%s)",
                              flavor, who, where,
                              q->filter ? "; what a filter does not speak of is "
                                          "eviction<=5 and no bare metal"
                                        : "");
}

static int choose_offer(struct sq_db *db, const char *preferred,
                        const struct sq_recruited_wanted *w, struct sq_arena *arena,
                        struct sq_offered *ret, struct sq_err *err)
{
    bool filter = sq_is_protofilter(w->flavor);
    struct sq_protofilter f;
    struct sq_err why;
    int rc = filter ? sq_protofilter_parse(w->flavor, &f, err) : 0;
    if (rc)
        return rc;
    const struct sq_offer_query q = {
        .name = filter ? NULL : w->flavor,
        .provider = is_open(w->provider) ? NULL : w->provider,
        .region = is_open(w->region) ? NULL : w->region,
        .filter = filter ? &f : NULL,
        .with_room = true,
        .preferred = is_open(w->provider) ? NULL : preferred};
    if (best_of(db, &q, arena, ret, &why))
        return 0;
    return why.code ? sq_fail(err, why.code, "%s", why.text)
                    : tell_none(db, &q, w->flavor, arena, err);
}

int sq_recruited_choose(struct sq_db *db, const char *preferred,
                        const struct sq_recruited_wanted *wanted,
                        struct sq_arena *arena, struct sq_offered *ret,
                        struct sq_err *err)
{
    if (sq_is_protofilter(wanted->flavor) || is_open(wanted->provider) ||
        is_open(wanted->region))
        return choose_offer(db, preferred, wanted, arena, ret, err);
    *ret = (struct sq_offered){.name = (char *)wanted->flavor,
                               .provider = (char *)wanted->provider,
                               .region = (char *)wanted->region};
    return 0;
}
