/* Tables of scitq 1.3, at any of its revisions.  Which one it is, is seen by the
 * columns: a database that was never migrated has no alembic_version, at whatever
 * revision it was made.  Here the missing columns are added; constraints, which each
 * engine changes in its own way, are in 0000-legacy.sql. */
#include "core/store/legacy.h"

#include <stdio.h>
#include <string.h>

#include "core/store/migrations.h"

/* What 1.3's tables have had at every revision: by these they are told from others'. */
static const struct {
    const char *table, *columns[8];
} oldest[] = {
    {"task", {"task_id", "name", "command", "status", "creation_date", "batch"}},
    {"worker", {"worker_id", "name", "hostname", "status", "concurrency", "batch"}},
    {"execution", {"execution_id", "worker_id", "task_id", "status", "latest"}},
    {"signal", {"signal_id", "execution_id", "worker_id", "signal"}},
    {"requirement", {"requirement_id", "task_id", "other_task_id"}},
};

static const char date[] = "a date", text[] = "varchar";

/* What later revisions, then this scitq, added to them. */
static const struct {
    const char *table, *column, *type;
} added[] = {
    {"task", "retry", "integer not null default 0"},
    {"worker", "task_properties", text},
    {"worker", "flavor", text},
    {"worker", "region", text},
    {"worker", "provider", text},
    {"task", "status_date", date},
    {"task", "download_timeout", "integer"},
    {"task", "run_timeout", "integer"},
    {"worker", "permanent", "boolean"},
    {"worker", "ipv4", text},
    {"worker", "ipv6", text},
    {"worker", "ansible_host", text},
    {"worker", "ansible_group", text},
    {"worker", "ansible_active", "boolean"},
    {"execution", "container", text},
    {"execution", "container_options", text},
    {"execution", "input", text},
    {"execution", "output_folder", text},
    {"execution", "resource", text},
    {"execution", "input_hash", text},
    {"execution", "output_hash", text},
    {"task", "use_cache", "boolean"},
    {"job", "progression", "smallint"},
    {"worker", "spool", text},
    {"worker", "acked", "bigint not null default 0"},
    {"task", "waits_on", "bigint"},
    {"task", "cache_key", text},
    {"task", "cache_state", text},
    {"execution", "downloaded", "boolean"},
    {"execution", "cache_state", text},
};

/* Its migrations, by their names. */
static const char *const revisions[] = {"00ca4479c7e1", "c225e89357b9", "740850a52979",
                                        "2be1e584707d", "bc1934d5d8d4", "c924c0681070"};

/* A table that is not there has no columns. */
static bool has_column(struct sq_db *db, const char *table, const char *column)
{
    bool found = false;
    struct sq_stmt *st = sq_db_query(db, SQ_Q_SCHEMA_COLUMNS);
    sq_bind_text(st, 1, table);
    while (sq_row(st)) {
        const char *name = sq_col_text(st, 0, NULL);
        found = found || !column || strcmp(name, column) == 0;
    }
    return found;
}

bool sq_legacy_is(struct sq_db *db, const char **ret_table, const char **ret_column)
{
    for (size_t t = 0; t < SQ_LEN(oldest); t++)
        for (const char *const *c = oldest[t].columns; *c; c++)
            if (!has_column(db, oldest[t].table, *c)) {
                *ret_table = oldest[t].table;
                *ret_column = *c;
                return false;
            }
    return true;
}

static bool is_revision(const char *name)
{
    for (size_t i = 0; i < SQ_LEN(revisions); i++)
        if (strcmp(name, revisions[i]) == 0)
            return true;
    return false;
}

int sq_legacy_check(struct sq_db *db, struct sq_err *err)
{
    int rc = 0;
    if (!has_column(db, "alembic_version", "version_num"))
        return sq_db_error(db, err);
    struct sq_stmt *st = sq_db_sql(db, "select version_num from alembic_version");
    while (sq_row(st)) {
        const char *name = sq_col_text(st, 0, NULL);
        if (!rc && !is_revision(name ? name : ""))
            rc = sq_fail(err, SQ_EUNSUPPORTED,
                         "database %s is at revision \"%.40s\" of scitq's Python "
                         "version, later than the 1.3.8 that can be upgraded",
                         sq_db_describe(db), name ? name : "");
    }
    int code = sq_db_error(db, err);
    return code ? code : rc;
}

static void add_columns(struct sq_db *db)
{
    bool is_sqlite = sq_db_engine(db) == SQ_SQLITE;
    for (size_t i = 0; i < SQ_LEN(added); i++) {
        const char *type = added[i].type != date ? added[i].type
                           : is_sqlite           ? "datetime"
                                                 : "timestamp without time zone";
        char sql[200];
        if (!has_column(db, added[i].table, NULL) ||
            has_column(db, added[i].table, added[i].column))
            continue;
        snprintf(sql, sizeof sql, "alter table %s add column %s %s", added[i].table,
                 added[i].column, type);
        sq_db_script(db, sql);
    }
}

int sq_legacy_convert(struct sq_db *db, struct sq_err *err)
{
    int rc = sq_legacy_check(db, err);
    if (rc)
        return rc;
    add_columns(db);
    sq_db_script(db,
                 sq_db_engine(db) == SQ_SQLITE ? sq_legacy_sqlite : sq_legacy_postgres);
    return sq_db_error(db, err);
}
