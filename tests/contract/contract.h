/* One test source, both engines.
 *
 *   static void test_x(void **state)
 *   {
 *       struct contract *c = *state;   // c->db: a database of its own, tables made
 *   …
 *   int main(void)
 *   {
 *       const struct CMUnitTest tests[] = {cmocka_unit_test(test_x), …};
 *       return contract_main(tests, SQ_LEN(tests));
 *   }
 *
 * Each test runs once as "sqlite: test_x" and once as "postgresql: test_x", on a new
 * database; what only one of them has is contract_sqlite_test(test_x) or
 * contract_postgresql_test(test_x) and runs once.  PostgreSQL is SCITQ_TEST_PG's
 * server, or a private one (tests/pg.sh) that ends with the program; a build
 * --without-postgresql skips those. */
#ifndef SQ_TESTS_CONTRACT_H
#define SQ_TESTS_CONTRACT_H

#include "tests/test.h"

#include "core/store/changes.h"
#include "core/store/db.h"
#include "core/store/schema.h"
#include "lib/arena.h"

struct contract {
    enum sq_engine engine;
    char uri[400];
    char path[200]; /* SQLite's file, "" else */
    struct sq_db *db;
    struct sq_arena arena;
    struct sq_changes changes;
    struct sq_tx tx; /* db, arena, changes; now is 2026-11-22T00:00:00 */
};

int contract_main(const struct CMUnitTest *tests, size_t n);

/* Of one engine alone. */
extern const enum sq_engine contract_sqlite, contract_postgresql;
#define contract_sqlite_test(f) cmocka_unit_test_prestate(f, (void *)&contract_sqlite)
#define contract_postgresql_test(f)                                                    \
    cmocka_unit_test_prestate(f, (void *)&contract_postgresql)

/* The URI of one more database, without tables. */
const char *contract_empty(struct contract *c, char uri[400]);
/* Another connection to this test's database. */
struct sq_db *contract_connect(struct contract *c, unsigned flags);
/* End a connection from outside, as an administrator would (PostgreSQL only). */
void contract_kill(struct contract *c, struct sq_db *victim);
/* All connections to this database but c->db, and wait for their end. */
void contract_kill_others(struct contract *c);

/* A folder that is a disk of `mib` MiB, and makes it another size or read-only.  It
 * belongs to this process alone and goes with it.  False when not allowed to. */
bool contract_disk(struct contract *c, char folder[220], int mib);
void contract_disk_change(const char *folder, int mib, bool read_only);

/* Run statements; the test fails if they do. */
void contract_sql(struct sq_db *db, const char *sql);
/* The first column of the first row as a number; SQ_NULL when there is no row. */
int64_t contract_int(struct sq_db *db, const char *sql);
/* begin and commit around what the test does with c->tx; both must succeed. */
void contract_begin(struct contract *c);
void contract_commit(struct contract *c);

#endif
