/* Rows of `job`.  Whoever makes or ends one says so in the changes, so that the fleet
 * hears of it after the commit. */
#include "core/store/job.h"

#include <string.h>

#include "core/store/list.h"
#include "core/store/record.h"

int sq_job_create(struct sq_tx *tx, const struct sq_job *job, int64_t *ret_id,
                  struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_INSERT);
    sq_bind_text(st, 1, job->target);
    sq_bind_text(st, 2, job->action);
    sq_bind_text(st, 3, job->args ? job->args : "{}");
    sq_bind_int(st, 4, job->retry);
    sq_bind_text(st, 5, sq_name(&sq_job_statuses, job->status));
    sq_bind_text(st, 6, job->log ? job->log : "");
    sq_bind_time(st, 7, tx->now);
    sq_bind_int(st, 8, job->progression);
    int64_t id = sq_row(st) ? sq_col_int(st, 0) : SQ_NULL;
    sq_stmt_end(st);
    sq_changes_job(tx->changes, id);
    if (ret_id)
        *ret_id = id;
    return sq_db_error(tx->db, err);
}

static char *text(struct sq_stmt *st, int i, struct sq_arena *arena)
{
    return sq_arena_strdup(arena, sq_col_text(st, i, NULL));
}

int sq_jobs_open(struct sq_db *db, struct sq_arena *arena, struct sq_job **ret,
                 size_t *ret_n, struct sq_err *err)
{
    struct sq_job *v = NULL;
    size_t n = 0, cap = 0;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_JOB_OPEN);
    while (sq_row(st)) {
        v = sq_arena_more(arena, v, n, &cap, sizeof *v);
        if (!v) {
            sq_stmt_end(st);
            return sq_fail(err, SQ_ENOMEM, "out of memory for jobs");
        }
        v[n] = (struct sq_job){.job_id = sq_col_int(st, 0),
                               .target = text(st, 1, arena),
                               .action = text(st, 2, arena),
                               .args = text(st, 3, arena),
                               .retry = sq_col_int(st, 4)};
        v[n++].status = sq_name_find(&sq_job_statuses, sq_col_text(st, 5, NULL));
    }
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

/* Those that it answers are changed. */
static int run_many(struct sq_tx *tx, enum sq_query q, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, q);
    while (sq_row(st))
        sq_changes_job(tx->changes, sq_col_int(st, 0));
    tx->changes->jobs = true;
    return sq_db_error(tx->db, err);
}

static int run(struct sq_tx *tx, struct sq_stmt *st, int64_t job_id, struct sq_err *err)
{
    sq_run(st);
    sq_changes_job(tx->changes, job_id);
    return sq_db_error(tx->db, err);
}

int sq_jobs_reset(struct sq_tx *tx, struct sq_err *err)
{
    return run_many(tx, SQ_Q_JOB_RESET, err);
}

int sq_job_set(struct sq_tx *tx, int64_t job_id, enum sq_job_status status,
               int64_t retry, int64_t progression, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_SET);
    sq_bind_int(st, 1, job_id);
    sq_bind_text(st, 2, sq_name(&sq_job_statuses, (int)status));
    sq_bind_int(st, 3, retry);
    sq_bind_int(st, 4, progression);
    sq_bind_time(st, 5, tx->now);
    return run(tx, st, job_id, err);
}

int sq_job_log(struct sq_tx *tx, int64_t job_id, const char *lines, int64_t progression,
               struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_LOG);
    sq_bind_int(st, 1, job_id);
    sq_bind_text(st, 2, lines);
    sq_bind_int(st, 3, progression);
    sq_bind_time(st, 4, tx->now);
    sq_bind_int(st, 5, SQ_JOB_LOG_MAX);
    sq_run(st);
    sq_changes_add(tx->changes, &tx->changes->job_rows, job_id); /* the fleet knows */
    return sq_db_error(tx->db, err);
}

int sq_job_delete(struct sq_tx *tx, int64_t job_id, struct sq_job *ret,
                  struct sq_err *err)
{
    int rc = sq_get(tx->db, &sq_job_type, job_id, tx->arena, ret, err);
    if (rc)
        return rc;
    if (ret->status == SQ_JOB_RUNNING)
        return sq_fail(err, SQ_EEXIST,
                       "Job %lld is running: deleting its worker ends it",
                       (long long)job_id);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_DELETE);
    sq_bind_int(st, 1, job_id);
    return run(tx, st, job_id, err);
}

int sq_jobs_delete_ended(struct sq_tx *tx, struct sq_err *err)
{
    return run_many(tx, SQ_Q_JOB_DELETE_ENDED, err);
}

int sq_job_restart(struct sq_tx *tx, int64_t job_id, int64_t retry, struct sq_job *ret,
                   struct sq_err *err)
{
    int rc = sq_get(tx->db, &sq_job_type, job_id, tx->arena, ret, err);
    if (rc)
        return rc;
    if (ret->status != SQ_JOB_FAILED)
        return sq_fail(err, SQ_EEXIST, "Job %lld has not failed: it is %s",
                       (long long)job_id, sq_name(&sq_job_statuses, ret->status));
    rc = sq_job_set(tx, job_id, SQ_JOB_PENDING, retry, 0, err);
    return rc ? rc : sq_get(tx->db, &sq_job_type, job_id, tx->arena, ret, err);
}

bool sq_job_under_way(struct sq_tx *tx, const char *target, const char *action)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_JOB_UNDER_WAY);
    sq_bind_text(st, 1, target);
    sq_bind_text(st, 2, action);
    bool known = sq_row(st);
    sq_stmt_end(st);
    return known;
}
