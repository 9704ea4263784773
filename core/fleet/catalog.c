/* What a provider offers: asked for, gathered, and written in the place of what was
 * known, in one transaction. */
#include "core/fleet/impl.h"

#include <math.h>
#include <string.h>

#include "core/store/catalog.h"
#include "lib/call.h"
#include "lib/log.h"

enum { FLAVORS_MAX = 100000, OFFERS_MAX = 1000000, REGIONS_MAX = 1000 };

struct catalog {
    const char *provider;
    struct sq_arena *arena;
    struct sq_offered *flavors, *offers;
    double *bandwidths;
    struct sq_quota *regions;
    size_t n_flavors, n_offers, n_regions, cap_flavors, cap_bandwidths, cap_offers,
        cap_regions;
};

static char *copy(struct catalog *c, const char *text)
{
    return sq_arena_strdup(c->arena, text ? text : "");
}

/* GB as people write them: what a machine's MiB come to has nine digits. */
static double tenths(double gb)
{
    return gb > 0 && gb < 1e12 ? (double)(int64_t)(gb * 10 + 0.5) / 10 : gb;
}

static int on_flavor(void *arg, const struct sq_flavor *f)
{
    struct catalog *c = arg;
    c->flavors = sq_arena_more(c->arena, c->flavors, c->n_flavors, &c->cap_flavors,
                               sizeof *c->flavors);
    c->bandwidths = sq_arena_more(c->arena, c->bandwidths, c->n_flavors,
                                  &c->cap_bandwidths, sizeof *c->bandwidths);
    if (!c->flavors || !c->bandwidths || c->n_flavors == FLAVORS_MAX)
        return SQ_ETOOBIG;
    c->bandwidths[c->n_flavors] = f->bandwidth_mbit > 0 ? f->bandwidth_mbit : NAN;
    c->flavors[c->n_flavors++] = (struct sq_offered){.name = copy(c, f->name),
                                                     .provider = (char *)c->provider,
                                                     .cpu = f->cpu,
                                                     .ram = tenths(f->ram_gb),
                                                     .disk = tenths(f->disk_gb),
                                                     .gpu = copy(c, f->gpu),
                                                     .gpumem = tenths(f->gpumem_gb),
                                                     .tags = copy(c, f->tags)};
    return 0;
}

static int add_region(struct catalog *c, const char *region, int64_t cpus)
{
    for (size_t i = 0; i < c->n_regions; i++)
        if (strcmp(c->regions[i].region, region) == 0) {
            if (cpus != SQ_NULL)
                c->regions[i].cpus = cpus;
            return 0;
        }
    c->regions = sq_arena_more(c->arena, c->regions, c->n_regions, &c->cap_regions,
                               sizeof *c->regions);
    if (!c->regions || c->n_regions == REGIONS_MAX)
        return SQ_ETOOBIG;
    c->regions[c->n_regions++] =
        (struct sq_quota){.region = copy(c, region), .cpus = cpus};
    return 0;
}

static int on_offer(void *arg, const struct sq_offer *o)
{
    struct catalog *c = arg;
    c->offers = sq_arena_more(c->arena, c->offers, c->n_offers, &c->cap_offers,
                              sizeof *c->offers);
    if (!c->offers || c->n_offers == OFFERS_MAX)
        return SQ_ETOOBIG;
    c->offers[c->n_offers++] = (struct sq_offered){.name = copy(c, o->flavor),
                                                   .provider = (char *)c->provider,
                                                   .region = copy(c, o->region),
                                                   .cost = o->cost,
                                                   .eviction = o->eviction};
    return add_region(c, o->region, SQ_NULL);
}

static int on_quota(void *arg, const struct sq_quota *q)
{
    return add_region(arg, q->region, q->cpus == SQ_UNKNOWN ? SQ_NULL : q->cpus);
}

static int ask(const struct sq_session *s, struct catalog *c, struct sq_call *call,
               struct sq_err *err)
{
    int rc = s->ops->flavors(s->p, on_flavor, c, call, err);
    if (rc == 0)
        rc = s->ops->offers(s->p, on_offer, c, call, err);
    if (rc == 0 && s->ops->quotas)
        rc = s->ops->quotas(s->p, on_quota, c, call, err);
    if (rc == SQ_ETOOBIG)
        return sq_fail(err, rc, "%s offers more than fits in memory", c->provider);
    return sq_session_told(s, rc, err);
}

static int write_all(void *arg, struct sq_tx *tx, struct sq_err *err)
{
    struct catalog *c = arg;
    int rc = sq_catalog_clear(tx, c->provider, err);
    for (size_t i = 0; rc == 0 && i < c->n_flavors; i++)
        rc = sq_catalog_flavor(tx, &c->flavors[i], c->bandwidths[i], err);
    for (size_t i = 0; rc == 0 && i < c->n_offers; i++)
        rc = sq_catalog_offer(tx, &c->offers[i], err);
    for (size_t i = 0; rc == 0 && i < c->n_regions; i++)
        rc = sq_catalog_region(tx, c->provider, c->regions[i].region,
                               c->regions[i].cpus, err);
    return rc;
}

int sq_fleet_update(struct sq_fleet *f, struct sq_running *r, const char *provider,
                    struct sq_err *err)
{
    struct sq_call own = sq_call_alone();
    struct sq_arena arena;
    struct sq_session s;
    int rc = sq_session_open(f, r, provider, &s, err);
    if (rc)
        return rc;
    sq_arena_init(&arena, SQ_FLEET_ARENA);
    struct catalog c = {.provider = provider, .arena = &arena};
    rc = ask(&s, &c, r ? &r->call : &own, err);
    if (rc == 0)
        rc = sq_writer_change(f->setup.writer, write_all, &c, &arena, err);
    if (rc == 0 && r)
        sq_fleet_say(r, "%s: %zu flavors, %zu offers in %zu regions", provider,
                     c.n_flavors, c.n_offers, c.n_regions);
    if (rc == 0 && r && c.n_offers == 0)
        sq_fleet_say(r,
                     "%s offers nothing: scitq-plugin(7) tells where it is told what "
                     "there is",
                     provider);
    sq_session_close(&s);
    sq_arena_fini(&arena);
    return rc;
}
