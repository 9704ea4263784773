/* What an engine (sqlite/, postgres/) implements behind db.h, and what db.c keeps for
 * it.  For implementers only: everybody else includes db.h.
 *
 * An operation that fails calls sq_db_stick() and returns nothing; db.c never calls a
 * statement's operations while the connection has a sticky error.  All operations are
 * required but those that say so. */
#ifndef SQ_STORE_DB_ENGINE_H
#define SQ_STORE_DB_ENGINE_H

#include "core/store/db.h"

struct sq_stmt {
    struct sq_db *db;
    bool dead; /* of a connection that had failed: answers "no row" */
};

struct sq_engine_ops {
    enum sq_engine engine;
    int (*open)(const char *uri, unsigned flags, struct sq_db **ret,
                struct sq_err *err);
    void (*close)(struct sq_db *db); /* statements are finished before */
    bool (*alive)(const struct sq_db *db);

    /* Any thread, while another uses the connection: what it waits for fails. */
    void (*cut)(struct sq_db *db);

    /* See sq_db_heard(); both NULL where one process has the database. */
    char *(*heard)(struct sq_db *db);
    int (*fd)(const struct sq_db *db);

    /* BEGIN, SAVEPOINT and their like.  It need not be waited for. */
    void (*command)(struct sq_db *db, const char *sql);
    /* Wait for all that was sent. */
    void (*settle)(struct sq_db *db);
    /* COMMIT; on failure the transaction is undone by rollback(), called next. */
    void (*commit)(struct sq_db *db);
    /* End every statement, undo the transaction if there is one (in_tx); also after a
     * sticky error.  db.c forgets any error it sets. */
    void (*rollback)(struct sq_db *db);
    /* Back to a savepoint and release it, even after a sticky error. */
    void (*rollback_to)(struct sq_db *db, const char *savepoint);
    /* False when the engine has undone the whole transaction by itself. */
    bool (*in_transaction)(struct sq_db *db);
    /* Several statements without parameters or rows. */
    void (*script)(struct sq_db *db, const char *sql);

    /* NULL with a sticky error.  `name` is NULL for a text of the moment. */
    struct sq_stmt *(*prepare)(struct sq_db *db, const char *name, const char *sql);
    void (*finish)(struct sq_stmt *st);
    /* End an earlier use, forget its parameters. */
    void (*start)(struct sq_stmt *st);
    void (*end)(struct sq_stmt *st);
    void (*bind_null)(struct sq_stmt *st, int i);
    void (*bind_int)(struct sq_stmt *st, int i, int64_t v);
    void (*bind_real)(struct sq_stmt *st, int i, double v);
    void (*bind_text)(struct sq_stmt *st, int i, const char *v);
    void (*bind_bool)(struct sq_stmt *st, int i, bool v);
    void (*bind_time)(struct sq_stmt *st, int i, int64_t v);
    void (*bind_blob)(struct sq_stmt *st, int i, const void *v, size_t len);
    bool (*row)(struct sq_stmt *st);
    int64_t (*run)(struct sq_stmt *st);
    void (*send)(struct sq_stmt *st);
    void (*ask)(struct sq_stmt *st);

    bool (*col_null)(struct sq_stmt *st, int i);
    int64_t (*col_int)(struct sq_stmt *st, int i);
    double (*col_real)(struct sq_stmt *st, int i);
    int64_t (*col_time)(struct sq_stmt *st, int i);
    const char *(*col_text)(struct sq_stmt *st, int i, size_t *len);
    const void *(*col_blob)(struct sq_stmt *st, int i, size_t *len);
};
extern const struct sq_engine_ops sq_sqlite_ops;
#ifdef HAVE_POSTGRESQL
extern const struct sq_engine_ops sq_postgres_ops;
#endif

/* Statements whose text is built for a list are kept too, the most recent ones. */
enum { SQ_DB_TEXTS = 24 };

/* Keys reserved and not used yet, of the table that rows were last made in. */
enum { SQ_DB_KEYS = 32 };
struct sq_db_keys {
    const char *table; /* compared as it is */
    int n;
    int64_t v[SQ_DB_KEYS]; /* the last n */
};

/* The first member of an engine's connection. */
struct sq_db {
    const struct sq_engine_ops *ops;
    struct sq_db *next, *prev; /* of the connections of this process */
    unsigned flags;
    char *describe; /* of the engine: malloced in open, freed by db.c */
    struct sq_err err;
    bool in_tx;
    bool doomed;  /* the transaction is gone: only a rollback clears the error */
    int depth;    /* savepoints open */
    int phantoms; /* of which asked for after an error: they do not exist */
    struct sq_stmt *queries[SQ_Q_COUNT];
    struct sq_db_text {
        char *sql;
        struct sq_stmt *stmt;
        uint64_t used;
    } texts[SQ_DB_TEXTS];
    uint64_t clock;
    struct sq_db_keys keys;
    struct sq_stmt dead;
};

/* Keep the error if it is the first. */
void sq_db_stick(struct sq_db *db, int code, const char *fmt, ...) SQ_PRINTF(3, 4);

#endif
