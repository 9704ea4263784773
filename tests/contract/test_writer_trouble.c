/* The writer when the database fails it: at the commit, under it, for lack of room. */
#include "tests/contract/writer_world.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "tests/lacking.h"

static void test_a_commit_that_fails_fails_its_operations(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct held h;
    struct insertion a, b;
    sem_t done;
    sem_init(&done, 0, 0);
    /* A constraint that is only looked at by the commit. */
    contract_sql(c->db, c->engine == SQ_SQLITE
                            ? "create table late (i integer references region2 (i) "
                              "deferrable initially deferred);"
                              "create table region2 (i integer primary key)"
                            : "create table region2 (i integer primary key);"
                              "create table late (i integer references region2 "
                              "deferrable initially deferred)");
    struct sq_writer *w = writer_start(c, &seen, 0);
    writer_hold(&h, w);
    insertion_init(&a, "a", &done);
    insertion_init(&b, "b", &done);
    b.sql = "insert into late values (5)";
    OK(err, sq_writer_submit(w, &a.op, &err));
    OK(err, sq_writer_submit(w, &b.op, &err));
    writer_let_go(&h);
    sem_wait(&done);
    sem_wait(&done);
    assert_int_equal(a.op.result, SQ_ENOENT);
    assert_int_equal(b.op.result, SQ_ENOENT);
    assert_int_not_equal(strlen(a.op.err.text), 0);
    assert_int_equal(seen.committed, 1);
    assert_int_equal(regions(c), 1);
    OK(err, writer_call(w, "a", NULL, 0, &err)); /* and goes on */
    assert_true(seen.sweep);
    sq_arena_fini(&a.arena);
    sq_arena_fini(&b.arena);
    sq_writer_stop(w);
}

static void test_a_lost_connection_is_opened_again(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    struct held h;
    struct sq_writer *w = writer_start(c, &seen, 0);
    OK(err, writer_call(w, "a", NULL, 0, &err));
    contract_kill_others(c); /* while idle: nobody notices */
    OK(err, writer_call(w, "b", NULL, 0, &err));
    writer_hold(&h, w); /* and in the middle of a transaction */
    contract_kill_others(c);
    sem_post(&h.gate);
    sem_wait(&h.done);
    assert_int_equal(h.i.op.result, SQ_EIO);
    sq_arena_fini(&h.i.arena);
    OK(err, writer_call(w, "c", NULL, 0, &err));
    assert_int_equal(regions(c), 3);
    sq_writer_stop(w);
}

static void test_a_full_disk_is_outlived(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct seen seen;
    char folder[220];
    if (!contract_disk(c, folder, 2)) {
        lacking("the right to mount");
    }
    snprintf(c->uri, sizeof c->uri, "sqlite:///%s/f.db", folder);
    struct sq_db *db = contract_connect(c, 0);
    OK(err, sq_schema_ensure(db, &err));
    contract_sql(db, "create table fill (x blob)");
    struct sq_writer *w = writer_start(c, &seen, 0);
    int rc = 0, stored = 0;
    for (int i = 0; i < 200 && !rc; i++) {
        rc =
            writer_call(w, "x", "insert into fill values (randomblob(50000))", 0, &err);
        stored += !rc;
    }
    assert_int_equal(rc, SQ_ENOSPC);
    assert_int_equal(contract_int(db, "select count(*) from fill"), stored);
    contract_disk_change(folder, 9, false);
    OK(err,
       writer_call(w, "x", "insert into fill values (randomblob(500000))", 0, &err));
    sq_writer_stop(w);
    sq_db_close(db);
    assert_int_equal(umount(folder), 0);
}

static void test_a_writer_wants_current_tables(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_writer *w;
    char uri[400];
    struct sq_writer_conf conf = {.uri = contract_empty(c, uri)};
    assert_int_equal(sq_writer_start(&conf, &w, &err), SQ_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_commit_that_fails_fails_its_operations),
        contract_postgresql_test(test_a_lost_connection_is_opened_again),
        contract_sqlite_test(test_a_full_disk_is_outlived),
        cmocka_unit_test(test_a_writer_wants_current_tables),
    };
    return contract_main(tests, SQ_LEN(tests));
}
