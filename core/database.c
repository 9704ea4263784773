/* What the server does with its database before it starts any thread, and what
 * `--db ACTION` does instead of starting.  The store's sentences say what
 * is wrong with a database; here they only reach the person who asked. */
#include "core/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/migrations.h"
#include "core/store/prune.h"
#include "core/store/schema.h"
#include "lib/clock.h"
#include "lib/file.h"

/* The embedded database's directory is ours to make; others must exist. */
static int make_state_dir(const struct sq_settings *s, struct sq_err *err)
{
    size_t len = strlen(s->state_dir);
    if (strncmp(s->database_uri, "sqlite:///", 10) != 0 ||
        strncmp(s->database_uri + 10, s->state_dir, len) != 0 ||
        s->database_uri[10 + len] != '/')
        return 0;
    return sq_mkdirs(s->state_dir, 0750, err);
}

int sq_database_prepare(const struct sq_settings *s, struct sq_known_database *ret,
                        struct sq_err *err)
{
    struct sq_db *db;
    struct sq_known_database known = {0};
    int rc = make_state_dir(s, err);
    if (rc == 0)
        rc = sq_db_open(s->database_uri, 0, &db, err);
    if (rc != 0)
        return rc;
    rc = sq_schema_ensure(db, err);
    if (rc == 0)
        rc = sq_schema_identity(db, &known.id, err);
    if (rc == 0)
        rc = sq_schema_secret(db, &known.secret, err);
    known.words = rc == 0 ? strdup(sq_db_describe(db)) : NULL;
    sq_db_close(db);
    if (rc == 0 && !known.words)
        rc = sq_fail(err, SQ_ENOMEM, "out of memory");
    if (rc != 0)
        sq_database_forget(&known);
    else
        *ret = known;
    return rc;
}

void sq_database_forget(struct sq_known_database *known)
{
    free(known->words);
    free(known->id);
    free(known->secret);
    *known = (struct sq_known_database){0};
}

int sq_database_init(const struct sq_settings *s, struct sq_err *err)
{
    struct sq_known_database known = {0};
    int rc = sq_database_prepare(s, &known, err);
    if (rc == 0)
        printf("the database is ready: %s\n", known.words);
    sq_database_forget(&known);
    return rc;
}

static int upgrade(struct sq_db *db, bool may_init, struct sq_err *err)
{
    enum sq_schema_state state;
    int version, rc = sq_schema_state(db, &state, &version, err);
    const char *name = sq_db_describe(db);
    if (rc != 0)
        return rc;
    if (state == SQ_SCHEMA_EMPTY && !may_init)
        return sq_schema_refuse(db, state, version, err);
    if (state == SQ_SCHEMA_LEGACY || state == SQ_SCHEMA_OLDER)
        sq_schema_warn(db);
    if (state != SQ_SCHEMA_CURRENT)
        rc = sq_schema_migrate(db, err);
    if (rc != 0)
        return rc;
    if (state == SQ_SCHEMA_CURRENT)
        printf("%s: is right, version %d: nothing to do\n", name, version);
    else if (state == SQ_SCHEMA_EMPTY)
        printf("%s: its tables are made, version %d\n", name, sq_migrations_count);
    else if (state == SQ_SCHEMA_LEGACY)
        printf("%s: upgraded from scitq 1.3 to version %d\n", name,
               sq_migrations_count);
    else
        printf("%s: upgraded from version %d to %d\n", name, version,
               sq_migrations_count);
    return 0;
}

int sq_database_upgrade(const struct sq_settings *s, bool may_init, struct sq_err *err)
{
    struct sq_db *db;
    int rc = may_init ? make_state_dir(s, err) : 0;
    if (rc == 0)
        rc = sq_db_open(s->database_uri, 0, &db, err);
    if (rc != 0)
        return rc;
    rc = upgrade(db, may_init, err);
    sq_db_close(db);
    return rc;
}

int sq_database_prune(const struct sq_settings *s, int64_t days, struct sq_err *err)
{
    const int64_t day_us = INT64_C(86400) * 1000000;
    struct sq_pruned done;
    enum sq_schema_state state;
    struct sq_db *db;
    int version, rc = sq_db_open(s->database_uri, 0, &db, err);
    if (rc != 0)
        return rc;
    rc = sq_schema_state(db, &state, &version, err);
    if (rc == 0 && state != SQ_SCHEMA_CURRENT)
        rc = sq_schema_refuse(db, state, version, err);
    if (rc == 0) {
        rc = sq_prune(db, sq_now() - days * day_us, &done, err);
        printf(
            "%s: of %lld executions only the ends of their outputs are kept, %.1f MB "
            "less\n",
            sq_db_describe(db), (long long)done.executions, (double)done.bytes / 1e6);
    }
    sq_db_close(db);
    return rc;
}

int sq_database_check(const struct sq_settings *s, struct sq_err *err)
{
    struct sq_db *db;
    enum sq_schema_state state;
    int version, rc = sq_db_open(s->database_uri, SQ_DB_READONLY, &db, err);
    if (rc != 0)
        return rc;
    rc = sq_schema_state(db, &state, &version, err);
    if (rc == 0 && state == SQ_SCHEMA_CURRENT)
        printf("%s: is right, version %d\n", sq_db_describe(db), version);
    else if (rc == 0)
        rc = sq_schema_refuse(db, state, version, err);
    sq_db_close(db);
    return rc;
}
