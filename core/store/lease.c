/* SQLite: a file beside the database, locked by flock() for as long as the lease lives;
 * the system lets go of it when the process ends, however it does.
 *
 * PostgreSQL: advisory locks of the writing session, for each schema one to schedule
 * and one to serve.  A session whose client died lives on until its statement ends, so
 * a lock that is taken is waited for a little.  Our own former session may even outlive
 * a broken network: it is known by its pid and its start, and ended.  A process that is
 * there and does nothing (stopped, on a machine that is suspended) would keep its
 * locks, and in mid-transaction everybody's turn, for as long: PostgreSQL ends the
 * session of who is silent, and so what it goes on with later is refused. */
#include "core/store/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"

enum { SESSION_TEXT = 64, TO_SCHEDULE = 7330252, TO_SERVE = 7330253 };

struct sq_lease {
    enum sq_role role;
    int fd; /* SQLite's lock file, -1: not locked */
    /* The PostgreSQL session that has it, or had it last. */
    int64_t pid;
    char start[SESSION_TEXT];
};

int sq_lease_new(enum sq_role role, struct sq_lease **ret, struct sq_err *err)
{
    struct sq_lease *l = calloc(1, sizeof *l);
    if (!l)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    l->role = role;
    l->fd = -1;
    *ret = l;
    return 0;
}

void sq_lease_free(struct sq_lease *l)
{
    if (!l)
        return;
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

static int refuse(const struct sq_lease *l, struct sq_db *db, const char *who,
                  struct sq_err *err)
{
    if (l->role == SQ_ROLE_MAIN)
        return sq_fail(err, SQ_EEXIST,
                       "a scitq server of --role=all%s runs on the database %s: stop "
                       "it, or start it as --role=queue",
                       who, sq_db_describe(db));
    return sq_fail(err, SQ_EEXIST,
                   "another scitq server%s runs on the database %s: stop it, or give "
                   "this one a database of its own (SCITQ_DATABASE_URI)",
                   who, sq_db_describe(db));
}

/* SQLite. */

/* Who has locked the file, as it wrote there. */
static int refuse_file(const struct sq_lease *l, struct sq_db *db, int fd,
                       struct sq_err *err)
{
    char text[24] = "", who[48] = "";
    long pid = pread(fd, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
    if (pid > 0)
        snprintf(who, sizeof who, " (process %ld)", pid);
    return refuse(l, db, who, err);
}

static int lock_file(struct sq_lease *l, struct sq_db *db, const char *path,
                     struct sq_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sq_fail(err, sq_errno_code(errno), "cannot open the lock file %s: %s",
                       path, strerror(errno));
    int rc = 0, locked;
    while ((locked = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR)
        ;
    if (locked != 0 && errno == EWOULDBLOCK)
        rc = refuse_file(l, db, fd, err);
    else if (locked != 0)
        rc = sq_fail(err, SQ_EIO, "cannot lock %s: %s", path, strerror(errno));
    if (rc) {
        close(fd);
        return rc;
    }
    /* The pid is for words only: a full disk may keep it from being written. */
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        errno = 0;
    l->fd = fd;
    return 0;
}

/* The absolute path of the database, links resolved: all who open it agree on it. */
static int take_file(struct sq_lease *l, struct sq_db *db, struct sq_err *err)
{
    if (l->fd >= 0)
        return 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf path;
    sq_buf_init(&path, 8192);
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LEASE_FILE);
    if (sq_row(st))
        sq_buf_addf(&path, "%s.lock", sq_col_text(st, 0, NULL));
    sq_stmt_end(st);
    int rc = sq_db_error(db, err);
    if (!rc && !path.len)
        rc = sq_fail(err, SQ_EIO, "database %s has no file", sq_db_describe(db));
    return rc ? rc : lock_file(l, db, path.data, err);
}

/* PostgreSQL. */

struct lock {
    int number;
    bool shared;
};

static bool try_lock(struct sq_db *db, const struct lock *k)
{
    struct sq_stmt *st =
        sq_db_query(db, k->shared ? SQ_Q_LEASE_TRY_SHARED : SQ_Q_LEASE_TRY);
    sq_bind_int(st, 1, k->number);
    bool taken = sq_row(st) && sq_col_bool(st, 0) == 1;
    sq_stmt_end(st);
    return taken;
}

/* Wait until it is let go, a few seconds at most. */
static bool wait_for_lock(struct sq_db *db, const struct lock *k)
{
    if (sq_db_begin(db, true, NULL) != 0)
        return false;
    sq_send(sq_db_query(db, SQ_Q_LEASE_PATIENCE));
    struct sq_stmt *st =
        sq_db_query(db, k->shared ? SQ_Q_LEASE_WAIT_SHARED : SQ_Q_LEASE_WAIT);
    sq_bind_int(st, 1, k->number);
    sq_run(st);
    return sq_db_commit(db, NULL) == 0;
}

/* The session that has it: whether it was ours; in words, "" when they are unknown. */
static bool look_at_holder(const struct sq_lease *l, struct sq_db *db,
                           const struct lock *k, char *who, size_t size)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LEASE_HOLDER);
    bool ours = false;
    *who = 0;
    sq_bind_int(st, 1, k->number);
    while (!ours && sq_row(st)) {
        const char *start = sq_col_text(st, 1, NULL), *from = sq_col_text(st, 2, NULL);
        ours = start && sq_col_int(st, 0) == l->pid && strcmp(start, l->start) == 0;
        if (start && from)
            snprintf(who, size, " (connected from %s since %s)", from, start);
    }
    sq_stmt_end(st);
    return ours;
}

static void remember_session(struct sq_lease *l, struct sq_db *db)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LEASE_SESSION);
    if (sq_row(st)) {
        l->pid = sq_col_int(st, 0);
        snprintf(l->start, sizeof l->start, "%s", sq_col_text(st, 1, NULL));
    }
    sq_stmt_end(st);
}

static void end_former(const struct sq_lease *l, struct sq_db *db)
{
    struct sq_stmt *st = sq_db_query(db, SQ_Q_LEASE_END);
    sq_bind_int(st, 1, l->pid);
    sq_run(st);
}

static int take_lock(struct sq_lease *l, struct sq_db *db, const struct lock *k,
                     struct sq_err *err)
{
    char who[160];
    bool taken = try_lock(db, k);
    if (!taken && look_at_holder(l, db, k, who, sizeof who))
        end_former(l, db);
    int rc = sq_db_error(db, err);
    if (rc || taken || wait_for_lock(db, k))
        return rc;
    look_at_holder(l, db, k, who, sizeof who);
    rc = sq_db_error(db, err);
    return rc ? rc : refuse(l, db, who, err);
}

static int take_locks(struct sq_lease *l, struct sq_db *db, struct sq_err *err)
{
    const struct lock schedule = {TO_SCHEDULE, false};
    const struct lock serve = {TO_SERVE, l->role == SQ_ROLE_MAIN};
    int rc = l->role == SQ_ROLE_MAIN ? 0 : take_lock(l, db, &schedule, err);
    if (rc == 0 && l->role != SQ_ROLE_QUEUE)
        rc = take_lock(l, db, &serve, err);
    if (rc)
        return rc;
    sq_run(sq_db_query(db, SQ_Q_LEASE_FENCE));
    remember_session(l, db);
    return sq_db_error(db, err);
}

int sq_lease_take(struct sq_lease *l, struct sq_db *db, struct sq_err *err)
{
    return sq_db_engine(db) == SQ_SQLITE ? take_file(l, db, err)
                                         : take_locks(l, db, err);
}
