/* One thread that listens, on a connection of its own, by PostgreSQL's LISTEN and
 * NOTIFY.  A notice begins with its sender's tag, since each process hears itself too.
 * A lost connection is opened again with growing pauses, and then anything may have
 * changed. */
#include "core/store/peers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/store/notice.h"
#include "lib/log.h"

enum { TAG_SIZE = 17, RETRY_FIRST_MS = 50, RETRY_LAST_MS = 5000 };

struct sq_peers {
    struct sq_peers_conf conf;
    char *uri, tag[TAG_SIZE];
    struct sq_db *db; /* the thread's; NULL: lost */
    struct sq_changes changes;
    int stop_fd;
    bool started;
    pthread_t thread;
};

int sq_peers_new(const struct sq_peers_conf *conf, struct sq_peers **ret,
                 struct sq_err *err)
{
    uint64_t tag;
    struct sq_peers *p = calloc(1, sizeof *p);
    if (!p)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    p->conf = *conf;
    p->uri = strdup(conf->uri);
    p->stop_fd = eventfd(0, EFD_CLOEXEC);
    sq_changes_init(&p->changes);
    if (!p->uri || p->stop_fd < 0 || getrandom(&tag, sizeof tag, 0) != sizeof tag) {
        sq_peers_free(p);
        return sq_fail(err, SQ_EIO, "cannot prepare to hear other servers: %s",
                       strerror(errno));
    }
    snprintf(p->tag, sizeof p->tag, "%016llx", (unsigned long long)tag);
    *ret = p;
    return 0;
}

void sq_peers_free(struct sq_peers *p)
{
    if (!p)
        return;
    sq_peers_stop(p);
    if (p->stop_fd >= 0)
        close(p->stop_fd);
    sq_changes_fini(&p->changes);
    free(p->uri);
    free(p);
}

/* ---- said */

void sq_peers_turn(struct sq_db *db)
{
    static const char *const waits[] = {"60s", "2s"}; /* postgres.c has the second */
    for (int i = 0; i < 2; i++) {
        struct sq_stmt *st = sq_db_query(db, SQ_Q_PEERS_PATIENCE);
        sq_bind_text(st, 1, waits[i]);
        sq_send(st);
        if (i == 0)
            sq_send(sq_db_query(db, SQ_Q_PEERS_TURN));
    }
}

void sq_peers_tell(struct sq_peers *p, struct sq_db *db, struct sq_changes *changes)
{
    struct sq_buf text;
    sq_changes_settle(changes);
    sq_buf_init(&text, TAG_SIZE + SQ_NOTICE_MAX);
    sq_buf_adds(&text, p->tag);
    sq_notice_write(&text, changes, p->conf.role == SQ_ROLE_QUEUE);
    if (text.len >= TAG_SIZE) { /* more than the tag */
        struct sq_stmt *st = sq_db_query(db, SQ_Q_PEERS_TELL);
        sq_bind_text(st, 1, text.data);
        sq_send(st);
    }
    sq_buf_fini(&text);
}

/* ---- heard */

static int listen_on(struct sq_db *db, struct sq_err *err)
{
    char sql[100] = "";
    struct sq_stmt *st = sq_db_query(db, SQ_Q_PEERS_CHANNEL);
    if (sq_row(st))
        snprintf(sql, sizeof sql, "listen %s", sq_col_text(st, 0, NULL));
    sq_stmt_end(st);
    int rc = sq_db_error(db, err);
    if (rc == 0 && !*sql)
        rc = sq_fail(err, SQ_EUNSUPPORTED, "%s: several servers need PostgreSQL",
                     sq_db_describe(db));
    if (rc == 0) {
        sq_db_script(db, sql);
        rc = sq_db_error(db, err);
    }
    return rc;
}

static int connect_listening(const struct sq_peers *p, struct sq_db **ret,
                             struct sq_err *err)
{
    struct sq_db *db;
    int rc = sq_db_open(p->uri, SQ_DB_READONLY, &db, err);
    if (rc)
        return rc;
    rc = listen_on(db, err);
    if (rc)
        sq_db_close(db);
    else
        *ret = db;
    return rc;
}

/* False: asked to stop. */
static bool wait_for(struct sq_peers *p, int fd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = p->stop_fd, .events = POLLIN},
                           {.fd = fd, .events = POLLIN}};
    while (poll(fds, fd < 0 ? 1 : 2, timeout_ms) < 0 && errno == EINTR)
        ;
    return !fds[0].revents;
}

/* Until connected; false: asked to stop. */
static bool connect_again(struct sq_peers *p)
{
    struct sq_err err;
    int pause_ms = 0;
    sq_db_close(p->db);
    p->db = NULL;
    while (wait_for(p, -1, pause_ms)) {
        if (connect_listening(p, &p->db, &err) == 0) {
            if (pause_ms)
                sq_log(SQ_LOG_INFO, "store", "%s: other servers are heard again",
                       sq_db_describe(p->db));
            p->changes.failed = true;
            return true;
        }
        if (pause_ms == 0)
            sq_log(SQ_LOG_ERROR, "store",
                   "other servers are not heard: %s; trying again", err.text);
        pause_ms = pause_ms == 0                  ? RETRY_FIRST_MS
                   : pause_ms * 2 < RETRY_LAST_MS ? pause_ms * 2
                                                  : RETRY_LAST_MS;
    }
    return false;
}

/* What has come, but for what this process said itself; true when there is any. */
static bool gather(struct sq_peers *p)
{
    bool any = false;
    char *text;
    while ((text = sq_db_heard(p->db))) {
        size_t len = strlen(p->tag);
        if (strncmp(text, p->tag, len) != 0) {
            sq_notice_read(text + strcspn(text, " "), &p->changes);
            any = true;
        }
        free(text);
    }
    return any;
}

static void *listen_on_and_on(void *arg)
{
    struct sq_peers *p = arg;
    for (;;) {
        bool alive = sq_db_alive(p->db); /* which may take in what gather() finds */
        bool any = gather(p);
        if (!alive) {
            if (!connect_again(p))
                break;
        } else if (!any) {
            if (!wait_for(p, sq_db_fd(p->db), -1))
                break;
            continue;
        }
        sq_changes_settle(&p->changes);
        p->conf.heard(p->conf.arg, &p->changes);
        sq_changes_clear(&p->changes);
        if (!wait_for(p, -1, 0))
            break;
    }
    return NULL;
}

int sq_peers_start(struct sq_peers *p, struct sq_err *err)
{
    int rc = connect_listening(p, &p->db, err);
    if (rc)
        return rc;
    rc = pthread_create(&p->thread, NULL, listen_on_and_on, p);
    if (rc == 0) {
        p->started = true;
        return 0;
    }
    sq_db_close(p->db);
    p->db = NULL;
    return sq_fail(err, SQ_ENOMEM,
                   "cannot start the thread that hears other servers: %s",
                   strerror(rc));
}

void sq_peers_stop(struct sq_peers *p)
{
    uint64_t one = 1;
    if (!p || !p->started)
        return;
    while (write(p->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(p->thread, NULL);
    sq_db_close(p->db);
    p->db = NULL;
    p->started = false;
}
