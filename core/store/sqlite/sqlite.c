/* The SQLite engine: one file, write-ahead log, every commit synced.
 *
 * Dates are texts with a space and always six decimals, so that they sort as they are;
 * booleans are 0 and 1.  After an error that may come from the file itself the
 * connection counts as lost, since opening it again is what heals it. */
#include "core/store/db_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"

/* Pages are 4 KiB.  The writer's cache holds the hot end of its indexes; readers go
 * through the kernel's. */
enum { WRITER_CACHE_KIB = 1024, READER_CACHE_KIB = 256, BUSY_MS = 10000 };
/* What the write-ahead log shrinks back to after a large transaction. */
enum { WAL_KEEP_BYTES = 16 << 20 };

struct connection {
    struct sq_db base;
    sqlite3 *h;
    char *path;
    bool lost;
    unsigned epoch;     /* transactions ended: statements begun before are over */
    unsigned committed; /* the epoch that a commit began */
};

struct statement {
    struct sq_stmt base;
    sqlite3_stmt *h;
    const char *name;
    unsigned epoch;
    bool over;
    bool asked; /* not begun: it outlives the commit that follows */
};

static struct connection *connection(const struct sq_db *db)
{
    return (struct connection *)db;
}

static struct statement *statement(struct sq_stmt *st)
{
    return (struct statement *)st;
}

/* Errors. */

static const char read_only[] =
    "it is read-only: its file and its folder must be writable, on a file system that "
    "is";

static const struct {
    int result; /* primary or extended */
    int code;
    const char *words; /* NULL: SQLite's own */
} reasons[] = {
    {SQLITE_FULL, SQ_ENOSPC, "the disk is full"},
    {SQLITE_BUSY, SQ_EBUSY, "it stayed locked by another program for 10 s"},
    {SQLITE_LOCKED, SQ_EBUSY, "it is locked"},
    {SQLITE_READONLY, SQ_EIO, read_only},
    {SQLITE_NOTADB, SQ_EIO, "it is not an SQLite database"},
    {SQLITE_CORRUPT, SQ_EIO,
     "it is damaged: restore a copy, or try sqlite3's .recover"},
    {SQLITE_CANTOPEN, SQ_EIO, "it cannot be opened (folder writable?)"},
    {SQLITE_NOMEM, SQ_ENOMEM, "out of memory"},
    {SQLITE_TOOBIG, SQ_ETOOBIG, "a value is too big"},
    {SQLITE_INTERRUPT, SQ_ECANCELED, "it was given up"},
    {SQLITE_CONSTRAINT_UNIQUE, SQ_EEXIST, NULL},
    {SQLITE_CONSTRAINT_PRIMARYKEY, SQ_EEXIST, NULL},
    {SQLITE_CONSTRAINT_ROWID, SQ_EEXIST, NULL},
    {SQLITE_CONSTRAINT_FOREIGNKEY, SQ_ENOENT, NULL},
    {SQLITE_CONSTRAINT_NOTNULL, SQ_EINVAL, NULL},
    {SQLITE_MISMATCH, SQ_EINVAL, NULL},
};

/* What the system said is clearer than "disk I/O error" or "unable to open". */
static int result_of_errno(int system_errno, int result)
{
    switch (system_errno) {
    case ENOSPC:
    case EDQUOT: return SQLITE_FULL;
    case EROFS:
    case EPERM:
    case EACCES: return SQLITE_READONLY;
    default: return result;
    }
}

static int reason_of(sqlite3 *h, const char **ret_words)
{
    int result = sqlite3_extended_errcode(h);
    *ret_words = sqlite3_errmsg(h);
    if ((result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN)
        result = result_of_errno(sqlite3_system_errno(h), result);
    for (size_t i = 0; i < SQ_LEN(reasons); i++)
        if (reasons[i].result == result || reasons[i].result == (result & 0xff)) {
            if (reasons[i].words)
                *ret_words = reasons[i].words;
            return reasons[i].code;
        }
    return SQ_EIO;
}

static bool file_may_be_gone(sqlite3 *h)
{
    switch (sqlite3_errcode(h) & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY: return true;
    default: return false;
    }
}

static void stick(struct connection *c, const char *what)
{
    const char *words;
    int code = reason_of(c->h, &words);
    if (code == SQ_EIO && file_may_be_gone(c->h))
        c->lost = true;
    sq_db_stick(&c->base, code, "database %s: %s%s%s", c->path, words,
                what ? ", in " : "", what ? what : "");
}

/* Opening. */

/* The path of sqlite:///relative or sqlite:////absolute. */
static int path_of(const char *uri, const char **ret, struct sq_err *err)
{
    const char *path = uri + strlen("sqlite://");
    if (path[0] != '/' || !path[1])
        return sq_fail(err, SQ_EINVAL,
                       "the database URI \"%s\" names no file: sqlite:////path/file.db "
                       "has four slashes",
                       uri);
    *ret = path + 1;
    return 0;
}

/* SQLite says "unable to open" to all of these. */
static int check_path(const char *path, unsigned flags, struct sq_err *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (S_ISREG(st.st_mode))
            return 0;
        return sq_fail(err, SQ_EIO, "database %s: it is not a file", path);
    }
    if (errno == ENOENT && !(flags & SQ_DB_READONLY)) {
        char folder[4096];
        if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder)
            return sq_fail(err, SQ_EINVAL, "database %.100s…: the path is too long",
                           path);
        char *slash = strrchr(folder, '/');
        if (!slash)
            return 0;
        slash[slash == folder] = 0;
        if (access(folder, W_OK | X_OK) == 0)
            return 0;
        if (errno == ENOENT)
            return sq_fail(err, SQ_EIO,
                           "database %s: the folder %s does not exist: create it", path,
                           folder);
        return sq_fail(err, SQ_EIO, "database %s: cannot write in the folder %s: %s",
                       path, folder, strerror(errno));
    }
    if (errno == ENOENT)
        return sq_fail(err, SQ_EIO,
                       "database %s: there is no such file: scitq-manage db init makes "
                       "one",
                       path);
    return sq_fail(err, SQ_EIO, "database %s: %s", path, strerror(errno));
}

static void exec(struct connection *c, const char *sql)
{
    if (!c->base.err.code && sqlite3_exec(c->h, sql, NULL, NULL, NULL) != SQLITE_OK)
        stick(c, NULL);
}

static void pragma(struct connection *c, const char *name, int value)
{
    char sql[100];
    snprintf(sql, sizeof sql, "pragma %s = %d", name, value);
    exec(c, sql);
}

/* Several connections may make a new file one at the same time, and SQLite does not
 * wait for the busy time there: each would wait for the other's lock. */
static void use_wal(struct connection *c)
{
    enum { PAUSE_MS = 2 };
    int code = SQLITE_BUSY;
    for (int waited = 0; code == SQLITE_BUSY && waited < BUSY_MS; waited += PAUSE_MS) {
        if (waited)
            sqlite3_sleep(PAUSE_MS);
        code = sqlite3_exec(c->h, "pragma journal_mode = wal", NULL, NULL, NULL) & 0xff;
    }
    if (code != SQLITE_OK)
        stick(c, NULL);
}

static void configure(struct connection *c, unsigned flags)
{
    bool reader = flags & SQ_DB_READONLY;
    sqlite3_extended_result_codes(c->h, 1);
    sqlite3_busy_timeout(c->h, BUSY_MS);
    pragma(c, "cache_size", reader ? -READER_CACHE_KIB : -WRITER_CACHE_KIB);
    exec(c, "pragma mmap_size = 0");
    exec(c, "pragma foreign_keys = on");
    exec(c, "pragma synchronous = full");
    if (reader) {
        exec(c, "pragma query_only = on");
        exec(c, "select 1 from sqlite_master"); /* is it a database? */
        return;
    }
    if (!c->base.err.code)
        use_wal(c);
    /* What a savepoint may have to undo: past 64 KiB it was a file, made and removed
     * in every third transaction. */
    exec(c, "pragma temp_store = memory");
    pragma(c, "journal_size_limit", WAL_KEEP_BYTES);
    /* Notices a read-only file now, not at the first task. */
    exec(c, "begin immediate; rollback");
}

static void sqlite_close(struct sq_db *db)
{
    struct connection *c = connection(db);
    sqlite3_close_v2(c->h);
    free(c->path);
    free(c);
}

/* Whoever can read it can make tokens, and SQLite would make it for all to read.  Its
 * companions get the same mode; one that is there keeps its own. */
static void make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static int open_file(struct connection *c, unsigned flags, struct sq_err *err)
{
    /* A reader also writes: it shares the index of the write-ahead log. */
    int mode = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (!(flags & SQ_DB_READONLY)) {
        make_private(c->path);
        mode |= SQLITE_OPEN_CREATE;
    }
    if (sqlite3_open_v2(c->path, &c->h, mode, NULL) != SQLITE_OK)
        stick(c, NULL);
    else if (sqlite3_db_readonly(c->h, "main") == 1) /* opened all the same */
        sq_db_stick(&c->base, SQ_EIO, "database %s: %s", c->path, read_only);
    else
        configure(c, flags);
    if (c->base.err.code && err)
        *err = c->base.err;
    return c->base.err.code;
}

/* Its count of memory costs a lock at each allocation, and nobody asks for it. */
static void set_up(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int sqlite_open(const char *uri, unsigned flags, struct sq_db **ret,
                       struct sq_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *path = NULL;
    pthread_once(&once, set_up);
    int rc = path_of(uri, &path, err);
    if (!rc)
        rc = check_path(path, flags, err);
    if (rc)
        return rc;
    struct connection *c = calloc(1, sizeof *c);
    if (c && asprintf(&c->base.describe, "sqlite %s", path) < 0)
        c->base.describe = NULL;
    if (c)
        c->path = strdup(path);
    if (!c || !c->base.describe || !c->path)
        rc = sq_fail(err, SQ_ENOMEM, "out of memory opening %s", path);
    else
        rc = open_file(c, flags, err);
    if (rc && c) {
        free(c->base.describe);
        sqlite_close(&c->base);
    }
    if (!rc)
        *ret = &c->base;
    return rc;
}

static bool sqlite_alive(const struct sq_db *db)
{
    return !connection(db)->lost;
}

static void sqlite_cut(struct sq_db *db)
{
    sqlite3_interrupt(connection(db)->h);
}

/* Transactions. */

/* Statements not read to their end would keep the transaction from ending. */
static void reset_all(struct connection *c)
{
    c->epoch++;
    for (sqlite3_stmt *h = NULL; (h = sqlite3_next_stmt(c->h, h));)
        if (sqlite3_stmt_busy(h))
            sqlite3_reset(h);
}

static void sqlite_command(struct sq_db *db, const char *sql)
{
    exec(connection(db), sql);
}

static void sqlite_settle(struct sq_db *db)
{
}

static void sqlite_commit(struct sq_db *db)
{
    struct connection *c = connection(db);
    reset_all(c);
    c->committed = c->epoch;
    exec(c, "commit");
}

static void sqlite_rollback(struct sq_db *db)
{
    struct connection *c = connection(db);
    reset_all(c);
    if (!sqlite3_get_autocommit(c->h))
        sqlite3_exec(c->h, "rollback", NULL, NULL, NULL);
}

static void sqlite_rollback_to(struct sq_db *db, const char *savepoint)
{
    struct connection *c = connection(db);
    char sql[64];
    reset_all(c);
    snprintf(sql, sizeof sql, "rollback to %s; release %s", savepoint, savepoint);
    exec(c, sql);
}

static bool sqlite_in_transaction(struct sq_db *db)
{
    return !sqlite3_get_autocommit(connection(db)->h);
}

static void sqlite_script(struct sq_db *db, const char *sql)
{
    exec(connection(db), sql);
}

/* Statements. */

/* Texts of the moment have $1, $2…, to SQLite names numbered as they appear: they
 * become ?1, ?2….  The caller frees it. */
static char *numbered(const char *sql)
{
    char *out = strdup(sql);
    bool quoted = false;
    for (char *p = out; p && *p; p++) {
        if (*p == '\'')
            quoted = !quoted;
        else if (!quoted && p[0] == '$' && p[1] >= '1' && p[1] <= '9')
            *p = '?';
    }
    return out;
}

static struct sq_stmt *sqlite_prepare(struct sq_db *db, const char *name,
                                      const char *sql)
{
    struct connection *c = connection(db);
    struct statement *s = calloc(1, sizeof *s);
    SQ_CLEANUP(sq_freep) char *text = name ? NULL : numbered(sql);
    if (!s || (!name && !text)) {
        free(s);
        sq_db_stick(db, SQ_ENOMEM, "out of memory for a query");
        return NULL;
    }
    s->base.db = db;
    s->name = name;
    if (sqlite3_prepare_v3(c->h, name ? sql : text, -1, SQLITE_PREPARE_PERSISTENT,
                           &s->h, NULL) != SQLITE_OK) {
        stick(c, name ? name : sql);
        free(s);
        return NULL;
    }
    return &s->base;
}

static void sqlite_finish(struct sq_stmt *st)
{
    sqlite3_finalize(statement(st)->h);
    free(st);
}

static void sqlite_start(struct sq_stmt *st)
{
    struct statement *s = statement(st);
    sqlite3_reset(s->h);
    sqlite3_clear_bindings(s->h);
    s->epoch = connection(st->db)->epoch;
    s->over = s->asked = false;
}

static void sqlite_end(struct sq_stmt *st)
{
    struct statement *s = statement(st);
    s->over = true;
    sqlite3_reset(s->h);
}

static bool sqlite_row(struct sq_stmt *st)
{
    struct statement *s = statement(st);
    struct connection *c = connection(st->db);
    if (s->asked && c->epoch == c->committed && c->epoch == s->epoch + 1)
        s->epoch = c->epoch;
    s->asked = false;
    if (s->over || s->epoch != c->epoch)
        return false;
    int rc = sqlite3_step(s->h);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        stick(c, s->name ? s->name : sqlite3_sql(s->h));
    sqlite_end(st);
    return false;
}

static int64_t sqlite_run(struct sq_stmt *st)
{
    while (sqlite_row(st))
        ;
    return sqlite3_changes64(connection(st->db)->h);
}

static void sqlite_send(struct sq_stmt *st)
{
    sqlite_run(st);
}

/* There is nobody to wait for: row() does it all. */
static void sqlite_ask(struct sq_stmt *st)
{
    statement(st)->asked = true;
}

static void bound(struct sq_stmt *st, int rc)
{
    if (rc != SQLITE_OK)
        stick(connection(st->db), statement(st)->name);
}

static void sqlite_bind_null(struct sq_stmt *st, int i)
{
    bound(st, sqlite3_bind_null(statement(st)->h, i));
}

static void sqlite_bind_int(struct sq_stmt *st, int i, int64_t v)
{
    bound(st, sqlite3_bind_int64(statement(st)->h, i, v));
}

static void sqlite_bind_real(struct sq_stmt *st, int i, double v)
{
    bound(st, sqlite3_bind_double(statement(st)->h, i, v));
}

static void sqlite_bind_text(struct sq_stmt *st, int i, const char *v)
{
    bound(st, sqlite3_bind_text64(statement(st)->h, i, v, strlen(v), SQLITE_STATIC,
                                  SQLITE_UTF8));
}

static void sqlite_bind_bool(struct sq_stmt *st, int i, bool v)
{
    bound(st, sqlite3_bind_int(statement(st)->h, i, v));
}

static void sqlite_bind_time(struct sq_stmt *st, int i, int64_t v)
{
    char text[SQ_TIME_TEXT + 8];
    sq_time_format(v, ' ', text);
    if (v % 1000000 == 0)
        strcat(text, ".000000");
    bound(st, sqlite3_bind_text(statement(st)->h, i, text, -1, SQLITE_TRANSIENT));
}

static void sqlite_bind_blob(struct sq_stmt *st, int i, const void *v, size_t len)
{
    bound(st, sqlite3_bind_blob64(statement(st)->h, i, v, len, SQLITE_STATIC));
}

static bool sqlite_col_null(struct sq_stmt *st, int i)
{
    return sqlite3_column_type(statement(st)->h, i) == SQLITE_NULL;
}

static int64_t sqlite_col_int(struct sq_stmt *st, int i)
{
    return sqlite3_column_int64(statement(st)->h, i);
}

static double sqlite_col_real(struct sq_stmt *st, int i)
{
    return sqlite3_column_double(statement(st)->h, i);
}

/* A date that a person wrote in another form counts as none. */
static int64_t sqlite_col_time(struct sq_stmt *st, int i)
{
    int64_t v;
    const char *text = (const char *)sqlite3_column_text(statement(st)->h, i);
    return text && sq_time_parse(text, &v) ? v : SQ_NULL;
}

static const void *column_bytes(struct sq_stmt *st, int i, const void *data,
                                size_t *len)
{
    sqlite3_stmt *h = statement(st)->h;
    int n = sqlite3_column_bytes(h, i);
    if (!data && n == 0 && sqlite3_errcode(connection(st->db)->h) != SQLITE_NOMEM)
        return ""; /* an empty blob */
    if (!data)
        sq_db_stick(st->db, SQ_ENOMEM, "out of memory for a row");
    else if (len)
        *len = (size_t)n;
    return data;
}

static const char *sqlite_col_text(struct sq_stmt *st, int i, size_t *len)
{
    const void *data = sqlite3_column_text(statement(st)->h, i);
    return column_bytes(st, i, data, len);
}

static const void *sqlite_col_blob(struct sq_stmt *st, int i, size_t *len)
{
    const void *data = sqlite3_column_blob(statement(st)->h, i);
    return column_bytes(st, i, data, len);
}

const struct sq_engine_ops sq_sqlite_ops = {
    .engine = SQ_SQLITE,
    .open = sqlite_open,
    .close = sqlite_close,
    .alive = sqlite_alive,
    .cut = sqlite_cut,
    .command = sqlite_command,
    .settle = sqlite_settle,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .rollback_to = sqlite_rollback_to,
    .in_transaction = sqlite_in_transaction,
    .script = sqlite_script,
    .prepare = sqlite_prepare,
    .finish = sqlite_finish,
    .start = sqlite_start,
    .end = sqlite_end,
    .bind_null = sqlite_bind_null,
    .bind_int = sqlite_bind_int,
    .bind_real = sqlite_bind_real,
    .bind_text = sqlite_bind_text,
    .bind_bool = sqlite_bind_bool,
    .bind_time = sqlite_bind_time,
    .bind_blob = sqlite_bind_blob,
    .row = sqlite_row,
    .run = sqlite_run,
    .send = sqlite_send,
    .ask = sqlite_ask,
    .col_null = sqlite_col_null,
    .col_int = sqlite_col_int,
    .col_real = sqlite_col_real,
    .col_time = sqlite_col_time,
    .col_text = sqlite_col_text,
    .col_blob = sqlite_col_blob,
};
