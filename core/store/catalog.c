/* Rows of what providers offer: see catalog.h. */
#include "core/store/catalog.h"

#include "core/store/queries.h"

int sq_catalog_clear(struct sq_tx *tx, const char *provider, struct sq_err *err)
{
    static const enum sq_query queries[] = {SQ_Q_FLAVOR_CLEAR, SQ_Q_FLAVORMETRICS_CLEAR,
                                            SQ_Q_REGION_CLEAR};
    for (size_t i = 0; i < SQ_LEN(queries); i++) {
        struct sq_stmt *st = sq_db_query(tx->db, queries[i]);
        sq_bind_text(st, 1, provider);
        sq_run(st);
    }
    return sq_db_error(tx->db, err);
}

int sq_catalog_flavor(struct sq_tx *tx, const struct sq_offered *f, double bandwidth,
                      struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_FLAVOR_INSERT);
    sq_bind_text(st, 1, f->name);
    sq_bind_text(st, 2, f->provider);
    sq_bind_int(st, 3, f->cpu);
    sq_bind_real(st, 4, f->ram);
    sq_bind_real(st, 5, f->disk);
    sq_bind_real(st, 6, bandwidth);
    sq_bind_text(st, 7, f->gpu && *f->gpu ? f->gpu : NULL);
    sq_bind_real(st, 8, f->gpumem);
    sq_bind_text(st, 9, f->tags);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

int sq_catalog_offer(struct sq_tx *tx, const struct sq_offered *o, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_FLAVORMETRICS_INSERT);
    sq_bind_text(st, 1, o->name);
    sq_bind_text(st, 2, o->provider);
    sq_bind_text(st, 3, o->region);
    sq_bind_real(st, 4, o->cost);
    sq_bind_int(st, 5, o->eviction);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

int sq_catalog_region(struct sq_tx *tx, const char *provider, const char *region,
                      int64_t cpus, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_REGION_INSERT);
    sq_bind_text(st, 1, region);
    sq_bind_text(st, 2, provider);
    sq_bind_int(st, 3, cpus);
    sq_run(st);
    return sq_db_error(tx->db, err);
}
