/* One server at a time: the lease, and the writer that holds one. */
#include "tests/contract/contract.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/store/writer.h"
#include "tests/file.h"

static struct sq_lease *lease_of(enum sq_role role)
{
    struct sq_lease *l;
    struct sq_err err;
    OK(err, sq_lease_new(role, &l, &err));
    return l;
}

static struct sq_lease *lease(void)
{
    return lease_of(SQ_ROLE_ALL);
}

static void test_only_one_has_it(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_lease *a = lease(), *b = lease();
    struct sq_db *da = contract_connect(c, 0), *db = contract_connect(c, 0);
    OK(err, sq_lease_take(a, da, &err));
    OK(err, sq_lease_take(a, da, &err));
    assert_int_equal(sq_lease_take(b, db, &err), SQ_EEXIST);
    assert_non_null(strstr(err.text, "another scitq server"));
    assert_non_null(strstr(err.text, sq_db_describe(db)));
    assert_non_null(strstr(err.text, "stop it"));
    if (c->engine == SQ_SQLITE) {
        char pid[32];
        snprintf(pid, sizeof pid, "process %ld)", (long)getpid());
        assert_non_null(strstr(err.text, pid));
    } else {
        assert_non_null(strstr(err.text, "connected from"));
    }
    sq_db_close(da);
    sq_lease_free(a);
    OK(err, sq_lease_take(b, db, &err));
    sq_db_close(db);
    sq_lease_free(b);
    sq_lease_free(NULL);
}

/* One database, named in two ways. */
static void test_a_link_leads_to_the_same(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    char path[220], uri[400];
    struct sq_lease *a = lease(), *b = lease();
    struct sq_db *da = contract_connect(c, 0), *db;
    snprintf(path, sizeof path, "%s.link", c->path);
    snprintf(uri, sizeof uri, "sqlite:///%s", path);
    assert_int_equal(symlink(c->path, path), 0);
    OK(err, sq_db_open(uri, 0, &db, &err));
    OK(err, sq_lease_take(a, da, &err));
    assert_int_equal(sq_lease_take(b, db, &err), SQ_EEXIST);
    sq_db_close(da);
    sq_db_close(db);
    sq_lease_free(a);
    sq_lease_free(b);
    unlink(path);
}

/* Somebody put a link in its place: what it leads to is left as it is. */
static void test_a_lock_file_that_leads_elsewhere(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    char path[220], victim[220], text[20] = "";
    struct sq_lease *a = lease();
    struct sq_db *db = contract_connect(c, 0);
    snprintf(path, sizeof path, "%s.lock", c->path);
    snprintf(victim, sizeof victim, "%s.victim", c->path);
    write_file(victim, "whole", 5);
    unlink(path);
    assert_int_equal(symlink(victim, path), 0);
    assert_int_not_equal(sq_lease_take(a, db, &err), 0);
    assert_non_null(strstr(err.text, "cannot open the lock file"));
    FILE *f = fopen(victim, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    assert_string_equal(text, "whole");
    fclose(f);
    unlink(victim);
    unlink(path);
    sq_db_close(db);
    sq_lease_free(a);
}

/* Databases, and on PostgreSQL schemas, have one each. */
static void test_others_are_free(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    char uri[400];
    struct sq_lease *a = lease(), *b = lease();
    struct sq_db *da = contract_connect(c, 0), *db;
    OK(err, sq_lease_take(a, da, &err));
    if (c->engine == SQ_POSTGRES) {
        contract_sql(c->db, "create schema other");
        db = contract_connect(c, 0);
        contract_sql(db, "set search_path to other");
        OK(err, sq_lease_take(b, db, &err));
        sq_db_close(db);
    }
    OK(err, sq_db_open(contract_empty(c, uri), 0, &db, &err));
    OK(err, sq_lease_take(b, db, &err));
    sq_db_close(da);
    sq_db_close(db);
    sq_lease_free(a);
    sq_lease_free(b);
}

/* A new connection of the same server, its former one still there or not. */
static void test_it_is_taken_again(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_lease *a = lease(), *b = lease();
    struct sq_db *first = contract_connect(c, 0), *second = contract_connect(c, 0);
    OK(err, sq_lease_take(a, first, &err));
    OK(err, sq_lease_take(a, second, &err));
    if (c->engine == SQ_POSTGRES) {
        contract_int(c->db, "select 1");
        while (sq_db_alive(first))
            sched_yield(); /* its end is on its way */
        contract_kill(c, second);
        sq_db_close(second);
        second = contract_connect(c, 0);
        OK(err, sq_lease_take(a, second, &err));
    }
    struct sq_db *other = contract_connect(c, 0);
    assert_int_equal(sq_lease_take(b, other, &err), SQ_EEXIST);
    sq_db_close(first);
    sq_db_close(second);
    sq_db_close(other);
    sq_lease_free(a);
    sq_lease_free(b);
}

struct taking {
    struct sq_lease *lease;
    struct sq_db *db;
    struct sq_err err;
    int rc;
};

static void *take(void *arg)
{
    struct taking *t = arg;
    t->rc = sq_lease_take(t->lease, t->db, &t->err);
    return NULL;
}

/* The session of a server that was killed ends a moment after it. */
static void test_a_dying_session_is_waited_for(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    pthread_t thread;
    struct sq_lease *a = lease();
    struct taking t = {.lease = lease(), .db = contract_connect(c, 0)};
    struct sq_db *da = contract_connect(c, 0);
    OK(err, sq_lease_take(a, da, &err));
    assert_int_equal(pthread_create(&thread, NULL, take, &t), 0);
    while (contract_int(c->db, "select count(*) from pg_locks where locktype = "
                               "'advisory' and not granted") == 0)
        sched_yield();
    sq_db_close(da);
    pthread_join(thread, NULL);
    OK(t.err, t.rc);
    sq_db_close(t.db);
    sq_lease_free(a);
    sq_lease_free(t.lease);
}

/* Somebody who is stopped has it no longer than that. */
static void test_the_silent_lose_it(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_lease *a = lease();
    struct sq_db *da = contract_connect(c, 0);
    OK(err, sq_lease_take(a, da, &err));
    const char *names[] = {"idle_in_transaction_session_timeout",
                           "idle_session_timeout"};
    for (size_t i = 0; i < SQ_LEN(names); i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "select coalesce(max(setting::int), 10000) from pg_settings where "
                 "name = '%s'",
                 names[i]);
        assert_int_equal(contract_int(da, sql), 10000);
    }
    sq_db_close(da);
    sq_lease_free(a);
}

/* The writer. */

struct told {
    sem_t told;
    int times;
    struct sq_err why;
};

static void dispossessed(void *arg, const struct sq_err *why)
{
    struct told *t = arg;
    t->times++;
    t->why = *why;
    sem_post(&t->told);
}

static int nothing(struct sq_op *op, struct sq_tx *tx, struct sq_err *err)
{
    return 0;
}

static int call(struct sq_writer *w, struct sq_err *err)
{
    struct sq_arena arena;
    sq_arena_init(&arena, 1000);
    struct sq_op op = {.run = nothing, .arena = &arena};
    int rc = sq_writer_call(w, &op, err);
    sq_arena_fini(&arena);
    return rc;
}

static void test_a_second_writer_is_refused(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_writer *first, *second;
    struct sq_writer_conf conf = {.uri = c->uri, .lease = lease()}, other = conf;
    other.lease = lease();
    OK(err, sq_writer_start(&conf, &first, &err));
    assert_int_equal(sq_writer_start(&other, &second, &err), SQ_EEXIST);
    OK(err, call(first, &err));
    sq_writer_stop(first);
    sq_lease_free(conf.lease);
    OK(err, sq_writer_start(&other, &second, &err));
    sq_writer_stop(second);
    sq_lease_free(other.lease);
}

/* Its connection is lost and another server is quicker. */
static void test_a_writer_is_dispossessed_once(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct told told = {0};
    struct sq_writer *w;
    pthread_t thread;
    sem_init(&told.told, 0, 0);
    struct sq_writer_conf conf = {
        .uri = c->uri, .lease = lease(), .dispossessed = dispossessed, .arg = &told};
    struct taking t = {.lease = lease(), .db = contract_connect(c, 0)};
    OK(err, sq_writer_start(&conf, &w, &err));
    OK(err, call(w, &err));
    assert_int_equal(pthread_create(&thread, NULL, take, &t), 0);
    while (contract_int(c->db, "select count(*) from pg_locks where locktype = "
                               "'advisory' and not granted") == 0)
        sched_yield();
    contract_int(c->db, "select pg_terminate_backend(pid, 10000)::int from pg_locks "
                        "where locktype = 'advisory' and granted");
    pthread_join(thread, NULL);
    OK(t.err, t.rc);
    assert_int_equal(call(w, &err), SQ_EEXIST);
    sem_wait(&told.told);
    assert_non_null(strstr(told.why.text, "another scitq server"));
    sq_db_close(t.db); /* free again: too late */
    assert_int_equal(call(w, &err), SQ_EEXIST);
    assert_int_equal(told.times, 1);
    sq_writer_stop(w);
    sq_lease_free(conf.lease);
    sq_lease_free(t.lease);
    sem_destroy(&told.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_one_has_it),
        contract_sqlite_test(test_a_link_leads_to_the_same),
        contract_sqlite_test(test_a_lock_file_that_leads_elsewhere),
        cmocka_unit_test(test_others_are_free),
        cmocka_unit_test(test_it_is_taken_again),
        contract_postgresql_test(test_a_dying_session_is_waited_for),
        contract_postgresql_test(test_the_silent_lose_it),
        cmocka_unit_test(test_a_second_writer_is_refused),
        contract_postgresql_test(test_a_writer_is_dispossessed_once),
    };
    return contract_main(tests, SQ_LEN(tests));
}
