/* Rows behind the janitor: the tokens that workers have, workers that went silent, and
 * the jobs that destroy what nobody has or what could not be destroyed before. */
#include "core/store/machines.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/job.h"
#include "core/store/list.h"
#include "core/store/recruited.h"
#include "core/store/worker.h"
#include "lib/jsonio.h"

static const char action[] = "machine_destroy";

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int sq_tokens_read(struct sq_db *db, struct sq_arena *arena, struct sq_tokens *ret,
                   struct sq_err *err)
{
    struct sq_tokens t = {0};
    size_t cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_FLEET_TOKENS);
    while (sq_row(st)) {
        t.v = sq_arena_more(arena, t.v, t.n, &cap, sizeof *t.v);
        if (!t.v || !(t.v[t.n++] = sq_arena_strdup(arena, sq_col_text(st, 0, NULL)))) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for tokens");
        }
    }
    if (t.n)
        qsort(t.v, t.n, sizeof *t.v, compare);
    *ret = t;
    return sq_db_error(db, err);
}

bool sq_tokens_have(const struct sq_tokens *t, const char *token)
{
    return t->n && bsearch(&token, t->v, t->n, sizeof *t->v, compare);
}

/* ---- workers without a machine */

int sq_silent_workers(struct sq_db *db, struct sq_arena *arena,
                      struct sq_silent_worker **ret, size_t *ret_n, struct sq_err *err)
{
    struct sq_silent_worker *v = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_FLEET_SILENT);
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for workers");
        }
        v[n++] = (struct sq_silent_worker){
            .worker_id = sq_col_int(st, 0),
            .last_contact = sq_col_time(st, 1),
            .name = sq_arena_strdup(arena, sq_col_text(st, 2, NULL)),
            .provider = sq_arena_strdup(arena, sq_col_text(st, 3, NULL)),
            .token = sq_arena_strdup(arena, sq_col_text(st, 4, NULL)),
            .evicted = sq_col_bool(st, 5) == 1};
        if (!v[n - 1].name || !v[n - 1].provider || !v[n - 1].token)
            n--; /* looked at again later */
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

/* *ret_any: there is such a row, and it does not run. */
static int get(struct sq_tx *tx, int64_t worker_id, struct sq_worker *ret,
               bool *ret_any, struct sq_err *err)
{
    int rc = sq_get(tx->db, &sq_worker_type, worker_id, tx->arena, ret, err);
    *ret_any = rc == 0 && ret->status != SQ_WORKER_RUNNING;
    return rc == SQ_ENOENT ? 0 : rc;
}

int sq_worker_machine_lost(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker w, evicted = {.status = SQ_WORKER_EVICTED};
    bool any;
    int rc = get(tx, worker_id, &w, &any, err);
    if (rc == 0 && any)
        rc = sq_worker_update(tx, worker_id, &evicted, SQ_BIT(SQ_WORKER_F_STATUS), &w,
                              err);
    return rc;
}

int sq_worker_machine_gone(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_worker w;
    bool any;
    int rc = get(tx, worker_id, &w, &any, err);
    return rc == 0 && any ? sq_recruited_destroy(tx, &w, err) : rc;
}

/* ---- machines without a worker */

static void add_text(struct sq_jw *j, const char *key, const char *value)
{
    sq_jw_key(j, key);
    sq_jw_text(j, value);
}

static int make_job(struct sq_tx *tx, const struct sq_unowned *m, bool destroy,
                    struct sq_err *err)
{
    enum { ARGS_MAX = 16 * 1024 };
    SQ_CLEANUP(sq_buf_fini) struct sq_buf args;
    struct sq_jw j;
    sq_buf_init(&args, ARGS_MAX);
    sq_jw_init(&j, &args);
    sq_jw_open(&j, '{');
    if (m->worker_id) {
        sq_jw_key(&j, "worker_id");
        sq_jw_int(&j, m->worker_id);
    }
    add_text(&j, "provider", m->provider);
    add_text(&j, "token", m->token);
    add_text(&j, "machine", m->machine);
    add_text(&j, "name", m->name);
    sq_jw_close(&j);
    char *log = sq_arena_printf(
        tx->arena,
        m->worker_id ? "%s may have the machine of a worker whose deployment failed: "
                       "%s in %s (%s)\n%s"
                     : "%s has a machine of ours that no worker has: %s in %s (%s)\n%s",
        m->provider, *m->name ? m->name : m->token,
        *m->region ? m->region : "no region", *m->machine ? m->machine : m->token,
        destroy ? "" : "it may cost money: restarting this job destroys it\n");
    if (!sq_buf_ok(&args) || !log)
        return sq_fail(err, SQ_ENOMEM, "out of memory for a job");
    const struct sq_job job = {.target = (char *)m->token,
                               .action = (char *)action,
                               .args = args.data,
                               .status = destroy ? SQ_JOB_PENDING : SQ_JOB_FAILED,
                               .log = log};
    return sq_job_create(tx, &job, NULL, err);
}

int sq_machine_unowned(struct sq_tx *tx, const struct sq_unowned *m, bool destroy,
                       bool *ret_said, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_LATEST);
    sq_bind_text(st, 1, m->token);
    sq_bind_text(st, 2, action);
    bool any = sq_row(st);
    int64_t id = any ? sq_col_int(st, 0) : SQ_NULL;
    int status = any ? sq_name_find(&sq_job_statuses, sq_col_text(st, 1, NULL)) : -1;
    sq_stmt_end(st);
    int rc = sq_db_error(tx->db, err);
    *ret_said = rc == 0 && (!any || status == SQ_JOB_SUCCEEDED);
    if (*ret_said)
        return make_job(tx, m, destroy, err);
    struct sq_job ignored;
    if (rc == 0 && destroy && status == SQ_JOB_FAILED)
        rc = sq_job_restart(tx, id, 0, &ignored, err);
    return rc;
}

int sq_machine_left(struct sq_tx *tx, int64_t worker_id, struct sq_err *err)
{
    struct sq_recruited_machine w;
    bool said;
    int rc = sq_recruited_machine(tx->db, worker_id, tx->arena, &w, err);
    if (rc)
        return rc == SQ_ENOENT ? 0 : rc;
    const struct sq_unowned m = {.provider = w.provider ? w.provider : "",
                                 .token = w.token ? w.token : "",
                                 .machine = w.machine ? w.machine : "",
                                 .name = w.name,
                                 .region = w.region ? w.region : "",
                                 .worker_id = worker_id};
    return *m.token ? sq_machine_unowned(tx, &m, true, &said, err) : 0;
}

/* Tried from its making to its last failure; by this it waits longer each time. */
static bool is_due(struct sq_tx *tx, int64_t made, int64_t failed)
{
    enum { WAIT_MAX_S = 3600 };
    if (made == SQ_NULL || failed == SQ_NULL || failed > tx->now)
        return true;
    int64_t wait = failed - made, most = WAIT_MAX_S * INT64_C(1000000);
    return tx->now - failed >= (wait < most ? wait : most);
}

int sq_machines_again(struct sq_tx *tx, struct sq_err *err)
{
    int64_t *due = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_DESTROYS_FAILED);
    while (sq_row(st)) {
        if (!is_due(tx, sq_col_time(st, 1), sq_col_time(st, 2)))
            continue;
        due = sq_arena_more(tx->arena, due, n, &cap, sizeof *due);
        if (!due) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for jobs");
        }
        due[n++] = sq_col_int(st, 0);
    }
    int rc = sq_db_error(tx->db, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct sq_job ignored;
        rc = sq_job_restart(tx, due[i], 0, &ignored, err);
    }
    return rc;
}
