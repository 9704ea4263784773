/* A worker's beginning as rows: its offer (choose.c), the lowest free name, its token
 * and two jobs; then what its provider said of its machine. */
#include "core/store/recruited.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/job.h"
#include "core/store/list.h"
#include "core/store/record.h"
#include "core/store/worker.h"
#include "lib/jsonio.h"

enum { ARGS_MAX = 64 * 1024, NODES_MAX = 1000000 };

/* The row and the job of a worker whose place is known. */

static int lowest_number(struct sq_tx *tx, const char *server, int *ret,
                         struct sq_err *err)
{
    size_t cap = 64, len = strlen(server);
    bool *taken = calloc(cap, sizeof *taken);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_FLEET_NAMES);
    while (taken && sq_row(st)) {
        const char *name = sq_col_text(st, 0, NULL);
        if (strncmp(name, server, len) != 0 || strncmp(name + len, "-node", 5) != 0)
            continue;
        char *end;
        long n = strtol(name + len + 5, &end, 10);
        if (*end || n < 1 || n > NODES_MAX)
            continue;
        for (; taken && (size_t)n >= cap; cap *= 2) {
            bool *more = realloc(taken, 2 * cap * sizeof *taken);
            if (more)
                memset(more + cap, 0, cap * sizeof *taken);
            else
                free(taken);
            taken = more;
        }
        if (taken)
            taken[n] = true;
    }
    sq_stmt_end(st);
    int n = 1;
    while (taken && (size_t)n < cap && taken[n])
        n++;
    bool out_of_memory = !taken;
    free(taken);
    *ret = n;
    return out_of_memory ? sq_fail(err, SQ_ENOMEM, "out of memory for names")
                         : sq_db_error(tx->db, err);
}

static void add_text(struct sq_jw *j, const char *key, const char *value)
{
    sq_jw_key(j, key);
    sq_jw_text(j, value);
}

static int make_args(const struct sq_worker *w, struct sq_buf *args, struct sq_err *err)
{
    struct sq_jw j;
    sq_buf_init(args, ARGS_MAX);
    sq_jw_init(&j, args);
    sq_jw_open(&j, '{');
    sq_jw_key(&j, "worker_id");
    sq_jw_int(&j, w->worker_id);
    add_text(&j, "provider", w->provider);
    add_text(&j, "region", w->region);
    add_text(&j, "flavor", w->flavor);
    add_text(&j, "batch", w->batch);
    sq_jw_close(&j);
    return sq_buf_ok(args)
               ? 0
               : sq_fail(err, SQ_ETOOBIG, "the names of worker %lld are too long",
                         (long long)w->worker_id);
}

static int add_job(struct sq_tx *tx, const struct sq_worker *w, const char *action,
                   int64_t retry, const char *done, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf args;
    int rc = make_args(w, &args, err);
    if (rc)
        return rc;
    const struct sq_job job = {.target = w->name,
                               .action = (char *)action,
                               .args = args.data,
                               .retry = retry,
                               .status = done ? SQ_JOB_SUCCEEDED : SQ_JOB_PENDING,
                               .log = (char *)done,
                               .progression = done ? 100 : 0};
    return sq_job_create(tx, &job, NULL, err);
}

/* Unlike any other ever: ids are not used twice, and neither is this moment. */
static int set_token(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    char token[48];
    snprintf(token, sizeof token, "w%lld-%llx", (long long)worker_id,
             (unsigned long long)tx->now);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_FLEET_SET_TOKEN);
    sq_bind_int(st, 1, worker_id);
    sq_bind_text(st, 2, token);
    sq_run(st);
    return sq_db_error(tx->db, err);
}

static int make_worker(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                       const struct sq_recruited_wanted *wanted,
                       const struct sq_offered *place, int64_t *ret, struct sq_err *err)
{
    struct sq_worker w, made;
    int number;
    int rc = lowest_number(tx, conf->server_name, &number, err);
    if (rc)
        return rc;
    sq_record_clear(&sq_worker_type, &w);
    w.name = sq_arena_printf(tx->arena, "%s-node%d", conf->server_name, number);
    w.status = SQ_WORKER_OFFLINE;
    w.batch = (char *)wanted->batch;
    w.concurrency = wanted->concurrency;
    w.prefetch = wanted->prefetch;
    w.permanent = 0;
    w.flavor = place->name;
    w.provider = place->provider;
    w.region = place->region;
    rc = w.name ? sq_worker_create(tx, &w, ~UINT64_C(0), &made, err)
                : sq_fail(err, SQ_ENOMEM, "out of memory for a worker");
    if (rc == 0)
        rc = set_token(tx, made.worker_id, err);
    char *log = sq_arena_printf(tx->arena, "%s: flavor %s of %s in %s\n", w.name,
                                place->name, place->provider, place->region);
    if (rc == 0)
        rc = add_job(tx, &made, "worker_create", 0, log ? log : "", err);
    if (rc == 0)
        rc = add_job(tx, &made, "worker_deploy", conf->retry, NULL, err);
    if (rc == 0)
        *ret = made.worker_id;
    return rc;
}

int sq_recruited_make(struct sq_tx *tx, const struct sq_recruited_conf *conf,
                      const struct sq_recruited_wanted *wanted, int64_t *ret_worker_id,
                      struct sq_err *err)
{
    struct sq_offered place;
    if (!wanted->flavor || !*wanted->flavor)
        return sq_fail(err, SQ_EINVAL, "flavor is required");
    int rc =
        sq_recruited_choose(tx->db, conf->preferred, wanted, tx->arena, &place, err);
    return rc ? rc : make_worker(tx, conf, wanted, &place, ret_worker_id, err);
}

int sq_recruited_destroy(struct sq_tx *tx, const struct sq_worker *w,
                         struct sq_err *err)
{
    if (sq_job_under_way(tx, w->name, "worker_destroy"))
        return sq_db_error(tx->db, err);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_FORGET);
    sq_bind_text(st, 1, w->name);
    sq_bind_time(st, 2, tx->now);
    sq_bind_text(st, 3, "canceled: the worker is to be destroyed\n");
    while (sq_row(st))
        sq_changes_job(tx->changes, sq_col_int(st, 0));
    return add_job(tx, w, "worker_destroy", 0, NULL, err);
}

/* ---- what is known of a machine */

int sq_recruited_machine(struct sq_db *db, int64_t worker_id, struct sq_arena *arena,
                         struct sq_recruited_machine *ret, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_FLEET_MACHINE);
    sq_bind_int(st, 1, worker_id);
    bool there = sq_row(st);
    char *texts[7] = {0};
    for (int i = 0; there && i < 7; i++)
        texts[i] = sq_arena_strdup(arena, sq_col_text(st, i, NULL));
    if (there)
        *ret = (struct sq_recruited_machine){.worker_id = worker_id,
                                             .name = texts[0],
                                             .batch = texts[1],
                                             .flavor = texts[2],
                                             .region = texts[3],
                                             .provider = texts[4],
                                             .token = texts[5],
                                             .machine = texts[6],
                                             .concurrency = sq_col_int(st, 7),
                                             .came = sq_col_bool(st, 8) == 1};
    if (there && ret->concurrency < 1)
        ret->concurrency = 1;
    sq_stmt_end(st);
    int rc = sq_db_error(db, err);
    if (rc)
        return rc;
    if (!there)
        return sq_fail(err, SQ_ENOENT, "Worker %lld doesn't exist",
                       (long long)worker_id);
    st = sq_db_query(db, SQ_Q_FLAVOR_TAGS);
    sq_bind_text(st, 1, ret->flavor);
    sq_bind_text(st, 2, ret->provider);
    bool known = sq_row(st) && !sq_col_null(st, 0);
    ret->tags = sq_arena_strdup(arena, known ? sq_col_text(st, 0, NULL) : "");
    sq_stmt_end(st);
    return sq_db_error(db, err);
}

int sq_recruited_set_machine(struct sq_tx *tx, int64_t worker_id, const char *machine,
                             const char *ipv4, const char *ipv6, const char *group,
                             struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_FLEET_SET_MACHINE);
    sq_bind_int(st, 1, worker_id);
    sq_bind_text(st, 2, machine);
    sq_bind_text(st, 3, *ipv4 ? ipv4 : NULL);
    sq_bind_text(st, 4, *ipv6 ? ipv6 : NULL);
    sq_bind_text(st, 5, *ipv4 ? ipv4 : *ipv6 ? ipv6 : NULL);
    sq_bind_text(st, 6, group);
    sq_bind_bool(st, 7, group ? 1 : 0);
    sq_run(st);
    return sq_db_error(tx->db, err);
}
