/* Rows of `recruiter`, whose key is no number: read and written here and not by the
 * generic code of lists. */
#include "core/store/recruiter.h"

#include <string.h>

#include "core/store/list.h"
#include "core/store/record.h"

static int read_rows(struct sq_stmt *st, struct sq_db *db, struct sq_arena *arena,
                     struct sq_recruiter_due **ret, size_t *ret_n, bool counts,
                     struct sq_err *err)
{
    struct sq_recruiter_due *v = NULL;
    size_t n = 0, cap = 0;
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v || sq_record_read(st, 0, &sq_recruiter_type, arena, &v[n].r) < 0) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for recruiters");
        }
        v[n].pending = counts ? sq_col_int(st, SQ_RECRUITER_N) : 0;
        v[n].workers = counts ? sq_col_int(st, SQ_RECRUITER_N + 1) : 0;
        n++;
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

int sq_recruiters_due(struct sq_db *db, struct sq_arena *arena,
                      struct sq_recruiter_due **ret, size_t *ret_n, struct sq_err *err)
{
    return read_rows(sq_db_query(db, SQ_Q_RECRUITER_DUE), db, arena, ret, ret_n, true,
                     err);
}

int sq_recruiter_get(struct sq_db *db, const char *batch, int64_t rank,
                     struct sq_arena *arena, struct sq_recruiter *ret,
                     struct sq_err *err)
{
    struct sq_recruiter_due *rows;
    size_t n;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_RECRUITER_GET);
    sq_bind_text(st, 1, batch);
    sq_bind_int(st, 2, rank);
    int rc = read_rows(st, db, arena, &rows, &n, false, err);
    if (rc)
        return rc;
    if (n == 0)
        return sq_fail(err, SQ_ENOENT, "Recruiter %s/%lld doesn't exist", batch,
                       (long long)rank);
    *ret = rows[0].r;
    return 0;
}

static int check_number(const char *name, int64_t v, int64_t min, struct sq_err *err)
{
    if (v != SQ_NULL && (v < min || v > INT32_MAX))
        return sq_fail(err, SQ_EINVAL, "%s must be between %d and %d", name, (int)min,
                       INT32_MAX);
    return 0;
}

static int check(const struct sq_recruiter *r, struct sq_err *err)
{
    struct sq_protofilter f;
    if (!r->batch || !*r->batch || strchr(r->batch, '/'))
        return sq_fail(err, SQ_EINVAL, "batch must be a name without /");
    if (!r->worker_flavor || !*r->worker_flavor)
        return sq_fail(err, SQ_EINVAL, "worker_flavor is required");
    int rc = check_number("rank", r->rank, 0, err);
    if (rc == 0)
        rc = check_number("worker_concurrency", r->worker_concurrency, 1, err);
    if (rc == 0) /* which is the concurrency where it was not said */
        rc = check_number("tasks_per_worker", r->tasks_per_worker, 1, err);
    if (rc == 0)
        rc = check_number("worker_prefetch", r->worker_prefetch, 0, err);
    if (rc == 0)
        rc = check_number("minimum_tasks", r->minimum_tasks, 0, err);
    if (rc == 0)
        rc = check_number("maximum_workers", r->maximum_workers, 0, err);
    if (rc == 0 && sq_is_protofilter(r->worker_flavor))
        rc = sq_protofilter_parse(r->worker_flavor, &f, err);
    return rc;
}

static int remove_row(struct sq_tx *tx, const char *batch, int64_t rank,
                      struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_RECRUITER_DELETE);
    sq_bind_text(st, 1, batch);
    sq_bind_int(st, 2, rank);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

int sq_recruiter_put(struct sq_tx *tx, const struct sq_recruiter *values,
                     struct sq_recruiter *ret, struct sq_err *err)
{
    struct sq_recruiter r = *values;
    if (r.rank == SQ_NULL)
        r.rank = 1;
    if (r.tasks_per_worker == SQ_NULL)
        r.tasks_per_worker = r.worker_concurrency;
    if (r.worker_prefetch == SQ_NULL)
        r.worker_prefetch = 0;
    int rc = check(&r, err);
    if (rc == 0)
        rc = remove_row(tx, r.batch, r.rank, err);
    if (rc)
        return rc;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_RECRUITER_INSERT);
    sq_bind_text(st, 1, r.batch);
    sq_bind_int(st, 2, r.rank);
    sq_bind_int(st, 3, r.tasks_per_worker);
    sq_bind_text(st, 4, r.worker_flavor);
    sq_bind_text(st, 5, r.worker_provider);
    sq_bind_text(st, 6, r.worker_region);
    sq_bind_int(st, 7, r.worker_concurrency);
    sq_bind_int(st, 8, r.worker_prefetch);
    sq_bind_int(st, 9, r.minimum_tasks);
    sq_bind_int(st, 10, r.maximum_workers);
    sq_run(st);
    rc = sq_db_error(tx->db, err);
    return rc ? rc : sq_recruiter_get(tx->db, r.batch, r.rank, tx->arena, ret, err);
}

int sq_recruiter_update(struct sq_tx *tx, const char *batch, int64_t rank,
                        const struct sq_recruiter *values, uint64_t mask,
                        struct sq_recruiter *ret, struct sq_err *err)
{
    struct sq_recruiter old, now;
    int rc = sq_recruiter_get(tx->db, batch, rank, tx->arena, &old, err);
    if (rc)
        return rc;
    now = old;
    sq_record_merge(&sq_recruiter_type, &now, values, mask);
    rc = check(&now, err);
    if (rc == 0)
        rc = remove_row(tx, batch, rank, err);
    return rc ? rc : sq_recruiter_put(tx, &now, ret, err);
}

int sq_recruiter_delete(struct sq_tx *tx, const char *batch, int64_t rank,
                        struct sq_recruiter *ret, struct sq_err *err)
{
    int rc = sq_recruiter_get(tx->db, batch, rank, tx->arena, ret, err);
    return rc ? rc : remove_row(tx, batch, rank, err);
}

/* ---- whom they could have */

static double number(struct sq_stmt *st, int i)
{
    return sq_col_null(st, i) ? 0 : sq_col_real(st, i);
}

static double integer(struct sq_stmt *st, int i)
{
    return sq_col_null(st, i) ? 0 : (double)sq_col_int(st, i);
}

static char *text(struct sq_stmt *st, int i, struct sq_arena *arena)
{
    return sq_arena_strdup(arena, sq_col_text(st, i, NULL));
}

static struct sq_candidate read_candidate(struct sq_stmt *st, struct sq_arena *arena)
{
    struct sq_candidate c = {.worker_id = sq_col_int(st, 0),
                             .batch = text(st, 1, arena),
                             .concurrency = sq_col_int(st, 2),
                             .properties = text(st, 3, arena),
                             .flavor = text(st, 4, arena)};
    c.facts.texts[SQ_PROTO_PROVIDER] = text(st, 5, arena);
    c.facts.texts[SQ_PROTO_REGION] = text(st, 6, arena);
    c.facts.numbers[SQ_PROTO_CPU] = integer(st, 7);
    c.facts.numbers[SQ_PROTO_RAM] = number(st, 8);
    c.facts.numbers[SQ_PROTO_DISK] = number(st, 9);
    c.facts.numbers[SQ_PROTO_GPUMEM] = number(st, 10);
    c.facts.texts[SQ_PROTO_TAGS] = text(st, 11, arena);
    c.facts.numbers[SQ_PROTO_EVICTION] = integer(st, 12);
    c.facts.numbers[SQ_PROTO_COST] = number(st, 13);
    return c;
}

int sq_recruiter_candidates(struct sq_db *db, const char *batch, struct sq_arena *arena,
                            struct sq_candidate **ret, size_t *ret_n,
                            struct sq_err *err)
{
    struct sq_candidate *v = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_RECRUIT_CANDIDATES);
    sq_bind_text(st, 1, batch);
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for workers");
        }
        v[n++] = read_candidate(st, arena);
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

bool sq_recruiter_fits(const struct sq_recruiter *r, const struct sq_candidate *c)
{
    struct sq_protofilter f;
    if (sq_is_protofilter(r->worker_flavor))
        return sq_protofilter_parse(r->worker_flavor, &f, NULL) == 0 &&
               sq_protofilter_match(&f, &c->facts);
    return c->flavor && strcmp(c->flavor, r->worker_flavor) == 0;
}

int sq_recruiter_match(struct sq_db *db, const struct sq_recruiter *rules,
                       size_t n_rules, struct sq_arena *arena, struct sq_worker **ret,
                       size_t *ret_n, struct sq_err *err)
{
    struct sq_candidate *all = NULL;
    size_t n_all = 0, n = 0;
    int rc = sq_recruiter_candidates(db, NULL, arena, &all, &n_all, err);
    struct sq_worker *v = sq_arena_array(arena, n_all ? n_all : 1, sizeof *v);
    if (rc == 0 && !v)
        rc = sq_fail(err, SQ_ENOMEM, "out of memory for workers");
    for (size_t i = 0; rc == 0 && i < n_all; i++) {
        bool fits = false;
        for (size_t k = 0; k < n_rules && !fits; k++)
            fits = sq_recruiter_fits(&rules[k], &all[i]);
        if (fits)
            rc = sq_get(db, &sq_worker_type, all[i].worker_id, arena, &v[n++], err);
    }
    *ret = v;
    *ret_n = n;
    return rc;
}
