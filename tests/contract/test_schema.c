/* Whose tables these are, migrations, and what is said of databases that will not do.
 */
#include "tests/contract/contract.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "config.h"
#include "core/store/migrations.h"
#include "tests/file.h"
#include "tests/lacking.h"

/* scitq 1.3's oldest tables, as far as they are looked at. */
#define LEGACY                                                                         \
    "create table task (task_id integer, name varchar, command varchar, status "       \
    "varchar,"                                                                         \
    " creation_date timestamp, batch varchar);"                                        \
    "create table worker (worker_id integer, name varchar, hostname varchar, status "  \
    "varchar, concurrency integer, batch varchar, idle_callback varchar);"             \
    "create table execution (execution_id integer, worker_id integer, task_id "        \
    "integer, "                                                                        \
    "status varchar, latest boolean);"                                                 \
    "create table signal (signal_id integer, execution_id integer, worker_id "         \
    "integer, "                                                                        \
    "signal integer);"                                                                 \
    "create table requirement (requirement_id integer, task_id integer, "              \
    "other_task_id integer);"
static const char legacy[] = LEGACY;
static const char later_legacy[] =
    LEGACY "create table alembic_version (version_num varchar);"
           "insert into alembic_version values ('abcdef')";

static const struct {
    const char *what, *sql;
    enum sq_schema_state state;
    const char *words; /* of the refusal; NULL: accepted */
} cases[] = {
    {"nothing", "", SQ_SCHEMA_EMPTY, NULL},
    {"somebody's, with other names", "create table kitchen (i integer)",
     SQ_SCHEMA_EMPTY, NULL},
    {"1.3's", legacy, SQ_SCHEMA_LEGACY,
     "made by scitq 1.3: run scitq-manage db upgrade"},
    {"somebody's task table", "create table task (id integer, title varchar)",
     SQ_SCHEMA_FOREIGN, "are not (task.task_id is absent): give scitq a database"},
    {"half of 1.3's", "create table signal (signal_id integer)", SQ_SCHEMA_FOREIGN,
     "(task.task_id is absent)"},
    {"half of ours", "create table execution_log (i integer)", SQ_SCHEMA_FOREIGN,
     "(task.task_id is absent)"},
    {"1.3's at a revision nobody knows", later_legacy, SQ_SCHEMA_LEGACY,
     "at revision \"abcdef\""},
    {"a later one's",
     "create table scitq_schema (version integer, applied timestamp);"
     "insert into scitq_schema values (1, null), (99, null)",
     SQ_SCHEMA_NEWER, "made by a newer scitq (its tables are version 99"},
};

static void test_states(void **state)
{
    struct contract *c = *state;
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_err err = {0};
        char uri[400];
        struct sq_db *db;
        enum sq_schema_state found;
        OK(err, sq_db_open(contract_empty(c, uri), 0, &db, &err));
        if (*cases[i].sql)
            contract_sql(db, cases[i].sql);
        OK(err, sq_schema_state(db, &found, NULL, &err));
        if (found != cases[i].state)
            fail_msg("%s: state %d", cases[i].what, found);
        int rc = sq_schema_ensure(db, &err);
        if (cases[i].words) {
            assert_int_equal(rc, SQ_EUNSUPPORTED);
            if (!strstr(err.text, cases[i].words))
                fail_msg("%s: \"%s\"", cases[i].what, err.text);
            if (found != SQ_SCHEMA_LEGACY) /* test_upgrade.py does */
                assert_int_equal(sq_schema_migrate(db, &err), SQ_EUNSUPPORTED);
        } else {
            OK(err, rc);
            OK(err, sq_schema_state(db, &found, NULL, &err));
            assert_int_equal(found, SQ_SCHEMA_CURRENT);
        }
        sq_db_close(db);
    }
}

static void test_an_older_one_is_brought_forward(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    enum sq_schema_state found;
    int version;
    /* As if no migration had been applied yet: only the register is there. */
    char uri[400];
    struct sq_db *db;
    OK(err, sq_db_open(contract_empty(c, uri), 0, &db, &err));
    contract_sql(db, "create table scitq_schema (version integer primary key, "
                     "applied timestamp)");
    OK(err, sq_schema_state(db, &found, &version, &err));
    assert_int_equal(found, SQ_SCHEMA_OLDER);
    assert_int_equal(version, 0);
    assert_int_equal(sq_schema_ensure(db, &err), SQ_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "scitq-manage db upgrade"));
    /* What fails leaves nothing behind. */
    contract_sql(db, "create table worker (i integer)");
    assert_int_not_equal(sq_schema_migrate(db, &err), 0);
    assert_non_null(strstr(err.text, "migration 0001-initial"));
    contract_sql(db, "create table task (i integer)");
    contract_sql(db, "drop table task");
    contract_sql(db, "drop table worker");
    OK(err, sq_schema_migrate(db, &err));
    assert_int_equal(contract_int(db, "select count(*) from scitq_schema"),
                     sq_migrations_count);
    sq_db_close(db);
    /* A current one stays as it is. */
    OK(err, sq_schema_migrate(c->db, &err));
    assert_int_equal(contract_int(c->db, "select count(*) from scitq_schema"),
                     sq_migrations_count);
}

static void *ensure(void *uri)
{
    struct sq_err err = {0};
    struct sq_db *db = NULL;
    int rc = sq_db_open(uri, 0, &db, &err);
    if (!rc)
        rc = sq_schema_ensure(db, &err);
    sq_db_close(db);
    if (rc)
        print_message("# %s\n", err.text);
    return (void *)(intptr_t)rc;
}

static void test_several_may_start_at_once(void **state)
{
    struct contract *c = *state;
    pthread_t threads[4];
    char uri[400];
    contract_empty(c, uri);
    for (size_t i = 0; i < SQ_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ensure, uri), 0);
    for (size_t i = 0; i < SQ_LEN(threads); i++) {
        void *rc;
        pthread_join(threads[i], &rc);
        assert_int_equal((intptr_t)rc, 0);
    }
}

static void refused(const char *uri, unsigned flags, int code, const char *words)
{
    struct sq_err err = {0};
    struct sq_db *db = NULL;
    int rc = sq_db_open(uri, flags, &db, &err);
    if (rc == 0) {
        sq_db_close(db);
        fail_msg("%s was opened", uri);
    }
    if (rc != code || !strstr(err.text, words))
        fail_msg("%s: %s \"%s\"", uri, sq_code_name(rc), err.text);
    assert_null(strstr(err.text, "secret"));
}

static void test_bad_uris(void **state)
{
    struct contract *c = *state;
    refused("mysql://root:secret@h/db", 0, SQ_EINVAL, "neither sqlite");
    refused("", 0, SQ_EINVAL, "neither sqlite");
    if (c->engine == SQ_SQLITE) {
#ifndef HAVE_POSTGRESQL
        refused("postgresql://lab:secret@h/db", 0, SQ_EUNSUPPORTED,
                "names PostgreSQL, and this scitq was built without");
#endif
        refused("sqlite://", 0, SQ_EINVAL, "names no file");
        refused("sqlite:///", 0, SQ_EINVAL, "names no file");
        refused("sqlite:////no/such/folder/f.db", 0, SQ_EIO,
                "the folder /no/such/folder does not exist");
        refused("sqlite:////tmp", 0, SQ_EIO, "not a file");
        refused("sqlite:////no/file.db", SQ_DB_READONLY, SQ_EIO,
                "there is no such file: scitq-manage db init");
        refused("sqlite:////dev/null/f.db", 0, SQ_EIO, "Not a directory");
        return;
    }
    refused("postgresql://lab:secret@127.0.0.1:1/db", 0, SQ_EIO, "Connection refused");
    refused("postgresql+psycopg2://lab:secret@127.0.0.1:1/db", 0, SQ_EIO,
            "127.0.0.1/db");
    refused("postgresql://lab:secret@[::1/db", 0, SQ_EINVAL, "cannot be understood");
    refused("postgresql://lab:secret@h/db?bogus=1", 0, SQ_EINVAL,
            "cannot be understood");
    refused("postgresql://lab:secret@/db?host=/no/such/socket", 0, SQ_EIO,
            "/no/such/socket");
}

static void test_an_absent_database_or_file(void **state)
{
    struct contract *c = *state;
    char uri[400];
    struct sq_err err = {0};
    if (c->engine == SQ_SQLITE) {
        struct sq_db *db; /* made, folder being there */
        snprintf(uri, sizeof uri, "sqlite:///%s.other", c->path);
        OK(err, sq_db_open(uri, 0, &db, &err));
        sq_db_close(db);
        return;
    }
    snprintf(uri, sizeof uri, "%s", c->uri);
    strstr(uri, "/t_")[1] = 'x';
    refused(uri, 0, SQ_EIO, "does not exist");
}

static void test_files_that_are_not_databases(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_buf whole;
    contract_sql(c->db,
                 "insert into task (command, status, creation_date, batch, retry)"
                 " values ('c', 'x', '', '', 0)");
    sq_db_close(c->db);
    c->db = NULL;
    sq_buf_init(&whole, 10 << 20);
    OK(err, sq_file_read(c->path, &whole, &err));
    char text[3000];
    memset(text, 'x', sizeof text);
    write_file(c->path, text, sizeof text);
    refused(c->uri, 0, SQ_EIO, "not an SQLite database");
    refused(c->uri, SQ_DB_READONLY, SQ_EIO, "not an SQLite database");
    /* Damaged inside: seen when the page is read. */
    memset(whole.data + 4096, 0x5a, whole.len - 4096);
    write_file(c->path, whole.data, whole.len);
    struct sq_db *db = NULL;
    int rc = sq_db_open(c->uri, 0, &db, &err);
    if (!rc) {
        sq_run(sq_db_sql(db, "select count(*) from task"));
        rc = sq_db_error(db, &err);
        assert_false(sq_db_alive(db));
        sq_db_close(db);
    }
    assert_int_equal(rc, SQ_EIO);
    assert_non_null(strstr(err.text, "damaged"));
    sq_buf_fini(&whole);
}

static void test_a_full_disk_and_a_read_only_one(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    char folder[220], uri[400];
    struct sq_db *db;
    if (!contract_disk(c, folder, 1)) {
        lacking("the right to mount");
    }
    snprintf(uri, sizeof uri, "sqlite:///%s/f.db", folder);
    OK(err, sq_db_open(uri, 0, &db, &err));
    contract_sql(db, "create table t (x blob); insert into t values (1)");
    int rc = 0;
    for (int i = 0; i < 100 && !rc; i++) {
        OK(err, sq_db_begin(db, true, &err));
        sq_db_savepoint(db);
        sq_run(sq_db_sql(db, "insert into t values (randomblob(50000))"));
        rc = sq_db_error(db, &err);
        if (rc)
            sq_db_rollback_to(db); /* may have gone with the transaction, or not */
        else
            sq_db_release(db);
        rc = sq_db_commit(db, &err);
    }
    assert_int_equal(rc, SQ_ENOSPC);
    assert_non_null(strstr(err.text, "the disk is full"));
    assert_true(sq_db_alive(db));
    /* Room again: the same connection goes on. */
    contract_disk_change(folder, 8, false);
    OK(err, sq_db_begin(db, true, &err));
    sq_run(sq_db_sql(db, "insert into t values (randomblob(500000))"));
    OK(err, sq_db_commit(db, &err));
    sq_db_close(db);
    contract_disk_change(folder, 8, true);
    refused(uri, 0, SQ_EIO, "read-only");
    assert_int_equal(umount(folder), 0);
}

static void test_one_that_another_program_holds(void **state)
{
    struct contract *c = *state;
    struct sq_err err = {0};
    struct sq_db *other = contract_connect(c, 0);
    OK(err, sq_db_begin(other, true, &err));
    contract_sql(c->db, "pragma busy_timeout = 1");
    assert_int_equal(sq_db_begin(c->db, true, &err), SQ_EBUSY);
    assert_non_null(strstr(err.text, "locked"));
    sq_db_rollback(other);
    OK(err, sq_db_begin(c->db, true, &err));
    sq_db_rollback(c->db);
    sq_db_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_an_older_one_is_brought_forward),
        cmocka_unit_test(test_several_may_start_at_once),
        cmocka_unit_test(test_bad_uris),
        cmocka_unit_test(test_an_absent_database_or_file),
        contract_sqlite_test(test_files_that_are_not_databases),
        contract_sqlite_test(test_a_full_disk_and_a_read_only_one),
        contract_sqlite_test(test_one_that_another_program_holds),
    };
    return contract_main(tests, SQ_LEN(tests));
}
