/* The part of a connection that is the same for every engine: which statements are
 * prepared, how deep the savepoints are, and the sticky error.
 *
 * Savepoints are named by their depth: going back to one also undoes those inside it
 * that were left open by an error.  One asked for after an error is not made; it is
 * counted as a phantom, so that its release or rollback finds its match. */
#include "core/store/db.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "core/store/db_engine.h"

static const struct {
    const char *begin, *release, *name;
} savepoints[] = {
    {"savepoint s1", "release savepoint s1", "s1"},
    {"savepoint s2", "release savepoint s2", "s2"},
    {"savepoint s3", "release savepoint s3", "s3"},
    {"savepoint s4", "release savepoint s4", "s4"},
};

void sq_db_stick(struct sq_db *db, int code, const char *fmt, ...)
{
    if (db->err.code)
        return;
    char text[sizeof db->err.text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sq_fail(&db->err, code, "%s", text);
}

/* All connections, to be cut. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sq_db *all;
static bool cut;

static bool enlist(struct sq_db *db)
{
    pthread_mutex_lock(&all_lock);
    bool welcome = !cut;
    if (welcome) {
        db->next = all;
        if (all)
            all->prev = db;
        all = db;
    }
    pthread_mutex_unlock(&all_lock);
    return welcome;
}

static void leave(struct sq_db *db)
{
    pthread_mutex_lock(&all_lock);
    if (db->next)
        db->next->prev = db->prev;
    if (db->prev)
        db->prev->next = db->next;
    if (all == db)
        all = db->next;
    pthread_mutex_unlock(&all_lock);
}

void sq_db_cut(bool on)
{
    pthread_mutex_lock(&all_lock);
    cut = on;
    for (struct sq_db *db = on ? all : NULL; db; db = db->next)
        db->ops->cut(db);
    pthread_mutex_unlock(&all_lock);
}

static bool is_postgres(const char *uri)
{
    return strncmp(uri, "postgresql://", 13) == 0 ||
           strncmp(uri, "postgresql+", 11) == 0 || strncmp(uri, "postgres://", 11) == 0;
}

static const struct sq_engine_ops *engine_of(const char *uri)
{
#ifdef HAVE_POSTGRESQL
    if (is_postgres(uri))
        return &sq_postgres_ops;
#endif
    return strncmp(uri, "sqlite://", 9) == 0 ? &sq_sqlite_ops : NULL;
}

int sq_db_uri_check(const char *uri, struct sq_err *err)
{
    if (engine_of(uri))
        return 0;
    if (is_postgres(uri))
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "names PostgreSQL, and this scitq was built without: use an "
                       "sqlite:////… URI, or configure --with-postgresql");
    /* Not quoted: it may hold a password. */
    return sq_fail(err, SQ_EINVAL,
                   "is neither sqlite:////path/file.db nor "
                   "postgresql://user@host/database");
}

int sq_db_open(const char *uri, unsigned flags, struct sq_db **ret, struct sq_err *err)
{
    const struct sq_engine_ops *ops = engine_of(uri);
    struct sq_db *db;
    if (!ops) {
        int code = sq_db_uri_check(uri, err);
        if (err)
            sq_prefix(err, "the database URI ");
        return code;
    }
    int rc = ops->open(uri, flags, &db, err);
    if (rc)
        return rc;
    db->ops = ops;
    db->flags = flags;
    db->dead = (struct sq_stmt){.db = db, .dead = true};
    if (!enlist(db)) {
        sq_db_close(db);
        return sq_fail(err, SQ_ECANCELED, "the server is stopping");
    }
    *ret = db;
    return 0;
}

void sq_db_close(struct sq_db *db)
{
    if (!db)
        return;
    sq_db_rollback(db);
    for (size_t i = 0; i < SQ_LEN(db->queries); i++)
        if (db->queries[i])
            db->ops->finish(db->queries[i]);
    for (size_t i = 0; i < SQ_LEN(db->texts); i++) {
        if (db->texts[i].stmt)
            db->ops->finish(db->texts[i].stmt);
        free(db->texts[i].sql);
    }
    free(db->describe);
    leave(db);
    db->ops->close(db);
}

char *sq_db_heard(struct sq_db *db)
{
    return db->ops->heard ? db->ops->heard(db) : NULL;
}

int sq_db_fd(const struct sq_db *db)
{
    return db->ops->fd ? db->ops->fd(db) : -1;
}

enum sq_engine sq_db_engine(const struct sq_db *db)
{
    return db->ops->engine;
}

const char *sq_db_describe(const struct sq_db *db)
{
    return db->describe;
}

bool sq_db_alive(const struct sq_db *db)
{
    return db->ops->alive(db);
}

/* Transactions. */

static const char *begin_text(const struct sq_db *db, bool write)
{
    if (db->ops->engine == SQ_SQLITE)
        return write ? "begin immediate" : "begin";
    return write ? "begin" : "begin isolation level repeatable read read only";
}

int sq_db_begin(struct sq_db *db, bool write, struct sq_err *err)
{
    sq_db_rollback(db);
    db->in_tx = true;
    db->ops->command(db, begin_text(db, write));
    if (!db->err.code)
        return 0;
    if (err)
        *err = db->err;
    int code = db->err.code;
    sq_db_rollback(db);
    return code;
}

int sq_db_commit(struct sq_db *db, struct sq_err *err)
{
    assert(db->in_tx);
    if (!db->err.code)
        db->ops->commit(db);
    int code = db->err.code;
    if (code && err)
        *err = db->err;
    if (code)
        sq_db_rollback(db);
    db->in_tx = false;
    db->depth = db->phantoms = 0;
    return code;
}

void sq_db_rollback(struct sq_db *db)
{
    db->ops->rollback(db);
    db->in_tx = db->doomed = false;
    db->depth = db->phantoms = 0;
    db->err = (struct sq_err){0};
}

void sq_db_savepoint(struct sq_db *db)
{
    assert(db->in_tx && (size_t)db->depth < SQ_LEN(savepoints));
    if (db->err.code)
        db->phantoms++;
    else
        db->ops->command(db, savepoints[db->depth++].begin);
}

void sq_db_release(struct sq_db *db)
{
    assert(db->depth + db->phantoms > 0);
    if (db->phantoms) {
        db->phantoms--;
        return;
    }
    db->depth--;
    if (!db->err.code)
        db->ops->command(db, savepoints[db->depth].release);
}

void sq_db_rollback_to(struct sq_db *db)
{
    assert(db->depth + db->phantoms > 0);
    if (db->phantoms) {
        db->phantoms--;
        return;
    }
    db->depth--;
    db->doomed = db->doomed || !db->ops->in_transaction(db);
    if (db->doomed) {
        sq_db_stick(db, SQ_EIO, "%s undid the transaction", db->describe);
        return;
    }
    db->err = (struct sq_err){0};
    db->ops->rollback_to(db, savepoints[db->depth].name);
}

int sq_db_error(struct sq_db *db, struct sq_err *err)
{
    if (!db->err.code)
        db->ops->settle(db);
    return sq_db_error_so_far(db, err);
}

int sq_db_error_so_far(const struct sq_db *db, struct sq_err *err)
{
    if (db->err.code && err)
        *err = db->err;
    return db->err.code;
}

bool sq_db_doomed(const struct sq_db *db)
{
    return db->doomed;
}

void sq_db_script(struct sq_db *db, const char *sql)
{
    if (!db->err.code)
        db->ops->script(db, sql);
}

/* Statements. */

static struct sq_stmt *begin_use(struct sq_db *db, struct sq_stmt *st)
{
    if (!st || db->err.code)
        return &db->dead;
    db->ops->start(st);
    return st;
}

struct sq_stmt *sq_db_query(struct sq_db *db, enum sq_query q)
{
    if (!db->queries[q] && !db->err.code) {
        const struct sq_query_text *text = &sq_queries[q];
        db->queries[q] = db->ops->prepare(
            db, text->name,
            db->ops->engine == SQ_SQLITE ? text->sqlite : text->postgres);
    }
    return begin_use(db, db->queries[q]);
}

/* The slot that holds `sql`, or else the one longest unused. */
static struct sq_db_text *find_text(struct sq_db *db, const char *sql)
{
    struct sq_db_text *oldest = &db->texts[0];
    for (size_t i = 0; i < SQ_LEN(db->texts); i++) {
        struct sq_db_text *t = &db->texts[i];
        if (t->sql && strcmp(t->sql, sql) == 0)
            return t;
        if (t->used < oldest->used)
            oldest = t;
    }
    return oldest;
}

static void forget_text(struct sq_db *db, struct sq_db_text *t)
{
    if (t->stmt)
        db->ops->finish(t->stmt);
    free(t->sql);
    *t = (struct sq_db_text){0};
}

struct sq_stmt *sq_db_sql(struct sq_db *db, const char *sql)
{
    if (db->err.code)
        return &db->dead;
    struct sq_db_text *t = find_text(db, sql);
    if (!t->sql || strcmp(t->sql, sql) != 0) {
        forget_text(db, t);
        t->sql = strdup(sql);
        if (!t->sql)
            sq_db_stick(db, SQ_ENOMEM, "out of memory for a query");
        else
            t->stmt = db->ops->prepare(db, NULL, t->sql);
        if (!t->stmt)
            forget_text(db, t);
    }
    t->used = ++db->clock;
    return begin_use(db, t->stmt);
}

static bool unusable(const struct sq_stmt *st)
{
    return st->dead || st->db->err.code;
}

void sq_bind_int(struct sq_stmt *st, int i, int64_t v)
{
    if (unusable(st))
        return;
    if (v == SQ_NULL)
        st->db->ops->bind_null(st, i);
    else
        st->db->ops->bind_int(st, i, v);
}

void sq_bind_real(struct sq_stmt *st, int i, double v)
{
    if (unusable(st))
        return;
    if (isnan(v))
        st->db->ops->bind_null(st, i);
    else
        st->db->ops->bind_real(st, i, v);
}

void sq_bind_text(struct sq_stmt *st, int i, const char *v)
{
    if (unusable(st))
        return;
    if (!v)
        st->db->ops->bind_null(st, i);
    else
        st->db->ops->bind_text(st, i, v);
}

void sq_bind_bool(struct sq_stmt *st, int i, int v)
{
    if (unusable(st))
        return;
    if (v < 0)
        st->db->ops->bind_null(st, i);
    else
        st->db->ops->bind_bool(st, i, v);
}

void sq_bind_time(struct sq_stmt *st, int i, int64_t v)
{
    if (unusable(st))
        return;
    if (v == SQ_NULL)
        st->db->ops->bind_null(st, i);
    else
        st->db->ops->bind_time(st, i, v);
}

void sq_bind_blob(struct sq_stmt *st, int i, const void *v, size_t len)
{
    if (unusable(st))
        return;
    if (!v)
        st->db->ops->bind_null(st, i);
    else
        st->db->ops->bind_blob(st, i, v, len);
}

bool sq_row(struct sq_stmt *st)
{
    return !unusable(st) && st->db->ops->row(st) && !st->db->err.code;
}

int64_t sq_run(struct sq_stmt *st)
{
    if (unusable(st))
        return -1;
    int64_t n = st->db->ops->run(st);
    return st->db->err.code ? -1 : n;
}

void sq_send(struct sq_stmt *st)
{
    if (!unusable(st))
        st->db->ops->send(st);
}

void sq_ask(struct sq_stmt *st)
{
    if (!unusable(st))
        st->db->ops->ask(st);
}

void sq_stmt_end(struct sq_stmt *st)
{
    if (!st->dead)
        st->db->ops->end(st);
}

/* Columns: read only after sq_row() answered true. */

bool sq_col_null(struct sq_stmt *st, int i)
{
    return unusable(st) || st->db->ops->col_null(st, i);
}

int64_t sq_col_int(struct sq_stmt *st, int i)
{
    return sq_col_null(st, i) ? SQ_NULL : st->db->ops->col_int(st, i);
}

double sq_col_real(struct sq_stmt *st, int i)
{
    return sq_col_null(st, i) ? NAN : st->db->ops->col_real(st, i);
}

int sq_col_bool(struct sq_stmt *st, int i)
{
    return sq_col_null(st, i) ? -1 : st->db->ops->col_int(st, i) != 0;
}

int64_t sq_col_time(struct sq_stmt *st, int i)
{
    return sq_col_null(st, i) ? SQ_NULL : st->db->ops->col_time(st, i);
}

const char *sq_col_text(struct sq_stmt *st, int i, size_t *len)
{
    if (len)
        *len = 0;
    return sq_col_null(st, i) ? NULL : st->db->ops->col_text(st, i, len);
}

const void *sq_col_blob(struct sq_stmt *st, int i, size_t *len)
{
    if (len)
        *len = 0;
    return sq_col_null(st, i) ? NULL : st->db->ops->col_blob(st, i, len);
}
