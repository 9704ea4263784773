/* Time limits: what runs or downloads for longer than its task allows is killed.
 *
 * A limit's end is status_date + limit.  Tasks that change are looked at as they
 * change, and only lower the alarm; when the alarm rings, or a sweep comes, all tasks
 * under a limit are looked at (they are in an index of their own).  Killing is a
 * signal 9 for the worker, which reports the end: only then, after the last byte of
 * output, is the note with the reason appended to the error stream. */
#include "core/sched/impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/status.h"
#include "core/store/log.h"
#include "core/store/worker.h"
#include "lib/log.h"

/* A task that is past its limit. */
struct overdue {
    int64_t task_id, limit_s;
    bool download;
};

/* Of one scan. */
struct scan {
    struct sq_tx *tx;
    struct sq_err *err;
    struct overdue *v;
    size_t n, cap;
    int64_t next; /* end of the earliest limit not over, SQ_NULL */
};

int64_t sq_due_end(int status, int64_t status_date, int64_t run_s, int64_t download_s)
{
    int64_t limit_s = status == SQ_TASK_RUNNING    ? run_s
                      : status == SQ_TASK_ACCEPTED ? download_s
                                                   : SQ_NULL;
    /* SQ_NULL is negative too; a limit of 0 would never let anything run. */
    if (limit_s <= 0 || status_date == SQ_NULL)
        return SQ_NULL;
    int64_t us, end;
    if (__builtin_mul_overflow(limit_s, INT64_C(1000000), &us) ||
        __builtin_add_overflow(status_date, us, &end))
        return SQ_NULL;
    return end;
}

static int add_overdue(struct scan *scan, const struct overdue *o)
{
    struct overdue *v = sq_sched_grow(scan->tx->arena, scan->v, scan->n, &scan->cap,
                                      scan->n + 1, sizeof *v);
    if (!v)
        return sq_fail(scan->err, SQ_ENOMEM, "too many tasks are past their limit");
    scan->v = v;
    scan->v[scan->n++] = *o;
    return 0;
}

/* Rows of sched_limits and sched_limits_by_id. */
static int read_limits(struct scan *scan, struct sq_stmt *st)
{
    int rc = 0;
    while (rc == 0 && sq_row(st)) {
        const char *text = sq_col_text(st, 1, NULL);
        int status = text ? sq_name_find(&sq_task_statuses, text) : -1;
        int64_t run_s = sq_col_int(st, 3), download_s = sq_col_int(st, 4);
        int64_t end = sq_due_end(status, sq_col_time(st, 2), run_s, download_s);
        bool download = status == SQ_TASK_ACCEPTED;
        if (end == SQ_NULL)
            continue;
        if (end <= scan->tx->now)
            rc = add_overdue(scan, &(struct overdue){sq_col_int(st, 0),
                                                     download ? download_s : run_s,
                                                     download});
        else if (scan->next == SQ_NULL || end < scan->next)
            scan->next = end;
    }
    sq_stmt_end(st);
    return rc ? rc : sq_db_error(scan->tx->db, scan->err);
}

static struct sq_due_note *note_at(const struct sq_due_notes *notes, int64_t id,
                                   bool *ret_found)
{
    size_t low = 0, high = notes->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (notes->v[mid].execution_id < id)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_found = low < notes->n && notes->v[low].execution_id == id;
    return notes->v ? notes->v + low : NULL;
}

static int remember_note(struct sq_due_notes *notes, const struct sq_due_note *note,
                         struct sq_err *err)
{
    bool found;
    if (notes->n == notes->cap) {
        size_t cap = notes->cap ? 2 * notes->cap : 16;
        struct sq_due_note *more = reallocarray(notes->v, cap, sizeof *more);
        if (!more)
            return sq_fail(err, SQ_ENOMEM, "out of memory");
        notes->v = more;
        notes->cap = cap;
    }
    struct sq_due_note *at = note_at(notes, note->execution_id, &found);
    if (!found) {
        memmove(at + 1, at, (size_t)(notes->v + notes->n - at) * sizeof *at);
        notes->n++;
    }
    *at = *note;
    return 0;
}

/* Kill the task's execution, unless it was told already.  A downloaded task that
 * waits for a place to run is not downloading: ours say so (doc/sync.md); of a 1.3
 * worker it may be so while its places are all taken. */
static int kill_overdue(struct sq_sched *s, struct sq_tx *tx, const struct overdue *o,
                        struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SCHED_OVER_LIMIT);
    sq_bind_int(st, 1, o->task_id);
    if (!sq_row(st))
        return sq_db_error(tx->db, err);
    int64_t execution_id = sq_col_int(st, 0), worker_id = sq_col_int(st, 1);
    bool told = sq_col_bool(st, 2) == 1;
    bool waits = o->download && sq_col_bool(st, 5) != 1 &&
                 sq_col_int(st, 3) >= sq_col_int(st, 4);
    sq_stmt_end(st);
    if (waits)
        return sq_db_error(tx->db, err);
    struct sq_due_note note = {execution_id, o->limit_s, o->download};
    int rc = remember_note(&s->notes, &note, err);
    if (rc != 0 || told)
        return rc;
    sq_log(SQ_LOG_INFO, "sched",
           "task %" PRId64 ": %s time limit of %" PRId64 " s exceeded: killed",
           o->task_id, o->download ? "download" : "run", o->limit_s);
    return sq_signal_create(tx, worker_id, execution_id, 9, err);
}

static int run_scan(struct sq_sched *s, struct scan *scan)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < scan->n; i++)
        rc = kill_overdue(s, scan->tx, &scan->v[i], scan->err);
    if (rc == 0 && scan->next != SQ_NULL)
        sq_sched_remind(s, scan->next, false);
    return rc;
}

int sq_due_scan(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err)
{
    struct scan scan = {.tx = tx, .err = err, .next = SQ_NULL};
    int rc = read_limits(&scan, sq_db_query(tx->db, SQ_Q_SCHED_LIMITS));
    return rc ? rc : run_scan(s, &scan);
}

int sq_due_changed(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_changes *c = tx->changes;
    if (!c->due)
        return 0;
    if (c->failed || c->tasks.n == 0 || c->tasks.n > SQ_SCHED_IDS_MAX)
        return sq_due_scan(s, tx, err);
    struct scan scan = {.tx = tx, .err = err, .next = SQ_NULL};
    char *ids = sq_sched_ids(tx->arena, c->tasks.ids, c->tasks.n);
    if (!ids)
        return sq_fail(err, SQ_ENOMEM, "the scheduler is out of memory");
    struct sq_stmt *st = sq_db_query(tx->db, SQ_Q_SCHED_LIMITS_BY_ID);
    sq_bind_text(st, 1, ids);
    int rc = read_limits(&scan, st);
    return rc ? rc : run_scan(s, &scan);
}

/* The execution's status, -1 when it is gone. */
static int execution_status(struct sq_db *db, int64_t execution_id)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHED_EXECUTION_STATUS);
    sq_bind_int(st, 1, execution_id);
    const char *text = sq_row(st) ? sq_col_text(st, 0, NULL) : NULL;
    int status = text ? sq_name_find(&sq_execution_statuses, text) : -1;
    sq_stmt_end(st);
    return status;
}

static int write_note(struct sq_tx *tx, const struct sq_due_note *note,
                      struct sq_err *err)
{
    char *text = sq_arena_printf(
        tx->arena, "scitq: killed: %s time limit of %" PRId64 " s exceeded\n",
        note->download ? "download" : "run", note->limit_s);
    if (!text)
        return sq_fail(err, SQ_ENOMEM, "the scheduler is out of memory");
    struct sq_log_chunk chunk = {.execution_id = note->execution_id,
                                 .stream = SQ_STDERR,
                                 .start = SQ_NULL,
                                 .data = text,
                                 .len = strlen(text)};
    int rc = sq_log_append(tx, &chunk, 1, err);
    return rc ? rc : sq_log_write_tails(tx, &note->execution_id, 1, err);
}

/* Notes whose executions this transaction changed; with `all`, every note. */
static size_t take_notes(struct sq_due_notes *notes, const struct sq_id_set *changed,
                         bool all, struct sq_due_note *ret)
{
    size_t taken = 0, kept = 0;
    for (size_t i = 0; i < notes->n; i++)
        if (all || sq_id_set_has(changed, notes->v[i].execution_id))
            ret[taken++] = notes->v[i];
        else
            notes->v[kept++] = notes->v[i];
    notes->n = kept;
    return taken;
}

int sq_due_write_notes(struct sq_sched *s, struct sq_tx *tx, struct sq_err *err)
{
    const struct sq_changes *c = tx->changes;
    if (s->notes.n == 0 || (c->executions.n == 0 && !c->sweep && !c->failed))
        return 0;
    struct sq_due_note *taken = sq_arena_array(tx->arena, s->notes.n, sizeof *taken);
    if (!taken)
        return sq_fail(err, SQ_ENOMEM, "the scheduler is out of memory");
    size_t n = take_notes(&s->notes, &c->executions, c->sweep || c->failed, taken);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        int status = execution_status(tx->db, taken[i].execution_id);
        if (status >= 0 && sq_execution_live(status))
            rc = remember_note(&s->notes, &taken[i], err);
        else if (status == SQ_EXEC_FAILED)
            rc = write_note(tx, &taken[i], err);
    }
    return rc ? rc : sq_db_error(tx->db, err);
}
