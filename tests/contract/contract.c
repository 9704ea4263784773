/* Runs tests over both engines: see contract.h.  Databases are made from a template
 * that has the tables: a copied file, CREATE DATABASE … TEMPLATE. */
#include "tests/contract/contract.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "tests/file.h"

extern char **environ;

#ifdef HAVE_POSTGRESQL
static const bool with_postgresql = true;
#else
static const bool with_postgresql = false;
#endif

static struct world {
    char folder[64];
    char server[400]; /* a PostgreSQL URI, "" when there is none */
    struct sq_db *admin;
    int made;
    struct sq_buf template;
} world;

/* A program's standard output; its exit status. */
static int run(const char *const argv[], struct sq_buf *out)
{
    int fds[2], status;
    pid_t pid;
    struct sq_err err = {0};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    assert_int_equal(
        posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    OK(err, sq_read_all(fds[0], out, &err));
    close(fds[0]);
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void pg_script(const char *verb, struct sq_buf *out)
{
    char script[300], folder[100], owner[40];
    const char *top = getenv("top_srcdir");
    snprintf(script, sizeof script, "%s/tests/pg.sh", top ? top : ".");
    snprintf(folder, sizeof folder, "%s/pg", world.folder);
    snprintf(owner, sizeof owner, "PG_OWNER=%d", (int)getpid());
    const char *const argv[] = {"env", owner, "sh", script, verb, folder, NULL};
    if (run(argv, out) != 0)
        fail_msg("tests/pg.sh %s failed", verb);
}

static void start_server(void)
{
    const char *given = getenv("SCITQ_TEST_PG");
    if (given) {
        snprintf(world.server, sizeof world.server, "%s", given);
        return;
    }
    struct sq_buf out;
    sq_buf_init(&out, 10000);
    pg_script("start", &out);
    const char *at = strstr(out.data, "SCITQ_TEST_PG='");
    assert_non_null(at);
    at += strlen("SCITQ_TEST_PG='");
    snprintf(world.server, sizeof world.server, "%.*s", (int)strcspn(at, "'"), at);
    sq_buf_fini(&out);
}

/* The server's URI with another database: postgresql://lab@/NAME?… */
static void pg_uri(const char *name, char uri[400])
{
    const char *host = strstr(world.server, "://") + 3;
    int before = (int)(strchr(host, '/') + 1 - world.server);
    const char *query = strchr(world.server, '?');
    snprintf(uri, 400, "%.*s%s%s", before, world.server, name, query ? query : "");
}

/* The connection that makes and drops databases; opened again when a test cut it. */
static struct sq_db *admin(void)
{
    struct sq_err err = {0};
    if (world.admin && !sq_db_alive(world.admin)) {
        sq_db_close(world.admin);
        world.admin = NULL;
    }
    if (!world.admin)
        OK(err, sq_db_open(world.server, 0, &world.admin, &err));
    return world.admin;
}

static void ensure(const char *uri)
{
    struct sq_err err = {0};
    struct sq_db *db;
    OK(err, sq_db_open(uri, 0, &db, &err));
    OK(err, sq_schema_ensure(db, &err));
    sq_db_close(db);
}

static const char *admin_name(const char *prefix, char name[64])
{
    snprintf(name, 64, "%s_%d_%d", prefix, (int)getpid(), ++world.made);
    return name;
}

static char template_name[64];

static void setup_postgres(void)
{
    char sql[200], uri[400];
    start_server();
    snprintf(sql, sizeof sql, "create database %s",
             admin_name("template", template_name));
    contract_sql(admin(), sql);
    pg_uri(template_name, uri);
    ensure(uri);
}

static int setup_world(void **state)
{
    struct sq_err err = {0};
    char uri[400];
    strcpy(world.folder, "/tmp/scitq-contract-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    snprintf(uri, sizeof uri, "sqlite:///%s/template.db", world.folder);
    ensure(uri);
    sq_buf_init(&world.template, 10 << 20);
    OK(err, sq_file_read(uri + strlen("sqlite:///"), &world.template, &err));
    if (with_postgresql)
        setup_postgres();
    return 0;
}

static int teardown_world(void **state)
{
    struct sq_err err = {0};
    sq_db_close(world.admin);
    sq_buf_fini(&world.template);
    if (world.server[0] && !getenv("SCITQ_TEST_PG")) {
        struct sq_buf out;
        sq_buf_init(&out, 10000);
        pg_script("stop", &out);
        sq_buf_fini(&out);
    }
    OK(err, sq_dir_remove(world.folder, &err));
    return 0;
}

/* Each test's. */

static void new_postgres(struct contract *c, const char *template, char uri[400])
{
    char name[64], sql[200];
    snprintf(sql, sizeof sql, "create database %s template %s", admin_name("t", name),
             template);
    contract_sql(admin(), sql);
    pg_uri(name, uri);
}

static void new_sqlite(char uri[400])
{
    snprintf(uri, 400, "sqlite:///%s/%d.db", world.folder, ++world.made);
}

static int setup_test(void **state)
{
    struct sq_err err = {0};
    struct contract *c = calloc(1, sizeof *c);
    c->engine = *(enum sq_engine *)*state;
    *state = c;
    if (c->engine == SQ_POSTGRES && !world.admin)
        return 0;
    if (c->engine == SQ_SQLITE) {
        new_sqlite(c->uri);
        snprintf(c->path, sizeof c->path, "%s", c->uri + strlen("sqlite:///"));
        write_file(c->path, world.template.data, world.template.len);
    } else {
        new_postgres(c, template_name, c->uri);
    }
    OK(err, sq_db_open(c->uri, 0, &c->db, &err));
    sq_arena_init(&c->arena, 512 << 20);
    sq_changes_init(&c->changes);
    c->tx = (struct sq_tx){.db = c->db,
                           .now = INT64_C(1795305600000000),
                           .arena = &c->arena,
                           .changes = &c->changes};
    return 0;
}

static int teardown_test(void **state)
{
    struct contract *c = *state;
    sq_db_close(c->db);
    sq_arena_fini(&c->arena);
    sq_changes_fini(&c->changes);
    free(c);
    return 0;
}

static void skipped(void **state)
{
    print_message("# built --without-postgresql\n");
    skip();
}

const enum sq_engine contract_sqlite = SQ_SQLITE, contract_postgresql = SQ_POSTGRES;

/* Those of `tests` that belong to the engine, each named after it; how many. */
static size_t add_tests(const struct CMUnitTest *tests, size_t n,
                        const enum sq_engine *engine, struct CMUnitTest *ret)
{
    const char *name = *engine == SQ_SQLITE ? "sqlite" : "postgresql";
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const enum sq_engine *only = tests[i].initial_state;
        char title[100];
        if (only && *only != *engine)
            continue;
        snprintf(title, sizeof title, "%s: %s", name, tests[i].name);
        ret[m++] =
            (struct CMUnitTest){.name = strdup(title),
                                .test_func = *engine == SQ_POSTGRES && !with_postgresql
                                                 ? skipped
                                                 : tests[i].test_func,
                                .setup_func = setup_test,
                                .teardown_func = teardown_test,
                                .initial_state = (void *)engine};
    }
    return m;
}

int contract_main(const struct CMUnitTest *tests, size_t n)
{
    struct CMUnitTest *all = calloc(2 * n, sizeof *all);
    size_t m = add_tests(tests, n, &contract_sqlite, all);
    m += add_tests(tests, n, &contract_postgresql, all + m);
    int rc = _cmocka_run_group_tests("contract", all, m, setup_world, teardown_world);
    for (size_t i = 0; i < m; i++)
        free((char *)all[i].name);
    free(all);
    return rc;
}

const char *contract_empty(struct contract *c, char uri[400])
{
    if (c->engine == SQ_SQLITE)
        new_sqlite(uri);
    else
        new_postgres(c, "template1", uri);
    return uri;
}

struct sq_db *contract_connect(struct contract *c, unsigned flags)
{
    struct sq_err err = {0};
    struct sq_db *db;
    OK(err, sq_db_open(c->uri, flags, &db, &err));
    return db;
}

void contract_kill(struct contract *c, struct sq_db *victim)
{
    char sql[100];
    int64_t pid = contract_int(victim, "select pg_backend_pid()");
    /* The second argument waits for the process to be gone. */
    snprintf(sql, sizeof sql, "select pg_terminate_backend(%d, 10000)::int", (int)pid);
    assert_int_equal(contract_int(admin(), sql), 1);
}

bool contract_disk(struct contract *c, char folder[220], int mib)
{
    char options[40];
    snprintf(folder, 220, "%s.mnt", c->path);
    snprintf(options, sizeof options, "size=%dm", mib);
    return unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mkdir(folder, 0755) == 0 && mount("scitq", folder, "tmpfs", 0, options) == 0;
}

void contract_disk_change(const char *folder, int mib, bool read_only)
{
    char options[40];
    snprintf(options, sizeof options, "size=%dm", mib);
    assert_int_equal(
        mount(NULL, folder, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), options),
        0);
}

void contract_sql(struct sq_db *db, const char *sql)
{
    struct sq_err err = {0};
    sq_db_script(db, sql);
    OK(err, sq_db_error(db, &err));
}

int64_t contract_int(struct sq_db *db, const char *sql)
{
    struct sq_err err = {0};
    struct sq_stmt *st = sq_db_sql(db, sql);
    int64_t v = sq_row(st) ? sq_col_int(st, 0) : SQ_NULL;
    sq_stmt_end(st);
    OK(err, sq_db_error(db, &err));
    return v;
}

void contract_begin(struct contract *c)
{
    struct sq_err err = {0};
    OK(err, sq_db_begin(c->db, true, &err));
}

void contract_commit(struct contract *c)
{
    struct sq_err err = {0};
    OK(err, sq_db_commit(c->db, &err));
}

void contract_kill_others(struct contract *c)
{
    contract_int(c->db, "select count(pg_terminate_backend(pid, 10000)) from "
                        "pg_stat_activity where datname = current_database() and "
                        "pid <> pg_backend_pid()");
}
