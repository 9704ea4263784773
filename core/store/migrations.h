/* The numbered migrations, as text: migrations.c is generated from
 * {sqlite,postgres}/NNNN-name.sql.  Number n is at index n - 1; number 0 is apart: it
 * brings tables of scitq 1.3 to where number 1 goes on. */
#ifndef SQ_STORE_MIGRATIONS_H
#define SQ_STORE_MIGRATIONS_H

struct sq_migration {
    int version;
    const char *name, *sql;
};
extern const int sq_migrations_count; /* the same for both engines */
extern const struct sq_migration sq_migrations_sqlite[], sq_migrations_postgres[];
extern const char sq_legacy_sqlite[], sq_legacy_postgres[];

#endif
