/* The PostgreSQL engine: the connection, its pipeline and transactions.
 *
 * The connection stays in libpq's pipeline mode.  What need not be answered (BEGIN,
 * SAVEPOINT, statements sent by sq_send) waits in libpq's buffer and travels with the
 * next command that must be: one round trip for all.  A failure makes the server skip
 * the rest up to the synchronization that follows; the first error is the one kept. */
#include "core/store/postgres/internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/log.h"

#define LOCKED "55P03" /* lock_not_available */

/* Errors. */

static const struct {
    const char *state; /* SQLSTATE, or the first of its characters */
    int code;
    const char *advice;
} reasons[] = {
    {"23505", SQ_EEXIST, ""},
    {"23503", SQ_ENOENT, ""},
    {"23", SQ_EINVAL, ""},
    {"22", SQ_EINVAL, ""},
    {"53100", SQ_ENOSPC, ": its disk is full"},
    {"53200", SQ_ENOMEM, ""},
    {"54", SQ_ETOOBIG, ""},
    {"40", SQ_EBUSY, ""},
    {LOCKED, SQ_EBUSY, ": another session holds a lock on what is needed: try again"},
    {"57014", SQ_ETIMEDOUT, ""},
    {"25006", SQ_EIO, ": it is read-only (a standby?)"},
};

/* The first line, without its "ERROR:  ". */
static void first_line(const char *message, char *out, size_t size)
{
    const char *colon = strstr(message, ":  ");
    if (colon && colon - message < 10)
        message = colon + 3;
    snprintf(out, size, "%.*s", (int)strcspn(message, "\n"), message);
}

static void stick_result(struct sq_pg *pg, const PGresult *result, const char *what)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    char line[400];
    int code = SQ_EIO;
    const char *advice = "";
    for (size_t i = 0; state && i < SQ_LEN(reasons) && !*advice && code == SQ_EIO; i++)
        if (strncmp(state, reasons[i].state, strlen(reasons[i].state)) == 0) {
            code = reasons[i].code;
            advice = reasons[i].advice;
        }
    const char *message = PQresultErrorMessage(result);
    first_line(*message ? message : PQerrorMessage(pg->conn), line, sizeof line);
    /* The next statement would wait as long. */
    pg->base.doomed |= state && strcmp(state, LOCKED) == 0;
    sq_db_stick(&pg->base, code, "database %s: %s%s%s%s", pg->base.describe, line,
                advice, what ? ", in " : "", what ? what : "");
}

void sq_pg_stick(struct sq_pg *pg)
{
    char line[400];
    first_line(PQerrorMessage(pg->conn), line, sizeof line);
    sq_db_stick(&pg->base, SQ_EIO, "database %s: %s", pg->base.describe,
                *line ? line : "the connection is lost");
}

/* The pipeline. */

bool sq_pg_reserve(struct sq_pg *pg, struct sq_pg_statement *st)
{
    if (pg->n_pending == SQ_PG_PENDING)
        sq_pg_settle(pg, NULL, NULL);
    if (pg->base.err.code)
        return false;
    pg->pending[pg->n_pending++] = (struct sq_pg_pending){.prepares = st};
    return true;
}

static bool good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* One pending command: its only result, NULL when the connection is gone. */
static PGresult *next_result(struct sq_pg *pg)
{
    PGresult *result = PQgetResult(pg->conn), *end;
    while (result && (end = PQgetResult(pg->conn)))
        PQclear(end);
    return result;
}

static void take_sync(struct sq_pg *pg)
{
    PGresult *result;
    while ((result = PQgetResult(pg->conn))) {
        bool sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (sync)
            return;
    }
    sq_pg_stick(pg);
}

static const char *name_of(const struct sq_pg_statement *s, const char *otherwise)
{
    return s && s->name ? s->name : otherwise;
}

void sq_pg_settle(struct sq_pg *pg, const char *what, PGresult **ret_last)
{
    if (pg->n_pending == 0)
        return;
    bool sent = PQpipelineSync(pg->conn) == 1;
    if (!sent)
        sq_pg_stick(pg);
    for (int i = 0; i < pg->n_pending; i++) {
        struct sq_pg_statement *preparing = pg->pending[i].prepares;
        struct sq_pg_statement *asked = pg->pending[i].answers;
        PGresult *result = sent ? next_result(pg) : NULL;
        if (preparing)
            preparing->state = good(result) ? SQ_PG_PREPARED : SQ_PG_NEW;
        if (!result)
            sq_pg_stick(pg);
        else if (PQresultStatus(result) != PGRES_PIPELINE_ABORTED && !good(result))
            stick_result(pg, result, name_of(preparing ? preparing : asked, what));
        if (asked && good(result))
            asked->result = result;
        else if (ret_last && i == pg->n_pending - 1 && good(result))
            *ret_last = result;
        else
            PQclear(result);
    }
    pg->n_pending = 0;
    pg->fallible = false;
    if (sent)
        take_sync(pg);
}

/* Opening. */

static void ignore_notice(void *arg, const char *message)
{
    sq_log(SQ_LOG_DEBUG, "store", "PostgreSQL: %s", message);
}

/* postgresql+psycopg2://… is how 1.3 wrote it.  The caller frees *ret. */
static int libpq_uri(const char *uri, char **ret, struct sq_err *err)
{
    *ret = NULL;
    if (asprintf(ret, "postgresql%s", strstr(uri, "://")) < 0)
        return sq_fail(err, SQ_ENOMEM, "out of memory opening the database");
    return 0;
}

/* "postgresql host/db".  libpq's words about a bad URI are left out: they may quote
 * its password. */
static int describe(const char *uri, char **ret, struct sq_err *err)
{
    PQconninfoOption *options = PQconninfoParse(uri, NULL);
    if (!options)
        return sq_fail(err, SQ_EINVAL,
                       "the database URI cannot be understood: it should look like "
                       "postgresql://user@host:port/database?option=value");
    const char *host = NULL, *name = NULL, *user = NULL;
    for (PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, "host") == 0)
            host = o->val;
        else if (strcmp(o->keyword, "dbname") == 0)
            name = o->val;
        else if (strcmp(o->keyword, "user") == 0)
            user = o->val;
    }
    int n = asprintf(ret, "postgresql %s/%s", host && *host ? host : "localhost",
                     name && *name ? name : (user ? user : ""));
    PQconninfoFree(options);
    return n < 0 ? sq_fail(err, SQ_ENOMEM, "out of memory opening the database") : 0;
}

/* Given before the URI, which may override them: a server that is silent for a minute
 * is lost. */
static PGconn *connect_to(const char *uri)
{
    const char *keys[] = {
        "connect_timeout",  "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
        "dbname",           "client_encoding",  NULL};
    const char *values[] = {"10", "30", "10", "3", "60000", "scitq", uri, "UTF8", NULL};
    return PQconnectdbParams(keys, values, 1);
}

/* Plans are made once a connection, often while a table is empty, and stay when it has
 * grown: a plan that reads a whole small table was seen to take 88 ms instead of 0.06
 * with 500,000 rows; a join by hashing read 17,000 executions to change 64.  So an
 * index is used wherever there is one, row by row, a look into it counts as cheap (the
 * hot end of each is in memory), and nothing is spent on compiling.  Even so a plan
 * made on a few rows may walk the table: see refresh_plans() for how that ends.
 *
 * The keepalives are PostgreSQL's own: a session whose machine vanished ends within a
 * minute, also before 14 (see lease.c).
 *
 * People lock tables by hand (vacuum full, alter table, a transaction left open): who
 * waits for them holds a thread or the writer, and SIGTERM waits with it. */
static const char session[] =
    "set tcp_keepalives_idle to 30; "
    "set tcp_keepalives_interval to 10; "
    "set tcp_keepalives_count to 3; "
    "set lock_timeout to '2s'; "
    "set timezone to 'UTC'; set jit to off; "
    "set enable_seqscan to off; "
    "set enable_hashjoin to off; "
    "set enable_mergejoin to off; "
    "set random_page_cost to 0.1; set plan_cache_mode to force_generic_plan; ";

/* Commands of every transaction, prepared under their own text: parsing them would cost
 * as much as running them. */
static const char *const frequent[] = {"begin", "commit", "savepoint s1",
                                       "release savepoint s1"};

static bool is_frequent(const char *sql)
{
    size_t i = 0;
    while (i < SQ_LEN(frequent) && strcmp(frequent[i], sql) != 0)
        i++;
    return i < SQ_LEN(frequent);
}

static void prepare_frequent(struct sq_pg *pg)
{
    for (size_t i = 0; i < SQ_LEN(frequent) && !pg->base.err.code; i++) {
        PGresult *result = PQprepare(pg->conn, frequent[i], frequent[i], 0, NULL);
        if (!good(result))
            stick_result(pg, result, NULL);
        PQclear(result);
    }
}

/* Texts come in every language, and one that cannot be stored would be tried again and
 * again.  SQL_ASCII takes any bytes. */
static void check_encoding(struct sq_pg *pg)
{
    const char *name = PQparameterStatus(pg->conn, "server_encoding");
    if (name && strcmp(name, "UTF8") != 0 && strcmp(name, "SQL_ASCII") != 0)
        sq_db_stick(&pg->base, SQ_EUNSUPPORTED,
                    "database %s has the encoding %s, which cannot hold every text: "
                    "give scitq one made by createdb -E UTF8 -T template0 (pg_dump and "
                    "pg_restore bring what is in this one there)",
                    pg->base.describe, name);
}

static void configure(struct sq_pg *pg, unsigned flags)
{
    check_encoding(pg);
    if (pg->base.err.code)
        return;
    char sql[800];
    snprintf(sql, sizeof sql, "%s%s", session,
             flags & SQ_DB_READONLY ? "set default_transaction_read_only to on; "
                                      "show synchronous_commit"
                                    : "show synchronous_commit");
    PGresult *result = PQexec(pg->conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        stick_result(pg, result, NULL);
    else if (!(flags & SQ_DB_READONLY) && strcmp(PQgetvalue(result, 0, 0), "off") == 0)
        sq_log(SQ_LOG_WARNING, "store",
               "%s has synchronous_commit off: what was acknowledged may be lost when "
               "its machine stops",
               pg->base.describe);
    PQclear(result);
    prepare_frequent(pg);
    if (!pg->base.err.code && !PQenterPipelineMode(pg->conn))
        sq_pg_stick(pg);
}

static void postgres_close(struct sq_db *db)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    PQfinish(pg->conn);
    free(pg);
}

static int postgres_open(const char *uri, unsigned flags, struct sq_db **ret,
                         struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) char *clean = NULL;
    struct sq_pg *pg = calloc(1, sizeof *pg);
    if (!pg)
        return sq_fail(err, SQ_ENOMEM, "out of memory opening the database");
    int rc = libpq_uri(uri, &clean, err);
    if (!rc)
        rc = describe(clean, &pg->base.describe, err);
    if (!rc) {
        pg->conn = connect_to(clean);
        PQsetNoticeProcessor(pg->conn, ignore_notice, NULL);
        if (PQstatus(pg->conn) != CONNECTION_OK)
            sq_pg_stick(pg);
        else
            configure(pg, flags);
        rc = pg->base.err.code;
        if (rc && err)
            *err = pg->base.err;
    }
    if (rc) {
        free(pg->base.describe);
        postgres_close(&pg->base);
        return rc;
    }
    *ret = &pg->base;
    return 0;
}

/* An idle connection becomes readable when the server ends it: first its words, then
 * the end. */
static bool postgres_alive(const struct sq_db *db)
{
    PGconn *conn = ((const struct sq_pg *)db)->conn;
    struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
    while (PQstatus(conn) == CONNECTION_OK && poll(&p, 1, 0) == 1)
        if (!PQconsumeInput(conn))
            return false;
    return PQstatus(conn) == CONNECTION_OK;
}

static char *postgres_heard(struct sq_db *db)
{
    PGconn *conn = ((struct sq_pg *)db)->conn;
    PGnotify *n = PQconsumeInput(conn) ? PQnotifies(conn) : NULL;
    char *text = n ? strdup(n->extra) : NULL;
    PQfreemem(n);
    return text;
}

static int postgres_fd(const struct sq_db *db)
{
    return PQsocket(((const struct sq_pg *)db)->conn);
}

/* Not PQcancel(): a server that does not answer would not answer that either. */
static void postgres_cut(struct sq_db *db)
{
    shutdown(PQsocket(((struct sq_pg *)db)->conn), SHUT_RDWR);
}

/* Transactions. */

bool sq_pg_command(struct sq_pg *pg, const char *sql)
{
    if (!sq_pg_reserve(pg, NULL))
        return false;
    if (is_frequent(sql)
            ? PQsendQueryPrepared(pg->conn, sql, 0, NULL, NULL, NULL, 1)
            : PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
        return true;
    pg->n_pending--;
    sq_pg_stick(pg);
    return false;
}

static void postgres_command(struct sq_db *db, const char *sql)
{
    sq_pg_command((struct sq_pg *)db, sql);
}

static void postgres_settle(struct sq_db *db)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    if (pg->fallible)
        sq_pg_settle(pg, NULL, NULL);
}

static void postgres_commit(struct sq_db *db)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    PGresult *result = NULL;
    if (sq_pg_command(pg, "commit"))
        sq_pg_settle(pg, "commit", &result);
    if (result && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        sq_db_stick(db, SQ_EIO, "database %s undid the transaction", db->describe);
    PQclear(result);
}

/* Run a command that heals: the sticky error is put aside. */
static void heal(struct sq_pg *pg, const char *sql)
{
    sq_pg_settle(pg, NULL, NULL);
    pg->base.err = (struct sq_err){0};
    if (sq_pg_command(pg, sql))
        sq_pg_settle(pg, NULL, NULL);
}

static void postgres_rollback(struct sq_db *db)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    if (db->in_tx && PQstatus(pg->conn) == CONNECTION_OK)
        heal(pg, "rollback");
    else
        sq_pg_settle(pg, NULL, NULL);
}

static void postgres_rollback_to(struct sq_db *db, const char *savepoint)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    char sql[64];
    snprintf(sql, sizeof sql, "rollback to savepoint %s", savepoint);
    heal(pg, sql);
    snprintf(sql, sizeof sql, "release savepoint %s", savepoint);
    if (!db->err.code)
        sq_pg_command(pg, sql);
}

/* Asked after an error, when the pipeline is empty. */
static bool postgres_in_transaction(struct sq_db *db)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    sq_pg_settle(pg, NULL, NULL);
    PGTransactionStatusType status = PQtransactionStatus(pg->conn);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* Several statements in one text are not for pipelines. */
static void postgres_script(struct sq_db *db, const char *sql)
{
    struct sq_pg *pg = (struct sq_pg *)db;
    sq_pg_settle(pg, NULL, NULL);
    if (db->err.code)
        return;
    if (!PQexitPipelineMode(pg->conn)) {
        sq_pg_stick(pg);
        return;
    }
    PGresult *result = PQexec(pg->conn, sql);
    if (!good(result))
        stick_result(pg, result, NULL);
    PQclear(result);
    if (!PQenterPipelineMode(pg->conn))
        sq_pg_stick(pg);
}

const struct sq_engine_ops sq_postgres_ops = {
    .engine = SQ_POSTGRES,
    .open = postgres_open,
    .close = postgres_close,
    .alive = postgres_alive,
    .cut = postgres_cut,
    .heard = postgres_heard,
    .fd = postgres_fd,
    .command = postgres_command,
    .settle = postgres_settle,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .rollback_to = postgres_rollback_to,
    .in_transaction = postgres_in_transaction,
    .script = postgres_script,
    .prepare = sq_pg_prepare,
    .finish = sq_pg_finish,
    .start = sq_pg_start,
    .end = sq_pg_end,
    .bind_null = sq_pg_bind_null,
    .bind_int = sq_pg_bind_int,
    .bind_real = sq_pg_bind_real,
    .bind_text = sq_pg_bind_text,
    .bind_bool = sq_pg_bind_bool,
    .bind_time = sq_pg_bind_time,
    .bind_blob = sq_pg_bind_blob,
    .row = sq_pg_row,
    .run = sq_pg_run,
    .send = sq_pg_send,
    .ask = sq_pg_ask,
    .col_null = sq_pg_col_null,
    .col_int = sq_pg_col_int,
    .col_real = sq_pg_col_real,
    .col_time = sq_pg_col_time,
    .col_text = sq_pg_col_text,
    .col_blob = sq_pg_col_blob,
};
