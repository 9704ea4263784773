/* Between the two files of the PostgreSQL engine: postgres.c and statement.c. */
#ifndef SQ_STORE_POSTGRES_INTERNAL_H
#define SQ_STORE_POSTGRES_INTERNAL_H

#include <libpq-fe.h>

#include "core/store/db_engine.h"

/* Commands sent and not yet heard of: more than this and the server is waited for. */
enum { SQ_PG_PENDING = 256 };

struct sq_pg_statement;

struct sq_pg {
    struct sq_db base;
    PGconn *conn;
    /* In order, what each pending command prepares, or whose rows it answers. */
    struct sq_pg_pending {
        struct sq_pg_statement *prepares, *answers; /* NULL: nothing, nobody */
    } pending[SQ_PG_PENDING];
    int n_pending;
    bool fallible;      /* one of them may fail: it is not BEGIN, SAVEPOINT… */
    int prepared;       /* statements named so far */
    int64_t planned_at; /* when the server was last told to plan anew */
};

enum { SQ_PG_NUMBER = 40 }; /* a number or a time as text */

struct sq_pg_statement {
    struct sq_stmt base;
    const char *name; /* for people; NULL: a text of the moment */
    char *sql;
    char id[16]; /* for the server */
    enum { SQ_PG_NEW, SQ_PG_PREPARING, SQ_PG_PREPARED } state;
    int n_params;
    const char **values; /* of the parameters, as libpq wants them; NULL: null */
    int *lengths, *formats;
    char (*numbers)[SQ_PG_NUMBER];
    PGresult *result;
    int next, rows;
    bool sent;
    bool asked;              /* and its result comes with the pending ones */
    char text[SQ_PG_NUMBER]; /* a number asked for as text */
};

/* A place in the pipeline for one more command, which prepares `st` or NULL.  False
 * when the connection has failed. */
bool sq_pg_reserve(struct sq_pg *pg, struct sq_pg_statement *st);
/* A command without parameters or rows, not waited for. */
bool sq_pg_command(struct sq_pg *pg, const char *sql);
/* Wait for all that was sent.  The last command's result when it succeeded and is
 * asked for; its error, or an earlier one's, becomes the sticky error. */
void sq_pg_settle(struct sq_pg *pg, const char *what, PGresult **ret_last);
/* Keep the connection's own error: what could not even be sent. */
void sq_pg_stick(struct sq_pg *pg);

/* Statements: see struct sq_engine_ops. */
struct sq_stmt *sq_pg_prepare(struct sq_db *db, const char *name, const char *sql);
void sq_pg_finish(struct sq_stmt *st);
void sq_pg_start(struct sq_stmt *st);
void sq_pg_end(struct sq_stmt *st);
void sq_pg_bind_null(struct sq_stmt *st, int i);
void sq_pg_bind_int(struct sq_stmt *st, int i, int64_t v);
void sq_pg_bind_real(struct sq_stmt *st, int i, double v);
void sq_pg_bind_text(struct sq_stmt *st, int i, const char *v);
void sq_pg_bind_bool(struct sq_stmt *st, int i, bool v);
void sq_pg_bind_time(struct sq_stmt *st, int i, int64_t v);
void sq_pg_bind_blob(struct sq_stmt *st, int i, const void *v, size_t len);
bool sq_pg_row(struct sq_stmt *st);
int64_t sq_pg_run(struct sq_stmt *st);
void sq_pg_send(struct sq_stmt *st);
void sq_pg_ask(struct sq_stmt *st);
bool sq_pg_col_null(struct sq_stmt *st, int i);
int64_t sq_pg_col_int(struct sq_stmt *st, int i);
double sq_pg_col_real(struct sq_stmt *st, int i);
int64_t sq_pg_col_time(struct sq_stmt *st, int i);
const char *sq_pg_col_text(struct sq_stmt *st, int i, size_t *len);
const void *sq_pg_col_blob(struct sq_stmt *st, int i, size_t *len);

#endif
