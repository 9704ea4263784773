/* Whose tables are these, and the migrations that bring them forward.
 *
 * All that are missing are one transaction, each with its line in scitq_schema: what
 * fails leaves the database as it was.  The state is read again inside, under a lock
 * that lets one process at a time migrate, so that several servers may start at once on
 * an empty database. */
#include "core/store/schema.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/legacy.h"
#include "core/store/migrations.h"
#include "lib/clock.h"
#include "lib/log.h"

/* 1.3 had the first eleven as well. */
static const char *const names[] = {"task",
                                    "worker",
                                    "execution",
                                    "signal",
                                    "job",
                                    "requirement",
                                    "recruiter",
                                    "region",
                                    "flavor",
                                    "flavormetrics",
                                    "flavorstats",
                                    "execution_log",
                                    "inventory_host",
                                    "inventory_variable",
                                    "scitq_identity",
                                    "scitq_secret"};
enum { LEGACY_NAMES = 11 };

struct tables {
    bool registered, named, only_ours; /* scitq_schema; any; one that 1.3 had not */
};

static void look_at_tables(struct sq_db *db, struct tables *ret)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_TABLES);
    while (sq_row(st)) {
        const char *name = sq_col_text(st, 0, NULL);
        ret->registered = ret->registered || strcmp(name, "scitq_schema") == 0;
        for (size_t i = 0; i < SQ_LEN(names); i++) {
            bool is_it = strcmp(name, names[i]) == 0;
            ret->named = ret->named || is_it;
            ret->only_ours = ret->only_ours || (is_it && i >= LEGACY_NAMES);
        }
    }
}

static int64_t registered_version(struct sq_db *db)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_VERSION);
    int64_t version = sq_row(st) ? sq_col_int(st, 0) : 0;
    sq_stmt_end(st);
    return version == SQ_NULL ? 0 : version;
}

int sq_schema_state(struct sq_db *db, enum sq_schema_state *ret, int *ret_version,
                    struct sq_err *err)
{
    struct tables tables = {0};
    int64_t version = 0;
    enum sq_schema_state state = SQ_SCHEMA_EMPTY;
    look_at_tables(db, &tables);
    if (tables.registered) {
        version = registered_version(db);
        state = version == sq_migrations_count  ? SQ_SCHEMA_CURRENT
                : version < sq_migrations_count ? SQ_SCHEMA_OLDER
                                                : SQ_SCHEMA_NEWER;
    } else if (tables.named) {
        const char *table, *column;
        state = !tables.only_ours && sq_legacy_is(db, &table, &column)
                    ? SQ_SCHEMA_LEGACY
                    : SQ_SCHEMA_FOREIGN;
    }
    int rc = sq_db_error(db, err);
    if (rc)
        return rc;
    *ret = state;
    if (ret_version)
        *ret_version = (int)version;
    return 0;
}

/* Somebody else's, or what an accident left of ours. */
static int refuse_foreign(struct sq_db *db, struct sq_err *err)
{
    const char *table, *column;
    bool whole = sq_legacy_is(db, &table, &column);
    return sq_fail(err, SQ_EUNSUPPORTED,
                   "database %s has tables that are named like scitq's and are not "
                   "(%s%s%s is absent): give scitq a database of its own, or restore a "
                   "copy if this was one",
                   sq_db_describe(db), whole ? "scitq_schema" : table, whole ? "" : ".",
                   whole ? "" : column);
}

int sq_schema_refuse(struct sq_db *db, enum sq_schema_state state, int version,
                     struct sq_err *err)
{
    const char *name = sq_db_describe(db);
    int rc = state == SQ_SCHEMA_LEGACY ? sq_legacy_check(db, err) : 0;
    if (rc)
        return rc;
    switch (state) {
    case SQ_SCHEMA_EMPTY:
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "database %s has no tables yet: scitq-manage db init makes them",
                       name);
    case SQ_SCHEMA_OLDER:
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "database %s has version %d of scitq's tables, this scitq needs "
                       "%d: run scitq-manage db upgrade",
                       name, version, sq_migrations_count);
    case SQ_SCHEMA_NEWER:
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "database %s was made by a newer scitq (its tables are version "
                       "%d, this one knows %d): upgrade scitq",
                       name, version, sq_migrations_count);
    case SQ_SCHEMA_LEGACY:
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "database %s was made by scitq 1.3: run scitq-manage db upgrade",
                       name);
    default: return refuse_foreign(db, err);
    }
}

void sq_schema_warn(struct sq_db *db)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_SESSIONS);
    int64_t n = sq_row(st) ? sq_col_int(st, 0) : 0;
    sq_stmt_end(st);
    if (n > 0)
        sq_log(SQ_LOG_WARNING, "store",
               "%s: %lld other session%s in it: should one be a server's, stop it, "
               "and let it not come back after the upgrade",
               sq_db_describe(db), (long long)n, n == 1 ? "" : "s");
}

static void apply(struct sq_db *db, const struct sq_migration *m)
{
    sq_db_script(db, m->sql);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_REGISTER);
    sq_bind_int(st, 1, m->version);
    sq_bind_time(st, 2, sq_now());
    sq_run(st);
}

/* *ret_done when there is none left. */
static int step(struct sq_db *db, bool *ret_done, struct sq_err *err)
{
    enum sq_schema_state state;
    int version, rc = sq_schema_state(db, &state, &version, err);
    if (rc)
        return rc;
    *ret_done = state == SQ_SCHEMA_CURRENT;
    if (*ret_done)
        return 0;
    if (state == SQ_SCHEMA_NEWER || state == SQ_SCHEMA_FOREIGN)
        return sq_schema_refuse(db, state, version, err);
    rc = state == SQ_SCHEMA_LEGACY ? sq_legacy_convert(db, err) : 0;
    if (rc)
        return err ? sq_prefix(err, "upgrade from 1.3: ") : rc;
    const struct sq_migration *m = sq_db_engine(db) == SQ_SQLITE
                                       ? &sq_migrations_sqlite[version]
                                       : &sq_migrations_postgres[version];
    apply(db, m);
    rc = sq_db_error(db, err);
    if (rc)
        return err ? sq_prefix(err, "migration %04d-%s: ", m->version, m->name) : rc;
    sq_log(SQ_LOG_INFO, "store", "%s: applied migration %04d-%s", sq_db_describe(db),
           m->version, m->name);
    return 0;
}

int sq_schema_migrate(struct sq_db *db, struct sq_err *err)
{
    int rc = sq_db_begin(db, true, err);
    if (!rc)
        sq_run(sq_db_query(db, SQ_Q_SCHEMA_LOCK));
    for (bool done = false; !rc && !done;)
        rc = step(db, &done, err);
    if (!rc)
        return sq_db_commit(db, err);
    sq_db_rollback(db);
    return rc;
}

int sq_schema_ensure(struct sq_db *db, struct sq_err *err)
{
    enum sq_schema_state state;
    int version;
    int rc = sq_schema_state(db, &state, &version, err);
    if (rc || state == SQ_SCHEMA_CURRENT)
        return rc;
    if (state == SQ_SCHEMA_EMPTY)
        return sq_schema_migrate(db, err);
    return sq_schema_refuse(db, state, version, err);
}

/* The only row of a table with one column. */
static int only_text(struct sq_db *db, enum sq_query query, const char *table,
                     char **ret, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, query);
    char *text = sq_row(st) ? strdup(sq_col_text(st, 0, NULL)) : NULL;
    sq_stmt_end(st);
    int rc = sq_db_error(db, err);
    if (!rc && !text)
        rc = sq_fail(err, SQ_EIO, "database %s has no row in %s", sq_db_describe(db),
                     table);
    if (rc)
        free(text);
    else
        *ret = text;
    return rc;
}

int sq_schema_identity(struct sq_db *db, char **ret, struct sq_err *err)
{
    return only_text(db, SQ_Q_SCHEMA_IDENTITY, "scitq_identity", ret, err);
}

int sq_schema_secret(struct sq_db *db, char **ret, struct sq_err *err)
{
    return only_text(db, SQ_Q_SCHEMA_SECRET, "scitq_secret", ret, err);
}
