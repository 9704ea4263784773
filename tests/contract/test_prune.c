/* Old outputs forgotten: whose, and what is left of them. */
#include "tests/contract/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/prune.h"

enum { KEPT = 65536, MORE = 1000, CHUNK = 1, OUTPUT = 2, ERROR = 4, JUST = 8 };

#define OLD "'2026-01-01 00:00:00.000000'"
#define NEW "'2026-11-21 00:00:00.000000'"

static const struct {
    const char *what, *status, *modified, *created;
    int has;
    bool pruned;
} rows[] = {
    {"one that succeeded", "succeeded", OLD, OLD, CHUNK, true},
    {"one that failed", "failed", OLD, OLD, CHUNK, true},
    {"one that runs", "running", OLD, OLD, CHUNK, false},
    {"one that runs, of 1.3", "running", OLD, OLD, OUTPUT | ERROR, false},
    {"one that waits", "accepted", OLD, OLD, CHUNK, false},
    {"one that was refused", "refused", OLD, OLD, OUTPUT, false},
    {"one that never changed", "succeeded", "null", OLD, CHUNK, true},
    {"a new one that never changed", "succeeded", "null", NEW, CHUNK, false},
    {"an old one that ended lately", "succeeded", NEW, OLD, CHUNK | OUTPUT, false},
    {"an output of 1.3", "succeeded", OLD, OLD, OUTPUT, true},
    {"an error of 1.3", "failed", OLD, OLD, ERROR, true},
    {"all of them", "failed", OLD, OLD, CHUNK | OUTPUT | ERROR, true},
    {"what is no longer than what is kept", "succeeded", OLD, OLD, JUST, false},
};

/* So long, and known by its end. */
static const char *text(size_t len)
{
    static char all[KEPT + MORE + 1];
    memset(all, 'x', len);
    memcpy(all + len - 3, "end", 3);
    all[len] = 0;
    return all;
}

static void add_chunk(struct contract *c, int64_t id)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "insert into execution_log (execution_id, stream, start, chars, data) "
             "values (%d, 1, 0, 3, %s)",
             (int)id, c->engine == SQ_SQLITE ? "x'616263'" : "'\\x616263'");
    contract_sql(c->db, sql);
}

static int64_t insert(struct contract *c, size_t i, int64_t task, int64_t worker)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "insert into execution (task_id, worker_id, status, modification_date, "
             "creation_date, output, error) values (%d, %d, '%s', %s, %s, $1, $2)",
             (int)task, (int)worker, rows[i].status, rows[i].modified, rows[i].created);
    struct sq_stmt *st = sq_db_sql(c->db, sql);
    sq_bind_text(st, 1,
                 rows[i].has & OUTPUT ? text(KEPT + MORE)
                 : rows[i].has & JUST ? text(KEPT)
                                      : NULL);
    sq_bind_text(st, 2, rows[i].has & ERROR ? text(KEPT + MORE) : NULL);
    sq_run(st);
    int64_t id = contract_int(c->db, "select max(execution_id) from execution");
    if (rows[i].has & CHUNK)
        add_chunk(c, id);
    return id;
}

static int64_t chunks_of(struct contract *c, int64_t id)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "select count(*) from execution_log where execution_id = %d", (int)id);
    return contract_int(c->db, sql);
}

static void check(struct contract *c, size_t i, int64_t id)
{
    struct sq_execution e = execution_of(c, id);
    size_t whole = rows[i].pruned ? KEPT : KEPT + MORE;
    size_t want[] = {rows[i].has & OUTPUT ? whole
                     : rows[i].has & JUST ? KEPT
                                          : 0,
                     rows[i].has & ERROR ? whole : 0};
    const char *got[] = {e.output, e.error};
    int64_t chunks = chunks_of(c, id);
    if (chunks != ((rows[i].has & CHUNK) && !rows[i].pruned))
        fail_msg("%s: %lld chunks", rows[i].what, (long long)chunks);
    for (int s = 0; s < 2 && !chunks; s++)
        if ((got[s] ? strlen(got[s]) : 0) != want[s] ||
            (want[s] && strcmp(got[s] + want[s] - 3, "end") != 0))
            fail_msg("%s: %zu characters, not %zu", rows[i].what,
                     got[s] ? strlen(got[s]) : 0, want[s]);
}

static struct sq_pruned prune(struct contract *c)
{
    struct sq_err err;
    struct sq_pruned done;
    const int64_t days_30 = INT64_C(30) * 86400 * 1000000;
    OK(err, sq_prune(c->db, c->tx.now - days_30, &done, &err));
    return done;
}

static void test_whose_and_what_is_left(void **state)
{
    struct contract *c = *state;
    int64_t ids[SQ_LEN(rows)], n = 0, bytes = 0;
    int64_t t = make_task(c, NULL, 0), w = make_worker(c, "w");
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        ids[i] = insert(c, i, t, w);
        n += rows[i].pruned;
        if (rows[i].pruned)
            bytes += (rows[i].has & CHUNK ? 3 : 0) + (rows[i].has & OUTPUT ? MORE : 0) +
                     (rows[i].has & ERROR ? MORE : 0);
    }
    struct sq_pruned done = prune(c);
    assert_int_equal(done.executions, n);
    assert_int_equal(done.bytes, bytes);
    for (size_t i = 0; i < SQ_LEN(rows); i++)
        check(c, i, ids[i]);
    assert_int_equal(prune(c).executions, 0);
}

/* More than one transaction takes, and between them such as are kept. */
static void test_of_many_none_is_left_out(void **state)
{
    struct contract *c = *state;
    int64_t t = make_task(c, NULL, 0), w = make_worker(c, "w");
    contract_begin(c);
    for (int i = 0; i < 700; i++)
        insert(c, i % 7 == 3 ? 2 : 0, t, w);
    contract_commit(c);
    struct sq_pruned done = prune(c);
    assert_int_equal(done.executions, 600);
    assert_int_equal(done.bytes, 1800);
    assert_int_equal(contract_int(c->db, "select count(*) from execution_log"), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_and_what_is_left),
        cmocka_unit_test(test_of_many_none_is_left_out),
    };
    return contract_main(tests, SQ_LEN(tests));
}
