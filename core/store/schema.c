/* Whose tables are these, and the migrations that bring ours forward.
 *
 * Each migration is one transaction with its line in scitq_schema.  The state is read
 * again inside the first, under a lock that lets one process at a time migrate, so that
 * several servers may start at once on an empty database. */
#include "core/store/schema.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/migrations.h"
#include "lib/clock.h"
#include "lib/log.h"

/* What 1.3's tables have had at every revision: by these they are told from others'. */
static const struct {
    const char *table, *columns[8];
} legacy[] = {
    {"task", {"task_id", "name", "command", "status", "creation_date", "batch"}},
    {"worker", {"worker_id", "name", "hostname", "status", "concurrency", "batch"}},
    {"execution", {"execution_id", "worker_id", "task_id", "status", "latest"}},
    {"signal", {"signal_id", "execution_id", "worker_id", "signal"}},
    {"requirement", {"requirement_id", "task_id", "other_task_id"}},
};

static const char *const ours[] = {"task",
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
                                   "inventory_variable"};

static bool has_column(struct sq_db *db, const char *table, const char *column)
{
    bool found = false;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_COLUMNS);
    sq_bind_text(st, 1, table);
    while (sq_row(st))
        found = found || strcmp(sq_col_text(st, 0, NULL), column) == 0;
    return found;
}

static bool is_legacy(struct sq_db *db)
{
    for (size_t t = 0; t < SQ_LEN(legacy); t++)
        for (const char *const *c = legacy[t].columns; *c; c++)
            if (!has_column(db, legacy[t].table, *c))
                return false;
    return true;
}

static void look_at_tables(struct sq_db *db, bool *ret_registered, bool *ret_named)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_TABLES);
    while (sq_row(st)) {
        const char *name = sq_col_text(st, 0, NULL);
        *ret_registered = *ret_registered || strcmp(name, "scitq_schema") == 0;
        for (size_t i = 0; i < SQ_LEN(ours); i++)
            *ret_named = *ret_named || strcmp(name, ours[i]) == 0;
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
    bool registered = false, named = false;
    int64_t version = 0;
    enum sq_schema_state state = SQ_SCHEMA_EMPTY;
    look_at_tables(db, &registered, &named);
    if (registered) {
        version = registered_version(db);
        state = version == sq_migrations_count  ? SQ_SCHEMA_CURRENT
                : version < sq_migrations_count ? SQ_SCHEMA_OLDER
                                                : SQ_SCHEMA_NEWER;
    } else if (named) {
        state = is_legacy(db) ? SQ_SCHEMA_LEGACY : SQ_SCHEMA_FOREIGN;
    }
    int rc = sq_db_error(db, err);
    if (rc)
        return rc;
    *ret = state;
    if (ret_version)
        *ret_version = (int)version;
    return 0;
}

/* The sentence for a database that this scitq cannot work with. */
static int refuse(struct sq_db *db, enum sq_schema_state state, int version,
                  struct sq_err *err)
{
    const char *name = sq_db_describe(db);
    switch (state) {
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
    default:
        return sq_fail(
            err, SQ_EUNSUPPORTED,
            "database %s has tables that are named like scitq's and are not: "
            "give scitq a database of its own",
            name);
    }
}

static void apply(struct sq_db *db, const struct sq_migration *m)
{
    sq_db_script(db, m->sql);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_REGISTER);
    sq_bind_int(st, 1, m->version);
    sq_bind_time(st, 2, sq_now());
    sq_run(st);
}

/* One step inside its transaction; *ret_done when there is none left. */
static int step(struct sq_db *db, bool *ret_done, struct sq_err *err)
{
    enum sq_schema_state state;
    int version, rc;
    sq_run(sq_db_query(db, SQ_Q_SCHEMA_LOCK));
    rc = sq_schema_state(db, &state, &version, err);
    if (rc)
        return rc;
    *ret_done = state == SQ_SCHEMA_CURRENT;
    if (*ret_done)
        return 0;
    if (state != SQ_SCHEMA_EMPTY && state != SQ_SCHEMA_OLDER)
        return refuse(db, state, version, err);
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
    for (bool done = false; !done;) {
        int rc = sq_db_begin(db, true, err);
        if (!rc)
            rc = step(db, &done, err);
        if (rc) {
            sq_db_rollback(db);
            return rc;
        }
        rc = sq_db_commit(db, err);
        if (rc)
            return rc;
    }
    return 0;
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
    return refuse(db, state, version, err);
}

int sq_schema_identity(struct sq_db *db, char **ret, struct sq_err *err)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_IDENTITY);
    char *id = sq_row(st) ? strdup(sq_col_text(st, 0, NULL)) : NULL;
    sq_stmt_end(st);
    int rc = sq_db_error(db, err);
    if (!rc && !id)
        rc = sq_fail(err, SQ_EIO, "database %s has no row in scitq_identity",
                     sq_db_describe(db));
    if (rc)
        free(id);
    else
        *ret = id;
    return rc;
}
