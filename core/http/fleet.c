/* Recruiters, flavors, jobs, and workers to be recruited: http-api.md A.4, A.6, B. */
#include "core/http/steps.h"

#include <math.h>
#include <string.h>

#include "core/http/stream.h"
#include "core/store/job.h"
#include "core/store/offers.h"
#include "core/store/recruited.h"
#include "core/store/recruiter.h"
#include "core/store/worker.h"

enum { DEPLOYED_MAX = 1000, FLAVORS_MAX = 10000 };

static int answer_rows(struct sq_request *r, const struct sq_type *type, void *rows,
                       size_t n, struct sq_err *err)
{
    struct sq_stream_conf conf = {.type = type,
                                  .mask = sq_record_visible(type),
                                  .rows = n ? rows : "",
                                  .n_rows = n,
                                  .trunc = SQ_NULL};
    return sq_stream_answer(r, &conf, err);
}

/* ---- PUT /workers/deploy */

static int check_provider(struct sq_request *r, const char *name, struct sq_err *err)
{
    const struct sq_http_conf *conf = &r->server->conf;
    return name && *name && strcmp(name, "auto") != 0
               ? conf->knows(conf->providers, name, err)
               : 0;
}

struct deploy {
    struct sq_recruited_wanted wanted;
    int64_t number;
};

int sq_workers_prepare_deploy(struct sq_request *r, struct sq_err *err)
{
    struct deploy *d;
    int rc = sq_request_alloc(r, sizeof *d, &d, err);
    if (rc == 0)
        rc = sq_body_int(r, "number", 1, &d->number, err);
    if (rc == 0)
        rc = sq_body_int(r, "concurrency", 1, &d->wanted.concurrency, err);
    if (rc == 0)
        rc = sq_body_int(r, "prefetch", 0, &d->wanted.prefetch, err);
    if (rc == 0)
        rc = sq_body_text(r, "flavor", &d->wanted.flavor, err);
    if (rc == 0)
        rc = sq_body_text(r, "provider", &d->wanted.provider, err);
    if (rc == 0)
        rc = sq_body_text(r, "region", &d->wanted.region, err);
    if (rc == 0)
        rc = sq_body_text(r, "batch", &d->wanted.batch, err);
    if (rc == 0 && (d->number < 1 || d->number > DEPLOYED_MAX))
        rc = sq_fail(err, SQ_EINVAL, "number must be between 1 and %d", DEPLOYED_MAX);
    if (rc == 0 && d->wanted.concurrency < 1)
        rc = sq_fail(err, SQ_EINVAL, "concurrency must be at least 1");
    r->data = d;
    return rc ? rc : check_provider(r, d->wanted.provider, err);
}

int sq_workers_deploy(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const struct deploy *d = r->data;
    int rc = 0;
    for (int64_t i = 0; rc == 0 && i < d->number; i++) {
        int64_t id;
        rc = sq_recruited_make(tx, &sq_tuning(r->server->conf.tuned)->recruiting,
                               &d->wanted, &id, err);
    }
    return rc;
}

/* ---- recruiters: their key is no id but batch and rank */

int sq_recruiters_put(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_recruiter_put(tx, r->values, r->result, err);
}

int sq_recruiters_get(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    int rc = sq_prepare_result(r, err);
    return rc ? rc
              : sq_recruiter_get(db, r->match.name, r->match.ids[0], &r->arena,
                                 r->result, err);
}

int sq_recruiters_update(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_recruiter_update(tx, r->match.name, r->match.ids[0], r->values, r->mask,
                               r->result, err);
}

int sq_recruiters_delete(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_recruiter_delete(tx, r->match.name, r->match.ids[0], r->result, err);
}

/* Running workers whose flavor is one that a listed recruiter asks for. */
int sq_recruiters_match(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    struct sq_recruiter *rules;
    struct sq_worker *rows;
    size_t n_rules, n;
    int rc = sq_list_read(r, db, &rules, &n_rules, err);
    if (rc == 0)
        rc = sq_recruiter_match(db, rules, n_rules, &r->arena, &rows, &n, err);
    return rc ? rc : answer_rows(r, &sq_worker_type, rows, n, err);
}

/* ---- flavors */

struct flavors {
    struct sq_offer_query q;
    struct sq_protofilter filter;
};

/* A parameter of the body, else of the query. */
static int text_of(struct sq_request *r, const char *key, const char **ret,
                   struct sq_err *err)
{
    int rc = sq_body_text(r, key, ret, err);
    if (rc == 0 && !*ret)
        *ret = sq_request_query(r, key, 0);
    return rc;
}

/* "auto" leaves it open, as absent does. */
static int name_of(struct sq_request *r, const char *key, const char **ret,
                   struct sq_err *err)
{
    int rc = text_of(r, key, ret, err);
    if (rc == 0 && *ret && strcmp(*ret, "auto") == 0)
        *ret = NULL;
    return rc;
}

static int real_of(struct sq_request *r, const char *key, double fallback, double *ret,
                   struct sq_err *err)
{
    const char *text;
    int rc = text_of(r, key, &text, err);
    if (rc)
        return rc;
    json_t *v = text ? json_string(text) : NULL;
    double d = NAN;
    rc = v ? sq_json_to_real(v, key, &d, err) : 0;
    json_decref(v);
    if (rc == 0)
        *ret = isnan(d) ? fallback : d;
    return rc;
}

/* The filter's own text, with the ceiling of eviction that the caller wants. */
static int set_filter(struct sq_request *r, struct flavors *f, double max_eviction,
                      struct sq_err *err)
{
    const char *text;
    int rc = text_of(r, "protofilters", &text, err);
    if (rc)
        return rc;
    const char *all = text && sq_is_protofilter(text)
                          ? text
                          : sq_arena_printf(&r->arena, "auto%s%s",
                                            text && *text ? ":" : "", text ? text : "");
    bool given = strstr(all, "eviction") != NULL;
    rc = sq_protofilter_parse(all, &f->filter, err);
    f->q.filter = &f->filter;
    for (size_t i = 0; rc == 0 && !given && i < f->filter.n; i++)
        if (f->filter.rules[i].item == SQ_PROTO_EVICTION)
            f->filter.rules[i].number = max_eviction;
    return rc;
}

int sq_flavors_prepare(struct sq_request *r, struct sq_err *err)
{
    struct flavors *f;
    double limit = 10, max_eviction = 5;
    int rc = sq_request_alloc(r, sizeof *f, &f, err);
    if (rc == 0)
        rc = real_of(r, "min_cpu", 0, &f->q.min_cpu, err);
    if (rc == 0)
        rc = real_of(r, "min_ram", 0, &f->q.min_ram, err);
    if (rc == 0)
        rc = real_of(r, "min_disk", 0, &f->q.min_disk, err);
    if (rc == 0)
        rc = real_of(r, "max_eviction", 5, &max_eviction, err);
    if (rc == 0)
        rc = real_of(r, "limit", 10, &limit, err);
    if (rc == 0)
        rc = name_of(r, "provider", &f->q.provider, err);
    if (rc == 0)
        rc = name_of(r, "region", &f->q.region, err);
    if (rc == 0 && !(limit >= 0 && limit <= FLAVORS_MAX))
        rc = sq_fail(err, SQ_EINVAL, "limit must be between 0 and %d", FLAVORS_MAX);
    if (rc == 0)
        rc = set_filter(r, f, max_eviction, err);
    f->q.limit = (int64_t)limit;
    f->q.preferred = sq_tuning(r->server->conf.tuned)->recruiting.preferred;
    r->data = f;
    return rc;
}

int sq_flavors_list(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    const struct flavors *f = r->data;
    struct sq_offered *rows;
    size_t n;
    int rc = sq_offers_list(db, &f->q, &r->arena, &rows, &n, err);
    return rc ? rc : answer_rows(r, &sq_offered_type, rows, n, err);
}

int sq_flavors_prepare_update(struct sq_request *r, struct sq_err *err)
{
    const char *provider = NULL;
    int rc = sq_body_text(r, "provider", &provider, err);
    if (rc == 0 && (!provider || !*provider))
        rc = sq_fail(err, SQ_EINVAL, "provider is required");
    if (rc == 0)
        rc = check_provider(r, provider, err);
    r->data = (void *)provider;
    return rc ? rc : sq_prepare_result(r, err);
}

int sq_flavors_update(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_job job = {
        .target = r->data, .action = (char *)"flavor_update", .status = SQ_JOB_PENDING};
    int64_t id;
    int rc = sq_job_create(tx, &job, &id, err);
    return rc ? rc : sq_get(tx->db, &sq_job_type, id, tx->arena, r->result, err);
}

/* ---- jobs */

int sq_jobs_remove(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    return sq_job_delete(tx, r->match.ids[0], r->result, err);
}

int sq_jobs_remove_ended(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    (void)r;
    return sq_jobs_delete_ended(tx, err);
}

int sq_jobs_again(struct sq_request *r, struct sq_tx *tx, struct sq_err *err)
{
    int64_t retry = sq_tuning(r->server->conf.tuned)->recruiting.retry;
    return sq_job_restart(tx, r->match.ids[0], retry, r->result, err);
}
