/* Reading what is to be looked at, and writing what was found: see cache.h. */
#include "core/store/cache.h"

#include <inttypes.h>
#include <string.h>

#include "core/store/changes.h"
#include "core/store/execution.h"
#include "core/store/list.h"
#include "core/store/log.h"
#include "core/store/rows.h"

/* Reading. */

static const char *copy(struct sq_stmt *st, int i, struct sq_arena *arena, bool *ok)
{
    size_t len;
    const char *text = sq_col_text(st, i, &len);
    const char *got = text ? sq_arena_memdup(arena, text, len) : NULL;
    *ok = *ok && (!text || got);
    return got;
}

static bool read_work(struct sq_stmt *st, struct sq_arena *arena,
                      struct sq_cache_work *w)
{
    const char **const texts[] = {
        &w->batch,       &w->command,  &w->container, &w->container_options,
        &w->input,       &w->resource, &w->output,    &w->output_files,
        &w->output_hash, &w->state,    &w->hostname,
    };
    bool ok = true;
    w->id = sq_col_int(st, 0);
    w->task_id = sq_col_int(st, 1);
    for (size_t i = 0; i < SQ_LEN(texts); i++)
        *texts[i] = copy(st, (int)i + 2, arena, &ok);
    w->ours = sq_col_bool(st, (int)SQ_LEN(texts) + 2) == 1;
    return ok;
}

static int read_works(struct sq_db *db, enum sq_query query, const int64_t *skip,
                      size_t n_skip, size_t max, struct sq_arena *arena,
                      struct sq_cache_work **ret, size_t *ret_n, struct sq_err *err)
{
    struct sq_cache_work *v = sq_arena_array(arena, max, sizeof *v);
    SQ_CLEANUP(sq_set_fini) struct sq_set ids;
    size_t n = 0;
    bool ok = v;
    sq_set_init(&ids);
    sq_set_ints(&ids, skip, n_skip);
    struct sq_stmt *st = sq_db_query(db, query);
    sq_bind_text(st, 1, sq_set_text(&ids));
    sq_bind_int(st, 2, (int64_t)max);
    while (ok && n < max && sq_row(st))
        ok = read_work(st, arena, &v[n++]);
    sq_stmt_end(st);
    if (!ok)
        return sq_fail(err, SQ_ENOMEM, "out of memory for the cache's tasks");
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

int sq_cache_tasks(struct sq_db *db, const int64_t *skip, size_t n_skip, size_t max,
                   struct sq_arena *arena, struct sq_cache_work **ret, size_t *ret_n,
                   struct sq_err *err)
{
    return read_works(db, SQ_Q_CACHE_TASKS, skip, n_skip, max, arena, ret, ret_n, err);
}

int sq_cache_executions(struct sq_db *db, const int64_t *skip, size_t n_skip,
                        size_t max, struct sq_arena *arena, struct sq_cache_work **ret,
                        size_t *ret_n, struct sq_err *err)
{
    return read_works(db, SQ_Q_CACHE_EXECUTIONS, skip, n_skip, max, arena, ret, ret_n,
                      err);
}

int sq_cache_find(struct sq_db *db, const char *key, const char *output,
                  struct sq_arena *arena, struct sq_cache_result **ret, size_t *ret_n,
                  struct sq_err *err)
{
    struct sq_cache_result *v = sq_arena_array(arena, SQ_CACHE_RESULTS, sizeof *v);
    size_t n = 0;
    bool ok = v;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_CACHE_FIND);
    sq_bind_text(st, 1, key);
    sq_bind_text(st, 2, output);
    while (ok && n < SQ_CACHE_RESULTS && sq_row(st)) {
        struct sq_cache_result *r = &v[n++];
        r->execution_id = sq_col_int(st, 0);
        r->task_id = sq_col_int(st, 1);
        r->output = copy(st, 2, arena, &ok);
        r->output_files = copy(st, 3, arena, &ok);
        r->output_hash = copy(st, 4, arena, &ok);
    }
    sq_stmt_end(st);
    if (!ok)
        return sq_fail(err, SQ_ENOMEM, "out of memory for earlier results");
    *ret = v;
    *ret_n = n;
    return sq_db_error(db, err);
}

int sq_cache_elsewhere(struct sq_db *db, const char *batch, const char *hostname,
                       bool *ret, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_CACHE_ELSEWHERE);
    sq_bind_text(st, 1, batch);
    sq_bind_text(st, 2, hostname);
    *ret = sq_row(st) && sq_col_int(st, 0) > 0;
    sq_stmt_end(st);
    return sq_db_error(db, err);
}

/* Writing. */

int sq_cache_run(struct sq_tx *tx, const struct sq_cache_key *keys, size_t n,
                 struct sq_err *err)
{
    struct sq_rows r;
    sq_rows_begin(&r, tx->db, SQ_Q_CACHE_SET_KEY);
    for (size_t i = 0; i < n; i++) {
        const struct sq_cache_work *w = keys[i].work;
        sq_rows_int(&r, w->id);
        sq_rows_text(&r, keys[i].key);
        sq_rows_text(&r, keys[i].state);
        sq_rows_text(&r, w->command);
        sq_rows_text(&r, w->container);
        sq_rows_text(&r, w->container_options);
        sq_rows_text(&r, w->input);
        sq_rows_text(&r, w->resource);
        sq_rows_text(&r, w->output);
        sq_rows_next(&r);
        sq_changes_task(tx->changes, w->id);
        sq_changes_batch(tx->changes, w->batch);
    }
    sq_rows_end(&r);
    return sq_db_error(tx->db, err);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool as_looked_at(const struct sq_task *t, const struct sq_cache_work *w)
{
    return t->status == SQ_TASK_PENDING && t->use_cache == 1 &&
           same(t->command, w->command) && same(t->container, w->container) &&
           same(t->container_options, w->container_options) &&
           same(t->input, w->input) && same(t->resource, w->resource) &&
           same(t->output, w->output);
}

static bool still_there(struct sq_tx *tx, const char *key,
                        const struct sq_cache_result *result)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_CACHE_STILL);
    sq_bind_int(st, 1, result->execution_id);
    sq_bind_text(st, 2, key);
    sq_bind_text(st, 3, result->output_hash);
    bool there = sq_row(st);
    sq_stmt_end(st);
    return there;
}

static void set_hashes(struct sq_tx *tx, int64_t execution_id, const char *key,
                       const char *output_hash)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_CACHE_RECORD);
    sq_bind_int(st, 1, execution_id);
    sq_bind_text(st, 2, key);
    sq_bind_text(st, 3, output_hash);
    sq_run(st);
    sq_changes_execution(tx->changes, execution_id);
}

/* What people see in the execution's error stream. */
static int tell(struct sq_tx *tx, int64_t execution_id, const char *output,
                const struct sq_cache_result *result, struct sq_err *err)
{
    const char *text =
        sq_arena_printf(tx->arena,
                        "scitq: nothing was run: the result of execution %" PRId64
                        " of task %" PRId64 " is reused%s%s\n",
                        result->execution_id, result->task_id,
                        same(output, result->output) ? "" : ", copied from ",
                        same(output, result->output) ? "" : result->output);
    if (!text)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    struct sq_log_chunk chunk = {.execution_id = execution_id,
                                 .stream = SQ_STDERR,
                                 .start = SQ_NULL,
                                 .data = text,
                                 .len = strlen(text)};
    return sq_log_append(tx, &chunk, 1, err);
}

/* An execution of no worker, that succeeds at once. */
static int succeed(struct sq_tx *tx, const struct sq_cache_work *work,
                   const struct sq_cache_result *result, int64_t *ret_id,
                   struct sq_err *err)
{
    struct sq_assignment a = {.task_id = work->id, .worker_id = SQ_NULL};
    int code = sq_execution_assign(tx, &a, 1, err);
    if (!code)
        code = tell(tx, a.execution_id, work->output, result, err);
    struct sq_transition t = {.execution_id = a.execution_id,
                              .to = SQ_EXEC_SUCCEEDED,
                              .worker_id = SQ_NULL,
                              .output_files = result->output_files,
                              .return_code = 0};
    if (!code)
        code = sq_execution_transition(tx, &t, 1, NULL, err);
    if (!code && t.result)
        code = sq_fail(err, t.result, "%s", t.why);
    *ret_id = a.execution_id;
    return code;
}

int sq_cache_reuse(struct sq_tx *tx, const struct sq_cache_work *work, const char *key,
                   const struct sq_cache_result *result, bool *ret, struct sq_err *err)
{
    struct sq_task task;
    int64_t id = SQ_NULL;
    int code = sq_get(tx->db, &sq_task_type, work->id, tx->arena, &task, err);
    if (code && code != SQ_ENOENT)
        return code;
    *ret = !code && as_looked_at(&task, work) && still_there(tx, key, result);
    code = *ret ? succeed(tx, work, result, &id, err) : sq_db_error(tx->db, err);
    if (code || !*ret)
        return code;
    set_hashes(tx, id, key, result->output_hash);
    return sq_db_error(tx->db, err);
}

int sq_cache_record(struct sq_tx *tx, int64_t execution_id, const char *key,
                    const char *output_hash, struct sq_err *err)
{
    set_hashes(tx, execution_id, key, output_hash);
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_CACHE_LOOK_AGAIN);
    sq_bind_text(st, 1, key);
    while (sq_row(st)) {
        sq_changes_task(tx->changes, sq_col_int(st, 0));
        tx->changes->cache = true;
    }
    return sq_db_error(tx->db, err);
}

void sq_cache_leave(struct sq_tx *tx, int64_t execution_id)
{
    set_hashes(tx, execution_id, NULL, NULL);
}
