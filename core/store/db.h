/* A database connection, the same over SQLite and PostgreSQL.
 *
 * Statements are named queries from the .sql files (queries.h is generated from
 * them), prepared once a connection, values always bound.  A connection belongs to
 * one thread at a time.
 *
 * **Sticky errors**: the first failure is kept in the connection; from then on every
 * step answers "no row" and binds do nothing, so that code reads straight down and
 * asks once: sq_db_error().  A rollback, or a new begin, clears it. */
#ifndef SQ_STORE_DB_H
#define SQ_STORE_DB_H

#include <scitq/error.h>
#include "lib/util.h"
#include "core/store/queries.h" /* generated: enum sq_query */

enum sq_engine { SQ_SQLITE, SQ_POSTGRES };

struct sq_db;
struct sq_stmt;

enum { SQ_DB_READONLY = 1 };

/* URIs of SCITQ_DATABASE_URI (product.md section 3).  SQLite: WAL, synchronous=FULL,
 * foreign keys on, busy timeout 10 s.  PostgreSQL: time zone UTC, and
 * synchronous_commit is left as the server has it, unless that is off: then a
 * warning.  Errors say which database and why, never the password. */
int sq_db_open(const char *uri, unsigned flags, struct sq_db **ret, struct sq_err *err);
/* Without a connection: is it of a database known here?  The sentence goes on after the
 * setting's name. */
int sq_db_uri_check(const char *uri, struct sq_err *err);
void sq_db_close(struct sq_db *db); /* NULL is allowed */
enum sq_engine sq_db_engine(const struct sq_db *db);
/* "sqlite /path/file.db" or "postgresql host/db": fit to print. */
const char *sq_db_describe(const struct sq_db *db);
/* False when the connection itself is lost: close it and open another. */
bool sq_db_alive(const struct sq_db *db);

/* After a `listen` by sq_db_script(): the text of the next notification that has come,
 * the caller's to free; NULL: none yet.  More may come when the descriptor is readable.
 */
char *sq_db_heard(struct sq_db *db);
int sq_db_fd(const struct sq_db *db);

/* Any thread.  End what any connection of this process waits for: it fails, and
 * PostgreSQL's connections are lost.  While `on`, none is opened.  For a stop that a
 * database holds up. */
void sq_db_cut(bool on);

/* Transactions.  begin clears the sticky error; commit returns the first error since
 * begin, having rolled back.  Savepoints nest inside. */
int sq_db_begin(struct sq_db *db, bool write, struct sq_err *err);
int sq_db_commit(struct sq_db *db, struct sq_err *err);
void sq_db_rollback(struct sq_db *db); /* outside one: ends every statement */
void sq_db_savepoint(struct sq_db *db);
void sq_db_release(struct sq_db *db);
void sq_db_rollback_to(struct sq_db *db); /* and clears the sticky error */
/* The sticky error: SQ_OK, or its code with the sentence copied to err.  Waits for what
 * sq_send() left under way. */
int sq_db_error(struct sq_db *db, struct sq_err *err);
/* The same without waiting: what is known so far. */
int sq_db_error_so_far(const struct sq_db *db, struct sq_err *err);
/* True when an error took the whole transaction with it (disk full, connection lost):
 * going back to a savepoint is no longer possible, only rollback is. */
bool sq_db_doomed(const struct sq_db *db);
/* Several statements without parameters or rows, inside a transaction (migrations). */
void sq_db_script(struct sq_db *db, const char *sql);

/* Start a statement: never NULL.  Indexes of binds are $1, $2…; of columns, from 0.
 * Starting a statement again ends its earlier use. */
struct sq_stmt *sq_db_query(struct sq_db *db, enum sq_query q);
/* The same for a text built from whitelisted names (list filters), or of tables that
 * are not ours (scitq 1.3's), with $1, $2… for either engine.  The most recent ones
 * stay prepared. */
struct sq_stmt *sq_db_sql(struct sq_db *db, const char *sql);

/* Texts and blobs are borrowed until the statement has ended: sq_run or sq_send
 * returned, sq_row answered false, or sq_stmt_end.  What is not bound is null. */
void sq_bind_int(struct sq_stmt *st, int i, int64_t v);      /* SQ_NULL: null */
void sq_bind_real(struct sq_stmt *st, int i, double v);      /* NAN: null */
void sq_bind_text(struct sq_stmt *st, int i, const char *v); /* NULL: null */
void sq_bind_bool(struct sq_stmt *st, int i, int v);         /* -1: null */
void sq_bind_time(struct sq_stmt *st, int i, int64_t v);     /* SQ_NULL: null */
void sq_bind_blob(struct sq_stmt *st, int i, const void *v, size_t len);

/* The next row; false at the end or on error. */
bool sq_row(struct sq_stmt *st);
/* Run to the end; rows affected, -1 on error. */
int64_t sq_run(struct sq_stmt *st);
/* Run without asking for its count: the same, but PostgreSQL is not waited for, which
 * saves a round trip.  Its error shows at the latest in sq_db_error() or commit. */
void sq_send(struct sq_stmt *st);
/* Start now what sq_row() will read later, so that PostgreSQL answers several of them
 * in one round trip; SQLite runs it at the first sq_row().  Its texts are borrowed
 * until the last row all the same.  Its rows may be read after one commit. */
void sq_ask(struct sq_stmt *st);
/* Done before the last row. */
void sq_stmt_end(struct sq_stmt *st);

bool sq_col_null(struct sq_stmt *st, int i);
int64_t sq_col_int(struct sq_stmt *st, int i);
double sq_col_real(struct sq_stmt *st, int i);
int sq_col_bool(struct sq_stmt *st, int i);
int64_t sq_col_time(struct sq_stmt *st, int i);
/* Valid until the next row; NULL for null.  *len may be NULL. */
const char *sq_col_text(struct sq_stmt *st, int i, size_t *len);
const void *sq_col_blob(struct sq_stmt *st, int i, size_t *len);

/* A transaction at work in the writer: what every change is given. */
struct sq_arena;
struct sq_changes;
struct sq_tx {
    struct sq_db *db;
    int64_t now;                /* one reading of the clock for the whole */
    struct sq_arena *arena;     /* of the operation: results live here */
    struct sq_changes *changes; /* who must hear of it after the commit */
};

#endif
